// What can be timed, as plain data: it travels as JSON to the processes that do it, the Python one too.

/** A convolution over two axes with bias, stride 1, padded so that the image keeps its size. Shapes: x `[N, C, H, W]`, w `[O, C, k, k]`. */
export interface ConvTask {
  /** The convolution itself, or all three of its gradients (without the forward pass). */
  readonly kind: "conv" | "convBackward";
  readonly batch: number;
  readonly channels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  /** Odd. */
  readonly kernel: number;
}

/** The layers that a forward pass and a training step share: a ConvLSTM without peepholes and norm, if nothing else is said. */
export interface SequenceLayers {
  readonly batch: number;
  readonly steps: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Hidden channels of each layer. */
  readonly hidden: readonly number[];
  /** Odd; of the input-to-state, the state-to-state and the peephole convolutions. */
  readonly kernel: number;
  /** ConvLSTM, or a ConvGRU whose reset gate multiplies what the state-to-state convolution makes, with a bias of its own. */
  readonly cell?: "lstm" | "gru";
  /** Group normalization of a ConvLSTM's pre-activations, one group per gate, before the bias is added. */
  readonly norm?: "none" | "group";
  /** Convolutions from a ConvLSTM's cell state to its gates i, f and o. */
  readonly peephole?: "none" | "conv";
}

/** Layers over x `[N, T, C, H, W]`, without gradients; gives the hidden state of every step. */
export interface ForwardTask extends SequenceLayers {
  readonly kind: "forward";
}

/**
 * A training step over x `[T, N, C, H, W]`: layers, a 1x1 convolution of every step's hidden state to `outChannels`, binary cross
 * entropy of these logits (mean), backward through time, plain SGD.
 */
export interface TrainTask extends SequenceLayers {
  readonly kind: "train";
  /** Whether only the states between chunks of steps are kept, about as many chunks as a chunk has steps; the rest is computed again. */
  readonly checkpoint?: boolean;
  readonly outChannels: number;
  readonly learningRate: number;
}

/** A product of two `[size, size]` matrices. */
export interface MatmulTask {
  readonly kind: "matmul";
  readonly size: number;
}

/** One pass over `count` elements; `add` takes two arrays. */
export interface ElementsTask {
  readonly kind: "sigmoid" | "add" | "sum";
  readonly count: number;
}

/** Anything that can be timed. */
export type Task = ConvTask | ForwardTask | TrainTask | MatmulTask | ElementsTask;

/** How much there is to do: floating-point operations, or bytes where memory is what costs. */
export type Work =
  | { readonly unit: "flop"; readonly amount: number }
  | { readonly unit: "byte"; readonly amount: number };

/** Gates of a layer: blocks of its hidden channels that a convolution makes. */
export function gatesOf({ cell = "lstm" }: SequenceLayers): number {
  return { lstm: 4, gru: 3 }[cell];
}

/** Multiply-adds of one forward pass of a stack of layers, its direct convolutions only. */
function sequenceMacs(task: SequenceLayers): number {
  const positions = task.batch * task.steps * task.height * task.width;
  let inputs = task.channels;
  let perPosition = 0;
  for (const hidden of task.hidden) {
    const peepholes = task.peephole === "conv" ? 3 * hidden * hidden : 0;
    perPosition += (gatesOf(task) * hidden * (inputs + hidden) + peepholes) * task.kernel ** 2;
    inputs = hidden;
  }
  return positions * perPosition;
}

/**
 * The work of a task: 2 x multiply-adds of its direct convolutions, whatever the algorithm; a backward pass counts twice its forward
 * pass and a training step three times, by convention, even if it computes something twice. Elementwise tasks count the bytes that they
 * have to read and write.
 */
export function workOf(task: Task): Work {
  switch (task.kind) {
    case "conv":
    case "convBackward": {
      const macs = task.batch * task.height * task.width * task.outChannels * task.channels * task.kernel ** 2;
      return { unit: "flop", amount: (task.kind === "conv" ? 2 : 4) * macs };
    }
    case "forward":
      return { unit: "flop", amount: 2 * sequenceMacs(task) };
    case "train": {
      const head = task.batch * task.steps * task.height * task.width * (task.hidden.at(-1) ?? 0) * task.outChannels;
      return { unit: "flop", amount: 6 * (sequenceMacs(task) + head) };
    }
    case "matmul":
      return { unit: "flop", amount: 2 * task.size ** 3 };
    case "sigmoid":
      return { unit: "byte", amount: 8 * task.count };
    case "add":
      return { unit: "byte", amount: 12 * task.count };
    case "sum":
      return { unit: "byte", amount: 4 * task.count };
  }
}
