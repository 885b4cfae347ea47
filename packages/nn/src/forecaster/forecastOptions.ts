import type { Tensor } from "@squall/tensor";
import type { SequenceOptions } from "../recurrent/sequenceMask.ts";

/** What a forecast may be told: which frames of the input count, and, for training, which frames are the true ones. */
export interface ForecastOptions extends SequenceOptions {
  /** The frames that truly follow, `[steps, N, C, …]` in the layout of the input: what teacher forcing feeds. */
  readonly targets?: Tensor;
  /**
   * Probability, for each sample and step, that the forecaster reads the true previous frame rather than its own forecast of it: scheduled
   * sampling (Bengio et al. 2015), with a probability that falls from 1. Default 0. Needs `targets`.
   */
  readonly teacherForcing?: number;
  /**
   * Probability, for each sample and step, that the encoder reads the true frame rather than the model's own forecast of it by one step; a
   * sample's first frame is always true. Reverse scheduled sampling (Wang et al. 2021, PredRNN-v2), with a probability that rises to 1.
   * Default 1.
   */
  readonly encoderForcing?: number;
}
