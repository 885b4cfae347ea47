import { Module } from "./assembler/module.ts";
import { addProductTile } from "./emit/productTile.ts";
import { features, resetFeatures } from "./features.ts";
import { builtin, processor } from "./node.ts";

/** What {@link enableTurbo} did. */
export interface TurboResult {
  /** Whether a switch is on that was not on before. */
  readonly enabled: boolean;
  /** The switches of V8 that are on, as one would write them on Node's command line. */
  readonly flags: readonly string[];
  /** What was found, with the speeds that were measured. */
  readonly reason: string;
}

const relaxed = "--experimental-wasm-relaxed-simd";
const revectorize = "--experimental-wasm-revectorize";

const depth = 64;
/** Least and most milliseconds that one speed is measured: V8 compiles a second time, for speed, after some of them. */
const shortest = 10;
const longest = 60;
/** Milliseconds without a new best after which no more is expected. */
const quiet = 6;

let modules = 0;

/**
 * How fast a tile of a product is, in GFLOP/s; 0 if its numbers are wrong.
 * @param vectors - of four floats per row of the tile
 */
function tileSpeed(vectors: number, fused: boolean): number {
  const { rows } = features();
  const columns = 4 * vectors;
  const [a, b, c] = [0, 4 * rows * depth, 4 * (rows + columns) * depth];
  const module = new Module();
  const loops = [{ count: depth, aStep: 4, bStep: 4 * columns }];
  addProductTile(module, "run", { rows, vectors, aRow: 4 * depth, cRow: 4 * columns, loops, accumulate: false, fused });
  // V8 would take the code of a module that it knows, compiled under other switches.
  module.add(`module${modules++}`, 0, () => {});
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(module.toBytes(false)), { env: { memory } }).exports;
  if (typeof run !== "function") return 0;
  const floats = new Float32Array(memory.buffer);
  // Small whole numbers: sums are exact, however they round.
  for (let i = 0; i < c / 4; i++) floats[i] = ((i * 7) % 11) - 5;

  const batch = 20;
  const start = performance.now();
  let [best, bestAt, now] = [Number.POSITIVE_INFINITY, start, start];
  while (now - start < shortest || (now - bestAt < quiet && now - start < longest)) {
    for (let i = 0; i < batch; i++) run(a, b, c);
    const end = performance.now();
    if (end - now < 0.95 * best) bestAt = end;
    best = Math.min(best, end - now);
    now = end;
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += floats[a / 4 + i * depth + k] * floats[b / 4 + k * columns + j];
      if (floats[c / 4 + i * columns + j] !== sum) return 0;
    }
  }
  return (batch * 2 * rows * columns * depth) / (best * 1e6);
}

/** Sets a switch or takes it back: what stands after `--` is the switch's name. */
function set(flag: string, on: boolean): void {
  builtin("node:v8")?.setFlagsFromString(on ? flag : flag.replace("--", "--no-"));
}

/** Tries one switch and keeps it if the numbers are right and speed grows `least` times. */
function attempt(flag: string, vectors: number, least: number): TurboResult {
  const before = tileSpeed(2, features().fused);
  set(flag, true);
  resetFeatures(vectors === 4);
  const { fused } = features();
  let after = fused ? tileSpeed(vectors, true) : 0;
  // Something else may have had the processor.
  if (after > 0 && after < least * before) after = tileSpeed(vectors, true);
  const speeds = `${before.toFixed(0)} GFLOP/s per thread without, ${after.toFixed(0)} with it`;
  if (after > 0 && after >= least * before) return { enabled: true, flags: [flag], reason: `${flag}: ${speeds}` };
  set(flag, false);
  resetFeatures(false);
  let cause = `does not pay here: ${speeds}`;
  if (!fused) cause = "gives no fused multiply-add on this machine";
  else if (after === 0) cause = "gives wrong numbers on this machine";
  return { enabled: false, flags: [], reason: `${flag} ${cause}` };
}

let result: TurboResult | undefined;

/**
 * Turns on an experimental switch of V8 that may make float32 products and convolutions on the cpu faster; the bench's `--turbo` says by how
 * much. It holds for the whole process, for other WebAssembly in it as well, which is why no library should do it unasked. In Node only; elsewhere it does nothing and
 * says so. On engines without fused multiply-add in WebAssembly (Node 20) the switch is `--experimental-wasm-relaxed-simd`, on newer ones
 * `--experimental-wasm-revectorize`, which joins pairs of vectors to 256 bits.
 *
 * The switch is kept only if a product computed with it is right and faster than without; that takes a tenth of a second. Call it before
 * the first operation: later it works too, but everything that was compiled is compiled again, and worker threads start anew.
 * @returns what was done; the same at every later call
 * @example
 * ```ts
 * import { cpu, enableTurbo } from "@squall/cpu";
 *
 * const { enabled, reason } = enableTurbo();
 * console.log(enabled, reason, cpu.describe());
 * ```
 */
export function enableTurbo(): TurboResult {
  result ??= tryTurbo(1);
  return result;
}

/** The same however long it takes, so that tests do not depend on what else the machine does. */
export function forceTurbo(): TurboResult {
  result ??= tryTurbo(0);
  return result;
}

function tryTurbo(severity: 0 | 1): TurboResult {
  const none = (reason: string): TurboResult => ({ enabled: false, flags: [], reason });
  if (builtin("node:v8") === undefined) return none("only Node lets a program set switches of V8");
  const { simd, fused, reason } = features();
  if (!simd) return none(reason);
  // One that can do without the first switch is new enough to know the second, which exists for this processor only.
  if (!fused) return attempt(relaxed, 2, severity * 0.95);
  if (processor() !== "x64") return none(`${revectorize} is for x64 processors, this one is ${processor()}`);
  return attempt(revectorize, 4, severity * 1.25);
}
