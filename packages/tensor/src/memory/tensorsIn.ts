import type { Device } from "@squall/device";
import { Tensor } from "../tensor.ts";

function isDevice(value: object): value is Device {
  return "kernels" in value && "canReadSync" in value;
}

/** What a value holds directly. Getters are not called. */
function contents(value: object): unknown[] {
  if (Array.isArray(value)) return value;
  if (ArrayBuffer.isView(value)) return [];
  const found: unknown[] = [];
  if (value instanceof Map) for (const [key, item] of value) found.push(key, item);
  if (value instanceof Set) found.push(...value);
  for (const { value: item } of Object.values(Object.getOwnPropertyDescriptors(value))) found.push(item);
  return found;
}

/**
 * All tensors in a value, with their gradients: a tensor itself, or arrays, maps, sets and objects of any class that hold some, however deep.
 * Functions are not looked into.
 */
export function tensorsIn(value: unknown): Set<Tensor> {
  const tensors = new Set<Tensor>();
  const seen = new Set<object>();
  const waiting: unknown[] = [value];
  while (waiting.length > 0) {
    const next = waiting.pop();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    if (next instanceof Tensor) {
      tensors.add(next);
      waiting.push(next.grad);
    } else if (!isDevice(next)) for (const item of contents(next)) waiting.push(item);
  }
  return tensors;
}
