/** Peephole connections: none, one weight per channel (the paper's), or one per channel and position. */
export type Peephole = "none" | "channel" | "full";

/** One (Conv)LSTM step after its convolutions. */
export interface LstmGeometry {
  /** Samples N. */
  readonly batch: number;
  /** Hidden channels H. */
  readonly hidden: number;
  /** Positions P of the image: the product of its spatial sizes. */
  readonly positions: number;
  /** Kind of peephole. */
  readonly peephole: Peephole;
}
