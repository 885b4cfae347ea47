import { type BandShape, bandLayout, bandScratch, type Triple } from "../emit/bandConv.ts";
import { type FrameAxis, frameOf } from "../emit/frame.ts";
import { features } from "../features.ts";
import { convAlgorithm } from "../settings.ts";
import type { Axes } from "./problem.ts";

/** What a band convolution is asked to compute. */
export interface BandRequest {
  /** Images that go through at once, for cutting the work in pieces. */
  readonly images: number;
  /** Input channels of a group. */
  readonly inputs: number;
  /** Output channels of a group. */
  readonly outputs: number;
  /** Groups. */
  readonly groups: number;
  /** Spatial axes. */
  readonly axes: Axes;
  /** Output channels that must not be parted between blocks. Default one panel. */
  readonly unit?: number;
  /** Channels of the frame, if more than are read. */
  readonly frameChannels?: number;
  /** What the frame has to reach over besides, along each axis: zeros before, and positions from there on. */
  readonly least?: readonly { readonly before: number; readonly reach: number }[];
  /** Another convolution to whose results these are added, band by band and block by block. */
  readonly onto?: BandPlan;
}

/** How a convolution is cut into bands of rows and blocks of output channels. */
export interface BandPlan {
  /** One block of one band. */
  readonly shape: BandShape;
  /** Bands of an output plane. */
  readonly bands: number;
  /** Blocks of output channels of a group. */
  readonly blocks: number;
  /** Output channels of a block. */
  readonly blockChannels: number;
  /** Bytes of scratch for a band: results (unless they are another's), then what the computation needs. */
  readonly scratch: number;
  /** Position in the frame of the first tap of the first output. */
  readonly first: Triple;
}

/** Most bytes of a band's results before the last transform, which should stay in a core's second-level cache with their weights. */
const sumsLimit = 200_000;
/** Most bytes of a direct band's results. */
const directLimit = 96_000;

/** Points per axis of the tiles that are tried. */
const tileSizes = [6, 8];

/** The tile, in outputs per axis, with which products and transforms of an image are least work. */
function cheapest(taps: number, inputs: number, outputs: number, height: number, width: number): number {
  const work = (points: number): number => {
    const m = points + 1 - taps;
    const tiles = Math.ceil(height / m) * Math.ceil(width / m);
    // Larger tiles have longer transforms.
    return tiles * points ** 2 * (inputs * outputs + 2 * points * (inputs + outputs));
  };
  const [best] = [...tileSizes].sort((a, b) => work(a) - work(b));
  return best + 1 - taps;
}

/** Outputs per axis of a Winograd tile, where the algorithm applies and is worth it. */
export function winogradFor({ inputs, outputs, groups, axes }: Omit<BandRequest, "images">): number | undefined {
  const algorithm = convAlgorithm();
  if (algorithm === "exact" || groups > 1) return undefined;
  const [d, h, w] = axes;
  const taps = w.kernel;
  const plain = d.kernel === 1 && d.outSize === 1 && d.size === 1 && h.kernel === taps;
  const dense = axes.every((axis) => axis.stride === 1 && axis.dilation === 1);
  if (!plain || !dense || (taps !== 3 && taps !== 5)) return undefined;
  // Forced, it also goes where it never pays; tiles of four outputs have the least error for both kernels.
  if (algorithm === "winograd") return 4;
  // Few channels leave the transforms alone with the time; tiny images fill no tile. Where most of a tile is padding, few taps make
  // up a result, but the transforms round by what all of them could: 1x1 images under 5x5 kernels are twice as far off as others.
  const filled = [h.size, w.size, h.outSize, w.outSize].every((size) => size >= 4);
  const worth = inputs >= 8 && outputs >= 8 && filled;
  return worth ? cheapest(taps, inputs, outputs, h.outSize, w.outSize) : undefined;
}

/** Rows per band, at most `most`: bands of (nearly) equal height, whole tiles each. */
function evenRows(height: number, most: number, multiple: number): number {
  const tiles = Math.ceil(height / multiple);
  const perBand = Math.max(1, Math.floor(most / multiple));
  return Math.ceil(tiles / Math.ceil(tiles / perBand)) * multiple;
}

/** The height of bands and the number of panels per block, such that what is computed at once stays in a core's caches. */
function cut(
  request: BandRequest,
  winograd: number | undefined,
  vectors: number,
): { rows: number; blocks: number; blockPanels: number } {
  const { outputs, axes, images } = request;
  const [d, h, w] = axes;
  const lanes = 4 * vectors;
  const unit = Math.max(1, Math.ceil((request.unit ?? lanes) / lanes));
  const panels = Math.ceil(outputs / lanes / unit) * unit;
  const step = winograd ?? 1;
  const across = Math.ceil(w.outSize / step);
  // At least eight pieces in all, if there are rows for it.
  const fair = Math.max(step, Math.ceil((h.outSize * d.outSize * images) / 8));
  const most = winograd === undefined ? 16 : step * Math.max(1, Math.round(24 / across));
  const rows = evenRows(h.outSize, Math.min(most, fair), step);
  const perPanel =
    winograd === undefined
      ? rows * w.outSize * lanes * 4
      : (winograd + axes[2].kernel - 1) ** 2 * across * (rows / step) * lanes * 4;
  const limit = winograd === undefined ? directLimit : sumsLimit;
  const perBlock = Math.max(1, Math.floor(limit / perPanel / unit)) * unit;
  const blocks = Math.ceil(panels / perBlock);
  return { rows, blocks, blockPanels: Math.ceil(panels / blocks / unit) * unit };
}

/** Whether tiles of `m` fit the bands of another convolution. */
function fitsOnto({ shape }: BandPlan, m: number): boolean {
  const { pixel, row } = bandLayout(shape);
  return shape.rows % m === 0 && Math.ceil(shape.width / m) * m * pixel <= row;
}

/** Cuts a convolution so that what is computed at once fits into a core's caches and there are pieces for all threads. */
export function planBands(request: BandRequest): BandPlan {
  const { inputs, groups, axes, onto } = request;
  const [d, h, w] = axes;
  const { fused, wide } = features();
  const vectors = wide ? 4 : 2;
  let winograd = winogradFor(request);
  if (winograd !== undefined && onto !== undefined && !fitsOnto(onto, winograd)) winograd = undefined;
  const { rows, blocks, blockPanels } =
    onto === undefined
      ? cut(request, winograd, vectors)
      : { rows: onto.shape.rows, blocks: onto.blocks, blockPanels: onto.shape.panels };
  const bands = Math.ceil(h.outSize / rows);
  const step = winograd ?? 1;
  const needed = [d.outSize, bands * rows, Math.ceil(w.outSize / step) * step];
  const channels = request.frameChannels ?? groups * inputs;
  const frameAxes = axes.map((axis, k): FrameAxis => {
    const least = request.least?.[k];
    const before = Math.max(axis.padBefore, least?.before ?? 0);
    const reach = before - axis.padBefore + (needed[k] - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
    return { before, size: axis.size, reach: Math.max(reach, before + (least?.reach ?? 0)) };
  });
  const frame = frameOf(frameAxes, winograd === undefined ? channels : Math.ceil(channels / 4) * 4);
  const triple = (pick: (axis: (typeof axes)[number]) => number): Triple => [pick(d), pick(h), pick(w)];
  const shape: BandShape = {
    frame,
    channels: inputs,
    kernel: triple((axis) => axis.kernel),
    stride: triple((axis) => axis.stride),
    dilation: triple((axis) => axis.dilation),
    width: w.outSize,
    rows,
    panels: blockPanels,
    allPanels: blocks * blockPanels,
    vectors,
    winograd,
    fused,
    ...(onto === undefined ? {} : { results: bandLayout(onto.shape), accumulate: true }),
  };
  return {
    shape,
    bands,
    blocks,
    blockChannels: blockPanels * 4 * vectors,
    scratch: (onto === undefined ? bandLayout(shape).bytes : 0) + bandScratch(shape),
    first: [frame.before[0] - d.padBefore, frame.before[1] - h.padBefore, frame.before[2] - w.padBefore],
  };
}
