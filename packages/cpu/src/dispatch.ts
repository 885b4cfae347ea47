import type { FloatArray, Storage } from "@squall/device";
import { emitGemm } from "./emit/gemm.ts";
import { wasmTiles } from "./emit/tiles.ts";
import { features } from "./features.ts";
import { loopTiles } from "./loops/tiles.ts";
import { kernelPath } from "./settings.ts";
import { arrayOf } from "./storage.ts";
import type { TileEngine } from "./tileEngine.ts";

interface Probe {
  readonly engine: TileEngine | undefined;
  /** What was found, for people. */
  readonly found: string;
}

let probed: Probe | undefined;

/** Multiplies small whole numbers, which is exact however it rounds. */
function isRight(engine: TileEngine): boolean {
  const depth = 3;
  const lanes = (count: number): Int32Array => Int32Array.from({ length: count }, (_, k) => k * depth);
  const numbers = (count: number, step: number): Float32Array =>
    Float32Array.from({ length: count * depth }, (_, k) => ((k * step) % 7) - 3);
  const [a, b] = [numbers(engine.rows, 3), numbers(engine.columns, 5)];
  const run = { offset: 0, from: 0, inner: Int32Array.from([0, 1, 2]), innerFrom: 0, innerTo: depth };
  engine.reserve(a.length, b.length, 1);
  engine.packRows({ ...run, data: a, lanes: lanes(engine.rows), to: engine.rows });
  engine.packColumns({ ...run, data: b, lanes: lanes(engine.columns), to: engine.columns });
  const tiles = engine.multiply(1, 0, depth);
  for (let i = 0; i < engine.rows; i++) {
    for (let j = 0; j < engine.columns; j++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += a[i * depth + k] * b[j * depth + k];
      if (tiles[i * engine.columns + j] !== sum) return false;
    }
  }
  return true;
}

/** Tries what the machine can do, best first: asks the engine, never a version number. */
function probe(): Probe {
  if (typeof WebAssembly !== "object") return { engine: undefined, found: "no WebAssembly" };
  let found = "no WebAssembly SIMD";
  for (const fused of [true, false]) {
    if (!WebAssembly.validate(emitGemm(fused))) continue;
    try {
      const engine = wasmTiles(fused);
      if (isRight(engine))
        return { engine, found: fused ? "WebAssembly SIMD with fused multiply-add" : "WebAssembly SIMD" };
    } catch (error) {
      // A page's content security policy may forbid compiling; the loops need no permission.
      if (error instanceof WebAssembly.CompileError)
        return { engine: undefined, found: `WebAssembly refused: ${error.message}` };
      throw error;
    }
    found = "WebAssembly SIMD gave wrong numbers";
  }
  return { engine: undefined, found };
}

/** What sums tiles of a product whose left operand is `data`. */
export function tileEngineFor(data: FloatArray): TileEngine {
  if (kernelPath() === "loops" || data instanceof Float64Array) return loopTiles;
  probed ??= probe();
  return probed.engine ?? loopTiles;
}

/**
 * The elements of some storages, if vectors are to compute with them: all float32, the engine able and the loops not asked for.
 * @throws DeviceError if one belongs to another device
 */
export function vectorsFor(op: string, storages: readonly Storage[]): readonly Float32Array[] | undefined {
  const arrays: Float32Array[] = [];
  for (const storage of storages) {
    const data = arrayOf(op, storage);
    if (data instanceof Float32Array) arrays.push(data);
  }
  return arrays.length === storages.length && kernelPath() === "auto" && features().simd ? arrays : undefined;
}

/** What computes, and why. */
export function describePath(): string {
  if (kernelPath() === "loops") return "typed-array loops (as set), 1 thread";
  probed ??= probe();
  return probed.engine === undefined
    ? `typed-array loops (${probed.found}), 1 thread`
    : `${probed.found} for float32 products and convolutions, typed-array loops for the rest, 1 thread`;
}
