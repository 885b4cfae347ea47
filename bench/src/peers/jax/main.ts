// The process in which jax-js is timed. Eager: its jit is several times slower on the wasm backend.
import { type Runner, serve } from "../../child/serve.ts";
import { inputsOf } from "../../tasks/arrays.ts";
import { type Arrays, arrayNamed } from "../../tasks/files.ts";
import type { ConvTask, ForwardTask, Task, TrainTask } from "../../tasks/task.ts";
import { load, versionOf } from "../installed.ts";
import type { Jax, JaxArray, JaxTree } from "./library.ts";

const jax = await load<Jax>("@jax-js/jax");
const { numpy: np, nn, lax } = jax;

async function read(tree: JaxTree): Promise<Arrays> {
  const arrays = new Map<string, Float32Array>();
  for (const [name, array] of Object.entries(tree)) arrays.set(name, await array.ref.data());
  return arrays;
}

/** A task that gives arrays by name. */
function runner(compute: () => JaxTree): Runner {
  let results: JaxTree = {};
  return {
    run: async () => {
      for (const array of Object.values(results)) array.dispose();
      results = await jax.blockUntilReady(compute());
    },
    outputs: () => read(results),
  };
}

/** `[N, C, H, W]`, `[O, C, k, k]` and `[O]`. */
function conv(x: JaxArray, w: JaxArray, b: JaxArray): JaxArray {
  return lax.convGeneralDilated(x, w, [1, 1], "SAME").add(b.reshape([1, -1, 1, 1]));
}

/** Runs layers over frames `[N, C, H, W]`, from zero states; the cell over cat(x, h). Keeps the weights. */
function runLayers(task: ForwardTask | TrainTask, frames: readonly JaxArray[], weights: JaxTree): JaxArray[] {
  const { batch, height, width } = task;
  let below = [...frames];
  for (const [layer, hidden] of task.hidden.entries()) {
    const part = (name: string): JaxArray => weights[`cells.${layer}.${name}`].ref;
    const weight = np.concatenate([part("inputWeight"), part("stateWeight")], 1);
    let h = np.zeros([batch, hidden, height, width]);
    let c = np.zeros([batch, hidden, height, width]);
    const outputs: JaxArray[] = [];
    for (const x of below) {
      const gates = conv(np.concatenate([x, h], 1), weight.ref, part("bias"));
      const [i, f, o, g] = np.split(gates, 4, 1);
      c = nn
        .sigmoid(f)
        .mul(c)
        .add(nn.sigmoid(i).mul(np.tanh(g)));
      h = nn.sigmoid(o).mul(np.tanh(c.ref));
      outputs.push(h.ref);
    }
    for (const array of [weight, h, c]) array.dispose();
    below = outputs;
  }
  return below;
}

/** Frames of one step each, `[N, C, H, W]`, of x in the layout of its task. */
function framesOf(task: ForwardTask | TrainTask, x: JaxArray): JaxArray[] {
  const { batch, steps, channels, height, width } = task;
  const axis = task.kind === "forward" ? 1 : 0;
  return np.split(x, steps, axis).map((frame) => frame.reshape([batch, channels, height, width]));
}

function convBackward(_: ConvTask, x: JaxArray, w: JaxArray, b: JaxArray, g: JaxArray): Runner {
  const [y, backward] = jax.vjp(conv, [x, w, b]);
  y.dispose();
  return runner(() => {
    const [gx, gw, gb] = backward(g.ref);
    return { "x.grad": gx, "w.grad": gw, "b.grad": gb };
  });
}

function forward(task: ForwardTask, { x, ...weights }: JaxTree): Runner {
  return runner(() => {
    const outputs = runLayers(task, framesOf(task, x.ref), weights);
    const [last] = outputs.slice(-1).map((output) => output.ref);
    return { last, all: np.stack(outputs, 1) };
  });
}

function train(task: TrainTask, { x, target, ...start }: JaxTree): Runner {
  const { steps, batch, outChannels, height, width, learningRate } = task;
  const answers = target.reshape([steps * batch, outChannels, height, width]);
  const step = jax.valueAndGrad((weights) => {
    const hidden = np.concatenate(runLayers(task, framesOf(task, x.ref), weights), 0);
    const logits = conv(hidden, weights["head.weight"].ref, weights["head.bias"].ref);
    for (const weight of Object.values(weights)) weight.dispose();
    return nn.softplus(logits.ref).sub(logits.mul(answers.ref)).mean();
  });
  let weights = start;
  let loss: JaxArray | undefined;
  return {
    run: async () => {
      loss?.dispose();
      const kept = Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, weight.ref]));
      const [value, gradients] = step(kept);
      loss = value;
      weights = await jax.blockUntilReady(
        Object.fromEntries(
          Object.entries(weights).map(([name, weight]) => [name, weight.sub(gradients[name].mul(learningRate))]),
        ),
      );
    },
    outputs: () => read(loss === undefined ? weights : { loss, ...weights }),
  };
}

function prepare(task: Task, arrays: Arrays): Runner {
  const tree: JaxTree = Object.fromEntries(
    inputsOf(task).map(({ name, shape }) => [name, np.array(arrayNamed(arrays, name)).reshape(shape)]),
  );
  const { x, w, b, a, g } = tree;
  switch (task.kind) {
    case "conv":
      return runner(() => ({ y: conv(x.ref, w.ref, b.ref) }));
    case "convBackward":
      return convBackward(task, x, w, b, g);
    case "forward":
      return forward(task, tree);
    case "train":
      return train(task, tree);
    case "matmul":
      return runner(() => ({ y: np.matmul(a.ref, b.ref) }));
    case "sigmoid":
      return runner(() => ({ y: nn.sigmoid(a.ref) }));
    case "add":
      return runner(() => ({ y: np.add(a.ref, b.ref) }));
    case "sum":
      return runner(() => ({ y: np.sum(a.ref) }));
  }
}

await serve({
  start: async () => {
    await jax.init("wasm");
    return {
      version: `jax-js ${await versionOf("@jax-js/jax")}`,
      threads: 1,
      about: "wasm, eager; no threads in Node",
    };
  },
  prepare,
});
