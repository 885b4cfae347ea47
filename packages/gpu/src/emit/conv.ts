/*
 * Convolutions. The input is first laid into a frame of zeros, so that the inner loops have no branches; then each thread computes up to
 * four adjacent columns of one output row, loading each element of the row and each weight once. The input gradient is the same
 * convolution over the output gradient, spread by the stride, with the weights turned around.
 */
import type { ConvAxis, ConvGeometry } from "@squall/device";
import { grid, split } from "./grid.ts";
import { lanesFor } from "./matmul.ts";
import type { KernelSource, KernelTarget } from "./source.ts";

/** One axis of a convolution over a frame. */
export interface FrameAxis {
  /** Size of the source. */
  readonly size: number;
  /** Distance between the source's elements in the frame. */
  readonly spread: number;
  /** Zeros before the source; negative if it begins before the frame. */
  readonly before: number;
  /** Size of the frame. */
  readonly framed: number;
  /** Taps. */
  readonly kernel: number;
  /** Step between outputs. */
  readonly stride: number;
  /** Step between taps. */
  readonly dilation: number;
  /** Size of the output. */
  readonly outSize: number;
}

/** A convolution over a frame: every number that its kernels need. */
export interface FramedConv {
  readonly batch: number;
  readonly groups: number;
  /** Channels of the source, per group. */
  readonly inPerGroup: number;
  /** Channels of the result, per group. */
  readonly outPerGroup: number;
  /** Depth, height, width. */
  readonly axes: readonly [FrameAxis, FrameAxis, FrameAxis];
  /** Step in the weight from one result channel of a group to the next. */
  readonly weightOut: number;
  /** Step in the weight from one source channel of a group to the next. */
  readonly weightIn: number;
  /** Whether the taps are read from the last to the first. */
  readonly flipped: boolean;
}

const noAxis: ConvAxis = { size: 1, kernel: 1, stride: 1, padBefore: 0, padAfter: 0, dilation: 1, outSize: 1 };

function threeAxes<A, B>(axes: readonly A[], missing: A, make: (axis: A) => B): readonly [B, B, B] {
  const [d = missing, h = missing, w = missing] = [...Array.from({ length: 3 - axes.length }, () => missing), ...axes];
  return [make(d), make(h), make(w)];
}

const taps = (axes: readonly { readonly kernel: number }[]): number =>
  axes.reduce((all, { kernel }) => all * kernel, 1);

/** The forward convolution. */
export function forwardConv({ batch, inChannels, outChannels, groups, axes }: ConvGeometry): FramedConv {
  const [inPerGroup, outPerGroup] = [inChannels / groups, outChannels / groups];
  return {
    batch,
    groups,
    inPerGroup,
    outPerGroup,
    axes: threeAxes(axes, noAxis, ({ size, kernel, stride, padBefore, dilation, outSize }) => ({
      size,
      spread: 1,
      before: padBefore,
      framed: (outSize - 1) * stride + (kernel - 1) * dilation + 1,
      kernel,
      stride,
      dilation,
      outSize,
    })),
    weightOut: inPerGroup * taps(axes),
    weightIn: taps(axes),
    flipped: false,
  };
}

/** The input gradient as a convolution of the output gradient. */
export function inputGradientConv({ batch, inChannels, outChannels, groups, axes }: ConvGeometry): FramedConv {
  const [inPerGroup, outPerGroup] = [inChannels / groups, outChannels / groups];
  return {
    batch,
    groups,
    inPerGroup: outPerGroup,
    outPerGroup: inPerGroup,
    axes: threeAxes(axes, noAxis, ({ size, kernel, stride, padBefore, dilation, outSize }) => ({
      size: outSize,
      spread: stride,
      before: (kernel - 1) * dilation - padBefore,
      framed: size + (kernel - 1) * dilation,
      kernel,
      stride: 1,
      dilation,
      outSize: size,
    })),
    weightOut: taps(axes),
    weightIn: inPerGroup * taps(axes),
    flipped: true,
  };
}

/** Whether the source already is its frame. */
export function isFramed({ axes }: FramedConv): boolean {
  return axes.every(
    ({ size, spread, before, framed }) => size === framed && before === 0 && (spread === 1 || size === 1),
  );
}

/** Lays every image of the source into its frame. @param op - for messages */
export function frameSource(op: string, conv: FramedConv, target: KernelTarget): KernelSource {
  const { batch, groups, inPerGroup, axes } = conv;
  const [depth, height, width] = axes;
  const planes = batch * groups * inPerGroup;
  const { threads, x, y, z, helpers } = grid(target, width.framed, height.framed, planes * depth.framed);
  const isIn = (name: string, axis: FrameAxis): { checks: string[]; lines: string[] } => {
    const { size, spread, before, framed } = axis;
    const lines = [`const ${name}At = ${name} - ${before};`.replace("- -", "+ ")];
    const whole = spread === 1 ? `${name}At` : `${name}Whole`;
    if (spread > 1) lines.push(`const ${whole} = Math.floor((${name}At + 0.5) / ${spread});`);
    const checks = [
      ...(before > 0 ? [`${name}At >= 0.0`] : []),
      ...(framed > before + (size - 1) * spread + 1 ? [`${whole} < ${size}`] : []),
      ...(spread > 1 ? [`${name}At - ${whole} * ${spread} < 0.5`] : []),
    ];
    return { checks, lines };
  };
  const indexOf = (name: string, axis: FrameAxis): string =>
    axis.spread > 1 ? `whole(${name}Whole)` : `whole(${name}At)`;
  const parts = [isIn("d", depth), isIn("h", height), isIn("w", width)];
  const checks = parts.flatMap((part) => part.checks);
  const index = `((whole(plane) * ${depth.size} + ${indexOf("d", depth)}) * ${height.size} + ${indexOf("h", height)}) * ${width.size} + ${indexOf("w", width)}`;
  const read = `return source[${index}];`;
  return {
    inputs: ["source"],
    scalars: [],
    threads,
    lanes: 1,
    helpers,
    body: [
      ...split(op, z, ["plane", "d"], [planes, depth.framed]),
      `const h = ${y};`,
      `const w = ${x};`,
      ...parts.flatMap((part) => part.lines),
      checks.length === 0 ? read : `if (${checks.join(" && ")}) { ${read} } return 0.0;`,
    ].join("\n"),
  };
}

/** The convolution of framed images. @param op - for messages */
export function convSource(op: string, conv: FramedConv, hasBias: boolean, target: KernelTarget): KernelSource {
  const { batch, groups, inPerGroup, outPerGroup, axes, weightOut, weightIn, flipped } = conv;
  const [depth, height, width] = axes;
  const lanes = lanesFor(width.outSize, target.maxLanes);
  const channels = groups * outPerGroup;
  const { threads, x, y, z, helpers } = grid(
    target,
    width.outSize / lanes,
    height.outSize,
    batch * channels * depth.outSize,
  );
  const numbers = Array.from({ length: lanes }, (_, l) => l);
  const all = taps(axes);
  const source = (offset: number): string => {
    const channel = `(whole(n) * ${groups} + whole(g)) * ${inPerGroup} + c`;
    const row = `((${channel}) * ${depth.framed} + whole(d) * ${depth.stride} + kd * ${depth.dilation}) * ${height.framed} + ${y} * ${height.stride} + kh * ${height.dilation}`;
    return `source[(${row}) * ${width.framed} + ${x} * ${lanes * width.stride} + ${offset}]`;
  };
  const tap = (k: number): string => {
    const forward = `(kd * ${height.kernel} + kh) * ${width.kernel} + ${k}`;
    return flipped ? `${all - 1} - (${forward})` : forward;
  };
  const weight = (k: number): string =>
    `weight[whole(g) * ${outPerGroup * inPerGroup * all} + whole(o) * ${weightOut} + c * ${weightIn} + ${tap(k)}]`;
  const offsets = new Set<number>();
  const sums: string[] = [];
  for (let k = 0; k < width.kernel; k++) {
    sums.push(`const w${k} = ${weight(k)};`);
    for (const l of numbers) {
      const offset = l * width.stride + k * width.dilation;
      offsets.add(offset);
      sums.push(`s${l} += x${offset} * w${k};`);
    }
  }
  return {
    inputs: hasBias ? ["source", "weight", "bias"] : ["source", "weight"],
    scalars: [],
    threads,
    lanes,
    helpers,
    body: [
      ...split(op, z, ["n", "g", "o", "d"], [batch, groups, outPerGroup, depth.outSize]),
      ...numbers.map((l) => `let s${l} = ${hasBias ? `bias[whole(g) * ${outPerGroup} + whole(o)]` : "0.0"};`),
      `for (let c = 0; c < ${inPerGroup}; c++) {`,
      `for (let kd = 0; kd < ${depth.kernel}; kd++) {`,
      `for (let kh = 0; kh < ${height.kernel}; kh++) {`,
      ...[...offsets].map((offset) => `const x${offset} = ${source(offset)};`),
      ...sums,
      "} } }",
      lanes === 1 ? "return s0;" : `return [${numbers.map((l) => `s${l}`).join(", ")}];`,
    ].join("\n"),
  };
}
