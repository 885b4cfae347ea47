// Plain JavaScript, as a library to be timed.
import type { Player, Runner } from "../../child/serve.ts";
import { type Arrays, arrayNamed } from "../../tasks/files.ts";
import type { ForwardTask, Task } from "../../tasks/task.ts";
import { conv2d, conv2dBackward } from "./conv.ts";
import { fuse, lastStep, runLayer } from "./convlstm.ts";
import { gemm } from "./gemm.ts";

type Named = Readonly<Record<string, Float32Array>>;

/** A task that gives arrays by name. */
function runner(compute: () => Named): Runner {
  let results: Named = {};
  return {
    run: () => {
      results = compute();
    },
    outputs: () => new Map(Object.entries(results)),
  };
}

function forward(task: ForwardTask, arrays: Arrays): Runner {
  const { batch, steps, height, width, kernel } = task;
  const layers = task.hidden.map((hidden, layer) => {
    const part = (name: string): Float32Array => arrayNamed(arrays, `cells.${layer}.${name}`);
    const channels = layer === 0 ? task.channels : (task.hidden[layer - 1] ?? 0);
    const weight = fuse(part("inputWeight"), part("stateWeight"), 4 * hidden);
    return { sizes: { batch, steps, channels, hidden, height, width, kernel }, weight, bias: part("bias") };
  });
  const x = arrayNamed(arrays, "x");
  let output = x;
  return {
    run: () => {
      output = layers.reduce((sequence, { sizes, weight, bias }) => runLayer(sizes, sequence, weight, bias), x);
    },
    outputs: () => new Map([["last", lastStep(output, batch, steps)]]),
  };
}

function prepare(task: Task, arrays: Arrays): Runner {
  const array = (name: string): Float32Array => arrayNamed(arrays, name);
  switch (task.kind) {
    case "conv":
      return runner(() => ({ y: conv2d(task, array("x"), array("w"), array("b")) }));
    case "convBackward":
      return runner(() => {
        const { x, w, b } = conv2dBackward(task, array("x"), array("w"), array("g"));
        return { "x.grad": x, "w.grad": w, "b.grad": b };
      });
    case "forward":
      return forward(task, arrays);
    case "train":
      throw new Error("plain JavaScript has no gradients of its own");
    case "matmul":
      return runner(() => {
        const { size } = task;
        const y = new Float32Array(size * size);
        const matrix = (name: string) => ({ data: array(name), rowStep: size, columnStep: 1 });
        gemm([size, size, size], matrix("a"), matrix("b"), y);
        return { y };
      });
    case "sigmoid":
      return runner(() => ({ y: array("a").map((x) => 1 / (1 + Math.exp(-x))) }));
    case "add":
      return runner(() => {
        const [a, b] = [array("a"), array("b")];
        const y = new Float32Array(a.length);
        for (let k = 0; k < y.length; k++) y[k] = a[k] + b[k];
        return { y };
      });
    case "sum":
      return runner(() => {
        const a = array("a");
        let sum = 0;
        for (let k = 0; k < a.length; k++) sum += a[k];
        return { y: Float32Array.of(sum) };
      });
  }
}

/** Loops, as one writes them without a library. */
export const plainJs: Player = {
  start: () => ({ version: "plain JS", threads: 1, about: "im2col and a product in tiles of 4 x 4" }),
  prepare,
};
