import type { Code } from "./assembler/code.ts";
import { Module } from "./assembler/module.ts";

/** What the engine can do, as small modules found by running: never a version number. */
export interface Features {
  /** WebAssembly with vectors of four floats compiles and computes right. */
  readonly simd: boolean;
  /** Multiply and add in one rounding (relaxed SIMD) compiles and is done in hardware. */
  readonly fused: boolean;
  /** Pairs of neighbouring vectors become one vector of eight floats, so tiles 16 columns wide are the fastest. Only after `enableTurbo`. */
  readonly wide: boolean;
  /**
   * Rows of the fastest tile of a product: 6 where relaxed SIMD is there unasked. Older engines compute every row's address anew and spill;
   * they do best with 4.
   */
  readonly rows: 4 | 6;
  /** Memory can be shared between threads. */
  readonly shared: boolean;
  /** Why there is no SIMD, for people; empty if there is. */
  readonly reason: string;
}

let found: Features | undefined;
let widened = false;
/** Whether there was fused multiply-add before any switch was turned. */
let fusedUnasked: boolean | undefined;

/** A module that turns the four floats at address 0 into the four at address 16. */
function probe(write: (code: Code) => void): Uint8Array<ArrayBuffer> {
  const module = new Module();
  module.add("run", 0, (code) => {
    const [address, vector] = [code.local("i32"), code.local("v128")];
    code.load(address, 0);
    write(code);
    code.set(vector).store(address, 16, vector);
  });
  return module.toBytes(false);
}

/** Whether a probe turns every lane of `input` into `output`. */
function isRight(bytes: Uint8Array<ArrayBuffer>, input: number, output: number): boolean {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const floats = new Float32Array(memory.buffer, 0, 8).fill(input, 0, 4);
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory } }).exports;
  if (typeof run === "function") run();
  return floats.subarray(4).every((value) => value === output);
}

/** Why there are no vectors; empty if there are. */
function lackOfSimd(): string {
  if (typeof WebAssembly !== "object") return "no WebAssembly";
  const twice = probe((code) => code.floats(2).op("f32x4.mul"));
  if (!WebAssembly.validate(twice)) return "no WebAssembly SIMD";
  try {
    return isRight(twice, -1.5, -3) ? "" : "WebAssembly SIMD gave wrong numbers";
  } catch (error) {
    // A page's content security policy may forbid compiling.
    if (error instanceof WebAssembly.CompileError) return `WebAssembly refused: ${error.message}`;
    throw error;
  }
}

/** With two roundings x · x - (1 + 2^-11) is 0; the 2^-24 that they lose shows that there was only one. */
function hasFusedMultiplyAdd(): boolean {
  const x = 1 + 2 ** -12;
  const bytes = probe((code) =>
    code
      .floats(x)
      .floats(-(1 + 2 ** -11))
      .op("f32x4.relaxed_madd"),
  );
  return WebAssembly.validate(bytes) && isRight(bytes, x, 2 ** -24);
}

function hasSharedMemory(): boolean {
  // A page without isolation may make such a memory but not pass it on.
  if (typeof SharedArrayBuffer !== "function" || globalThis.crossOriginIsolated === false) return false;
  try {
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    return buffer instanceof SharedArrayBuffer && Atomics.load(new Int32Array(buffer), 0) === 0;
  } catch {
    return false;
  }
}

/** What the engine can do, tried once at the first call. */
export function features(): Features {
  if (found === undefined) {
    const reason = lackOfSimd();
    const simd = reason === "";
    const fused = simd && hasFusedMultiplyAdd();
    fusedUnasked ??= fused;
    const rows = fusedUnasked ? 6 : 4;
    found = { simd, fused, wide: widened && fused, rows, shared: simd && hasSharedMemory(), reason };
  }
  return found;
}

/** Tries again at the next call, after switches of the engine changed. @param wide - whether pairs of vectors are known to be joined */
export function resetFeatures(wide: boolean): void {
  widened = wide;
  found = undefined;
}
