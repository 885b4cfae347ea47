// Convolution by im2col, as a JavaScript programmer without a library would write it.
import { gemm } from "./gemm.ts";

/** Sizes of a convolution with stride 1 that keeps the size of the image. */
export interface ConvSizes {
  readonly batch: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  /** Odd. */
  readonly kernel: number;
}

/** Gradients of a convolution. */
export interface ConvGradients {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly b: Float32Array;
}

/** Calls `visit` for every run of one row: where it starts in the image and in the columns `[C·k·k, H·W]`, and its length. */
function forRuns(
  { channels, height, width, kernel }: ConvSizes,
  visit: (image: number, column: number, length: number) => void,
): void {
  const pad = (kernel - 1) / 2;
  let row = 0;
  for (let c = 0; c < channels; c++) {
    for (let i = -pad; i <= pad; i++) {
      for (let j = -pad; j <= pad; j++, row++) {
        const [left, right] = [Math.max(0, -j), width - Math.max(0, j)];
        if (right <= left) continue;
        for (let y = Math.max(0, -i); y < height - Math.max(0, i); y++) {
          visit((c * height + y + i) * width + left + j, (row * height + y) * width + left, right - left);
        }
      }
    }
  }
}

/** `[C, H, W]`, from `offset` on, to columns `[C·k·k, H·W]`, whose padding must be zero already. */
function im2col(sizes: ConvSizes, x: Float32Array, offset: number, columns: Float32Array): void {
  forRuns(sizes, (image, column, length) => {
    for (let k = 0; k < length; k++) columns[column + k] = x[offset + image + k];
  });
}

/** The opposite: adds columns up to an image. */
function col2im(sizes: ConvSizes, columns: Float32Array, x: Float32Array, offset: number): void {
  forRuns(sizes, (image, column, length) => {
    for (let k = 0; k < length; k++) x[offset + image + k] += columns[column + k];
  });
}

function emptyColumns({ channels, height, width, kernel }: ConvSizes): Float32Array {
  return new Float32Array(channels * kernel ** 2 * height * width);
}

/** `x [N, C, H, W]`, `w [O, C, k, k]`, `b [O]` to `[N, O, H, W]`. */
export function conv2d(sizes: ConvSizes, x: Float32Array, w: Float32Array, b: Float32Array): Float32Array {
  const { batch, channels, outChannels, height, width, kernel } = sizes;
  const [image, taps] = [height * width, channels * kernel ** 2];
  const columns = emptyColumns(sizes);
  const y = new Float32Array(batch * outChannels * image);
  for (let n = 0; n < batch; n++) {
    im2col(sizes, x, n * channels * image, columns);
    const weight = { data: w, rowStep: taps, columnStep: 1 };
    gemm(
      [outChannels, image, taps],
      weight,
      { data: columns, rowStep: image, columnStep: 1 },
      y,
      n * outChannels * image,
      b,
    );
  }
  return y;
}

/** Gradients for `g [N, O, H, W]`. */
export function conv2dBackward(sizes: ConvSizes, x: Float32Array, w: Float32Array, g: Float32Array): ConvGradients {
  const { batch, channels, outChannels, height, width, kernel } = sizes;
  const [image, taps] = [height * width, channels * kernel ** 2];
  const [columns, columnGradient] = [emptyColumns(sizes), emptyColumns(sizes)];
  const sample = new Float32Array(w.length);
  const gradients = { x: new Float32Array(x.length), w: new Float32Array(w.length), b: new Float32Array(outChannels) };
  for (let n = 0; n < batch; n++) {
    const output = g.subarray(n * outChannels * image, (n + 1) * outChannels * image);
    const gradient = { data: output, rowStep: image, columnStep: 1 };
    im2col(sizes, x, n * channels * image, columns);
    gemm([outChannels, taps, image], gradient, { data: columns, rowStep: 1, columnStep: image }, sample);
    for (let k = 0; k < sample.length; k++) gradients.w[k] += sample[k];
    gemm([taps, image, outChannels], { data: w, rowStep: 1, columnStep: taps }, gradient, columnGradient);
    col2im(sizes, columnGradient, gradients.x, n * channels * image);
    for (let o = 0; o < outChannels; o++) {
      let sum = 0;
      for (let k = o * image; k < (o + 1) * image; k++) sum += output[k];
      gradients.b[o] += sum;
    }
  }
  return gradients;
}
