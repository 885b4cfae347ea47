import { Module } from "../assembler/module.ts";
import { setAddress } from "../emit/address.ts";
import {
  addWeightTransform,
  type BandShape,
  panelBytes,
  pointPanelBytes,
  pointsOf,
  weightScratch,
} from "../emit/bandConv.ts";
import type { Memory } from "../pool/memory.ts";
import { runJob } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import type { WeightPlaces } from "./problem.ts";

/** Weights of one group as a band convolution reads them. */
export interface WeightSource {
  /** Where they are. */
  readonly data: Float32Array;
  /** Where each lies. */
  readonly places: WeightPlaces;
  /** The output channel of each lane of all panels, or -1 for none. */
  readonly lanes: Int32Array;
  /** The input channel of each channel of the frame, or -1 for none; as they stand if there is no list. */
  readonly channels?: Int32Array;
  /** Groups. */
  readonly groups: number;
}

/** Bytes of the weights of one group as a band convolution reads them. */
export function weightBytes(shape: BandShape): number {
  return (
    shape.allPanels * (shape.winograd === undefined ? panelBytes(shape) : pointsOf(shape) * pointPanelBytes(shape))
  );
}

/** Panels `[panel][tap][channel][lane]`. */
function writePanels(shape: BandShape, source: WeightSource, group: number, out: Float32Array, first: number): void {
  const { data, places, lanes, channels } = source;
  const [d, h, w] = shape.kernel;
  const taps = d * h * w;
  const width = 4 * shape.vectors;
  const base = places.start + group * places.group;
  const { tap: step } = places;
  const [stepD, stepH, stepW] = typeof step === "number" ? [h * w * step, w * step, step] : step;
  let at = first;
  for (let panel = 0; panel < shape.allPanels; panel++) {
    for (let tap = 0; tap < taps; tap++) {
      const [z, y, x] = [Math.floor(tap / (h * w)), Math.floor(tap / w) % h, tap % w];
      const start = base + z * stepD + y * stepH + x * stepW;
      for (let c = 0; c < shape.channels; c++) {
        const channel = channels === undefined ? c : channels[c];
        const place = start + channel * places.input;
        for (let lane = 0; lane < width; lane++) {
          const output = lanes[panel * width + lane];
          out[at++] = output < 0 || channel < 0 ? 0 : data[place + output * places.output];
        }
      }
    }
  }
}

/** Puts weights where a band convolution can read them, transformed if it asks for that. @returns their address */
export function placeWeights(memory: Memory, shape: BandShape, source: WeightSource): number {
  const plain = memory.allocate(source.groups * shape.allPanels * panelBytes(shape));
  const floats = memory.floats;
  for (let g = 0; g < source.groups; g++) {
    writePanels(shape, source, g, floats, (plain + g * shape.allPanels * panelBytes(shape)) / 4);
  }
  if (shape.winograd === undefined) return plain;
  const points = memory.allocate(weightBytes(shape));
  const { channels, kernel, allPanels, vectors, winograd, fused } = shape;
  const key = `winograd weights ${JSON.stringify([channels, kernel, allPanels, vectors, winograd, fused])}`;
  const program = programOf(key, memory.shared, () => {
    const module = new Module();
    const transform = addWeightTransform(module, "transform", shape);
    module.add("panel", 3, (code) => {
      const [parameters, index, scratch] = [code.parameter(0), code.parameter(1), code.parameter(2)];
      const [from, to] = code.localList("i32", 2);
      code.loadNumber(parameters, 0).set(from).loadNumber(parameters, 4).set(to);
      setAddress(code, from, from, [[index, panelBytes(shape)]]);
      setAddress(code, to, to, [[index, pointPanelBytes(shape)]]);
      code.get(from).get(to).get(scratch).call(transform);
    });
    return module;
  });
  const run = program.names.indexOf("panel");
  runJob({
    op: "conv",
    program,
    parameters: [plain, points],
    counters: 0,
    tasks: Array.from({ length: allPanels }, (_, index) => ({ run, index, waitFor: -1, value: 0, signal: -1 })),
    before: [],
    after: [],
    threadBytes: weightScratch(shape),
    work: allPanels * channels * 4 * vectors * pointsOf(shape) * 4,
  });
  return points;
}
