// The process in which onnxruntime-web is timed.
import { type Runner, serve } from "../../child/serve.ts";
import { outputsOf } from "../../tasks/arrays.ts";
import { type Arrays, arrayNamed } from "../../tasks/files.ts";
import type { Task } from "../../tasks/task.ts";
import { load, versionOf } from "../installed.ts";
import { graphOf } from "./graphs.ts";
import { modelBytes } from "./onnx.ts";

/** What the bench uses of the library, whose own types are only there once it is installed. */
interface OrtTensor {
  readonly data: Float32Array;
}

type OrtTensors = Readonly<Record<string, OrtTensor>>;

interface Ort {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: OrtTensors): Promise<OrtTensors> }>;
  };
}

const ort = await load<Ort>("onnxruntime-web");

async function prepare(task: Task, arrays: Arrays): Promise<Runner> {
  const graph = graphOf(task, arrays);
  const session = await ort.InferenceSession.create(modelBytes(graph), { executionProviders: ["wasm"] });
  const feeds = Object.fromEntries(
    graph.inputs.map(({ name, shape }) => [name, new ort.Tensor("float32", arrayNamed(arrays, name), shape)]),
  );
  const last = graph.outputs.at(-1)?.name ?? "";
  let results: OrtTensors = {};
  return {
    run: async () => {
      results = {};
      results = await session.run(feeds);
    },
    outputs: () => new Map(outputsOf(task).map(({ name }) => [name, results[last].data])),
  };
}

await serve({
  start: async ({ threads }) => {
    ort.env.wasm.numThreads = threads;
    return {
      version: `onnxruntime-web ${await versionOf("onnxruntime-web")}`,
      threads,
      about: "wasm, static graph; the ConvLSTM is unrolled",
    };
  },
  prepare,
});
