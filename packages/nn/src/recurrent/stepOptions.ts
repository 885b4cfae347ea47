import type { LayerNoise } from "./layerNoise.ts";
import type { SequenceOptions } from "./sequenceMask.ts";

/** What a run through a sequence may be told. */
export interface RunOptions extends SequenceOptions {
  /**
   * What is random throughout the sequence, one per layer, of {@link RecurrentLayer.drawNoise}: for sequences that go through in several calls.
   * Default: drawn anew.
   */
  readonly noise?: readonly LayerNoise[] | undefined;
}

/** What a single step needs to know of the sequence that it is part of. */
export interface StepOptions {
  /** Which samples the frame counts for, `[N]`; the others' states, and with them their outputs, stay what they were. Default: all. */
  readonly active?: readonly boolean[] | undefined;
  /** What is random throughout the sequence, one per layer, of {@link RecurrentLayer.drawNoise}. Default: drawn anew. */
  readonly noise?: readonly LayerNoise[] | undefined;
}
