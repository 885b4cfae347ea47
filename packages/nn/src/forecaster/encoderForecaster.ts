import { ArgumentError } from "@squall/device";
import { cat, defaultGenerator, type Tensor } from "@squall/tensor";
import { checkWhole } from "../arguments.ts";
import { Conv1d } from "../layers/conv1d.ts";
import { Conv2d } from "../layers/conv2d.ts";
import { Conv3d } from "../layers/conv3d.ts";
import { Module } from "../module/module.ts";
import { ConvLSTM, type ConvLSTMOptions } from "./convLSTM.ts";

/** Options of {@link EncoderForecaster}: those of its ConvLSTM layers, and the frames it makes. */
export interface EncoderForecasterOptions extends Omit<ConvLSTMOptions, "returnAllLayers"> {
  /** Channels of the forecast frames. Default: `inputChannels`. */
  readonly outputChannels?: number;
}

/**
 * The encoding-forecasting network of Shi et al. 2015 (section 3.2): an encoder reads the input frames; the states of each of its layers
 * are copied to the forecaster's layer of the same depth; the forecaster runs on from there, its first layer without any input
 * convolution, and a 1x1 convolution over the hidden states of all its layers makes the frames.
 *
 * With `peephole: "channel"` its parameter count is that of the paper's table 1.
 *
 * ```ts
 * const model = new EncoderForecaster({ inputChannels: 16, hiddenChannels: [128, 64, 64], kernelSize: 5, peephole: "channel", batchFirst: true });
 * const frames = model.forward(x, 10).sigmoid();   // x [N, 10, 16, 16, 16], frames [N, 10, 16, 16, 16]
 * ```
 */
export class EncoderForecaster extends Module {
  /** Reads the input frames. */
  readonly encoder: ConvLSTM;
  /** Makes the hidden states of the forecast; takes no input. */
  readonly forecaster: ConvLSTM;
  /** 1x1 convolution from all hidden states of the forecaster to a frame. */
  readonly head: Conv1d | Conv2d | Conv3d;

  /** @throws ArgumentError if an option is out of range */
  constructor(options: EncoderForecasterOptions) {
    super();
    const { outputChannels = options.inputChannels, ...shared } = options;
    checkWhole("EncoderForecaster", "inputChannels", options.inputChannels, 1);
    checkWhole("EncoderForecaster", "outputChannels", outputChannels, 1);
    const recurrent = { ...shared, generator: options.generator ?? defaultGenerator(), returnAllLayers: true };
    this.encoder = new ConvLSTM(recurrent);
    this.forecaster = new ConvLSTM({ ...recurrent, inputChannels: 0 });
    const Head = { 1: Conv1d, 2: Conv2d, 3: Conv3d }[this.encoder.spatialDims];
    this.head = new Head({
      inChannels: this.forecaster.hiddenChannels.reduce((a, b) => a + b, 0),
      outChannels: outputChannels,
      kernelSize: 1,
      generator: recurrent.generator,
      ...(options.dtype !== undefined && { dtype: options.dtype }),
      ...(options.device !== undefined && { device: options.device }),
    });
  }

  /**
   * @param x - input frames `[T, N, C, …]`, or `[N, T, C, …]` with `batchFirst`
   * @param steps - number of frames to forecast
   * @returns forecast frames before any squashing (logits), in the layout of the input, with `outputChannels` channels
   * @throws ShapeError if the input does not fit; ArgumentError if `steps` is not a whole number >= 1
   */
  forward(x: Tensor, steps: number): Tensor {
    if (!Number.isSafeInteger(steps) || steps < 1) {
      throw new ArgumentError("EncoderForecaster", `steps must be a whole number >= 1, got ${steps}`, {
        expected: 1,
        got: steps,
      });
    }
    const [, states] = this.encoder.forward(x);
    const [layers] = this.forecaster.unroll(steps, states);
    const hidden = cat(layers, 2);
    const [first = 0, second = 0, ...frame] = hidden.shape;
    const frames = this.head.forward(hidden.reshape([first * second, ...frame]));
    return frames.reshape([first, second, ...frames.shape.slice(1)]);
  }
}
