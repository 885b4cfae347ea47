// Every default number of the example, in one place.

import { getThreads } from "@squall/cpu";

export const OPTIMIZERS = ["sgd", "adam", "adamw", "rmsprop"] as const;
/** Name of an update rule. */
export type OptimizerName = (typeof OPTIMIZERS)[number];

export const PEEPHOLES = ["none", "channel", "full"] as const;
/** Whether gates see the cell state: not at all, by one weight per channel, or by one per channel and pixel. */
export type PeepholeName = (typeof PEEPHOLES)[number];

export const DEVICES = ["cpu", "gpu"] as const;
/** What computes. */
export type DeviceName = (typeof DEVICES)[number];

/** The settings of one run. */
export interface Options {
  /** IDX file of handwritten digits; undefined draws digits instead. */
  readonly mnist: string | undefined;
  /** Width and height of a frame in pixels. */
  readonly size: number;
  /** Digits in a frame. */
  readonly digits: number;
  /** Width and height of a digit in pixels. */
  readonly digitSize: number;
  /** Slowest and fastest digit in pixels per frame. */
  readonly speed: readonly [number, number];
  /** Frames the model sees. */
  readonly inputFrames: number;
  /** Frames it forecasts. */
  readonly outputFrames: number;
  /** Each patch of this many pixels, squared, becomes the channels of one place. */
  readonly patch: number;
  /** Hidden channels of each ConvLSTM layer, first layer first. */
  readonly hidden: readonly number[];
  /** Width of the input-to-state kernel in places. */
  readonly kernel: number;
  /** Width of the state-to-state kernel in places. */
  readonly stateKernel: number;
  readonly peephole: PeepholeName;
  /** Sequences in a batch. */
  readonly batch: number;
  /** Optimizer steps. */
  readonly steps: number;
  readonly learningRate: number;
  readonly optimizer: OptimizerName;
  /** Largest norm of all gradients together; 0 does not clip. */
  readonly clip: number;
  /** Decides every random number of the run. */
  readonly seed: number;
  /** What computes. */
  readonly device: DeviceName;
  /** Threads that the CPU computes with. */
  readonly threads: number;
  /** Folder the results are written to. */
  readonly out: string;
  /** Steps between two evaluations; 0 evaluates only at the end. */
  readonly evalEvery: number;
  /** Steps between two saves of the model; 0 saves only at the end. */
  readonly checkpointEvery: number;
}

/** The options whose default follows from another option. */
type Derived = "speed";

/**
 * Small enough that a CPU learns to follow the motion in about a minute. At this size many small steps beat fewer large ones: more
 * hidden channels or larger batches gave blurrier forecasts in the same time.
 */
export const DEFAULTS: Omit<Options, Derived> = {
  mnist: undefined,
  size: 16,
  digits: 1,
  digitSize: 9,
  inputFrames: 5,
  outputFrames: 5,
  patch: 2,
  hidden: [16],
  kernel: 3,
  stateKernel: 3,
  peephole: "channel",
  batch: 4,
  steps: 2400,
  learningRate: 1e-2,
  optimizer: "adam",
  clip: 1,
  seed: 1,
  device: "cpu",
  threads: getThreads(),
  out: "out/moving-digits",
  evalEvery: 300,
  checkpointEvery: 0,
};

/** The Moving-MNIST setting and the best model of Shi et al. 2015, table 1; give it `--mnist` and days of CPU time. */
export const PAPER: Partial<Options> = {
  size: 64,
  digits: 2,
  digitSize: 28,
  inputFrames: 10,
  outputFrames: 10,
  patch: 4,
  hidden: [128, 64, 64],
  kernel: 5,
  stateKernel: 5,
  peephole: "channel",
  batch: 16,
  steps: 20000,
  learningRate: 1e-3,
  optimizer: "rmsprop",
  evalEvery: 500,
  checkpointEvery: 500,
};

/** The paper's 3 to 5 pixels per frame of 64 pixels, for frames of `size` pixels. */
export function defaultSpeed(size: number): [number, number] {
  return [(3 * size) / 64, (5 * size) / 64];
}
