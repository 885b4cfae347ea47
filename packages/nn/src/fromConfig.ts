import { ArgumentError } from "@squall/device";
import { ConvGRU, type ConvGRUOptions } from "./convgru/convGRU.ts";
import { ConvLSTM, type ConvLSTMOptions } from "./convlstm/convLSTM.ts";
import { ConvRNN, type ConvRNNOptions } from "./convrnn/convRNN.ts";
import type { ForecasterCell } from "./forecaster/cells.ts";
import { EncoderForecaster } from "./forecaster/encoderForecaster.ts";
import type { EncoderForecasterOptions } from "./forecaster/options.ts";
import type { JsonValue, ModelConfig } from "./module/config.ts";
import type { ModuleOptions } from "./module/options.ts";
import { Bidirectional, type BidirectionalOptions } from "./recurrent/bidirectional.ts";
import type { RecurrentState } from "./recurrent/cell.ts";
import { RecurrentLayer } from "./recurrent/layer.ts";
import type { RecurrentCellOptions, RecurrentLayerOptions } from "./recurrent/options.ts";

/** What a config leaves out: where the model lives, and where its first weights come from. */
export type FromConfigOptions = Omit<ModuleOptions, "dtype">;

/** A model that {@link fromConfig} builds; `instanceof` tells which. */
export type ConfiguredModel =
  | ConvLSTM
  | ConvGRU
  | ConvRNN
  | Bidirectional<RecurrentState>
  | EncoderForecaster<ForecasterCell>;

/** Names of all options of a type; the compiler sees to it that none is missing. */
type Names<Options> = Readonly<Record<keyof Options, true>>;

/** A kind of model. The constructor checks the values of its options; their names are checked here. */
interface Kind {
  readonly names: (options: { readonly [name: string]: JsonValue }) => Readonly<Record<string, true>>;
  readonly build: (options: object, from: FromConfigOptions) => ConfiguredModel;
}

const layerNames: Names<Omit<RecurrentCellOptions, keyof FromConfigOptions> & RecurrentLayerOptions> = {
  inputChannels: true,
  hiddenChannels: true,
  kernelSize: true,
  stateKernelSize: true,
  spatialDims: true,
  stride: true,
  padding: true,
  dilation: true,
  groups: true,
  stateDilation: true,
  stateGroups: true,
  bias: true,
  activation: true,
  recurrentActivation: true,
  norm: true,
  normGroups: true,
  imageSize: true,
  inputDropout: true,
  recurrentDropout: true,
  dropoutMasks: true,
  zoneout: true,
  learnedInitialState: true,
  init: true,
  dtype: true,
  numLayers: true,
  batchFirst: true,
  returnAllLayers: true,
  returnSequences: true,
  layerDropout: true,
  goBackwards: true,
  keepOrder: true,
  stateful: true,
  detachCarried: true,
  saveState: true,
  checkpoint: true,
};

const convLSTM: Names<Omit<ConvLSTMOptions, keyof FromConfigOptions>> = {
  ...layerNames,
  layers: true,
  peephole: true,
  peepholeKernelSize: true,
  forgetBias: true,
};

const convGRU: Names<Omit<ConvGRUOptions, keyof FromConfigOptions>> = { ...layerNames, layers: true, resetAfter: true };

const { recurrentActivation: _, ...ungatedNames } = layerNames;
const convRNN: Names<Omit<ConvRNNOptions, keyof FromConfigOptions | "recurrentActivation">> = {
  ...ungatedNames,
  layers: true,
};

/** What forecasters have beside the options of their layers; they refuse those of the latter that they decide themselves. */
const forecaster: Readonly<Record<Exclude<keyof EncoderForecasterOptions, keyof ConvLSTMOptions>, true>> = {
  cell: true,
  outputChannels: true,
  patchSize: true,
  patchPadding: true,
  stages: true,
  layerOrder: true,
  head: true,
  forecasterInput: true,
  feedback: true,
};

/** Both directions of layers that a config describes. */
function bidirectional(options: object, from: FromConfigOptions): ConfiguredModel {
  const { layer, ...rest } = options as BidirectionalOptions & { readonly layer: ModelConfig };
  return new Bidirectional((direction) => {
    const made = fromConfig({ ...layer, ...direction }, from);
    if (made instanceof RecurrentLayer) return made;
    throw new ArgumentError("fromConfig", `Bidirectional needs recurrent layers, but its layer is a ${layer.type}`, {
      got: layer.type,
    });
  }, rest);
}

const kinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [
    "ConvLSTM",
    { names: () => convLSTM, build: (options, from) => new ConvLSTM({ ...(options as ConvLSTMOptions), ...from }) },
  ],
  [
    "ConvGRU",
    { names: () => convGRU, build: (options, from) => new ConvGRU({ ...(options as ConvGRUOptions), ...from }) },
  ],
  [
    "ConvRNN",
    { names: () => convRNN, build: (options, from) => new ConvRNN({ ...(options as ConvRNNOptions), ...from }) },
  ],
  [
    "EncoderForecaster",
    {
      names: ({ cell }) => ({ ...(cell === "gru" ? convGRU : cell === "rnn" ? convRNN : convLSTM), ...forecaster }),
      build: (options, from) =>
        new EncoderForecaster<ForecasterCell>({ ...(options as EncoderForecasterOptions<ForecasterCell>), ...from }),
    },
  ],
  ["Bidirectional", { names: () => ({ layer: true, mergeMode: true }), build: bidirectional }],
]);

/**
 * Builds a model from its `config`, with fresh weights: load those with `loadStateDict`, or both at once with `loadModel` of `@squall/io/node`.
 * @param config - as `model.config` gave it, or parsed from JSON
 * @param options - where the model goes, and where its first weights come from
 * @throws ArgumentError if there is no such kind of model, or it has no option of a name; what the constructor throws
 */
export function fromConfig(
  config: { readonly [name: string]: JsonValue },
  options: FromConfigOptions = {},
): ConfiguredModel {
  const op = "fromConfig";
  const { type, ...rest } = config;
  const kind = typeof type === "string" ? kinds.get(type) : undefined;
  if (kind === undefined) {
    throw new ArgumentError(
      op,
      `there is no model of type ${JSON.stringify(type ?? null)}; there are ${[...kinds.keys()].join(", ")}`,
      {
        expected: [...kinds.keys()],
        got: type,
      },
    );
  }
  const names = kind.names(rest);
  const unknown = Object.keys(rest).filter((name) => !Object.hasOwn(names, name));
  if (unknown.length > 0) {
    throw new ArgumentError(op, `${type} has no option ${unknown.join(", ")}; the config may be of a newer version`, {
      expected: Object.keys(names),
      got: unknown,
    });
  }
  return kind.build(rest, options);
}
