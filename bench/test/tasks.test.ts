import { describe, expect, test } from "vitest";
import { inputsOf, outputsOf, sizeOf } from "../src/tasks/arrays.ts";
import { generateInput } from "../src/tasks/files.ts";
import { type Task, workOf } from "../src/tasks/task.ts";
import { GPU_USUAL, GPU_WORKLOADS } from "../src/workloads.ts";

function taskOf(name: string): Task {
  const [first] = GPU_WORKLOADS.find((workload) => workload.name === name)?.cases ?? [];
  return first.task;
}

describe("workOf", () => {
  test.each([
    ["W1", 1.208],
    ["W1b", 2.416],
    ["W2", 102.7],
    ["W3", 31.5],
    ["W3b", 109.9],
    ["W4", 27.76],
    ["W5", 28.06],
    ["W6", 64.58],
    ["matmul-512", 0.2684],
    ["G1", 38.65],
    ["G1b", 77.31],
  ])("counts the multiply-adds of the direct convolutions twice: %s has %d GFLOP", (name, gflop) => {
    const { unit, amount } = workOf(taskOf(name));
    expect(unit).toBe("flop");
    expect(Math.abs(amount / 1e9 / gflop - 1)).toBeLessThan(2e-3);
  });

  test("counts the bytes of elementwise tasks", () => {
    expect(workOf({ kind: "add", count: 10 })).toEqual({ unit: "byte", amount: 120 });
    expect(workOf({ kind: "sigmoid", count: 10 })).toEqual({ unit: "byte", amount: 80 });
    expect(workOf({ kind: "sum", count: 10 })).toEqual({ unit: "byte", amount: 40 });
  });
});

describe("workloads of the gpu", () => {
  test("run by themselves if they have a name that is there", () => {
    const names = GPU_WORKLOADS.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([...GPU_USUAL]));
  });

  test("are at most 2.5 GFLOP on a software adapter, with as many time steps in a training step", () => {
    for (const { name, cases, small } of GPU_WORKLOADS) {
      const task = small?.task ?? cases[0].task;
      const { unit, amount } = workOf(task);
      if (unit === "flop") expect(amount, name).toBeLessThan(2.5e9);
      if (task.kind === "train") expect(cases[0].task).toMatchObject({ steps: task.steps });
    }
  });
});

describe("arrays", () => {
  test("have the shapes that the issue names", () => {
    const shapes = (name: string): Record<string, readonly number[]> =>
      Object.fromEntries(inputsOf(taskOf(name)).map((input) => [input.name, input.shape]));
    expect(shapes("W1")).toEqual({ x: [8, 32, 64, 64], w: [64, 32, 3, 3], b: [64] });
    expect(shapes("G1")).toEqual({ x: [32, 64, 128, 128], w: [64, 64, 3, 3], b: [64] });
    expect(shapes("W2").x).toEqual([32, 10, 1, 128, 128]);
    expect(shapes("W3")).toMatchObject({
      x: [10, 4, 16, 16, 16],
      target: [10, 4, 16, 16, 16],
      "cells.0.inputWeight": [256, 16, 5, 5],
      "cells.0.stateWeight": [256, 64, 5, 5],
      "head.weight": [16, 64, 1, 1],
    });
    expect(shapes("W5")).toMatchObject({
      x: [10, 4, 1, 64, 64],
      "cells.0.inputWeight": [96, 1, 3, 3],
      "cells.0.stateWeight": [96, 32, 3, 3],
      "cells.0.bias": [96],
      "cells.0.candidateBias": [32],
    });
    expect(shapes("W6")).toMatchObject({
      "cells.0.stateWeight": [128, 32, 3, 3],
      "cells.0.normWeight": [128],
      "cells.0.peephole": [96, 32, 3, 3],
    });
    expect(shapes("W3b")).toMatchObject({ x: [10, 4, 1, 64, 64], "cells.1.inputWeight": [128, 32, 3, 3] });
  });

  test("are the same with checkpoints and without, and so is the work", () => {
    const [checkpointed, plain] = GPU_WORKLOADS.find(({ name }) => name === "W4")?.cases ?? [];
    expect([checkpointed.task, plain.task]).toMatchObject([{ checkpoint: true }, { kind: "train" }]);
    expect(plain.task).not.toHaveProperty("checkpoint");
    expect(inputsOf(checkpointed.task)).toEqual(inputsOf(plain.task));
    expect(workOf(checkpointed.task)).toEqual(workOf(plain.task));
  });

  test("come out with a tolerance, updated parameters beside what they were", () => {
    for (const { cases } of GPU_WORKLOADS) {
      for (const { task } of cases) {
        const inputs = new Map(inputsOf(task).map(({ name, shape }) => [name, shape]));
        for (const { shape, tolerance, updates } of outputsOf(task)) {
          expect(tolerance).toBeGreaterThan(0);
          if (updates !== undefined) expect(inputs.get(updates)).toEqual(shape);
        }
      }
    }
  });

  test("are filled within their bounds, the same every time, differently under another name", () => {
    const spec = { name: "x", shape: [4, 50], low: -2, high: 3 };
    const values = generateInput(spec);
    expect(values).toHaveLength(sizeOf(spec.shape));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-2);
    expect(Math.max(...values)).toBeLessThan(3);
    expect(new Set(values).size).toBeGreaterThan(190);
    expect(generateInput(spec)).toEqual(values);
    expect(generateInput({ ...spec, name: "y" })).not.toEqual(values);
  });
});
