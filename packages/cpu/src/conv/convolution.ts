import type { ConvGeometry } from "@squall/device";
import { Module } from "../assembler/module.ts";
import { setAddress, splitIndex } from "../emit/address.ts";
import { addBandConv, bandLayout, blockWeightBytes, prepareBand } from "../emit/bandConv.ts";
import { addFillTask, fillParts } from "../emit/fillFrame.ts";
import { addSpreadRow } from "../emit/transpose.ts";
import type { HostTask, Task } from "../pool/job.ts";
import { runJob, workMemory } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import { type BandPlan, planBands } from "./bandPlan.ts";
import { type ConvProblem, forwardProblem, inputGradientProblem } from "./problem.ts";
import { placeWeights } from "./weights.ts";

/** Most bytes of staged images at a time; one image may take more. */
const stagedLimit = 64 << 20;
/** Positions of input and output. */
function positions({ axes }: ConvProblem): [inputs: number, outputs: number] {
  const [d, h, w] = axes;
  return [d.size * h.size * w.size, d.outSize * h.outSize * w.outSize];
}

/** Parameters: images, frames, weights, biases, results. */
function emit(problem: ConvProblem, plan: BandPlan): Module {
  const { shape, bands, blocks, blockChannels } = plan;
  const { frame, rows } = shape;
  const { groups, inChannels, outChannels, axes } = problem;
  const [d, h, w] = axes;
  const [, outPositions] = positions(problem);
  const outputs = outChannels / groups;
  const module = new Module();
  const filling = { frame, channels: inChannels, channel: 0, size: [d.size, h.size, w.size], clear: true } as const;
  addFillTask(module, "fill", 1, [{ filling, word: 0 }]);
  const conv = addBandConv(module, "conv", shape);
  const layout = bandLayout(shape);
  const spread = (name: string, channels: number): number =>
    addSpreadRow(module, name, { channels, width: w.outSize, plane: outPositions * 4, pixel: layout.pixel });
  const last = outputs - (blocks - 1) * blockChannels;
  const spreadWhole = spread("spread", Math.min(blockChannels, outputs));
  const spreadLast = last === blockChannels || blocks === 1 ? spreadWhole : spread("spreadLast", last);
  module.add("band", 3, (code) => {
    const [parameters, index, scratch] = [code.parameter(0), code.parameter(1), code.parameter(2)];
    const [input, weights, bias, output] = code.localList("i32", 4);
    const [work, row, at, from, to] = code.localList("i32", 5);
    const [n, plane, band] = splitIndex(code, index, [0x7fffffff, d.outSize, bands]);
    code.loadNumber(parameters, 4).set(input).loadNumber(parameters, 8).set(weights);
    code.loadNumber(parameters, 12).set(bias).loadNumber(parameters, 16).set(output);
    setAddress(code, input, input, [
      [n, frame.bytes],
      [plane, d.stride * frame.plane],
      [band, rows * h.stride * frame.row],
    ]);
    setAddress(code, output, output, [
      [n, outChannels * outPositions * 4],
      [plane, h.outSize * w.outSize * 4],
      [band, rows * w.outSize * 4],
    ]);
    setAddress(code, work, scratch, [], layout.bytes);
    const block = (spreadRow: number, channels: number): void => {
      code.get(input).get(weights).get(scratch).get(work).call(conv.block);
      // Rows of the last band may reach past the end.
      code.get(band).number(rows).op("i32.mul").set(row);
      code.get(scratch).set(from).get(output).set(to);
      code.number(rows).set(at);
      code.countDown(at, () => {
        code.get(row).number(h.outSize).op("i32.lt_u");
        code.if(() => code.get(from).get(to).get(bias).call(spreadRow));
        code
          .advance(row, 1)
          .advance(from, layout.row)
          .advance(to, w.outSize * 4);
      });
      code.advance(output, channels * outPositions * 4).advance(bias, channels * 4);
      code.advance(weights, blockWeightBytes(shape));
    };
    code.repeat(groups, () => {
      prepareBand(code, conv, input, work);
      code.repeat(blocks - 1, () => block(spreadWhole, blockChannels));
      block(spreadLast, last);
      code.advance(input, shape.channels * 4);
    });
  });
  return module;
}

/** Output channels of each lane of the panels of one group. */
function plainLanes({ shape }: BandPlan, outputs: number): Int32Array {
  return Int32Array.from({ length: shape.allPanels * shape.vectors * 4 }, (_, lane) => (lane < outputs ? lane : -1));
}

function solve(
  op: string,
  problem: ConvProblem,
  input: Float32Array,
  weight: Float32Array,
  bias: Float32Array | undefined,
): Float32Array {
  const { batch, groups, inChannels, outChannels, axes } = problem;
  const [inPositions, outPositions] = positions(problem);
  const [imageFloats, resultFloats] = [inChannels * inPositions, outChannels * outPositions];
  const plan = planBands({
    images: batch,
    inputs: inChannels / groups,
    outputs: outChannels / groups,
    groups,
    axes,
  });
  const { shape, bands } = plan;
  const { frame } = shape;
  const out = new Float32Array(batch * resultFloats);
  const memory = workMemory();
  memory.reset();
  const lanes = plainLanes(plan, outChannels / groups);
  const weights = placeWeights(memory, shape, { data: weight, places: problem.weights, lanes, groups });
  const biases = memory.allocate(4 * outChannels + 16);
  if (bias === undefined) memory.floats.fill(0, biases / 4, biases / 4 + outChannels);
  else memory.floats.set(bias, biases / 4);
  const staged = 4 * imageFloats + frame.bytes + 4 * resultFloats;
  const images = Math.max(1, Math.min(batch, Math.floor(stagedLimit / staged)));
  const [source, frames] = [memory.allocate(4 * images * imageFloats + 64), memory.allocate(images * frame.bytes)];
  const results = memory.allocate(4 * images * resultFloats);
  const key = `conv ${JSON.stringify([problem.axes, inChannels, outChannels, groups, plan])}`;
  const program = programOf(key, memory.shared, () => emit(problem, plan));
  const [fill, band] = [program.names.indexOf("fill"), program.names.indexOf("band")];
  const perImage = axes[0].outSize * bands;
  const perOutput = (inChannels / groups) * axes[0].kernel * axes[1].kernel * axes[2].kernel;
  for (let first = 0; first < batch; first += images) {
    const count = Math.min(images, batch - first);
    const tasks: Task[] = [];
    const before: HostTask[] = [];
    const after: HostTask[] = [];
    // Counters: copied in, filled and done, one of each per image.
    for (let n = 0; n < count; n++) {
      const [copied, filled, done] = [3 * n, 3 * n + 1, 3 * n + 2];
      before.push({
        waitFor: -1,
        value: 0,
        signal: copied,
        run: () => {
          const from = (first + n) * imageFloats;
          memory.floats.set(input.subarray(from, from + imageFloats), source / 4 + n * imageFloats);
        },
      });
      for (let part = 0; part < fillParts; part++) {
        tasks.push({ run: fill, index: n * fillParts + part, waitFor: copied, value: 1, signal: filled });
      }
      for (let part = 0; part < perImage; part++) {
        tasks.push({ run: band, index: n * perImage + part, waitFor: filled, value: fillParts, signal: done });
      }
      after.push({
        waitFor: done,
        value: perImage,
        signal: -1,
        run: () => {
          const from = results / 4 + n * resultFloats;
          out.set(memory.floats.subarray(from, from + resultFloats), (first + n) * resultFloats);
        },
      });
    }
    runJob({
      op,
      program,
      parameters: [source, frames, weights, biases, results],
      counters: 3 * count,
      tasks,
      before,
      after,
      threadBytes: plan.scratch,
      work: count * resultFloats * perOutput,
    });
  }
  return out;
}

/** Whether one image and its results are small enough to be staged. */
function fits(problem: ConvProblem): boolean {
  const [inPositions, outPositions] = positions(problem);
  return problem.inChannels * inPositions + problem.outChannels * outPositions < 1 << 26;
}

/**
 * Convolution in emitted code: `[N, O, …]` from input, weight and bias, or `undefined` where the loops have to do it.
 */
export function fastConv(
  geometry: ConvGeometry,
  input: Float32Array,
  weight: Float32Array,
  bias: Float32Array | undefined,
): Float32Array | undefined {
  const problem = forwardProblem(geometry);
  return fits(problem) ? solve("conv", problem, input, weight, bias) : undefined;
}

/** The same for the input gradient. */
export function fastConvInputGradient(
  geometry: ConvGeometry,
  outputGradient: Float32Array,
  weight: Float32Array,
): Float32Array | undefined {
  const problem = inputGradientProblem(geometry);
  if (problem === undefined || !fits(problem)) return undefined;
  return solve("convInputGradient", problem, outputGradient, weight, undefined);
}
