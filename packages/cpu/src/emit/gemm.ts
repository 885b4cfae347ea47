import { Module } from "../assembler/module.ts";

/** Rows of a tile of results. Six rows of two vectors keep 12 sums in registers. */
export const tileRows = 6;
/** Columns of a tile of results: two vectors. */
export const tileColumns = 8;

const vectorBytes = 16;
const floatBytes = 4;
const vectors = (tileColumns * floatBytes) / vectorBytes;

/**
 * Multiplies row panels of A by one column panel of B: `run(a, b, c, panels, depth)` with byte addresses.
 *
 * `a` holds `panels` panels `[depth, tileRows]`, `b` one panel `[depth, tileColumns]`, and `c` gets one tile `[tileRows, tileColumns]` per row
 * panel, one after the other. One reduction step per round of the inner loop: V8 11 hoists all loads of a longer body and spills.
 * @param fused - multiply and add in one rounding (relaxed SIMD)
 */
export function emitGemm(fused: boolean): Uint8Array<ArrayBuffer> {
  const module = new Module();
  module.add("run", 5, (code) => {
    const [a, b, c] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    const [panels, depth] = [code.parameter(3), code.parameter(4)];
    const at = code.local("i32");
    const left = code.local("i32");
    const right = Array.from({ length: vectors }, () => code.local("v128"));
    const splat = code.local("v128");
    const sums = Array.from({ length: tileRows }, () => right.map(() => code.local("v128")));

    code.countDown(panels, () => {
      for (const sum of sums.flat()) code.zeros().set(sum);
      code.get(b).set(at).get(depth).set(left);
      code.countDown(left, () => {
        for (const [v, vector] of right.entries()) code.load(at, v * vectorBytes).set(vector);
        for (const [row, pair] of sums.entries()) {
          code.loadSplat(a, row * floatBytes).set(splat);
          for (const [v, sum] of pair.entries()) code.multiplyAdd(sum, splat, right[v], fused);
        }
        code.advance(a, tileRows * floatBytes).advance(at, tileColumns * floatBytes);
      });
      for (const [k, sum] of sums.flat().entries()) code.store(c, k * vectorBytes, sum);
      code.advance(c, tileRows * tileColumns * floatBytes);
    });
  });
  return module.toBytes(false);
}
