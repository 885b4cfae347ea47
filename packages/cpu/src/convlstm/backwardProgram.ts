import type { Local } from "../assembler/code.ts";
import { Module } from "../assembler/module.ts";
import type { BandPlan } from "../conv/bandPlan.ts";
import { setAddress, splitIndex } from "../emit/address.ts";
import { addBandConv, type BandShape, bandLayout, blockWeightBytes, prepareBand } from "../emit/bandConv.ts";
import { addFillTask } from "../emit/fillFrame.ts";
import { addLstmRowGradient, gradientSums, type LstmRow } from "../emit/lstmRows.ts";
import { addGatherRow, addSpreadRow } from "../emit/transpose.ts";
import { firstTap, insideFrame } from "./forwardProgram.ts";
import type { BackwardPlan, SequenceSizes } from "./plan.ts";

/** Words of parameters of the backward program; see `forwardWords`. */
export const backwardWords = [
  "frames", // gradients of the pre-activations, [T, n]
  "sequenceGradient", // images, [T, n]
  "hiddenGradient", // images of the last hidden state's, [n]
  "hiddenPixels", // the same, [n, pixel, filled]
  "cellGradientImages", // images of the last cell state's, [n]
  "cellGradient", // the same, [n, pixel, filled]; in the end that of the first one
  "cells", // cell states, [T + 1, n, pixel, filled]
  "gates", // activated gates, [T, n, pixel, 4, filled]
  "stateWeights",
  "inputWeights",
  "sums", // of biases and peepholes, [n, D · bands, 7, filled]
  "peephole",
  "positionSums", // [n, pixel, 3, filled]
  "x", // images of the input's gradient, [T, n]
  "firstHidden", // images, [n]
  "firstCell", // images, [n]
  "zeros",
  "samples",
] as const;

/** One of {@link backwardWords}. */
export type BackwardWord = (typeof backwardWords)[number];

const word = (name: BackwardWord): number => backwardWords.indexOf(name);

/** Everything that a backward program depends on. */
export interface BackwardProgram {
  readonly sizes: SequenceSizes;
  readonly plan: BackwardPlan;
  readonly peephole: "none" | "channel" | "full";
  readonly wantsX: boolean;
}

/** A plan whose blocks write side by side into whole pixels. */
export function wholePixels({ shape, blockChannels, blocks }: BandPlan): BandShape {
  const dense = bandLayout(shape);
  const pixel = blocks * blockChannels * 4;
  const row = (dense.row / dense.pixel) * pixel;
  return { ...shape, results: { pixel, row, bytes: shape.rows * row + 256 } };
}

/** Bytes at the start of a thread's scratch for one row of states. */
function rowBytes({ size, states }: SequenceSizes): number {
  return 64 * Math.ceil((size[2] * states.pixel + 64) / 64);
}

/** Bytes of scratch that each thread needs. */
export function backwardScratch({ sizes, plan }: BackwardProgram): number {
  const of = (band: BandPlan): number => bandLayout(wholePixels(band)).bytes + band.scratch;
  return rowBytes(sizes) + Math.max(of(plan.state), plan.input === undefined ? 0 : of(plan.input));
}

/**
 * Emits the backward program: tasks `clear`, `fillHidden`, `fillCellGradient`, `step`, `firstCell` and, for a separate input
 * convolution, `input`. Step `s` computes time `T - 1 - s`; the last one, `T`, only goes back to the first hidden state.
 */
export function emitBackward({ sizes, plan, peephole, wantsX }: BackwardProgram): Module {
  const { inputs, hidden, filled, size, positions, merged, states, steps } = sizes;
  const { frame, state } = plan;
  const { bands } = state;
  const shape = wholePixels(state);
  const [depth, height, width] = size;
  const layout = bandLayout(shape);
  const module = new Module();
  addFillTask(module, "clear", word("frames"), [
    { filling: { frame, channels: 0, channel: 0, size, clear: true }, word: word("zeros") },
  ]);
  const fillState = (name: string, to: BackwardWord, from: BackwardWord): void => {
    addFillTask(module, name, word(to), [
      { filling: { frame: states, channels: hidden, channel: 0, size, clear: true }, word: word(from) },
    ]);
  };
  fillState("fillHidden", "hiddenPixels", "hiddenGradient");
  fillState("fillCellGradient", "cellGradient", "cellGradientImages");
  const conv = addBandConv(module, "state", shape);
  const plane = positions * 4;
  const gather = addGatherRow(module, "gather", { channels: hidden, width, plane, pixel: states.pixel });
  const row: LstmRow = {
    quads: filled / 4,
    allQuads: filled / 4,
    width,
    results: layout.pixel,
    frame: frame.pixel,
    peephole,
    fused: shape.fused,
  };
  const laterRow = addLstmRowGradient(module, "row", row);
  const lastRow = addLstmRowGradient(module, "lastRow", { ...row, results: states.pixel });
  const spreadHidden = addSpreadRow(module, "spreadHidden", { channels: hidden, width, plane, pixel: layout.pixel });
  const spreadCell = addSpreadRow(module, "spreadCell", { channels: hidden, width, plane, pixel: states.pixel });
  const spreadX =
    merged && wantsX
      ? addSpreadRow(module, "spreadX", { channels: inputs, width, plane, pixel: layout.pixel })
      : undefined;
  module.add("step", 3, (code) => {
    const [parameters, index, scratch] = code.parameters;
    const get = (name: BackwardWord): Local => {
      const local = code.local("i32");
      code.loadNumber(parameters, 4 * word(name)).set(local);
      return local;
    };
    const [stepAndSample, d, band] = splitIndex(code, index, [0x7fffffff, depth, bands]);
    const [s, i, later, now, first, y, left] = code.localList("i32", 7);
    const [from, results, work, at, image] = code.localList("i32", 5);
    const samples = get("samples");
    const zeros = get("zeros");
    code.get(stepAndSample).get(samples).op("i32.div_u").set(s);
    code.get(stepAndSample).get(samples).op("i32.rem_u").set(i);
    // Frames of the time of this step, and of the one after it.
    code.number(steps).get(s).op("i32.sub").get(samples).op("i32.mul").get(i).op("i32.add").set(later);
    code.get(later).get(samples).op("i32.sub").set(now);
    code.get(band).number(shape.rows).op("i32.mul").set(first);
    setAddress(code, results, scratch, [], rowBytes(sizes));
    setAddress(code, work, results, [], layout.bytes);
    const frames = get("frames");
    const rows = (body: () => void): void => {
      code.get(first).set(y).number(shape.rows).set(left);
      code.countDown(left, () => {
        code.get(y).number(height).op("i32.lt_u");
        code.if(body);
        code.advance(y, 1).advance(results, layout.row);
      });
      code.advance(results, -shape.rows * layout.row);
    };
    const imageRow = (base: Local, imageIndex: Local, channels: number): void => {
      setAddress(code, image, base, [
        [imageIndex, channels * plane],
        [d, height * width * 4],
        [y, width * 4],
      ]);
    };
    code.get(s);
    code.if(() => {
      setAddress(
        code,
        from,
        frames,
        [
          [later, frame.bytes],
          [d, frame.plane],
          [first, frame.row],
        ],
        firstTap(state),
      );
      prepareBand(code, conv, from, work);
      const weights = get("stateWeights");
      for (let block = 0; block < state.blocks; block++) {
        setAddress(code, at, results, [], block * state.blockChannels * 4);
        code.get(from).get(weights).get(at).get(work).call(conv.block);
        code.advance(weights, blockWeightBytes(shape));
      }
      if (spreadX !== undefined) {
        const x = get("x");
        rows(() => {
          imageRow(x, later, inputs);
          setAddress(code, at, results, [], filled * 4);
          code.get(at).get(image).get(zeros).call(spreadX);
        });
      }
    });
    const stateRow = (target: Local, base: Local, frameIndex: Local | undefined, factor: number): void => {
      const bytes =
        frameIndex === undefined
          ? []
          : ([[frameIndex, factor === 1 ? states.bytes : factor * positions * states.pixel]] as const);
      setAddress(code, target, base, [
        ...bytes,
        [d, factor * height * width * states.pixel],
        [y, factor * width * states.pixel],
      ]);
    };
    const gradients = (): void => {
      const [sequence, gates, cells] = [get("sequenceGradient"), get("gates"), get("cells")];
      const [cellGradient, sums, weights] = [get("cellGradient"), get("sums"), get("peephole")];
      const [positionSums, hiddenPixels] = [get("positionSums"), get("hiddenPixels")];
      const [g, b, a, c, f, w, p, h] = code.localList("i32", 8);
      setAddress(code, sums, sums, [
        [i, depth * bands * gradientSums * states.pixel],
        [d, bands * gradientSums * states.pixel],
        [band, gradientSums * states.pixel],
      ]);
      // Channels that only fill up a vector must not be what happens to be there.
      if (filled !== hidden) code.clear(scratch, width * states.pixel);
      rows(() => {
        imageRow(sequence, now, hidden);
        code.get(image).get(scratch).call(gather);
        stateRow(g, gates, now, 4);
        stateRow(b, cells, now, 1);
        stateRow(a, cells, later, 1);
        stateRow(c, cellGradient, i, 1);
        setAddress(
          code,
          f,
          frames,
          [
            [now, frame.bytes],
            [d, frame.plane],
            [y, frame.row],
          ],
          insideFrame(frame),
        );
        if (peephole === "full") {
          stateRow(w, weights, undefined, 3);
          stateRow(p, positionSums, i, 3);
        } else {
          code.get(weights).set(w).get(positionSums).set(p);
        }
        const rest = (): void => {
          for (const local of [scratch, g, b, a, c, f, sums, w, p]) code.get(local);
        };
        code.get(s);
        code.if(
          () => {
            code.get(results);
            rest();
            code.call(laterRow);
          },
          () => {
            stateRow(h, hiddenPixels, i, 1);
            code.get(h);
            rest();
            code.call(lastRow);
          },
        );
      });
    };
    code.get(s).number(steps).op("i32.lt_u");
    code.if(gradients, () => {
      const firstHidden = get("firstHidden");
      rows(() => {
        imageRow(firstHidden, i, hidden);
        code.get(results).get(image).get(zeros).call(spreadHidden);
      });
    });
  });
  module.add("firstCell", 3, (code) => {
    const [parameters, index] = code.parameters;
    const [pixels, images, zeros, left] = code.localList("i32", 4);
    code.loadNumber(parameters, 4 * word("cellGradient")).set(pixels);
    code.loadNumber(parameters, 4 * word("firstCell")).set(images);
    code.loadNumber(parameters, 4 * word("zeros")).set(zeros);
    setAddress(code, pixels, pixels, [[index, states.bytes]]);
    setAddress(code, images, images, [[index, hidden * plane]]);
    code.number(depth * height).set(left);
    code.countDown(left, () => {
      code.get(pixels).get(images).get(zeros).call(spreadCell);
      code.advance(pixels, states.row).advance(images, width * 4);
    });
  });
  if (plan.input !== undefined) addInputTask(module, sizes, plan.input);
  return module;
}

/** Task `input`: index (frame, depth, band) of the gradient of a separate input convolution's input. */
function addInputTask(module: Module, { inputs, inputSize, inputPositions }: SequenceSizes, plan: BandPlan): void {
  const shape = wholePixels(plan);
  const { frame } = shape;
  const layout = bandLayout(shape);
  const [depth, height, width] = inputSize;
  const conv = addBandConv(module, "inputConv", shape);
  const spread = addSpreadRow(module, "inputSpread", {
    channels: inputs,
    width,
    plane: inputPositions * 4,
    pixel: layout.pixel,
  });
  module.add("input", 3, (code) => {
    const [parameters, index, scratch] = code.parameters;
    const [f, d, band] = splitIndex(code, index, [0x7fffffff, depth, plan.bands]);
    const [frames, weights, images, zeros, work, from] = code.localList("i32", 6);
    const [at, first, y, left, image] = code.localList("i32", 5);
    for (const [local, name] of [
      [frames, "frames"],
      [weights, "inputWeights"],
      [images, "x"],
      [zeros, "zeros"],
    ] as const) {
      code.loadNumber(parameters, 4 * word(name)).set(local);
    }
    code.get(band).number(shape.rows).op("i32.mul").set(first);
    setAddress(
      code,
      from,
      frames,
      [
        [f, frame.bytes],
        [d, frame.plane],
        [first, frame.row],
      ],
      firstTap(plan),
    );
    setAddress(code, work, scratch, [], layout.bytes);
    prepareBand(code, conv, from, work);
    for (let block = 0; block < plan.blocks; block++) {
      setAddress(code, at, scratch, [], block * plan.blockChannels * 4);
      code.get(from).get(weights).get(at).get(work).call(conv.block);
      code.advance(weights, blockWeightBytes(shape));
    }
    code.get(first).set(y).get(scratch).set(at).number(shape.rows).set(left);
    code.countDown(left, () => {
      code.get(y).number(height).op("i32.lt_u");
      code.if(() => {
        setAddress(code, image, images, [
          [f, inputs * inputPositions * 4],
          [d, height * width * 4],
          [y, width * 4],
        ]);
        code.get(at).get(image).get(zeros).call(spread);
      });
      code.advance(y, 1).advance(at, layout.row);
    });
  });
}
