import { Module } from "../assembler/module.ts";
import type { BandPlan } from "../conv/bandPlan.ts";
import { setAddress, splitIndex } from "../emit/address.ts";
import { addBandConv, bandLayout, blockWeightBytes, prepareBand } from "../emit/bandConv.ts";
import { addFillTask, type FrameFilling } from "../emit/fillFrame.ts";
import type { Frame } from "../emit/frame.ts";
import { addLstmRow, type LstmRow } from "../emit/lstmRows.ts";
import { addSpreadRow } from "../emit/transpose.ts";
import type { ForwardPlan, SequenceSizes } from "./plan.ts";

/** Words of parameters of the forward program. All but the last are addresses; images are `[channels, D, H, W]`, one after the other. */
export const forwardWords = [
  "images", // inputs, [T, n]
  "frames", // of the state convolution, [T + 1, n]
  "inputFrames", // of a separate input convolution, [T, n]
  "hidden", // images of the state before the first step, [n]
  "cell",
  "cells", // cell states, [T + 1, n, pixel, filled]
  "gates", // activated gates, [T, n, pixel, 4, filled]
  "stateWeights",
  "inputWeights",
  "bias", // by lanes
  "peephole",
  "sequence", // images of the hidden states, [T, n]
  "lastCell", // images, [n]
  "zeros", // biases that are none
  "samples", // n
] as const;

/** One of {@link forwardWords}. */
export type ForwardWord = (typeof forwardWords)[number];

const word = (name: ForwardWord): number => forwardWords.indexOf(name);

/** Everything that a forward program depends on. */
export interface ForwardProgram {
  readonly sizes: SequenceSizes;
  readonly plan: ForwardPlan;
  readonly peephole: "none" | "channel" | "full";
  readonly keep: boolean;
}

/** Pixel (d, h, 0) of the image in a frame, as a number of bytes. */
export function insideFrame({ before, plane, row, pixel }: Frame): number {
  return before[0] * plane + before[1] * row + before[2] * pixel;
}

/** Position of the first tap in a frame, as a number of bytes. */
export function firstTap({ first, shape: { frame } }: BandPlan): number {
  return first[0] * frame.plane + first[1] * frame.row + first[2] * frame.pixel;
}

/** Emits the forward program: tasks `fill`, `fillHidden`, `fillCell`, `fillInput`, `step` and `lastCell`. */
export function emitForward({ sizes, plan, peephole, keep }: ForwardProgram): Module {
  const { inputs, hidden, filled, size, inputSize, positions, merged, states, stateAxes } = sizes;
  const { state, input } = plan;
  const { shape, bands, blocks } = state;
  const { frame } = shape;
  const [depth, height, width] = size;
  const module = new Module();
  const offset = merged ? inputs : 0;
  const filling = (to: Frame, channels: number, channel: number, clear: boolean, from = size): FrameFilling => ({
    frame: to,
    channels,
    channel,
    size: from,
    clear,
  });
  addFillTask(module, "fill", word("frames"), [{ filling: filling(frame, offset, 0, true), word: word("images") }]);
  addFillTask(module, "fillHidden", word("frames"), [
    { filling: filling(frame, hidden, offset, false), word: word("hidden") },
  ]);
  addFillTask(module, "fillCell", word("cells"), [{ filling: filling(states, hidden, 0, true), word: word("cell") }]);
  if (input !== undefined) {
    addFillTask(module, "fillInput", word("inputFrames"), [
      { filling: filling(input.shape.frame, inputs, 0, true, inputSize), word: word("images") },
    ]);
  }
  const conv = addBandConv(module, "state", shape);
  const inputConv = input && addBandConv(module, "input", input.shape);
  const layout = bandLayout(shape);
  const blockQuads = (shape.panels * shape.vectors) / 4;
  const allQuads = filled / 4;
  const common: LstmRow = {
    quads: blockQuads,
    allQuads,
    width,
    results: layout.pixel,
    frame: frame.pixel,
    peephole,
    fused: shape.fused,
  };
  const used = (block: number): number => Math.min(blockQuads, allQuads - block * blockQuads);
  const rowFunctions = new Map<number, number>();
  for (let block = 0; block < blocks; block++) {
    const quads = used(block);
    if (quads > 0 && !rowFunctions.has(quads))
      rowFunctions.set(quads, addLstmRow(module, `row${quads}`, { ...common, quads }, keep));
  }
  const spread = addSpreadRow(module, "spread", { channels: hidden, width, plane: positions * 4, pixel: frame.pixel });
  const spreadCell = addSpreadRow(module, "spreadCell", {
    channels: hidden,
    width,
    plane: positions * 4,
    pixel: states.pixel,
  });
  module.add("step", 3, (code) => {
    const [parameters, index, scratch] = code.parameters;
    const get = (name: ForwardWord) => {
      const local = code.local("i32");
      code.loadNumber(parameters, 4 * word(name)).set(local);
      return local;
    };
    const [f, d, band] = splitIndex(code, index, [0x7fffffff, depth, bands]);
    const [next, from, fromInput, work, inputWork] = code.localList("i32", 5);
    const [first, row, left] = code.localList("i32", 3);
    const [results, before, after, to, gates, peepholes] = code.localList("i32", 6);
    const samples = get("samples");
    code.get(f).get(samples).op("i32.add").set(next);
    code.get(band).number(shape.rows).op("i32.mul").set(first);
    setAddress(
      code,
      from,
      get("frames"),
      [
        [f, frame.bytes],
        [d, frame.plane],
        [first, frame.row],
      ],
      firstTap(state),
    );
    setAddress(code, work, scratch, [], layout.bytes);
    prepareBand(code, conv, from, work);
    if (input !== undefined && inputConv !== undefined) {
      const [inputAxisD, inputAxisH] = sizes.inputAxes ?? stateAxes;
      setAddress(code, inputWork, work, [], state.scratch - layout.bytes);
      const inputFrame = input.shape.frame;
      setAddress(
        code,
        fromInput,
        get("inputFrames"),
        [
          [f, inputFrame.bytes],
          [d, inputAxisD.stride * inputFrame.plane],
          [first, inputAxisH.stride * inputFrame.row],
        ],
        firstTap(input),
      );
      prepareBand(code, inputConv, fromInput, inputWork);
    }
    const [weights, inputWeights, bias] = [get("stateWeights"), get("inputWeights"), get("bias")];
    const [frames, cells, allGates, allPeepholes] = [get("frames"), get("cells"), get("gates"), get("peephole")];
    const rows = (body: () => void): void => {
      code.get(first).set(row).number(shape.rows).set(left);
      // Rows of the last band may reach past the end.
      code.countDown(left, () => {
        code.get(row).number(height).op("i32.lt_u");
        code.if(body);
        code.advance(row, 1);
      });
    };
    const hiddenRow = (channel: number): void => {
      setAddress(
        code,
        to,
        frames,
        [
          [next, frame.bytes],
          [d, frame.plane],
          [row, frame.row],
        ],
        insideFrame(frame) + channel * 4,
      );
    };
    for (let block = 0; block < blocks; block++) {
      const call = rowFunctions.get(used(block));
      if (call === undefined) continue;
      code.get(from).get(weights).get(scratch).get(work).call(conv.block);
      code.advance(weights, blockWeightBytes(shape));
      if (input !== undefined && inputConv !== undefined) {
        code.get(fromInput).get(inputWeights).get(scratch).get(inputWork).call(inputConv.block);
        code.advance(inputWeights, blockWeightBytes(input.shape));
      }
      const channel = block * blockQuads * 4;
      code.get(scratch).set(results);
      rows(() => {
        const rowBytes = width * states.pixel;
        const at = [
          [d, height * rowBytes],
          [row, rowBytes],
        ] as const;
        setAddress(code, before, cells, [[f, states.bytes], ...at], channel * 4);
        setAddress(code, after, cells, [[next, states.bytes], ...at], channel * 4);
        if (keep) {
          const gateTerms = at.map(([variable, bytes]) => [variable, 4 * bytes] as const);
          setAddress(code, gates, allGates, [[f, 4 * positions * states.pixel], ...gateTerms], channel * 4);
        }
        const peepholeTerms = at.map(([variable, bytes]) => [variable, 3 * bytes] as const);
        setAddress(code, peepholes, allPeepholes, peephole === "full" ? peepholeTerms : [], channel * 4);
        hiddenRow(offset + channel);
        code.get(results).get(before).get(after).get(to).get(gates).get(bias).get(peepholes).call(call);
        code.advance(results, layout.row);
      });
      code.advance(bias, shape.panels * shape.vectors * 16);
    }
    const [sequence, zeros, image] = [get("sequence"), get("zeros"), code.local("i32")];
    rows(() => {
      hiddenRow(offset);
      setAddress(code, image, sequence, [
        [f, hidden * positions * 4],
        [d, height * width * 4],
        [row, width * 4],
      ]);
      code.get(to).get(image).get(zeros).call(spread);
    });
  });
  module.add("lastCell", 3, (code) => {
    const [parameters, index] = code.parameters;
    const [cells, images, zeros, samples, frameIndex, left] = code.localList("i32", 6);
    code.loadNumber(parameters, 4 * word("cells")).set(cells);
    code.loadNumber(parameters, 4 * word("lastCell")).set(images);
    code.loadNumber(parameters, 4 * word("zeros")).set(zeros);
    code.loadNumber(parameters, 4 * word("samples")).set(samples);
    code.get(samples).number(sizes.steps).op("i32.mul").get(index).op("i32.add").set(frameIndex);
    setAddress(code, cells, cells, [[frameIndex, states.bytes]]);
    setAddress(code, images, images, [[index, hidden * positions * 4]]);
    code.number(depth * height).set(left);
    code.countDown(left, () => {
      code.get(cells).get(images).get(zeros).call(spreadCell);
      code.advance(cells, states.row).advance(images, width * 4);
    });
  });
  return module;
}
