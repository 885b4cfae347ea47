// The arrays that go into a task and come out of it: names and shapes that all processes agree on.
import { gatesOf, type SequenceLayers, type Task } from "./task.ts";

/** An array that goes into a task: uniform numbers from `low` to `high`. */
export interface InputArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** An array that comes out of a task. */
export interface OutputArray {
  readonly name: string;
  readonly shape: readonly number[];
  /** Largest difference that passes, as a share of the largest absolute value. */
  readonly tolerance: number;
  /** The input whose update this is: then the change is compared, not the sum. */
  readonly updates?: string;
}

/** Number of elements of a shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function uniform(name: string, shape: readonly number[], bound = 1): InputArray {
  return { name, shape, low: -bound, high: bound };
}

/** The parameters of layers, gates i, f, o, g or r, z, n, named as a state dict of `ConvLSTM` or `ConvGRU` names them. */
function layerArrays(task: SequenceLayers): InputArray[] {
  const { channels, hidden, kernel, cell, norm, peephole } = task;
  return hidden.flatMap((size, layer) => {
    const inputs = layer === 0 ? channels : (hidden[layer - 1] ?? 0);
    const gates = gatesOf(task) * size;
    const bound = (fanIn: number): number => Math.sqrt(3 / (fanIn * kernel ** 2));
    const arrays = [
      uniform("inputWeight", [gates, inputs, kernel, kernel], bound(inputs + size)),
      uniform("stateWeight", [gates, size, kernel, kernel], bound(inputs + size)),
      uniform("bias", [gates], 0.5),
    ];
    if (cell === "gru") arrays.push(uniform("candidateBias", [size], 0.5));
    if (norm === "group") arrays.push({ name: "normWeight", shape: [gates], low: 0.5, high: 1.5 });
    if (peephole === "conv") arrays.push(uniform("peephole", [3 * size, size, kernel, kernel], bound(size)));
    return arrays.map((array) => ({ ...array, name: `cells.${layer}.${array.name}` }));
  });
}

/** The parameters of a training step's model: the layers' and the head's. */
function parameterArrays(task: Extract<Task, { kind: "train" }>): InputArray[] {
  const last = task.hidden.at(-1) ?? 0;
  return [
    ...layerArrays(task),
    uniform("head.weight", [task.outChannels, last, 1, 1], Math.sqrt(3 / last)),
    uniform("head.bias", [task.outChannels], 0.1),
  ];
}

/** What goes into a task. */
export function inputsOf(task: Task): InputArray[] {
  switch (task.kind) {
    case "conv":
    case "convBackward": {
      const { batch, channels, outChannels, height, width, kernel } = task;
      const arrays = [
        uniform("x", [batch, channels, height, width]),
        uniform("w", [outChannels, channels, kernel, kernel], Math.sqrt(3 / (channels * kernel ** 2))),
        uniform("b", [outChannels]),
      ];
      return task.kind === "conv" ? arrays : [...arrays, uniform("g", [batch, outChannels, height, width])];
    }
    case "forward": {
      const x = uniform("x", [task.batch, task.steps, task.channels, task.height, task.width]);
      return [x, ...layerArrays(task)];
    }
    case "train": {
      const image = [task.height, task.width];
      return [
        uniform("x", [task.steps, task.batch, task.channels, ...image]),
        { name: "target", shape: [task.steps, task.batch, task.outChannels, ...image], low: 0, high: 1 },
        ...parameterArrays(task),
      ];
    }
    case "matmul":
      return [uniform("a", [task.size, task.size]), uniform("b", [task.size, task.size])];
    case "add":
      return [uniform("a", [task.count]), uniform("b", [task.count])];
    case "sigmoid":
      return [uniform("a", [task.count], 4)];
    case "sum":
      return [{ name: "a", shape: [task.count], low: 0, high: 1 }];
  }
}

/** What comes out of a task for comparison. */
export function outputsOf(task: Task): OutputArray[] {
  switch (task.kind) {
    case "conv":
      return [{ name: "y", shape: [task.batch, task.outChannels, task.height, task.width], tolerance: 1e-4 }];
    case "convBackward":
      return ["x", "w", "b"].map((name) => ({
        name: `${name}.grad`,
        shape: inputsOf(task).find((input) => input.name === name)?.shape ?? [],
        tolerance: 2e-4,
      }));
    case "forward":
      // The last step's state has all steps in it, and is small enough to be written to a file.
      return [{ name: "last", shape: [task.batch, task.hidden.at(-1) ?? 0, task.height, task.width], tolerance: 1e-3 }];
    case "train":
      return [
        { name: "loss", shape: [], tolerance: 1e-4 },
        ...parameterArrays(task).map(({ name, shape }) => ({ name, shape, tolerance: 2e-3, updates: name })),
      ];
    case "matmul":
      return [{ name: "y", shape: [task.size, task.size], tolerance: 1e-4 }];
    case "add":
    case "sigmoid":
      return [{ name: "y", shape: [task.count], tolerance: 1e-5 }];
    case "sum":
      return [{ name: "y", shape: [], tolerance: 1e-4 }];
  }
}
