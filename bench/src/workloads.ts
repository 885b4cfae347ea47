// The workloads by name: what is timed, beside whom, and at which sizes.
import type { PeerName } from "./peers/peers.ts";
import type { ConvTask, ElementsTask, ForwardTask, MatmulTask, Task, TrainTask } from "./tasks/task.ts";

/** One size of a workload and those who are timed at it, in turn with Squall. */
export interface Case {
  /** What is different from the workload as it is defined; empty if nothing. */
  readonly note: string;
  readonly task: Task;
  readonly peers: readonly PeerName[];
  /** Whether it is timed without its peers, too, as the first case of a workload is. */
  readonly alone?: boolean;
}

/** A workload. */
export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly cases: readonly Case[];
  /** What is computed with the typed-array loops, too, and compared before anything is timed: the same, or a part of it. */
  readonly oracle: Task;
  /** What a software adapter gets instead, for it is hundreds of times slower than the cpu; a training step with as many launches. */
  readonly small?: Case;
}

const conv: ConvTask = { kind: "conv", batch: 8, channels: 32, outChannels: 64, height: 64, width: 64, kernel: 3 };
const convBackward: ConvTask = { ...conv, kind: "convBackward" };

const forward: ForwardTask = {
  kind: "forward",
  batch: 32,
  steps: 10,
  channels: 1,
  height: 128,
  width: 128,
  hidden: [16],
  kernel: 3,
};

const train: TrainTask = {
  kind: "train",
  batch: 4,
  steps: 10,
  channels: 16,
  height: 16,
  width: 16,
  hidden: [64],
  kernel: 5,
  outChannels: 16,
  // Large, so that the change of a parameter stands out of the rounding of the parameter.
  learningRate: 1,
};

const trainDeep: TrainTask = {
  ...train,
  channels: 1,
  height: 64,
  width: 64,
  hidden: [32, 32],
  kernel: 3,
  outChannels: 1,
};

const trainLong: TrainTask = { ...trainDeep, steps: 40, height: 32, width: 32, hidden: [16, 16] };
const trainCheckpointed: TrainTask = { ...trainLong, checkpoint: true };
const trainGru: TrainTask = { ...trainDeep, hidden: [32], cell: "gru" };
const trainStepwise: TrainTask = { ...trainDeep, hidden: [32], norm: "group", peephole: "conv" };

/** A convolution for the gpu: as large as one buffer may be on any of them. */
const large: ConvTask = { kind: "conv", batch: 32, channels: 64, outChannels: 64, height: 128, width: 128, kernel: 3 };
const largeBackward: ConvTask = { ...large, kind: "convBackward" };

/** A task with other sizes, as a case whose note says which. */
function smaller<T extends Task>(task: T, sizes: { readonly [size in keyof T]?: number }): Case {
  const note = Object.entries(sizes).map(([size, value]) => `${size} ${String(value)}`);
  return { note: note.join(", "), task: { ...task, ...sizes }, peers: [] };
}

function matmul(size: number, peers: readonly PeerName[]): Workload {
  const task: MatmulTask = { kind: "matmul", size };
  return {
    name: `matmul-${size}`,
    title: `matmul, two [${size},${size}]`,
    cases: [{ note: "", task, peers }],
    oracle: task,
  };
}

function elements(kind: ElementsTask["kind"]): Workload {
  const task: ElementsTask = { kind, count: 4 * 1024 * 1024 };
  return {
    name: kind,
    title: `${kind} over 4M elements`,
    cases: [{ note: "", task, peers: ["torch", "tfjs", "jax", "js"] }],
    oracle: task,
  };
}

/** The workloads of the cpu, in the order of the report. */
export const WORKLOADS: readonly Workload[] = [
  {
    name: "W1",
    title: "conv2d forward, x [8,32,64,64], w [64,32,3,3], padding 1, bias",
    cases: [
      { note: "", task: conv, peers: ["torch", "ort", "tfjs", "js", "jax"] },
      { note: "batch 1", task: { ...conv, batch: 1 }, peers: ["tfjs-cpu"] },
    ],
    oracle: conv,
    small: smaller(conv, { batch: 1 }),
  },
  {
    name: "W1b",
    title: "W1 backward: gradients of input, weight and bias",
    cases: [{ note: "", task: convBackward, peers: ["torch", "js", "jax"] }],
    oracle: convBackward,
    small: smaller(convBackward, { batch: 1 }),
  },
  {
    name: "W2",
    title: "ConvLSTM forward, x [32,10,1,128,128], hidden 16, 3x3, no gradients",
    cases: [
      { note: "", task: forward, peers: ["torch", "ort", "tfjs"] },
      { note: "batch 2", task: { ...forward, batch: 2 }, peers: ["js", "jax"] },
    ],
    oracle: { ...forward, batch: 2, steps: 3 },
    small: smaller(forward, { batch: 1, steps: 2 }),
  },
  {
    name: "W3",
    title: "training step, B=4 T=10 C=16 16x16, hidden 64, 5x5, head 1x1 to 16 channels, BCE, SGD",
    cases: [
      { note: "", task: train, peers: ["torch"] },
      { note: "batch 1", task: { ...train, batch: 1 }, peers: ["jax"] },
    ],
    oracle: { ...train, steps: 4 },
    small: smaller(train, { batch: 1, height: 8, width: 8 }),
  },
  {
    name: "W3b",
    title: "training step, B=4 T=10 C=1 64x64, hidden 32 and 32, 3x3, head 1x1 to 1 channel, BCE, SGD",
    cases: [{ note: "", task: trainDeep, peers: ["torch"] }],
    oracle: { ...trainDeep, batch: 2, steps: 2 },
    small: smaller(trainDeep, { batch: 1, height: 16, width: 16 }),
  },
  {
    name: "W4",
    title: "training step, B=4 T=40 C=1 32x32, hidden 16 and 16, 3x3, head and loss of W3b, checkpoints every 7 steps",
    cases: [
      { note: "", task: trainCheckpointed, peers: ["torch"] },
      { note: "nothing computed twice", task: trainLong, peers: ["torch"], alone: true },
    ],
    oracle: { ...trainCheckpointed, batch: 1, steps: 8 },
    small: smaller(trainCheckpointed, { batch: 1, height: 16, width: 16 }),
  },
  {
    name: "W5",
    title: "training step of a ConvGRU, B=4 T=10 C=1 64x64, hidden 32, 3x3, head and loss of W3b",
    cases: [{ note: "", task: trainGru, peers: ["torch"] }],
    oracle: { ...trainGru, batch: 2, steps: 3 },
    small: smaller(trainGru, { batch: 1, height: 16, width: 16 }),
  },
  {
    name: "W6",
    title:
      "training step, B=4 T=10 C=1 64x64, hidden 32, 3x3, norm of each gate, peepholes by convolution, head and loss of W3b",
    cases: [{ note: "", task: trainStepwise, peers: ["torch"] }],
    oracle: { ...trainStepwise, batch: 2, steps: 2 },
    small: smaller(trainStepwise, { batch: 1, height: 16, width: 16 }),
  },
  matmul(512, ["torch", "ort", "tfjs", "jax", "js", "tfjs-cpu"]),
  matmul(1024, ["torch", "ort", "tfjs", "jax", "js"]),
  elements("sigmoid"),
  elements("add"),
  elements("sum"),
];

/** The workloads of the gpu, in the order of the report: two of its own, and the cpu's. */
export const GPU_WORKLOADS: readonly Workload[] = [
  {
    name: "G1",
    title: "conv2d forward, x [32,64,128,128], w [64,64,3,3], padding 1, bias",
    cases: [{ note: "", task: large, peers: ["torch", "ort"] }],
    oracle: { ...large, batch: 1 },
    small: smaller(large, { batch: 1 }),
  },
  {
    name: "G1b",
    title: "G1 backward: gradients of input, weight and bias",
    cases: [{ note: "", task: largeBackward, peers: ["torch"] }],
    oracle: { ...largeBackward, batch: 1 },
    small: smaller(largeBackward, { batch: 1, height: 64, width: 64 }),
  },
  ...WORKLOADS,
];

/** What runs on the gpu if nothing is named. */
export const GPU_USUAL: readonly string[] = ["G1", "G1b", "W3", "W3b"];
