import type { Triple } from "../emit/bandConv.ts";
import type { Axes, ConvPart, ConvProblem } from "./problem.ts";

/** A run of the results along one axis, and the run of the images that they are computed from. */
export interface Slab {
  /** The problem of these runs alone. */
  readonly problem: ConvProblem;
  /** The axis. */
  readonly axis: 0 | 1 | 2;
  /** Where the run of the images starts. */
  readonly inStart: number;
  /** Where the run of the results starts. */
  readonly outStart: number;
}

/** Floats of one image and its results. */
export function imageFloats({ inChannels, outChannels, inSize, outSize }: ConvProblem): { in: number; out: number } {
  return {
    in: inChannels * inSize[0] * inSize[1] * inSize[2],
    out: outChannels * outSize[0] * outSize[1] * outSize[2],
  };
}

/** Bytes that staging one image takes: as it is, in its frame, and results. */
function stagedBytes(problem: ConvProblem): number {
  const floats = imageFloats(problem);
  return 4 * (2 * floats.in + floats.out);
}

function withEntry([d, h, w]: Triple, axis: number, value: number): Triple {
  return [axis === 0 ? value : d, axis === 1 ? value : h, axis === 2 ? value : w];
}

/** Results `from` to `to` of each part along an axis. */
function slab(problem: ConvProblem, axis: 0 | 1 | 2, from: number, to: number): Slab {
  const { parts, inSize, outSize, step } = problem;
  const cut = parts
    .map((part) => ({ part, along: part.axes[axis], end: Math.min(to, part.axes[axis].outSize) }))
    .filter(({ end }) => end > from);
  let [inStart, inEnd] = [inSize[axis], 0];
  for (const { along, end } of cut) {
    inStart = Math.min(inStart, from * along.stride - along.padBefore);
    inEnd = Math.max(inEnd, (end - 1) * along.stride - along.padBefore + (along.kernel - 1) * along.dilation + 1);
  }
  inStart = Math.max(0, inStart);
  // One position at least, even if nothing but padding is read.
  inEnd = Math.max(inStart + 1, Math.min(inSize[axis], inEnd));
  inStart = Math.min(inStart, inSize[axis] - 1);
  inEnd = Math.min(inEnd, inSize[axis]);
  const outStart = from * step[axis];
  const outEnd = Math.min(outSize[axis], to * step[axis]);
  return {
    axis,
    inStart,
    outStart,
    problem: {
      ...problem,
      inSize: withEntry(inSize, axis, inEnd - inStart),
      outSize: withEntry(outSize, axis, outEnd - outStart),
      parts: cut.map(({ part, along, end }): ConvPart => {
        const padBefore = along.padBefore - from * along.stride + inStart;
        const axes: Axes = [part.axes[0], part.axes[1], part.axes[2]];
        const shorter = { ...along, size: inEnd - inStart, padBefore, outSize: end - from };
        return {
          ...part,
          axes: [axis === 0 ? shorter : axes[0], axis === 1 ? shorter : axes[1], axis === 2 ? shorter : axes[2]],
        };
      }),
    },
  };
}

/**
 * Cuts a problem into slabs of which an image takes about `limit` bytes; not at all if there is little to gain. The outermost axis that
 * is long enough is cut, because runs of it are the longest to copy.
 */
export function slabsOf(problem: ConvProblem, limit: number): Slab[] {
  const { outSize, step } = problem;
  const pieces = Math.ceil(stagedBytes(problem) / limit);
  const counts = outSize.map((size, k) => Math.ceil(size / step[k]));
  const most = Math.max(...counts);
  const chosen = counts.findIndex((count) => count >= Math.min(most, 2 * pieces));
  const axis = chosen === 0 ? 0 : chosen === 1 ? 1 : 2;
  const count = counts[axis];
  if (pieces <= 2 || count < 2) return [{ problem, axis, inStart: 0, outStart: 0 }];
  // Whole bands, where there are enough.
  const length = Math.ceil(count / pieces);
  const even = length < 16 ? length : Math.ceil(length / 8) * 8;
  return Array.from({ length: Math.ceil(count / even) }, (_, k) =>
    slab(problem, axis, k * even, Math.min(count, (k + 1) * even)),
  );
}

/** A run along an axis of images `[channels, …size]`, from a place in an array on. */
export interface Run {
  readonly data: Float32Array;
  readonly start: number;
  readonly size: readonly number[];
  /** Where the run starts along the axis. */
  readonly from: number;
}

/** Copies a run of `length` positions of an axis from one image to another. */
export function copyRun(from: Run, to: Run, channels: number, axis: number, length: number): void {
  const count = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);
  const inner = count(from.size.slice(axis + 1));
  const whole = from.size[axis] === length && to.size[axis] === length;
  const outer = channels * count(from.size.slice(0, axis));
  const [times, floats] = whole ? [1, outer * length * inner] : [outer, length * inner];
  for (let k = 0; k < times; k++) {
    const first = from.start + (k * from.size[axis] + from.from) * inner;
    to.data.set(from.data.subarray(first, first + floats), to.start + (k * to.size[axis] + to.from) * inner);
  }
}
