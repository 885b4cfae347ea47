import type { Tensor } from "@squall/tensor";

/** What a model must have to be saved; modules of `@squall/nn` that have a `config` do. */
export interface SavableModel {
  /** How the model is made, as plain JSON ({@link JsonValue}): what its class needs to make another one of the same shape. */
  readonly config: object;
  /** Its tensors by name. */
  stateDict(): Readonly<Record<string, Tensor>>;
}
