// The process in which TensorFlow.js is timed. Argument: the backend, wasm or cpu.
import { type Runner, serve } from "../../child/serve.ts";
import { inputsOf } from "../../tasks/arrays.ts";
import { type Arrays, arrayNamed } from "../../tasks/files.ts";
import type { ForwardTask, Task } from "../../tasks/task.ts";
import { load, versionOf } from "../installed.ts";
import type { Tf, TfTensor } from "./library.ts";

const backend = process.argv[2] ?? "wasm";

/** Where TensorFlow keeps the gates i, f, g, o of Squall's i, f, o, g. */
const GATES = [0, 1, 3, 2];

function runner(tf: Tf, compute: () => TfTensor, outputs: (y: TfTensor) => Arrays): Runner {
  let y: TfTensor | undefined;
  return {
    run: () => {
      y?.dispose();
      y = tf.tidy(compute);
    },
    outputs: () => (y === undefined ? new Map() : outputs(y)),
  };
}

/** Values of a tensor, in the order of `axes`. */
function values(tensor: TfTensor, axes?: readonly number[]): Float32Array {
  return Float32Array.from((axes === undefined ? tensor : tensor.transpose(axes)).dataSync());
}

/** The model that `tf.layers` offers. Its layout is `[N, T, H, W, C]`, gates i, f, g, o in the last axis of the weights. */
function forward(tf: Tf, task: ForwardTask, input: (name: string) => TfTensor): Runner {
  const { batch, steps, height, width, kernel } = task;
  const x = input("x").transpose([0, 1, 3, 4, 2]);
  const layers = task.hidden.map((hidden, number) => {
    const layer = tf.layers.convLstm2d({
      filters: hidden,
      kernelSize: kernel,
      padding: "same",
      recurrentActivation: "sigmoid",
      returnSequences: true,
    });
    const channels = number === 0 ? task.channels : (task.hidden[number - 1] ?? 0);
    // Applied to a symbol, which only makes its weights.
    layer.apply(tf.input({ batchShape: [batch, steps, height, width, channels] }));
    const weight = (name: string, size: number): TfTensor => {
      const parts = input(`cells.${number}.${name}`).reshape([4, hidden, size, kernel, kernel]);
      return parts
        .gather(GATES)
        .reshape([4 * hidden, size, kernel, kernel])
        .transpose([2, 3, 1, 0]);
    };
    const bias = input(`cells.${number}.bias`)
      .reshape([4, hidden])
      .gather(GATES)
      .reshape([4 * hidden]);
    layer.setWeights([weight("inputWeight", channels), weight("stateWeight", hidden), bias]);
    return layer;
  });
  return runner(
    tf,
    () => layers.reduce((sequence, layer) => layer.apply(sequence), x),
    (y) => {
      const last = y.slice([0, steps - 1, 0, 0, 0], [batch, 1, height, width, task.hidden.at(-1) ?? 0]).squeeze([1]);
      return new Map([["last", values(last, [0, 3, 1, 2])]]);
    },
  );
}

function prepare(tf: Tf, task: Task, arrays: Arrays): Runner {
  const shapes = new Map(inputsOf(task).map(({ name, shape }) => [name, shape]));
  const input = (name: string): TfTensor => tf.tensor(arrayNamed(arrays, name), shapes.get(name) ?? []);
  const single = (compute: () => TfTensor): Runner => runner(tf, compute, (y) => new Map([["y", values(y)]]));
  switch (task.kind) {
    case "conv": {
      const x = input("x").transpose([0, 2, 3, 1]);
      const filter = input("w").transpose([2, 3, 1, 0]);
      const bias = input("b");
      return runner(
        tf,
        () => tf.fused.conv2d({ x, filter, bias, strides: 1, pad: "same" }),
        (y) => new Map([["y", values(y, [0, 3, 1, 2])]]),
      );
    }
    case "forward":
      return forward(tf, task, input);
    case "matmul":
    case "add": {
      const [a, b] = [input("a"), input("b")];
      return single(() => (task.kind === "add" ? tf.add(a, b) : tf.matMul(a, b)));
    }
    case "sigmoid":
    case "sum": {
      const a = input("a");
      return single(() => (task.kind === "sum" ? tf.sum(a) : tf.sigmoid(a)));
    }
    default:
      throw new Error(
        `tfjs cannot train with its ${backend} backend (wasm has no Conv2DBackpropFilter, cpu takes minutes)`,
      );
  }
}

const { default: tf } = await load<{ readonly default: Tf }>("@tensorflow/tfjs");

await serve({
  start: async () => {
    if (backend === "wasm") await load("@tensorflow/tfjs-backend-wasm");
    if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no backend ${backend} here`);
    await tf.ready();
    return {
      version: `tfjs-${backend} ${await versionOf("@tensorflow/tfjs")}`,
      threads: 1,
      about: "layout [N, H, W, C]; has no threads in Node",
    };
  },
  prepare: (task, arrays) => prepare(tf, task, arrays),
});
