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

/** Sizes that a ConvLSTM's forward pass and its training step share. */
interface SequenceSizes {
  readonly batch: number;
  readonly steps: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Hidden channels of each layer. */
  readonly hidden: readonly number[];
  /** Odd; of the input-to-state and the state-to-state convolutions. */
  readonly kernel: number;
}

/** A ConvLSTM over x `[N, T, C, H, W]`, without gradients; gives the hidden state of every step. */
export interface ForwardTask extends SequenceSizes {
  readonly kind: "forward";
}

/**
 * A training step over x `[T, N, C, H, W]`: ConvLSTM, a 1x1 convolution of every step's hidden state to `outChannels`, binary cross
 * entropy of these logits (mean), backward through time, plain SGD.
 */
export interface TrainTask extends SequenceSizes {
  readonly kind: "train";
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

/** Multiply-adds of one forward pass of a stack of ConvLSTM layers, its direct convolutions only. */
function sequenceMacs(task: SequenceSizes): number {
  const positions = task.batch * task.steps * task.height * task.width;
  let inputs = task.channels;
  let perPosition = 0;
  for (const hidden of task.hidden) {
    perPosition += 4 * hidden * (inputs + hidden) * task.kernel ** 2;
    inputs = hidden;
  }
  return positions * perPosition;
}

/**
 * The work of a task: 2 x multiply-adds of its direct convolutions, whatever the algorithm; a backward pass counts twice its forward
 * pass and a training step three times, by convention. Elementwise tasks count the bytes that they have to read and write.
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
