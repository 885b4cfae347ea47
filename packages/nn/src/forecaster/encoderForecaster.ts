/*
 * Who owns what. `planForecaster` turns options into those of two stacks of recurrent layers, resolving sizes and the order of layers; `Scales`
 * makes the stages that stand before their layers (each stack owns its own, this class only the one behind the forecaster's last layer);
 * `Patches` cuts frames and joins them; `Rollout` goes through time where forecasts are fed back. This class checks what comes in, hands states
 * from one stack to the other, and has the head. Inside, frames are patches: `[…, C·area, …grid]`.
 */
import { ArgumentError, formatShape, type Shape, ShapeError, sameShape, sizeOf } from "@squall/device";
import { cat, defaultGenerator, type Generator, stack, type Tensor } from "@squall/tensor";
import { checkChoice, checkNumber, checkWhole, show } from "../arguments.ts";
import { Conv1d } from "../layers/conv1d.ts";
import { Conv2d } from "../layers/conv2d.ts";
import { Conv3d } from "../layers/conv3d.ts";
import { configOf, copyOptions, type ModelConfig } from "../module/config.ts";
import { Module } from "../module/module.ts";
import { checkNames } from "../optionNames.ts";
import { resolveActivation } from "../recurrent/activation.ts";
import type { RecurrentState } from "../recurrent/cell.ts";
import { checkSequence } from "../recurrent/cellChecks.ts";
import type { FrameStage } from "../recurrent/frameStage.ts";
import { sequenceNames } from "../recurrent/names.ts";
import type { SpatialDims } from "../recurrent/options.ts";
import { type ActiveSamples, activeSamples, type SequenceOptions, sequenceOf } from "../recurrent/sequenceMask.ts";
import { type AnyRecurrentLayer, type ForecasterCell, type ForecasterCells, recurrentLayers } from "./cells.ts";
import type { ForecastOptions } from "./forecastOptions.ts";
import { checkForecasterNames, forecastNames } from "./names.ts";
import type { EncoderForecasterOptions } from "./options.ts";
import type { Patches } from "./patches.ts";
import { planForecaster } from "./plan.ts";
import { latestFrame, Rollout } from "./rollout.ts";

const op = "EncoderForecaster";

/** What an {@link EncoderForecaster} has read: enough to forecast from, and to read on. */
export interface EncodedFrames {
  /** States of the encoder's layers, in its order. */
  readonly states: readonly RecurrentState[];
  /** The last frame that counts of each sample, `[N, C, …]`; zeros for samples without. */
  readonly lastFrame: Tensor;
}

/**
 * The encoding-forecasting network of Shi et al. 2015 (section 3.2): an encoder reads the input frames; the states of each of its layers
 * are copied to a layer of the forecaster; the forecaster runs on from there, its first layer without any input convolution, and a 1x1
 * convolution over the hidden states of all its layers makes the frames.
 *
 * With `peephole: "channel"` its parameter count is that of the paper's table 1.
 *
 * ```ts
 * const model = new EncoderForecaster({
 *   inputChannels: 1, patchSize: 4, hiddenChannels: [128, 64, 64], kernelSize: 5, peephole: "channel", batchFirst: true,
 * });
 * const frames = model.forward(x, 10).sigmoid();   // x [N, 10, 1, 64, 64], frames [N, 10, 1, 64, 64]
 * ```
 *
 * `stages` put the layers at falling scales, and the forecaster goes back up through them, the deepest layer first (Shi et al. 2017):
 *
 * ```ts
 * new EncoderForecaster({ inputChannels: 1, hiddenChannels: [16, 32], kernelSize: 3, stages: [{ stride: 1 }, { stride: 2 }] });
 * ```
 *
 * With `forecasterInput: "previous"` the forecaster reads its own last frame; {@link ForecastOptions} say how it is trained then.
 */
export class EncoderForecaster<Cell extends ForecasterCell = "lstm"> extends Module {
  /** Reads the input frames, cut into patches: its states are what it is for. */
  readonly encoder: ForecasterCells[Cell]["layer"];
  /** Makes the hidden states of the forecast; takes no input, unless it reads the previous frame. */
  readonly forecaster: ForecasterCells[Cell]["layer"];
  /** What brings the forecaster's last layer to the size of the frames; there only with `stages`. */
  readonly lastStage: FrameStage | undefined;
  /** 1x1 convolution from hidden states to a frame, cut into patches. */
  readonly head: Conv1d | Conv2d | Conv3d;
  /** Channels of the input frames. */
  readonly inputChannels: number;
  /** Channels of the forecast frames. */
  readonly outputChannels: number;
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** Whether sequences are `[N, T, C, …]` rather than `[T, N, C, …]`. */
  readonly batchFirst: boolean;
  /** Whether the forecaster's layers stand in the order of the encoder's, or the deepest first. */
  readonly layerOrder: "same" | "mirrored";
  /** What the forecaster's first layer reads. */
  readonly forecasterInput: "none" | "previous";
  private readonly patches: Patches;
  private readonly feedback: (logits: Tensor) => Tensor;
  private readonly generator: Generator | undefined;
  private readonly options: object;

  /** @throws ArgumentError if an option is out of range or makes no sense beside another; ShapeError if sizes do not fit */
  constructor(options: EncoderForecasterOptions<Cell>) {
    super();
    if (typeof options !== "object" || options === null) checkNames(op, options, {});
    const { cell = "lstm", dtype, device, generator } = options;
    checkChoice(op, "cell", cell, Object.keys(recurrentLayers));
    checkForecasterNames(op, cell, options);
    const plan = planForecaster(op, options);
    const Layer = recurrentLayers[cell];
    this.encoder = new Layer(plan.encoder.options, plan.encoder.stages);
    this.forecaster = new Layer(plan.forecaster.options, plan.forecaster.stages);
    this.lastStage = plan.lastStage;
    const Head = { 1: Conv1d, 2: Conv2d, 3: Conv3d }[plan.spatialDims];
    this.head = new Head({
      ...plan.head,
      kernelSize: 1,
      ...(dtype !== undefined && { dtype }),
      ...(device !== undefined && { device }),
      ...(generator !== undefined && { generator }),
    });
    this.inputChannels = options.inputChannels;
    this.outputChannels = plan.outputChannels;
    this.spatialDims = plan.spatialDims;
    this.batchFirst = options.batchFirst ?? false;
    this.layerOrder = plan.isMirrored ? "mirrored" : "same";
    this.forecasterInput = plan.readsFrames ? "previous" : "none";
    this.patches = plan.patches;
    this.feedback = resolveActivation(op, "feedback", options.feedback ?? "linear");
    this.generator = generator;
    this.options = copyOptions(options);
  }

  /** Kind and options as plain JSON, from which `fromConfig` builds such a model again. @throws ArgumentError if an activation is a function */
  get config(): ModelConfig {
    return configOf(op, { ...this.options, dtype: this.head.weight.dtype });
  }

  /**
   * @param x - input frames `[T, N, C, …]`, or `[N, T, C, …]` with `batchFirst`
   * @param steps - number of frames to forecast, whatever it was in training
   * @param options - lengths or a mask of the input; in training with `forecasterInput: "previous"`, which frames are fed
   * @returns forecast frames before any squashing (logits), in the layout of the input, with `outputChannels` channels
   * @throws ShapeError if input or targets do not fit; ArgumentError if `steps` is not a whole number >= 1, or options are out of range or
   * make no sense for this model; DTypeError, DeviceError
   */
  forward(x: Tensor, steps: number, options: ForecastOptions = {}): Tensor {
    checkNames(`${op}.forward`, options, forecastNames);
    checkWhole(op, "steps", steps, 1);
    const { batch, imageSize, active } = this.checkFrames(op, x, options);
    const outputShape = [...(this.batchFirst ? [batch, steps] : [steps, batch]), this.outputChannels, ...imageSize];
    this.checkForcing(options, outputShape);
    const { targets, teacherForcing = 0, encoderForcing = 1 } = options;
    const rollout = this.rollout(batch, imageSize);
    const read =
      encoderForcing === 1
        ? this.encode(x, undefined, sequenceOf(options))
        : this.read(rollout, x, imageSize, active, encoderForcing);
    return this.decode(rollout, read, steps, { targets, teacherForcing });
  }

  /**
   * The encoder alone: reads frames, all of a sequence or those that came since. `forward(x, steps)` is `forecast(encode(x), steps)`.
   *
   * ```ts
   * let seen = model.encode(history);                  // [T, N, C, …]
   * seen = model.encode(frame.unsqueeze(0), seen);     // one frame more, [1, N, C, …]
   * const frames = model.forecast(seen, 10);
   * ```
   * @param x - input frames `[T, N, C, …]`, or `[N, T, C, …]` with `batchFirst`
   * @param before - what was read before; left out, the states are zeros or what was learned
   * @param options - lengths or a mask
   * @throws as {@link forward}
   */
  encode(x: Tensor, before?: EncodedFrames, options: SequenceOptions = {}): EncodedFrames {
    const name = `${op}.encode`;
    checkNames(name, options, sequenceNames);
    const { length, imageSize, active } = this.checkFrames(name, x, options);
    if (before !== undefined) this.checkEncoded(name, before, imageSize);
    const time = this.batchFirst ? 1 : 0;
    const { encoder }: { encoder: AnyRecurrentLayer } = this;
    const [, states] = encoder.forward(this.patches.cut(x), before?.states, options);
    const lastFrame = active ? latestFrame(x.unbind(time), active, before?.lastFrame) : x.select(time, length - 1);
    return { states, lastFrame };
  }

  /**
   * The forecaster alone, from what {@link encode} gave.
   * @param steps - number of frames to forecast
   * @returns as {@link forward}
   * @throws ArgumentError if `steps` is not a whole number >= 1; ShapeError, DTypeError, DeviceError if `encoded` does not fit the model
   */
  forecast(encoded: EncodedFrames, steps: number): Tensor {
    const name = `${op}.forecast`;
    checkWhole(name, "steps", steps, 1);
    this.checkEncoded(name, encoded);
    const [batch = 0, , ...imageSize] = encoded.lastFrame.shape;
    return this.decode(this.rollout(batch, imageSize), encoded, steps, { targets: undefined, teacherForcing: 0 });
  }

  /** The encoder's sequence with some frames replaced by forecasts. */
  private read(
    rollout: Rollout,
    x: Tensor,
    imageSize: Shape,
    active: ActiveSamples | undefined,
    p: number,
  ): EncodedFrames {
    const frames = this.patches.cut(x).unbind(this.batchFirst ? 1 : 0);
    const { states, last } = rollout.read(frames, active, p);
    return { states, lastFrame: this.patches.join(last, imageSize) };
  }

  /** From states to frames: at once where no forecast is fed back, else step by step. */
  private decode(
    rollout: Rollout,
    { states: encoded, lastFrame }: EncodedFrames,
    steps: number,
    { targets, teacherForcing }: { readonly targets: Tensor | undefined; readonly teacherForcing: number },
  ): Tensor {
    const { forecaster }: { forecaster: AnyRecurrentLayer } = this;
    const time = this.batchFirst ? 1 : 0;
    const states = this.handOver(encoded);
    const last = this.patches.cut(lastFrame);
    const imageSize = lastFrame.shape.slice(2);
    const gridSize = last.shape.slice(2);
    const truths = targets === undefined ? [] : this.patches.cut(targets).unbind(time);
    const logits = (): Tensor => {
      if (this.forecasterInput === "none") return this.logitsOf(forecaster.unroll(steps, states)[0], gridSize);
      if (teacherForcing === 1) {
        const read = stack([last, ...truths.slice(0, -1)], time);
        return this.logitsOf(forecaster.forward(read, states)[0], gridSize);
      }
      return stack(rollout.forecast(steps, last, states, truths, teacherForcing), time);
    };
    return this.patches.join(logits(), imageSize);
  }

  /** What goes through time step by step. */
  private rollout(batch: number, imageSize: Shape): Rollout {
    const gridSize = this.patches.gridOf(imageSize);
    const { encoder, forecaster }: { encoder: AnyRecurrentLayer; forecaster: AnyRecurrentLayer } = this;
    const model = {
      encoder,
      forecaster,
      handOver: (states: readonly RecurrentState[]) => this.handOver(states),
      logitsOf: (layers: readonly Tensor[]) => this.logitsOf(layers, gridSize),
      frameOf: (logits: Tensor) => this.patches.clean(this.feedback(logits), imageSize),
      generator: this.generator ?? defaultGenerator(),
    };
    return new Rollout(model, batch, gridSize);
  }

  /** @throws ArgumentError, ShapeError, DTypeError, DeviceError unless frames, lengths and mask fit the model */
  private checkFrames(
    name: string,
    x: Tensor,
    options: SequenceOptions,
  ): { length: number; batch: number; imageSize: number[]; active: ActiveSamples | undefined } {
    const layout = this.batchFirst ? "[N,T,C,…]" : "[T,N,C,…]";
    const { spatialDims, inputChannels: channels } = this;
    checkSequence(name, x, { rank: spatialDims + 3, layout, spatialDims, channels });
    this.encoder.cells.at(0).checkHome(name, "input", x);
    const [outer = 0, inner = 0, , ...imageSize] = x.shape;
    const [length, batch] = this.batchFirst ? [inner, outer] : [outer, inner];
    if (length < 1) throw new ShapeError(name, "the sequence has no steps", { expected: 1, got: length });
    return { length, batch, imageSize, active: activeSamples(name, options, length, batch, this.batchFirst) };
  }

  /** @throws ArgumentError, ShapeError, DTypeError, DeviceError unless it is what {@link encode} gives; states are checked where they are used */
  private checkEncoded(name: string, { states, lastFrame }: EncodedFrames, imageSize?: Shape): void {
    const { spatialDims, inputChannels: channels } = this;
    const layout = "[N,C,…]";
    if (!Array.isArray(states)) {
      throw new ArgumentError(name, `needs what encode gives, { states, lastFrame }, got states ${show(states)}`, {
        got: states,
      });
    }
    checkSequence(name, lastFrame, { rank: spatialDims + 2, layout, spatialDims, channels });
    this.encoder.cells.at(0).checkHome(name, "lastFrame", lastFrame);
    const got = lastFrame.shape.slice(2);
    if (imageSize === undefined || sameShape(got, imageSize)) return;
    throw new ShapeError(
      name,
      `frames of ${formatShape(imageSize)} cannot follow frames of ${formatShape(got)}; encode them without what was read before`,
      { expected: got, got: imageSize },
    );
  }

  /** The encoder's states in the order of the forecaster's layers. */
  private handOver<State extends RecurrentState>(states: readonly State[]): readonly State[] {
    return this.layerOrder === "mirrored" ? states.toReversed() : states;
  }

  /** Hidden states of the forecaster's layers, `[…, H, …]`, to forecasts in patches, `[…, C·area, …gridSize]`. */
  private logitsOf(layers: readonly Tensor[], gridSize: Shape): Tensor {
    const channelAxis = -this.spatialDims - 1;
    const [only] = layers;
    const hidden = only !== undefined && layers.length === 1 ? only : cat(layers, channelAxis);
    const outer = hidden.shape.slice(0, channelAxis);
    const images = hidden.reshape([sizeOf(outer), ...hidden.shape.slice(channelAxis)]);
    const frames = this.head.forward(this.lastStage?.forward(images, gridSize) ?? images);
    return frames.reshape([...outer, ...frames.shape.slice(1)]);
  }

  private checkForcing({ targets, teacherForcing, encoderForcing }: ForecastOptions, outputShape: Shape): void {
    for (const [name, value] of Object.entries({ teacherForcing, encoderForcing, targets })) {
      if (value === undefined) continue;
      if (this.forecasterInput === "none") {
        throw new ArgumentError(
          op,
          `${name} is for models that read their own forecasts, but forecasterInput is "none"; build the model with forecasterInput: "previous"`,
          { expected: "previous", got: this.forecasterInput },
        );
      }
      if (typeof value === "number") checkNumber(op, name, value, "a number in [0, 1]", (p) => p >= 0 && p <= 1);
    }
    if (targets === undefined) {
      if (teacherForcing === undefined || teacherForcing === 0) return;
      throw new ArgumentError(
        op,
        `teacherForcing ${teacherForcing} feeds true frames, so it needs targets of shape ${formatShape(outputShape)}`,
        { expected: outputShape, got: targets },
      );
    }
    if (teacherForcing === undefined) {
      throw new ArgumentError(op, "targets do nothing without teacherForcing; set that too, or leave them out", {
        expected: "teacherForcing",
        got: "targets",
      });
    }
    if (!sameShape(targets.shape, outputShape)) {
      throw new ShapeError(
        op,
        `targets have shape ${formatShape(targets.shape)} but the forecast has ${formatShape(outputShape)}`,
        { expected: outputShape, got: targets.shape },
      );
    }
    this.encoder.cells.at(0).checkHome(op, "targets", targets);
  }
}
