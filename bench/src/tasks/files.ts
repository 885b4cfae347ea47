// Arrays between processes: a folder of raw little-endian float32 files, one per array, as every peer can read.
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Generator } from "@squall/tensor";
import { type InputArray, inputsOf, sizeOf } from "./arrays.ts";
import type { Task } from "./task.ts";

/** Arrays by name. */
export type Arrays = ReadonlyMap<string, Float32Array>;

function fileOf(folder: string, name: string): string {
  return join(folder, `${name}.f32`);
}

/** Reads one array. @throws Error if the file does not hold `size` numbers */
export async function readArray(folder: string, name: string, size: number): Promise<Float32Array> {
  const bytes = await readFile(fileOf(folder, name));
  if (bytes.byteLength !== 4 * size) {
    throw new Error(`${fileOf(folder, name)} holds ${bytes.byteLength / 4} numbers, ${size} are expected`);
  }
  // A copy, because a float array must start at a multiple of four bytes.
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/** Writes one array. */
export async function writeArray(folder: string, name: string, data: Float32Array): Promise<void> {
  await writeFile(fileOf(folder, name), new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** The numbers of an input: the same for the same name and shape in every run. */
export function generateInput({ name, shape, low, high }: InputArray): Float32Array {
  const seed = createHash("sha256")
    .update(`${name} ${shape.join("x")}`)
    .digest()
    .readInt32LE(0);
  const generator = new Generator(seed);
  return Float32Array.from({ length: sizeOf(shape) }, () => low + (high - low) * generator.next());
}

/** Writes the inputs of a task into a folder. */
export async function writeInputs(task: Task, folder: string): Promise<void> {
  for (const input of inputsOf(task)) await writeArray(folder, input.name, generateInput(input));
}

/** Reads the inputs of a task from a folder. */
export async function readInputs(task: Task, folder: string): Promise<Arrays> {
  const arrays = new Map<string, Float32Array>();
  for (const { name, shape } of inputsOf(task)) arrays.set(name, await readArray(folder, name, sizeOf(shape)));
  return arrays;
}

/** One of the arrays. @throws Error if it is not there */
export function arrayNamed(arrays: Arrays, name: string): Float32Array {
  const array = arrays.get(name);
  if (array === undefined) throw new Error(`there is no array ${name}, only ${[...arrays.keys()].join(", ")}`);
  return array;
}
