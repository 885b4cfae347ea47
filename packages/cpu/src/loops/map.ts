import { allocate, type Expression, type FloatArray, type MapGeometry, type Storage, sizeOf } from "@squall/device";
import { arrayOf, CpuStorage, own } from "../storage.ts";
import { type Program, programOf, run } from "./program.ts";
import { BlockReader } from "./strided.ts";

/** Elements worked on at a time: few enough for all registers to stay in the nearest caches. */
const blockSize = 512;

const registers: Float64Array[] = [];

/** Runs `program` over `length` elements, block by block, and writes its outputs to `targets`. */
function runBlocks(
  program: Program,
  readers: readonly BlockReader[],
  scalars: readonly number[],
  targets: readonly FloatArray[],
  length: number,
): void {
  while (registers.length < program.registers) registers.push(new Float64Array(blockSize));
  const varying: { readonly reader: BlockReader; readonly register: Float64Array }[] = [];
  for (const { source, register } of program.leaves) {
    const block = registers[register];
    if (source.kind === "constant") block.fill(source.value, 0, Math.min(length, blockSize));
    else if (source.kind === "scalar") block.fill(scalars[source.index], 0, Math.min(length, blockSize));
    else if (readers[source.index].uniform) readers[source.index].read(0, Math.min(length, blockSize), block);
    else varying.push({ reader: readers[source.index], register: block });
  }
  for (let start = 0; start < length; start += blockSize) {
    const count = Math.min(blockSize, length - start);
    for (const { reader, register } of varying) reader.read(start, count, register);
    run(program, registers, count);
    for (const [k, target] of targets.entries()) {
      target.set(registers[program.outputs[k]].subarray(0, count), start);
    }
  }
}

/** Elementwise `expression` of broadcast inputs. */
export function map(
  geometry: MapGeometry,
  expression: Expression,
  inputs: readonly Storage[],
  scalars: readonly number[],
): Storage {
  const arrays = inputs.map((input) => arrayOf("map", input));
  const out = allocate(inputs[0].dtype, sizeOf(geometry.shape));
  const readers = arrays.map((data, k) => new BlockReader(data, geometry.shape, geometry.strides[k]));
  runBlocks(programOf([expression]), readers, scalars, [out], out.length);
  return new CpuStorage(out);
}

/** Several targets in place, each by its expression of the old values of all. */
export function update(
  expressions: readonly Expression[],
  targets: readonly Storage[],
  inputs: readonly Storage[],
  scalars: readonly number[],
): void {
  const written = targets.map((target) => own("update", target));
  const arrays = [...written.map((target) => target.data), ...inputs.map((input) => arrayOf("update", input))];
  const length = written[0].length;
  const readers = arrays.map((data) => new BlockReader(data, [length], [1]));
  const outs = written.map((target) => target.data);
  runBlocks(programOf(expressions), readers, scalars, outs, length);
  for (const target of written) target.version++;
}
