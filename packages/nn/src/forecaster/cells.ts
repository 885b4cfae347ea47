import { convGRUCellNames } from "../convgru/cell.ts";
import { ConvGRU, type ConvGRUOptions } from "../convgru/convGRU.ts";
import { convLSTMCellNames } from "../convlstm/cell.ts";
import { ConvLSTM, type ConvLSTMOptions } from "../convlstm/convLSTM.ts";
import { convRNNCellNames } from "../convrnn/cell.ts";
import { ConvRNN, type ConvRNNOptions } from "../convrnn/convRNN.ts";
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
  /** {@link ConvGRU} */
  readonly gru: ForecasterLayers<ConvGRU, ConvGRUOptions>;
  /** {@link ConvRNN} */
  readonly rnn: ForecasterLayers<ConvRNN, ConvRNNOptions>;
}

/** Name of a kind of recurrent layers. */
export type ForecasterCell = keyof ForecasterCells;

/** Recurrent layers of any kind. */
export type AnyRecurrentLayer = RecurrentLayer<RecurrentState, RecurrentCell<RecurrentState>>;

/** Names of the options of the cells behind each name. */
export const recurrentCellNames: { readonly [Cell in ForecasterCell]: Readonly<Record<string, true>> } = {
  lstm: convLSTMCellNames,
  gru: convGRUCellNames,
  rnn: convRNNCellNames,
};

/** Options that layers of every kind have; `recurrentActivation` is for those with gates. */
type CommonLayerOptions = LayerOptionsOf<Omit<RecurrentCellOptions, "recurrentActivation">>;

type LayerClass<Layer> = new (options: CommonLayerOptions, stages?: readonly FrameStage[]) => Layer;

/** The class behind each name. */
export const recurrentLayers: { readonly [Cell in ForecasterCell]: LayerClass<ForecasterCells[Cell]["layer"]> } = {
  lstm: ConvLSTM,
  gru: ConvGRU,
  rnn: ConvRNN,
};
