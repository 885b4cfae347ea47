import type { ConvGeometry } from "./conv.ts";
import type { LstmGeometry } from "./lstm.ts";

/** A whole sequence through one ConvLSTM layer. */
export interface ConvLstmGeometry {
  /** Steps T. */
  readonly steps: number;
  /** State-to-state convolution of one step, `[N, H, …]` to `[N, 4H, …]`. It keeps the size. */
  readonly state: ConvGeometry;
  /** Input-to-state convolution of all steps, `[T·N, C, …]` to `[T·N, 4H, …]`; absent for a layer without input. */
  readonly input: ConvGeometry | undefined;
  /** The gates of one step. */
  readonly lstm: LstmGeometry;
}
