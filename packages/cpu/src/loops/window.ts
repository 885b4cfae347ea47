import type { ConvAxis, ConvGeometry, FloatArray } from "@squall/device";

/** Most doubles in a padded copy of the input, unless one sample's one row needs more. */
export const slabLimit: number = 1 << 19;

/**
 * How a convolution reads its input, for loops of three spatial axes. Tap `k` of output position `l` reads place `taps[k] + bases[l]`:
 * every stride, dilation and padding is in these two tables. They address either the input itself, where no zeros are around it, or
 * the *slab*: a copy of some samples and some output rows of it in doubles, with its zeros.
 */
export interface Window {
  /** Exactly three axes, outermost first; axes of size 1 were added. */
  readonly axes: readonly [ConvAxis, ConvAxis, ConvAxis];
  /** Positions of one input channel. */
  readonly inPositions: number;
  /** Positions of one output channel. */
  readonly outPositions: number;
  /** Weights per input and output channel. */
  readonly kernelSize: number;
  /** Whether the kernel never leaves the input, so that no padded copy is needed. */
  readonly inside: boolean;
}

/** Part of a convolution: some samples, and some rows along the outermost output axis. */
export interface Tile {
  readonly sample: number;
  readonly samples: number;
  readonly row: number;
  readonly rows: number;
}

/** Element steps between the neighbours of an image along each axis; along the innermost it is 1. */
export interface Layout {
  readonly sample: number;
  readonly channel: number;
  readonly outer: number;
  readonly middle: number;
}

const unit: ConvAxis = { size: 1, kernel: 1, stride: 1, padBefore: 0, padAfter: 0, dilation: 1, outSize: 1 };

/** Input elements that `outputs` neighbouring outputs reach over. */
function reach(axis: ConvAxis, outputs: number): number {
  return (outputs - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
}

/** The window of a convolution. */
export function windowOf({ axes }: ConvGeometry): Window {
  // Rows of images are tiled along the outermost axis, so two axes become [H, 1, W].
  const [first = unit, second = unit, third = unit] =
    axes.length === 1 ? [unit, unit, axes[0]] : axes.length === 2 ? [axes[0], unit, axes[1]] : axes;
  const three = [first, second, third] as const;
  return {
    axes: three,
    inPositions: first.size * second.size * third.size,
    outPositions: first.outSize * second.outSize * third.outSize,
    kernelSize: first.kernel * second.kernel * third.kernel,
    inside: three.every((axis) => axis.padBefore === 0 && reach(axis, axis.outSize) <= axis.size),
  };
}

/** Layout of the input itself. */
export function inputLayout({ axes: [, middle, inner], inPositions }: Window, channels: number): Layout {
  return { sample: channels * inPositions, channel: inPositions, outer: middle.size * inner.size, middle: inner.size };
}

/** Layout of a slab for `rows` output rows. */
export function slabLayout({ axes: [outer, middle, inner] }: Window, channels: number, rows: number): Layout {
  const width = reach(inner, inner.outSize);
  const plane = reach(middle, middle.outSize) * width;
  const channel = reach(outer, rows) * plane;
  return { sample: channels * channel, channel, outer: plane, middle: width };
}

/** Tiles of the whole convolution whose slabs of `channels` channels stay within the limit: many samples, or one and part of its rows. */
export function tilesOf(window: Window, batch: number, channels: number): Tile[] {
  const allRows = window.axes[0].outSize;
  const perSample = slabLayout(window, channels, allRows).sample;
  const tiles: Tile[] = [];
  if (perSample <= slabLimit) {
    const samples = Math.floor(slabLimit / Math.max(1, perSample));
    for (let sample = 0; sample < batch; sample += samples) {
      tiles.push({ sample, samples: Math.min(samples, batch - sample), row: 0, rows: allRows });
    }
    return tiles;
  }
  let rows = allRows;
  while (rows > 1 && slabLayout(window, channels, rows).sample > slabLimit) rows = Math.ceil(rows / 2);
  for (let sample = 0; sample < batch; sample++) {
    for (let row = 0; row < allRows; row += rows) {
      tiles.push({ sample, samples: 1, row, rows: Math.min(rows, allRows - row) });
    }
  }
  return tiles;
}

/** Place of each weight `[channels, …kernel]` relative to the first one. */
export function tapPlaces(
  { axes: [outer, middle, inner], kernelSize }: Window,
  channels: number,
  at: Layout,
): Int32Array {
  const places = new Int32Array(channels * kernelSize);
  let k = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < outer.kernel; z++) {
      for (let y = 0; y < middle.kernel; y++) {
        const place = c * at.channel + z * outer.dilation * at.outer + y * middle.dilation * at.middle;
        for (let x = 0; x < inner.kernel; x++) places[k++] = place + x * inner.dilation;
      }
    }
  }
  return places;
}

/** Place of the first tap for each output position of a tile. */
export function basePlaces({ axes: [outer, middle, inner] }: Window, tile: Tile, at: Layout): Int32Array {
  const places = new Int32Array(tile.samples * tile.rows * middle.outSize * inner.outSize);
  let l = 0;
  for (let n = 0; n < tile.samples; n++) {
    for (let z = 0; z < tile.rows; z++) {
      for (let y = 0; y < middle.outSize; y++) {
        const place = n * at.sample + z * outer.stride * at.outer + y * middle.stride * at.middle;
        for (let x = 0; x < inner.outSize; x++) places[l++] = place + x * inner.stride;
      }
    }
  }
  return places;
}

/** Place of each output position of a tile within the output `[N, channels, …]`, relative to the tile's first. */
export function outputPlaces({ axes, outPositions }: Window, tile: Tile, channels: number): Int32Array {
  const run = tile.rows * axes[1].outSize * axes[2].outSize;
  const places = new Int32Array(tile.samples * run);
  for (let n = 0; n < tile.samples; n++) {
    for (let l = 0; l < run; l++) places[n * run + l] = n * channels * outPositions + l;
  }
  return places;
}

/** Calls `row` for every run along the innermost axis that lies both in the input and in the slab of a tile. */
function forEachRow(
  { axes: [outer, middle, inner] }: Window,
  tile: Tile,
  channels: number,
  input: Layout,
  slab: Layout,
  row: (inputPlace: number, slabPlace: number, length: number) => void,
): void {
  const top = tile.row * outer.stride - outer.padBefore;
  const bottom = Math.min(outer.size, top + reach(outer, tile.rows));
  const front = -middle.padBefore;
  const back = Math.min(middle.size, front + reach(middle, middle.outSize));
  const length = Math.min(inner.size, reach(inner, inner.outSize) - inner.padBefore);
  if (length <= 0) return;
  for (let n = 0; n < tile.samples; n++) {
    for (let c = 0; c < channels; c++) {
      const from = (tile.sample + n) * input.sample + c * input.channel;
      const to = n * slab.sample + c * slab.channel + inner.padBefore;
      for (let z = Math.max(0, top); z < bottom; z++) {
        for (let y = Math.max(0, front); y < back; y++) {
          row(
            from + z * input.outer + y * input.middle,
            to + (z - top) * slab.outer + (y - front) * slab.middle,
            length,
          );
        }
      }
    }
  }
}

/** Copies the part of the input that a tile reads into its slab. What was in the slab is cleared. */
export function fillSlab(
  window: Window,
  tile: Tile,
  channels: number,
  input: FloatArray,
  from: Layout,
  slab: Float64Array,
  to: Layout,
): void {
  slab.fill(0, 0, tile.samples * to.sample);
  forEachRow(window, tile, channels, from, to, (inputPlace, slabPlace, length) => {
    for (let i = 0; i < length; i++) slab[slabPlace + i] = input[inputPlace + i];
  });
}

/** Copies a slab of `channels` channels back to where it lies in the input, starting at `offset`; the padding is dropped. */
export function emptySlab(
  window: Window,
  tile: Tile,
  channels: number,
  input: FloatArray,
  offset: number,
  to: Layout,
  slab: Float64Array,
  from: Layout,
): void {
  forEachRow(window, tile, channels, to, from, (inputPlace, slabPlace, length) => {
    for (let i = 0; i < length; i++) input[offset + inputPlace + i] = slab[slabPlace + i];
  });
}
