import type { ConvGeometry } from "@squall/device";
import { forwardProblem, tapsOf } from "./problem.ts";
import { copyRun, imageFloats, slabsOf } from "./slabs.ts";
import { fastConvWeightGradient } from "./weightGradient.ts";

/**
 * The weight gradient of images that are too large to be staged: the sum of those of their slabs, each `limit` bytes or so.
 * @returns `undefined` if slabs do not help
 */
export function slabWeightGradient(
  geometry: ConvGeometry,
  input: Float32Array,
  outputGradient: Float32Array,
  limit: number,
): Float32Array | undefined {
  const problem = forwardProblem(geometry);
  const slabs = slabsOf(problem, limit);
  if (slabs.length === 1) return undefined;
  const whole = imageFloats(problem);
  const { inChannels, outChannels, groups } = geometry;
  const sums = new Float64Array(outChannels * (inChannels / groups) * tapsOf(problem.parts[0].axes));
  for (let n = 0; n < geometry.batch; n++) {
    for (const { problem: part, axis, inStart, outStart } of slabs) {
      const { axes } = part.parts[0];
      // A slab that reads nothing but padding.
      if (axes[axis].padBefore < 0) continue;
      const floats = imageFloats(part);
      const x = { data: new Float32Array(floats.in), start: 0, size: part.inSize, from: 0 };
      const g = { data: new Float32Array(floats.out), start: 0, size: part.outSize, from: 0 };
      const from = { data: input, start: n * whole.in, size: problem.inSize, from: inStart };
      const gradient = { data: outputGradient, start: n * whole.out, size: problem.outSize, from: outStart };
      copyRun(from, x, inChannels, axis, part.inSize[axis]);
      copyRun(gradient, g, outChannels, axis, part.outSize[axis]);
      const found = fastConvWeightGradient({ batch: 1, inChannels, outChannels, groups, axes }, x.data, g.data);
      if (found === undefined) return undefined;
      for (let k = 0; k < found.length; k++) sums[k] += found[k];
    }
  }
  return new Float32Array(sums);
}
