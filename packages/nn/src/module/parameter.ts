import { Tensor } from "@squall/tensor";

/** A tensor that a module learns. Assign one to a property of a {@link Module} and it is found. */
export class Parameter extends Tensor {
  /**
   * @param value - initial value; its memory is shared
   * @param options - `requiresGrad`, default true
   */
  constructor(value: Tensor, options: { readonly requiresGrad?: boolean } = {}) {
    super(value.storage, value.shape);
    this.requiresGrad_(options.requiresGrad ?? true);
  }
}

/** A tensor that belongs to a module's state but is not learned. Assign one to a property of a {@link Module} and it is found. */
export class Buffer extends Tensor {
  /** @param value - initial value; its memory is shared */
  constructor(value: Tensor) {
    super(value.storage, value.shape);
  }
}
