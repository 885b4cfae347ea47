// Squall, as a library to be timed.
import { setKernelPath } from "@squall/cpu";
import { bceWithLogits, Conv2d, ConvLSTM, Module, type StateDict } from "@squall/nn";
import { SGD } from "@squall/optim";
import { add, conv2d, grad, matmul, noGrad, sigmoid, sum, type Tensor, tensor } from "@squall/tensor";
import type { Player, Runner } from "../child/serve.ts";
import { applySettings, describeSettings } from "../settings.ts";
import { inputsOf } from "../tasks/arrays.ts";
import { type Arrays, arrayNamed } from "../tasks/files.ts";
import type { ConvTask, ForwardTask, Task, TrainTask } from "../tasks/task.ts";

type Inputs = Readonly<Record<string, Tensor>>;

function tensorsOf(task: Task, arrays: Arrays): Inputs {
  return Object.fromEntries(
    inputsOf(task).map(({ name, shape }) => [name, tensor(arrayNamed(arrays, name), { shape })]),
  );
}

function values(tensors: Readonly<Record<string, Tensor | undefined>>): Arrays {
  const arrays = new Map<string, Float32Array>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const data = tensor?.dataSync();
    if (data instanceof Float32Array) arrays.set(name, data);
  }
  return arrays;
}

/** A task that is one call without gradients. */
function single(compute: () => Tensor): Runner {
  let y: Tensor | undefined;
  return {
    run: () => {
      y = undefined;
      y = noGrad(compute);
    },
    outputs: () => values({ y }),
  };
}

/** The three gradients of a convolution; its forward pass happens once, before. */
function convBackward({ kernel }: ConvTask, { x, w, b, g }: Inputs): Runner {
  const inputs = [x, w, b].map((input) => input.requiresGrad_());
  const y = conv2d(x, w, b, { padding: (kernel - 1) / 2 });
  let gradients: readonly Tensor[] = [];
  return {
    run: () => {
      gradients = grad(y, inputs, { gradOutputs: [g], retainGraph: true });
    },
    outputs: () => values({ "x.grad": gradients[0], "w.grad": gradients[1], "b.grad": gradients[2] }),
  };
}

function without(inputs: Inputs, ...names: readonly string[]): StateDict {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.includes(name)));
}

function forward(task: ForwardTask, inputs: Inputs): Runner {
  const { channels, hidden, kernel, steps } = task;
  const model = new ConvLSTM({ inputChannels: channels, hiddenChannels: hidden, kernelSize: kernel, batchFirst: true });
  model.loadStateDict(without(inputs, "x"));
  let output: Tensor | undefined;
  return {
    run: () => {
      output = undefined;
      [[output]] = noGrad(() => model.forward(inputs.x));
    },
    outputs: () => values({ last: output?.select(1, steps - 1) }),
  };
}

/** Layers and a 1x1 convolution of every hidden state. */
class Forecaster extends Module {
  private readonly layers: ConvLSTM;
  readonly head: Conv2d;

  constructor({ channels, hidden, kernel, outChannels }: TrainTask) {
    super();
    this.layers = new ConvLSTM({ inputChannels: channels, hiddenChannels: hidden, kernelSize: kernel });
    this.head = new Conv2d({ inChannels: hidden.at(-1) ?? 0, outChannels, kernelSize: 1 });
  }

  /** `[T, N, C, H, W]` to logits `[T·N, O, H, W]`. */
  forward(x: Tensor): Tensor {
    const [[hidden]] = this.layers.forward(x);
    const [steps, batch, ...image] = hidden.shape;
    return this.head.forward(hidden.reshape([steps * batch, ...image]));
  }

  /** Takes the weights of a task. */
  load(weights: StateDict): void {
    this.loadStateDict(
      Object.fromEntries(
        Object.entries(weights).map(([name, value]) => [name.startsWith("cells.") ? `layers.${name}` : name, value]),
      ),
    );
  }

  /** The weights as the task names them. */
  weights(): StateDict {
    return Object.fromEntries(
      Object.entries(this.stateDict()).map(([name, value]) => [name.replace(/^layers\./, ""), value]),
    );
  }
}

function train(task: TrainTask, inputs: Inputs): Runner {
  const { steps, batch, outChannels, height, width, learningRate } = task;
  const model = new Forecaster(task);
  model.load(without(inputs, "x", "target"));
  const optimizer = new SGD(model.parameters(), { lr: learningRate });
  const target = inputs.target.reshape([steps * batch, outChannels, height, width]);
  let loss: Tensor | undefined;
  return {
    run: () => {
      optimizer.zeroGrad();
      loss = bceWithLogits(model.forward(inputs.x), target);
      loss.backward();
      optimizer.step();
    },
    outputs: () => values({ loss, ...model.weights() }),
  };
}

function prepare(task: Task, arrays: Arrays): Runner {
  const inputs = tensorsOf(task, arrays);
  switch (task.kind) {
    case "conv":
      return single(() => conv2d(inputs.x, inputs.w, inputs.b, { padding: (task.kernel - 1) / 2 }));
    case "convBackward":
      return convBackward(task, inputs);
    case "forward":
      return forward(task, inputs);
    case "train":
      return train(task, inputs);
    case "matmul":
      return single(() => matmul(inputs.a, inputs.b));
    case "sigmoid":
      return single(() => sigmoid(inputs.a));
    case "add":
      return single(() => add(inputs.a, inputs.b));
    case "sum":
      return single(() => sum(inputs.a));
  }
}

/** Squall. */
export const ours: Player = {
  start: (settings) => ({
    version: settings.turbo ? "squall, turbo" : "squall",
    threads: applySettings(settings),
    about: describeSettings(),
  }),
  prepare,
  // The pool of threads starts at the first large operation, so at the end there is more to say.
  about: describeSettings,
  setPath: setKernelPath,
};
