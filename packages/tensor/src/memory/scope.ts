import { refusePromise } from "../autograd/mode.ts";
import { survivingScope } from "./survivingScope.ts";

/**
 * Runs `fn` and frees the memory of every tensor made in it, except those in what it returns: a tensor, or arrays, maps, sets, objects and
 * modules that hold some, with their gradients. What the graphs of returned tensors saved for the backward pass stays until that pass is
 * over. Gradients and the state of optimizers belong to their parameters and stay too; {@link keep} saves others.
 *
 * For devices whose memory is not the garbage collector's. On the cpu it frees nothing and costs nothing to speak of.
 *
 * ```ts
 * using loss = scope(() => {
 *   const loss = mse(model.forward(x), y);
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * console.log(await loss.item());
 * ```
 * @returns what `fn` returned. It belongs to the scope around this one, or, if there is none, to the caller.
 * @throws AutogradError if `fn` is asynchronous. If `fn` throws, everything made in it is freed.
 */
export function scope<R>(fn: () => R): R {
  return survivingScope(() => refusePromise("scope", fn()));
}
