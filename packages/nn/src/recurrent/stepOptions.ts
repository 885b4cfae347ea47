import type { SequenceMasks } from "./noise.ts";

/** What a single step needs to know of the sequence that it is part of. */
export interface StepOptions {
  /** Which samples the frame counts for, `[N]`; the others' states, and with them their outputs, stay what they were. Default: all. */
  readonly active?: readonly boolean[] | undefined;
  /** What is dropped throughout the sequence, one per layer, of {@link RecurrentLayer.drawMasks}. Default: drawn anew. */
  readonly masks?: readonly SequenceMasks[] | undefined;
}
