import { Module } from "../assembler/module.ts";
import { setAddress, splitIndex } from "../emit/address.ts";
import { addBandConv, bandLayout, blockWeightBytes, prepareBand, type Triple } from "../emit/bandConv.ts";
import { addFillTask } from "../emit/fillFrame.ts";
import { addSpreadRow } from "../emit/transpose.ts";
import { type BandPlan, planBands } from "./bandPlan.ts";
import type { ConvPart, ConvProblem } from "./problem.ts";
import { imageFloats } from "./slabs.ts";

/** Parts of a problem that the same code computes. */
export interface PartKind {
  /** How it is cut. */
  readonly plan: BandPlan;
  /** Results along each axis. */
  readonly outSize: Triple;
  /** The parts. */
  readonly parts: readonly ConvPart[];
}

/** Words of parameters before those of the parts: images, frames, biases, results. */
export const commonWords = 4;
/** Words of a part: its weights, bytes from the start of a frame to its first tap, bytes to its first result. */
export const partWords = 3;

/** Plans the parts of a problem, all over the same frame, and puts together what is alike. */
export function planParts(problem: ConvProblem): PartKind[] {
  const { batch, inChannels, outChannels, groups, parts } = problem;
  const plan = (
    part: ConvPart,
    common: { frameChannels?: number; least?: { before: number; reach: number }[] },
  ): BandPlan =>
    planBands({
      images: batch * parts.length,
      inputs: inChannels / groups,
      outputs: outChannels / groups,
      groups,
      axes: part.axes,
      ...common,
    });
  let plans = parts.map((part) => plan(part, {}));
  if (parts.length > 1) {
    const frames = plans.map(({ shape }) => shape.frame);
    const least = [0, 1, 2].map((axis) => ({
      before: Math.max(...frames.map(({ before }) => before[axis])),
      reach: Math.max(...frames.map(({ extent, before }) => extent[axis] - before[axis])),
    }));
    const frameChannels = Math.max(...frames.map(({ channels }) => channels));
    plans = parts.map((part) => plan(part, { frameChannels, least }));
  }
  const kinds = new Map<string, { plan: BandPlan; outSize: Triple; parts: ConvPart[] }>();
  for (const [k, part] of parts.entries()) {
    const [d, h, w] = part.axes;
    const { first: _, ...alike } = plans[k];
    const key = JSON.stringify([alike, d.outSize, h.outSize, w.outSize]);
    const kind = kinds.get(key);
    if (kind === undefined)
      kinds.set(key, { plan: plans[k], outSize: [d.outSize, h.outSize, w.outSize], parts: [part] });
    else kind.parts.push(part);
  }
  return [...kinds.values()];
}

/** Adds the task function that computes a band of one of the parts of a kind: index (image, part, plane, band). */
function addBand(module: Module, name: string, problem: ConvProblem, kind: PartKind, firstWord: number): void {
  const { plan, outSize, parts } = kind;
  const { shape, bands, blocks, blockChannels } = plan;
  const { frame, rows } = shape;
  const { groups, outChannels, step } = problem;
  const outputs = outChannels / groups;
  const resultBytes = 4 * imageFloats(problem).out;
  const channelBytes = resultBytes / outChannels;
  const rowBytes = 4 * problem.outSize[2];
  const planeBytes = problem.outSize[1] * rowBytes;
  const conv = addBandConv(module, `${name}.conv`, shape);
  const layout = bandLayout(shape);
  const spread = (part: string, channels: number): number =>
    addSpreadRow(module, `${name}.${part}`, {
      channels,
      width: outSize[2],
      plane: channelBytes,
      pixel: layout.pixel,
      step: 4 * step[2],
    });
  const last = outputs - (blocks - 1) * blockChannels;
  const spreadWhole = spread("spread", Math.min(blockChannels, outputs));
  const spreadLast = last === blockChannels || blocks === 1 ? spreadWhole : spread("spreadLast", last);
  module.add(name, 3, (code) => {
    const [parameters, index, scratch] = code.parameters;
    const [input, weights, bias, output] = code.localList("i32", 4);
    const [work, row, at, from, to, words] = code.localList("i32", 6);
    const [n, part, plane, band] = splitIndex(code, index, [0x7fffffff, parts.length, outSize[0], bands]);
    setAddress(code, words, parameters, [[part, 4 * partWords]], 4 * firstWord);
    code.loadNumber(parameters, 4).loadNumber(words, 4).op("i32.add").set(input);
    code.loadNumber(words, 0).set(weights).loadNumber(parameters, 8).set(bias);
    code.loadNumber(parameters, 12).loadNumber(words, 8).op("i32.add").set(output);
    setAddress(code, input, input, [
      [n, frame.bytes],
      [plane, shape.stride[0] * frame.plane],
      [band, rows * shape.stride[1] * frame.row],
    ]);
    setAddress(code, output, output, [
      [n, resultBytes],
      [plane, step[0] * planeBytes],
      [band, rows * step[1] * rowBytes],
    ]);
    setAddress(code, work, scratch, [], layout.bytes);
    const block = (spreadRow: number, channels: number): void => {
      code.get(input).get(weights).get(scratch).get(work).call(conv.block);
      // Rows of the last band may reach past the end.
      code.get(band).number(rows).op("i32.mul").set(row);
      code.get(scratch).set(from).get(output).set(to);
      code.number(rows).set(at);
      code.countDown(at, () => {
        code.get(row).number(outSize[1]).op("i32.lt_u");
        code.if(() => code.get(from).get(to).get(bias).call(spreadRow));
        code
          .advance(row, 1)
          .advance(from, layout.row)
          .advance(to, step[1] * rowBytes);
      });
      code.advance(output, channels * channelBytes).advance(bias, channels * 4);
      code.advance(weights, blockWeightBytes(shape));
    };
    code.repeat(groups, () => {
      prepareBand(code, conv, input, work);
      code.repeat(blocks - 1, () => block(spreadWhole, blockChannels));
      block(spreadLast, last);
      code.advance(input, shape.channels * 4);
    });
  });
}

/** Whether every result belongs to a part. */
export function isCovered({ parts, step }: ConvProblem): boolean {
  return parts.length === step[0] * step[1] * step[2];
}

/**
 * The module of a problem: `fill` fills frames, `clear` clears the results of an image, and `band0`, `band1` and so on compute a band of
 * each kind of parts.
 */
export function emitConv(problem: ConvProblem, kinds: readonly PartKind[]): Module {
  const module = new Module();
  const resultBytes = 4 * imageFloats(problem).out;
  if (kinds.length > 0) {
    const { frame } = kinds[0].plan.shape;
    const filling = { frame, channels: problem.inChannels, channel: 0, size: problem.inSize, clear: true };
    addFillTask(module, "fill", 1, [{ filling, word: 0 }]);
  }
  module.add("clear", 3, (code) => {
    const [parameters, index] = code.parameters;
    const at = code.local("i32");
    code.loadNumber(parameters, 12).set(at);
    setAddress(code, at, at, [[index, resultBytes]]);
    code.clear(at, resultBytes);
  });
  let word = commonWords;
  for (const [k, kind] of kinds.entries()) {
    addBand(module, `band${k}`, problem, kind, word);
    word += partWords * kind.parts.length;
  }
  return module;
}
