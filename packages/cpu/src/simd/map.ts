import { type Expression, type MapGeometry, type Shape, type Storage, sizeOf } from "@squall/device";
import { vectorsFor } from "../dispatch.ts";
import { map as mapByLoops } from "../loops/map.ts";
import { CpuStorage } from "../storage.ts";
import { kernelMemory, slotFloats } from "./kernelMemory.ts";
import { type Plan, planOf } from "./plan.ts";
import { Stage } from "./stage.ts";

/** As many elements as fit a slot, but whole repetitions of what repeats, if that leaves a good part of them. */
function blockLength(stages: readonly Stage[]): number {
  let block = slotFloats;
  for (const { period } of stages) {
    if (period > 1 && period <= slotFloats / 4) block = Math.min(block, slotFloats - (slotFloats % period));
  }
  return block;
}

/** Whether an input with these strides lies in memory as the result does. */
function isPlain(shape: Shape, strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] === 1) continue;
    if (strides[axis] !== step) return false;
    step *= shape[axis];
  }
  return true;
}

/** One block of inputs that are numbers or lie as the result does; `undefined` if one of them does not. The commonest case, without ado. */
function mapPlainBlock(
  { shape, strides }: MapGeometry,
  length: number,
  plan: Plan,
  inputs: readonly Float32Array[],
): Float32Array | undefined {
  const { slots, uniforms } = kernelMemory();
  let uniform = 0;
  for (let k = 0; k < inputs.length; k++) {
    const data = inputs[k];
    if (data.length === 1) {
      uniforms[plan.uniformOf(k)] = data[0];
      uniform |= 1 << k;
    } else if (data.length === length && isPlain(shape, strides[k])) slots[k].set(data);
    else return undefined;
  }
  plan.kernel(inputs.length, uniform, false)(0, (length + 3) >> 2);
  return slots[inputs.length].slice(0, length);
}

/** Blocks of inputs that repeat in any way. */
function mapBlocks(
  { shape, strides }: MapGeometry,
  length: number,
  plan: Plan,
  inputs: readonly Float32Array[],
): Float32Array {
  const { slots, uniforms } = kernelMemory();
  const stages = inputs.map((data, k) => new Stage(data, shape, strides[k]));
  const block = blockLength(stages);
  const varying: number[] = [];
  let uniform = 0;
  for (const [k, stage] of stages.entries()) {
    if (stage.period === 1) {
      uniforms[plan.uniformOf(k)] = stage.data[0];
      uniform |= 1 << k;
    } else if (block % stage.period === 0) {
      // What repeats from block to block is copied only once.
      stage.read(0, Math.min(block, length), slots[k]);
    } else varying.push(k);
  }
  const run = plan.kernel(inputs.length, uniform, false);
  const result = slots[inputs.length];
  const out = new Float32Array(length);
  for (let start = 0; start < length; start += block) {
    const count = Math.min(block, length - start);
    for (const k of varying) stages[k].read(start, count, slots[k]);
    run(0, (count + 3) >> 2);
    out.set(count === slotFloats ? result : result.subarray(0, count), start);
  }
  return out;
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
  const length = sizeOf(geometry.shape);
  if (length === 0) return new CpuStorage(new Float32Array(0));
  const { uniforms } = kernelMemory();
  for (let k = 0; k < plan.scalars; k++) uniforms[k] = scalars[k];
  const plain = length <= slotFloats ? mapPlainBlock(geometry, length, plan, arrays) : undefined;
  return new CpuStorage(plain ?? mapBlocks(geometry, length, plan, arrays));
}
