import { type Expression, type MapGeometry, type Storage, sizeOf } from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import { map as mapByLoops } from "../loops/map.ts";
import { CpuStorage } from "../storage.ts";
import { kernelMemory, slotFloats } from "./kernelMemory.ts";
import { planOf } from "./plan.ts";
import { Stage } from "./stage.ts";

/** As many elements as fit a slot, but whole repetitions of what repeats, if that leaves a good part of them. */
function blockLength(stages: readonly Stage[]): number {
  let block = slotFloats;
  for (const { period } of stages) {
    if (period > 1 && period <= slotFloats / 4) block = Math.min(block, slotFloats - (slotFloats % period));
  }
  return block;
}

/** Elementwise `expression` of broadcast inputs: in vectors, block by block through memory that they can reach, or by the loops. */
export function map(
  geometry: MapGeometry,
  expression: Expression,
  inputs: readonly Storage[],
  scalars: readonly number[],
): Storage {
  const arrays = vectorsFor("map", inputs);
  const plan = planOf([expression]);
  if (arrays === undefined || !plan.fits(inputs.length)) return mapByLoops(geometry, expression, inputs, scalars);
  const { shape, strides } = geometry;
  const out = new Float32Array(sizeOf(shape));
  const { length } = out;
  if (length === 0) return new CpuStorage(out);
  const stages = arrays.map((data, k) => new Stage(data, shape, strides[k]));
  const { slots, uniforms } = kernelMemory();
  const result = slots[inputs.length];
  const run = plan.kernel(
    stages.map(({ period }) => period === 1),
    [inputs.length],
  );
  for (let k = 0; k < plan.scalars; k++) uniforms[k] = scalars[k];
  const block = blockLength(stages);
  const varying: number[] = [];
  for (const [k, stage] of stages.entries()) {
    if (stage.period === 1) uniforms[plan.scalars + k] = stage.data[0];
    // What repeats from block to block is copied only once.
    else if (block % stage.period === 0) stage.read(0, Math.min(block, length), slots[k]);
    else varying.push(k);
  }
  for (let start = 0; start < length; start += block) {
    const count = Math.min(block, length - start);
    for (const k of varying) stages[k].read(start, count, slots[k]);
    run(0, (count + 3) >> 2);
    out.set(count === slotFloats ? result : result.subarray(0, count), start);
  }
  return new CpuStorage(out);
}
