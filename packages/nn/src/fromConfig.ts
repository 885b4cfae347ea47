import { ArgumentError } from "@squall/device";
import { show } from "./arguments.ts";
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

/** What a config leaves out: where the model lives, and where its first weights come from. */
export type FromConfigOptions = Omit<ModuleOptions, "dtype">;

/** A model that {@link fromConfig} builds; `instanceof` tells which. */
export type ConfiguredModel =
  | ConvLSTM
  | ConvGRU
  | ConvRNN
  | Bidirectional<RecurrentState>
  | EncoderForecaster<ForecasterCell>;

/** Builds one kind of model; its constructor checks names and values of the options. */
type Build = (options: object, from: FromConfigOptions) => ConfiguredModel;

/** Both directions of layers that a config describes. */
function bidirectional(options: object, from: FromConfigOptions): ConfiguredModel {
  const {
    layer,
    backwardLayer = layer,
    ...rest
  } = options as BidirectionalOptions & { readonly layer: ModelConfig; readonly backwardLayer?: ModelConfig };
  return new Bidirectional((direction) => {
    const config = direction.goBackwards ? backwardLayer : layer;
    const made = fromConfig({ ...config, ...direction }, from);
    if (made instanceof RecurrentLayer) return made;
    throw new ArgumentError("fromConfig", `Bidirectional needs recurrent layers, but its layer is a ${config.type}`, {
      got: config.type,
    });
  }, rest);
}

const kinds: ReadonlyMap<string, Build> = new Map<string, Build>([
  ["ConvLSTM", (options, from) => new ConvLSTM({ ...(options as ConvLSTMOptions), ...from })],
  ["ConvGRU", (options, from) => new ConvGRU({ ...(options as ConvGRUOptions), ...from })],
  ["ConvRNN", (options, from) => new ConvRNN({ ...(options as ConvRNNOptions), ...from })],
  [
    "EncoderForecaster",
    (options, from) =>
      new EncoderForecaster<ForecasterCell>({ ...(options as EncoderForecasterOptions<ForecasterCell>), ...from }),
  ],
  ["Bidirectional", bidirectional],
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
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new ArgumentError(op, `a config must be an object, as model.config gives it, got ${show(config)}`, {
      got: config,
    });
  }
  const { type, ...rest } = config;
  const build = typeof type === "string" ? kinds.get(type) : undefined;
  if (build === undefined) {
    const known = [...kinds.keys()];
    throw new ArgumentError(op, `there is no model of type ${show(type ?? null)}; there are ${known.join(", ")}`, {
      expected: known,
      got: type,
    });
  }
  return build(rest, options);
}
