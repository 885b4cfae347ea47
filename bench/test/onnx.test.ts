import { PbfReader } from "pbf";
import { describe, expect, test } from "vitest";
import { graphOf } from "../src/peers/ort/graphs.ts";
import { type Graph, modelBytes, OPSET } from "../src/peers/ort/onnx.ts";
import { inputsOf } from "../src/tasks/arrays.ts";
import { type Arrays, generateInput } from "../src/tasks/files.ts";
import type { Task } from "../src/tasks/task.ts";

/** A message as its fields: numbers, or bytes. */
type Fields = [tag: number, value: number | Uint8Array][];

function fields(bytes: Uint8Array): Fields {
  const read = (tag: number, found: Fields, pbf: PbfReader): void => {
    found.push([tag, pbf.type === 0 ? pbf.readVarint() : pbf.readBytes()]);
  };
  return new PbfReader(bytes).readFields(read, []);
}

function messages(of: Fields, tag: number): Fields[] {
  return of.flatMap(([each, value]) => (each === tag && typeof value !== "number" ? [fields(value)] : []));
}

function texts(of: Fields, tag: number): string[] {
  return of.flatMap(([each, value]) =>
    each === tag && typeof value !== "number" ? [new TextDecoder().decode(value)] : [],
  );
}

function numbers(of: Fields, tag: number): number[] {
  return of.flatMap(([each, value]) => (each === tag && typeof value === "number" ? [value] : []));
}

function shapeOf(value: Fields): number[] {
  const [type] = messages(value, 2);
  const [tensor] = messages(type, 1);
  expect(numbers(tensor, 1)).toEqual([1]);
  const [shape] = messages(tensor, 2);
  return messages(shape, 1).flatMap((dimension) => numbers(dimension, 1));
}

function arraysOf(task: Task): Arrays {
  return new Map(inputsOf(task).map((input) => [input.name, generateInput(input)]));
}

describe("modelBytes", () => {
  const graph: Graph = {
    nodes: [{ op: "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: { kernel_shape: [3, 5], group: 1 } }],
    constants: [
      { name: "w", shape: [1, 2], data: Float32Array.of(1.5, -2) },
      { name: "n", shape: [1], data: BigInt64Array.of(-1n) },
    ],
    inputs: [{ name: "x", shape: [2, 300] }],
    outputs: [{ name: "y", shape: [] }],
  };
  const model = fields(modelBytes(graph));
  const [body] = messages(model, 7);

  test("is a model of one graph with a version and a set of operators", () => {
    expect(numbers(model, 1)).toEqual([8]);
    expect(numbers(messages(model, 8)[0], 2)).toEqual([OPSET]);
    expect(texts(body, 2)).toEqual(["bench"]);
  });

  test("has nodes with attributes and their types", () => {
    const [node] = messages(body, 1);
    expect([texts(node, 1), texts(node, 2), texts(node, 4)]).toEqual([["x", "w"], ["y"], ["Conv"]]);
    const [kernel, group] = messages(node, 5);
    expect([texts(kernel, 1), numbers(kernel, 8), numbers(kernel, 20)]).toEqual([["kernel_shape"], [3, 5], [7]]);
    expect([texts(group, 1), numbers(group, 3), numbers(group, 20)]).toEqual([["group"], [1], [2]]);
  });

  test("has constants as raw little-endian bytes, inputs and outputs with their shapes", () => {
    const [w, n] = messages(body, 5);
    expect([numbers(w, 1), numbers(w, 2), texts(w, 8)]).toEqual([[1, 2], [1], ["w"]]);
    expect(w.find(([tag]) => tag === 9)?.[1]).toEqual(new Uint8Array(Float32Array.of(1.5, -2).buffer));
    expect([numbers(n, 2), n.find(([tag]) => tag === 9)?.[1]]).toEqual([[7], new Uint8Array(8).fill(255)]);
    expect(messages(body, 11).map(shapeOf)).toEqual([[2, 300]]);
    expect(messages(body, 12).map(shapeOf)).toEqual([[]]);
  });
});

describe("graphOf", () => {
  test("unrolls a ConvLSTM: every name is written once, before it is read, and every step comes out", () => {
    const sizes = { batch: 2, steps: 3, channels: 1, height: 4, width: 5, hidden: [2, 3], kernel: 3 };
    const task: Task = { kind: "forward", ...sizes };
    const { nodes, constants, inputs, outputs } = graphOf(task, arraysOf(task));
    const known = new Set([...constants, ...inputs].map(({ name }) => name));
    for (const node of nodes) {
      for (const input of node.inputs) expect(known).toContain(input);
      for (const output of node.outputs) {
        expect(known).not.toContain(output);
        known.add(output);
      }
    }
    expect(outputs.map(({ shape }) => shape)).toEqual(
      sizes.hidden.flatMap(() => [[2, 3, 4, 5]]).concat([[2, 3, 4, 5]]),
    );
    for (const { name } of outputs) expect(known).toContain(name);
    expect(nodes.filter(({ op }) => op === "Conv")).toHaveLength(6);
  });

  test("has none for training", () => {
    const task: Task = { kind: "sum", count: 3 };
    expect(() => graphOf(task, arraysOf(task))).toThrow("no graph of sum");
  });
});
