import type { Tensor } from "@squall/tensor";
import type { TensorModule } from "./module.ts";
import { ModuleList } from "./moduleList.ts";

/** Modules applied one after the other. */
export class Sequential extends ModuleList<TensorModule> {
  /** @param modules - in the order of application */
  constructor(...modules: TensorModule[]) {
    super(modules);
  }

  /** `x` through all modules. Any shapes that fit them. */
  forward(x: Tensor): Tensor {
    let y = x;
    for (const module of this) y = module.forward(y);
    return y;
  }
}
