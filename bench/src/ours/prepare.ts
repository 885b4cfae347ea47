// The tasks as Squall does them, on any device.
import type { Device } from "@squall/device";
import { bceWithLogits, Conv2d, ConvGRU, ConvLSTM, Module, type StateDict } from "@squall/nn";
import { SGD } from "@squall/optim";
import { add, conv2d, grad, matmul, noGrad, scope, sigmoid, sum, type Tensor, tensor } from "@squall/tensor";
import type { Runner } from "../child/serve.ts";
import { inputsOf } from "../tasks/arrays.ts";
import { type Arrays, arrayNamed } from "../tasks/files.ts";
import type { ConvTask, ForwardTask, SequenceLayers, Task, TrainTask } from "../tasks/task.ts";

/** Tensors by name. */
type Tensors = Readonly<Record<string, Tensor>>;

/** A task with its tensors and modules on a device. */
interface Job {
  /** Does it once and gives what there is to keep until the next time. */
  run(): Tensors;
  /** The outputs, if they are not just what `run` gave. */
  outputs?(kept: Tensors): Tensors;
}

function tensorsOf(task: Task, arrays: Arrays, device: Device): Tensors {
  return Object.fromEntries(
    inputsOf(task).map(({ name, shape }) => [name, tensor(arrayNamed(arrays, name), { shape }).to(device)]),
  );
}

async function values(tensors: Tensors): Promise<Arrays> {
  const arrays = new Map<string, Float32Array>();
  for (const [name, tensor] of Object.entries(tensors)) {
    const data = await tensor.data();
    if (data instanceof Float32Array) arrays.set(name, data);
  }
  return arrays;
}

/** A task that is one call without gradients. */
function single(compute: () => Tensor): Job {
  return { run: () => ({ y: noGrad(compute) }) };
}

/** The three gradients of a convolution; its forward pass happens once, before. */
function convBackward({ kernel }: ConvTask, { x, w, b, g }: Tensors): Job {
  const inputs = [x, w, b].map((input) => input.requiresGrad_());
  const y = conv2d(x, w, b, { padding: (kernel - 1) / 2 });
  return {
    run: () => {
      const gradients = grad(y, inputs, { gradOutputs: [g], retainGraph: true });
      return { "x.grad": gradients[0], "w.grad": gradients[1], "b.grad": gradients[2] };
    },
  };
}

function without(inputs: Tensors, ...names: readonly string[]): StateDict {
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !names.includes(name)));
}

/** The layers of a task. @param options - how they are run */
function layersOf(
  { channels, hidden, kernel, cell = "lstm", norm = "none", peephole = "none" }: SequenceLayers,
  options: { readonly batchFirst?: boolean; readonly checkpoint?: boolean },
): ConvLSTM | ConvGRU {
  const all = { inputChannels: channels, hiddenChannels: hidden, kernelSize: kernel, norm, ...options };
  return cell === "gru" ? new ConvGRU(all) : new ConvLSTM({ ...all, peephole });
}

function forward(task: ForwardTask, inputs: Tensors, device: Device): Job {
  const model = layersOf(task, { batchFirst: true });
  model.to(device).loadStateDict(without(inputs, "x"));
  return {
    run: () => {
      const [[output]] = noGrad(() => model.forward(inputs.x));
      return { output };
    },
    outputs: ({ output }) => ({ last: output.select(1, task.steps - 1) }),
  };
}

/** Layers and a 1x1 convolution of every hidden state. */
class Forecaster extends Module {
  private readonly layers: ConvLSTM | ConvGRU;
  readonly head: Conv2d;

  constructor(task: TrainTask) {
    super();
    this.layers = layersOf(task, { checkpoint: task.checkpoint ?? false });
    this.head = new Conv2d({ inChannels: task.hidden.at(-1) ?? 0, outChannels: task.outChannels, kernelSize: 1 });
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

function train(task: TrainTask, inputs: Tensors, device: Device): Job {
  const { steps, batch, outChannels, height, width, learningRate } = task;
  const model = new Forecaster(task).to(device);
  model.load(without(inputs, "x", "target"));
  const optimizer = new SGD(model.parameters(), { lr: learningRate });
  const target = inputs.target.reshape([steps * batch, outChannels, height, width]);
  return {
    run: () => {
      optimizer.zeroGrad();
      const loss = bceWithLogits(model.forward(inputs.x), target);
      loss.backward();
      optimizer.step();
      return { loss };
    },
    outputs: ({ loss }) => ({ loss, ...model.weights() }),
  };
}

function jobOf(task: Task, arrays: Arrays, device: Device): Job {
  const inputs = tensorsOf(task, arrays, device);
  switch (task.kind) {
    case "conv":
      return single(() => conv2d(inputs.x, inputs.w, inputs.b, { padding: (task.kernel - 1) / 2 }));
    case "convBackward":
      return convBackward(task, inputs);
    case "forward":
      return forward(task, inputs, device);
    case "train":
      return train(task, inputs, device);
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

/**
 * Loads a task onto a device. Where calls only enqueue, a run ends when the device has done all of it, and what it made is freed, its
 * results before the next one.
 */
export function prepareOn(device: Device, task: Task, arrays: Arrays): Runner {
  const { run, outputs = (kept) => kept } = jobOf(task, arrays, device);
  let kept: Tensors = {};
  const atOnce = (): void => {
    kept = {};
    kept = run();
  };
  const enqueued = (): Promise<void> => {
    for (const tensor of Object.values(kept)) tensor.dispose();
    kept = {};
    kept = scope(run);
    return device.sync();
  };
  // A device that can be read at once has done everything when a call returns: there is nothing to wait for.
  return { run: device.canReadSync ? atOnce : enqueued, outputs: () => values(outputs(kept)) };
}
