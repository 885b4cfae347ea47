import type { DType } from "@squall/device";
import type { Tensor } from "@squall/tensor";

/** What a model must have to take the tensors of a file; modules of `@squall/nn` do. */
export interface LoadableModel {
  /** Its tensors by name. */
  stateDict(): Readonly<Record<string, Tensor>>;
  /** Copies tensors in, or throws a StateDictError if they do not fit. */
  loadStateDict(stateDict: Record<string, Tensor>): unknown;
  /** Converts the model in place. Without it a model must be built with the dtype that its file has. */
  to?(dtype: DType): unknown;
}
