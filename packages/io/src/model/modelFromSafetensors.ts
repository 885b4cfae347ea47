import { ArgumentError, SquallError, StateDictError } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import { FormatError } from "../formatError.ts";
import type { ChooseOptions } from "../safetensors/chooseOptions.ts";
import { decodeTensors } from "../safetensors/tensorsFromSafetensors.ts";
import { readConfig } from "./configText.ts";
import type { JsonObject } from "./jsonValue.ts";
import type { LoadableModel } from "./loadableModel.ts";
import { modelConfigKey } from "./modelToSafetensors.ts";

/** What an error of Squall says, without the name of the operation that said it. */
function textOf(error: SquallError): string {
  return error.message.slice(error.op.length + 2);
}

function build<M extends LoadableModel>(op: string, make: (config: JsonObject) => M, config: JsonObject): M {
  let model: M;
  try {
    model = make(config);
  } catch (error) {
    if (!(error instanceof SquallError)) throw error;
    const refusal = new FormatError(op, `no model can be built of the file's config: ${textOf(error)}`, {
      expected: error.expected,
      got: error.got,
    });
    refusal.cause = error;
    throw refusal;
  }
  if (typeof model?.loadStateDict !== "function" || typeof model.stateDict !== "function") {
    throw new ArgumentError(op, "build must return a model, with stateDict() and loadStateDict()", { got: model });
  }
  return model;
}

/** Converts a model to the one dtype that a file has. One with several dtypes was built with them. */
function convert(model: LoadableModel, tensors: Readonly<Record<string, Tensor>>): void {
  const [dtype, ...others] = new Set(Object.values(tensors).map((tensor) => tensor.dtype));
  if (dtype === undefined || others.length > 0) return;
  if (Object.values(model.stateDict()).some((tensor) => tensor.dtype !== dtype)) model.to?.(dtype);
}

/** {@link modelFromSafetensors} under another name for messages. */
export function decodeModel<M extends LoadableModel>(
  op: string,
  bytes: Uint8Array,
  make: (config: JsonObject) => M,
  options: ChooseOptions,
): M {
  const { tensors, metadata } = decodeTensors(op, bytes, options);
  const text = Object.hasOwn(metadata, modelConfigKey) ? metadata[modelConfigKey] : undefined;
  if (text === undefined) {
    throw new FormatError(
      op,
      `there is no model's config in the file, text under "${modelConfigKey}" in its metadata; it holds tensors alone, to be loaded into a model that you make yourself`,
      { expected: modelConfigKey, got: Object.keys(metadata) },
    );
  }
  const model = build(op, make, readConfig(op, text));
  try {
    convert(model, tensors);
    model.loadStateDict(tensors);
  } catch (error) {
    if (!(error instanceof StateDictError)) throw error;
    const refusal = new StateDictError(op, textOf(error), { expected: error.expected, got: error.got });
    refusal.cause = error;
    throw refusal;
  }
  return model;
}

/**
 * Makes the model of a file that {@link modelToSafetensors} wrote: builds it from the configuration, then loads the weights. It is on the
 * device that `build` puts it on; move it afterwards with `model.to(device)`. It has the dtype of the file, whatever dtype it is built with.
 *
 * The file's metadata is what {@link tensorsFromSafetensors} reads.
 * @param build - makes a model of a configuration and refuses what is none: `fromConfig` of `@squall/nn`, or your own for your own classes
 * @throws FormatError if the bytes are not a whole, valid file, or hold no configuration that a model can be built of; StateDictError if the weights
 * do not fit the model; DTypeError if a tensor is neither F32 nor F64: leave it out with `only`, if it is not the model's; ArgumentError if `build`
 * returns no model; what `build` throws
 */
export function modelFromSafetensors<M extends LoadableModel>(
  bytes: Uint8Array,
  build: (config: JsonObject) => M,
  options: ChooseOptions = {},
): M {
  return decodeModel("modelFromSafetensors", bytes, build, options);
}
