import type { Expression, Storage } from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import { update as updateByLoops } from "../loops/map.ts";
import { own } from "../storage.ts";
import { kernelMemory, slotFloats } from "./kernelMemory.ts";
import { planOf } from "./plan.ts";

/** Several targets in place, each by its expression of the old values of all: in vectors, block by block, or by the loops. */
export function update(
  expressions: readonly Expression[],
  targets: readonly Storage[],
  inputs: readonly Storage[],
  scalars: readonly number[],
): void {
  const arrays = vectorsFor("update", [...targets, ...inputs]);
  const plan = planOf(expressions);
  if (arrays === undefined || !plan.fits(arrays.length)) {
    updateByLoops(expressions, targets, inputs, scalars);
    return;
  }
  const { slots, uniforms } = kernelMemory();
  const run = plan.kernel(arrays.length, 0, true);
  for (let k = 0; k < plan.scalars; k++) uniforms[k] = scalars[k];
  const { length } = arrays[0];
  for (let start = 0; start < length; start += slotFloats) {
    const count = Math.min(slotFloats, length - start);
    const end = start + count;
    for (const [k, data] of arrays.entries()) {
      slots[k].set(count === data.length ? data : data.subarray(start, end));
    }
    run(0, (count + 3) >> 2);
    for (const k of targets.keys()) {
      arrays[k].set(count === slotFloats ? slots[k] : slots[k].subarray(0, count), start);
    }
  }
  for (const target of targets) own("update", target).version++;
}
