import { ConvLSTM, type ConvLSTMOptions } from "../convlstm/convLSTM.ts";
import type { RecurrentCell, RecurrentState } from "../recurrent/cell.ts";
import type { FrameStage } from "../recurrent/frameStage.ts";
import type { RecurrentLayer } from "../recurrent/layer.ts";
import type { LayerOptionsOf, RecurrentCellOptions } from "../recurrent/options.ts";

/** A kind of recurrent layers. */
export interface ForecasterLayers<Layer, Options> {
  /** The class. */
  readonly layer: Layer;
  /** Options of its constructor. */
  readonly options: Options;
}

/** What an encoder and a forecaster can be made of, by name. */
export interface ForecasterCells {
  /** {@link ConvLSTM} */
  readonly lstm: ForecasterLayers<ConvLSTM, ConvLSTMOptions>;
}

/** Name of a kind of recurrent layers. */
export type ForecasterCell = keyof ForecasterCells;

/** Recurrent layers of any kind. */
export type AnyRecurrentLayer = RecurrentLayer<RecurrentState, RecurrentCell<RecurrentState>>;

type LayerClass<Layer> = new (options: LayerOptionsOf<RecurrentCellOptions>, stages?: readonly FrameStage[]) => Layer;

/** The class behind each name. */
export const recurrentLayers: { readonly [Cell in ForecasterCell]: LayerClass<ForecasterCells[Cell]["layer"]> } = {
  lstm: ConvLSTM,
};
