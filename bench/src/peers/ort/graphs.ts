// The tasks as ONNX graphs. Weights are constants, as in a deployed model.
import { inputsOf } from "../../tasks/arrays.ts";
import { type Arrays, arrayNamed } from "../../tasks/files.ts";
import type { ConvTask, ForwardTask, MatmulTask, Task } from "../../tasks/task.ts";
import { fuse } from "../js/convlstm.ts";
import type { Constant, Graph, Node, Value } from "./onnx.ts";

function convNode(x: string, w: string, b: string, y: string, kernel: number): Node {
  const pads = Array.from({ length: 4 }, () => (kernel - 1) / 2);
  return { op: "Conv", inputs: [x, w, b], outputs: [y], attributes: { kernel_shape: [kernel, kernel], pads } };
}

function convGraph(task: ConvTask, arrays: Arrays): Graph {
  const [x, ...weights] = inputsOf(task);
  const shape = [task.batch, task.outChannels, task.height, task.width];
  return {
    nodes: [convNode("x", "w", "b", "y", task.kernel)],
    constants: weights.map(({ name, shape }) => ({ name, shape, data: arrayNamed(arrays, name) })),
    inputs: [x],
    outputs: [{ name: "y", shape }],
  };
}

function matmulGraph(task: MatmulTask): Graph {
  const shape = [task.size, task.size];
  return {
    nodes: [{ op: "MatMul", inputs: ["a", "b"], outputs: ["y"] }],
    constants: [],
    inputs: inputsOf(task),
    outputs: [{ name: "y", shape }],
  };
}

/** Nodes of one step of one layer: from x, h and c to new h and c. */
function stepNodes(layer: number, step: number, kernel: number, x: string): Node[] {
  const at = (name: string, time = step): string => `${name}.${layer}.${time}`;
  const node = (op: string, inputs: string[], outputs: string[], attributes = {}): Node => ({
    op,
    inputs,
    outputs,
    attributes,
  });
  return [
    node("Concat", [x, at("h", step - 1)], [at("both")], { axis: 1 }),
    convNode(at("both"), `weight.${layer}`, `bias.${layer}`, at("gates"), kernel),
    node(
      "Split",
      [at("gates")],
      ["i", "f", "o", "g"].map((gate) => at(gate)),
      { axis: 1 },
    ),
    ...["i", "f", "o"].map((gate) => node("Sigmoid", [at(gate)], [at(`${gate}s`)])),
    node("Tanh", [at("g")], [at("gs")]),
    node("Mul", [at("fs"), at("c", step - 1)], [at("kept")]),
    node("Mul", [at("is"), at("gs")], [at("added")]),
    node("Add", [at("kept"), at("added")], [at("c")]),
    node("Tanh", [at("c")], [at("cs")]),
    node("Mul", [at("os"), at("cs")], [at("h")]),
  ];
}

/** A ConvLSTM unrolled over its steps. Outputs: the hidden state of every step, `h0` … */
function forwardGraph(task: ForwardTask, arrays: Arrays): Graph {
  const { batch, steps, channels, height, width, kernel } = task;
  const nodes: Node[] = [];
  const constants: Constant[] = [{ name: "timeAxis", shape: [1], data: BigInt64Array.of(1n) }];
  const frames = Array.from({ length: steps }, (_, step) => `x.${step}`);
  nodes.push({ op: "Split", inputs: ["x"], outputs: frames.map((name) => `${name}.frame`), attributes: { axis: 1 } });
  for (const name of frames) nodes.push({ op: "Squeeze", inputs: [`${name}.frame`, "timeAxis"], outputs: [name] });
  let below = frames;
  for (const [layer, hidden] of task.hidden.entries()) {
    const inputs = layer === 0 ? channels : (task.hidden[layer - 1] ?? 0);
    const part = (name: string): Float32Array => arrayNamed(arrays, `cells.${layer}.${name}`);
    const state = BigInt64Array.from([batch, hidden, height, width], BigInt);
    constants.push(
      {
        name: `weight.${layer}`,
        shape: [4 * hidden, inputs + hidden, kernel, kernel],
        data: fuse(part("inputWeight"), part("stateWeight"), 4 * hidden),
      },
      { name: `bias.${layer}`, shape: [4 * hidden], data: part("bias") },
      { name: `state.${layer}`, shape: [4], data: state },
    );
    for (const name of ["h", "c"]) {
      nodes.push({ op: "ConstantOfShape", inputs: [`state.${layer}`], outputs: [`${name}.${layer}.-1`] });
    }
    for (const [step, x] of below.entries()) nodes.push(...stepNodes(layer, step, kernel, x));
    below = frames.map((_, step) => `h.${layer}.${step}`);
  }
  const shape = [batch, task.hidden.at(-1) ?? 0, height, width];
  const [x] = inputsOf(task);
  return { nodes, constants, inputs: [x], outputs: below.map((name): Value => ({ name, shape })) };
}

/** The graph of a task. The last of its outputs is compared. @throws Error if it has none */
export function graphOf(task: Task, arrays: Arrays): Graph {
  switch (task.kind) {
    case "conv":
      return convGraph(task, arrays);
    case "forward":
      return forwardGraph(task, arrays);
    case "matmul":
      return matmulGraph(task);
    default:
      throw new Error(`onnxruntime-web only infers; the bench has no graph of ${task.kind} for it`);
  }
}
