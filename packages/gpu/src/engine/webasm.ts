/*
 * The kernels' sources in gpu.js's WebAssembly mode: on the CPU, with every array copied for each call. It exists so that tests can check
 * the numbers of generated sources on machines without a GPU; `gpuDevice` never takes it.
 */
import type { KernelSource } from "../emit/source.ts";
import type { Engine, EngineBuffer, Program } from "./engine.ts";
import { field, openGpuJs } from "./gpujs.ts";

class HostBuffer implements EngineBuffer {
  readonly data: Float32Array;

  constructor(data: Float32Array) {
    this.data = data;
  }

  get length(): number {
    return this.data.length;
  }
}

function dataOf(buffer: EngineBuffer): Float32Array {
  if (buffer instanceof HostBuffer) return buffer.data;
  throw new TypeError("a buffer of another engine");
}

/** Nested arrays of numbers as one. */
export function flatten(result: unknown, length: number): Float32Array {
  const flat = new Float32Array(length);
  let at = 0;
  const visit = (part: unknown): void => {
    if (typeof part === "number") flat[at++] = part;
    else if (part instanceof Float32Array) {
      flat.set(part, at);
      at += part.length;
    } else if (Array.isArray(part)) for (const each of part) visit(each);
    else throw new TypeError(`a kernel gave ${String(part)}`);
  };
  visit(result);
  if (at !== length) throw new RangeError(`a kernel gave ${at} numbers instead of ${length}`);
  return flat;
}

/** gpu.js on the CPU. */
export function webasmEngine(): Engine {
  const gpu = openGpuJs("webasm");
  return {
    mode: "webasm",
    description: "gpu.js in WebAssembly mode, for tests",
    // Its vector path counts positions in float32.
    maxLength: 2 ** 24,
    target: { maxLanes: 4, flat: false },
    maxInputs: 7,
    lost: undefined,
    pooledBytes: 0,
    compile: (source: KernelSource): Program => {
      const kernel = gpu.createKernel(source, "Array", {});
      const length = source.threads.reduce((all, size) => all * size, source.lanes);
      return {
        run: (inputs, scalars) => {
          const result = kernel.run([...inputs.map(dataOf), ...scalars]);
          const mode = field(field(kernel.internals, "constructor"), "mode");
          if (mode !== "webasm") throw new Error(`gpu.js ran a kernel in ${String(mode)} mode`);
          return new HostBuffer(flatten(result, length));
        },
        destroy: kernel.destroy,
      };
    },
    upload: (data) => new HostBuffer(data.slice()),
    read: async (buffer) => dataOf(buffer).slice(),
    free: () => {},
    finish: async () => {},
  };
}
