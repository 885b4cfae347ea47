import { allocate, type ConvGeometry, type FloatArray, type Storage } from "@squall/device";
import { arrayOf, CpuStorage } from "../storage.ts";
import { type Matrix, multiply, multiplyAdd, steps } from "./gemm.ts";
import {
  basePlaces,
  emptySlab,
  fillSlab,
  inputLayout,
  outputPlaces,
  slabLayout,
  slabLimit,
  type Tile,
  tapPlaces,
  tilesOf,
  type Window,
  windowOf,
} from "./window.ts";

// With the input read through a window, all three kernels are matrix products over the same three indices:
// o (output channels of a group), k (its input channels and taps) and l (samples and output positions).
//
//   conv                 output[o, l] = Σ_k weight[o, k] · input[k, l]
//   convInputGradient    input[k, l] += Σ_o weight[o, k] · output[o, l]     (places [k, l] coincide)
//   convWeightGradient   weight[o, k] = Σ_l output[o, l] · input[k, l]

/** The matrix of group 0, and the step to the next group. */
interface GroupedMatrix extends Matrix {
  readonly groupStep: number;
}

let slab: Float64Array = new Float64Array(0);

function slabOf(length: number): Float64Array {
  if (slab.length < length) slab = new Float64Array(length);
  return slab;
}

/** The input of a tile as a matrix `[k, l]`, for group 0. `groupStep` leads to the next group. */
function inputMatrix(window: Window, geometry: ConvGeometry, tile: Tile, input: FloatArray): GroupedMatrix {
  const { inChannels, groups } = geometry;
  const own = inputLayout(window, inChannels);
  const groupChannels = inChannels / groups;
  if (window.inside) {
    return {
      data: input,
      offset: tile.sample * own.sample + tile.row * window.axes[0].stride * own.outer,
      rows: tapPlaces(window, groupChannels, own),
      columns: basePlaces(window, tile, own),
      groupStep: groupChannels * own.channel,
    };
  }
  const layout = slabLayout(window, inChannels, tile.rows);
  const data = slabOf(tile.samples * layout.sample);
  fillSlab(window, tile, inChannels, input, own, data, layout);
  return {
    data,
    offset: 0,
    rows: tapPlaces(window, groupChannels, layout),
    columns: basePlaces(window, tile, layout),
    groupStep: groupChannels * layout.channel,
  };
}

/** The output of a tile as a matrix `[o, l]`, for group 0. */
function outputMatrix(window: Window, geometry: ConvGeometry, tile: Tile, output: FloatArray): GroupedMatrix {
  const { outChannels, groups } = geometry;
  const { axes, outPositions } = window;
  return {
    data: output,
    offset: tile.sample * outChannels * outPositions + tile.row * axes[1].outSize * axes[2].outSize,
    rows: steps(outChannels / groups, outPositions),
    columns: outputPlaces(window, tile, outChannels),
    groupStep: (outChannels / groups) * outPositions,
  };
}

/** The matrix of group `g`. */
function group(matrix: GroupedMatrix, g: number): Matrix {
  return { ...matrix, offset: matrix.offset + g * matrix.groupStep };
}

/** Convolution: input `[N, C, …]`, weight `[O, C/groups, …k]`, bias `[O]` or none. */
export function conv(geometry: ConvGeometry, input: Storage, weight: Storage, bias: Storage | undefined): Storage {
  const [from, weights] = [arrayOf("conv", input), arrayOf("conv", weight)];
  const biases = new Float64Array(geometry.outChannels);
  if (bias !== undefined) biases.set(arrayOf("conv", bias));
  const { batch, inChannels, outChannels, groups } = geometry;
  const window = windowOf(geometry);
  const out = allocate(input.dtype, batch * outChannels * window.outPositions);
  const [o, k] = [outChannels / groups, (inChannels / groups) * window.kernelSize];
  const w = { data: weights, rows: steps(o, k), columns: steps(k, 1) };
  for (const tile of tilesOf(window, batch, inChannels)) {
    const columns = inputMatrix(window, geometry, tile, from);
    const target = outputMatrix(window, geometry, tile, out);
    for (let g = 0; g < groups; g++) {
      multiply({ ...w, offset: g * o * k }, group(columns, g), group(target, g), biases.subarray(g * o, (g + 1) * o));
    }
  }
  return new CpuStorage(out);
}

/** Gradient of {@link conv} with respect to its weight. */
export function convWeightGradient(geometry: ConvGeometry, input: Storage, outputGradient: Storage): Storage {
  const [from, gradient] = [arrayOf("convWeightGradient", input), arrayOf("convWeightGradient", outputGradient)];
  const { batch, inChannels, outChannels, groups } = geometry;
  const window = windowOf(geometry);
  const [o, k] = [outChannels / groups, (inChannels / groups) * window.kernelSize];
  const total = { data: new Float64Array(outChannels * k), rows: steps(o, k), columns: steps(k, 1) };
  for (const tile of tilesOf(window, batch, inChannels)) {
    const columns = inputMatrix(window, geometry, tile, from);
    const transposed = { ...columns, rows: columns.columns, columns: columns.rows };
    const source = outputMatrix(window, geometry, tile, gradient);
    for (let g = 0; g < groups; g++) {
      multiplyAdd(group(source, g), group(transposed, g), { ...total, offset: g * o * k });
    }
  }
  if (input.dtype === "float64") return new CpuStorage(total.data);
  return new CpuStorage(new Float32Array(total.data));
}

/** Gradient of {@link conv} with respect to its input; also the transposed convolution. */
export function convInputGradient(geometry: ConvGeometry, outputGradient: Storage, weight: Storage): Storage {
  const [gradient, weights] = [arrayOf("convInputGradient", outputGradient), arrayOf("convInputGradient", weight)];
  const { batch, inChannels, outChannels, groups } = geometry;
  const window = windowOf(geometry);
  const out = allocate(outputGradient.dtype, batch * inChannels * window.inPositions);
  const own = inputLayout(window, inChannels);
  const [o, c] = [outChannels / groups, inChannels / groups];
  const k = c * window.kernelSize;
  // Every channel gathers its own sums, so slabs that are too large are cut by channels here.
  const allRows = window.axes[0].outSize;
  const plane = slabLayout(window, 1, allRows).channel;
  const chunk = Math.max(1, Math.min(c, Math.floor(slabLimit / plane)));
  const samples = Math.max(1, Math.floor(slabLimit / (plane * chunk)));
  // With one tap per channel every place is written once, straight into the result.
  const once = window.kernelSize === 1 && window.inside;
  for (let sample = 0; sample < batch; sample += samples) {
    const tile = { sample, samples: Math.min(samples, batch - sample), row: 0, rows: allRows };
    const source = outputMatrix(window, geometry, tile, gradient);
    for (let g = 0; g < groups; g++) {
      const b = group(source, g);
      for (let first = 0; first < c; first += chunk) {
        const channels = Math.min(chunk, c - first);
        const offset = (g * c + first) * own.channel;
        const a = {
          data: weights,
          offset: g * o * k + first * window.kernelSize,
          rows: steps(channels * window.kernelSize, 1),
          columns: steps(o, k),
        };
        if (once) {
          multiply(a, b, {
            data: out,
            offset: sample * own.sample + offset,
            rows: tapPlaces(window, channels, own),
            columns: basePlaces(window, tile, own),
          });
          continue;
        }
        const layout = slabLayout(window, channels, allRows);
        const data = slabOf(tile.samples * layout.sample).fill(0, 0, tile.samples * layout.sample);
        multiplyAdd(a, b, {
          data,
          offset: 0,
          rows: tapPlaces(window, channels, layout),
          columns: basePlaces(window, tile, layout),
        });
        emptySlab(window, tile, channels, out, offset, own, data, layout);
      }
    }
  }
  return new CpuStorage(out);
}
