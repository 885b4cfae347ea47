/*
 * Kernels on WebGPU. gpu.js compiles and launches; buffers are ours: they are handed to a kernel as its output before each call, so that
 * they can be used again instead of being made and destroyed for every result.
 */
import type { KernelSource } from "../emit/source.ts";
import type { Engine, EngineBuffer, Program } from "./engine.ts";
import { field, openGpuJs } from "./gpujs.ts";

/** GPUBufferUsage, which is no global everywhere. */
const usage = { mapRead: 0x01, copySource: 0x04, copyTarget: 0x08, storage: 0x80 };
const mapModeRead = 1;
/** Most bytes of buffers that wait to be used again. */
const poolLimit = 512 << 20;

/** The pair that gpu.js shares among its kernels. */
interface Context {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  readonly isLost: boolean;
}

function isContext(value: unknown): value is Context {
  return field(field(value, "device"), "queue") !== undefined && field(value, "adapter") !== undefined;
}

/** Elements on the GPU; the fields are those that gpu.js reads of a handle. */
class WebGpuBuffer implements EngineBuffer {
  readonly type = "WebGPUBuffer";
  readonly componentCount = 1;
  readonly _deleted = false;
  readonly output: readonly number[];
  readonly buffer: GPUBuffer;
  readonly context: Context;

  constructor(context: Context, buffer: GPUBuffer, length: number) {
    this.context = context;
    this.buffer = buffer;
    this.output = [length];
  }

  get length(): number {
    return this.output[0] ?? 0;
  }
}

function own(buffer: EngineBuffer): WebGpuBuffer {
  if (buffer instanceof WebGpuBuffer) return buffer;
  throw new TypeError("a buffer of another engine");
}

/** Buffers that wait to be used again, by size in bytes. Work is done in order, so they may be taken while old work still reads them. */
class Pool {
  private readonly device: GPUDevice;
  private readonly waiting = new Map<number, GPUBuffer[]>();
  /** Bytes that wait. */
  bytes = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** A buffer with any content. */
  take(length: number): GPUBuffer {
    const size = 4 * length;
    return this.used(size) ?? this.make(size);
  }

  /** A buffer of zeros, which is what WebGPU fills a new one with. */
  zeros(length: number): GPUBuffer {
    const size = 4 * length;
    const buffer = this.used(size);
    if (buffer === undefined) return this.make(size);
    const encoder = this.device.createCommandEncoder();
    encoder.clearBuffer(buffer);
    this.device.queue.submit([encoder.finish()]);
    return buffer;
  }

  private used(size: number): GPUBuffer | undefined {
    const found = this.waiting.get(size)?.pop();
    if (found !== undefined) this.bytes -= size;
    return found;
  }

  private make(size: number): GPUBuffer {
    const buffer = this.device.createBuffer({ size, usage: usage.storage | usage.copySource | usage.copyTarget });
    // gpu.js counts references and destroys at zero; this count never gets there.
    return Object.assign(buffer, { _refs: 2 ** 40 });
  }

  give(buffer: GPUBuffer): void {
    const same = this.waiting.get(buffer.size) ?? [];
    // Sizes used last are kept longest.
    this.waiting.delete(buffer.size);
    this.waiting.set(buffer.size, same);
    same.push(buffer);
    this.bytes += buffer.size;
    for (const [size, buffers] of this.waiting) {
      while (this.bytes > poolLimit && buffers.length > 0) {
        buffers.pop()?.destroy();
        this.bytes -= size;
      }
      if (buffers.length === 0) this.waiting.delete(size);
      if (this.bytes <= poolLimit) break;
    }
  }
}

/** What an adapter calls itself. */
function describeAdapter({ adapter, device }: Context): string {
  const { vendor, architecture, device: name, description } = adapter.info;
  const parts = [vendor, architecture, name, description].filter(
    (part, k, all) => part !== "" && all.indexOf(part) === k,
  );
  const limit = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  return `WebGPU on ${parts.join(", ") || "an adapter without a name"}, buffers up to ${Math.floor(limit / 2 ** 20)} MiB`;
}

/**
 * gpu.js on WebGPU, with a kernel run to see that it really is.
 * @throws Error if the kernel does not run, or not there
 */
export async function webgpuEngine(): Promise<Engine> {
  const gpu = openGpuJs("webgpu");
  const probeSource: KernelSource = {
    inputs: ["a"],
    scalars: [],
    threads: [4],
    lanes: 1,
    helpers: [],
    body: "return a[this.thread.x] * 2.0;",
  };
  const probe = gpu.createKernel(probeSource, "Array", { pipeline: true });
  const handle = await probe.run([new Float32Array([1, 2, 3, 4])]);
  const context = field(handle, "context");
  if (probe.internals.mode !== "webgpu" || !isContext(context)) {
    throw new Error(`gpu.js ran a kernel in ${probe.internals.mode} mode`);
  }
  const { device } = context;
  const { queue } = device;
  const pool = new Pool(device);
  let lost: string | undefined;
  /** Errors that WebGPU reports on the side: out of memory, an invalid command. */
  let failure: Error | undefined;
  void device.lost.then(({ reason, message }) => {
    lost = `${reason === "destroyed" ? "it was destroyed" : message || "no reason given"}`;
  });
  device.addEventListener("uncapturederror", ({ error }) => {
    failure ??= new Error(error.message);
  });
  const checked = (): void => {
    const error = failure;
    failure = undefined;
    if (error !== undefined) throw error;
    if (lost !== undefined) throw new Error(`the GPU was lost: ${lost}`);
  };
  const wrap = (buffer: GPUBuffer, length: number): WebGpuBuffer => new WebGpuBuffer(context, buffer, length);

  return {
    mode: "webgpu",
    description: describeAdapter(context),
    maxLength: Math.floor(
      Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize, 2 ** 32) / 4,
    ),
    target: { maxLanes: 4, flat: false },
    // gpu.js asks for no more than the 8 storage buffers that every adapter has; one is the result.
    maxInputs: 7,
    get lost() {
      return lost;
    },
    get pooledBytes() {
      return pool.bytes;
    },
    compile: (source): Program => {
      const length = source.threads.reduce((all, size) => all * size, source.lanes);
      const kernel = gpu.createKernel(source, "WebGPUBuffer", { pipeline: true });
      const { internals } = kernel;
      const refuse = (error: unknown): void => {
        failure ??= error instanceof Error ? error : new Error(String(error));
      };
      return {
        run: (inputs, scalars) => {
          const result = wrap(pool.take(length), length);
          internals.outputBuffer = result.buffer;
          internals.bindGroupDirty = true;
          const isBuilt = internals.built;
          const done = Promise.resolve(kernel.run([...inputs, ...scalars]));
          if (!isBuilt) {
            return done.then(
              () => result,
              (error: unknown) => {
                pool.give(result.buffer);
                throw error;
              },
            );
          }
          // A compiled kernel is on the queue when the call returns.
          done.catch(refuse);
          return result;
        },
        destroy: () => {
          internals.outputBuffer = null;
          kernel.destroy();
        },
      };
    },
    upload: (data) => {
      const buffer = pool.take(data.length);
      queue.writeBuffer(buffer, 0, data);
      return wrap(buffer, data.length);
    },
    zeros: (length) => wrap(pool.zeros(length), length),
    copyRun: (source, sourceOffset, target, targetOffset, length) => {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(
        own(source).buffer,
        4 * sourceOffset,
        own(target).buffer,
        4 * targetOffset,
        4 * length,
      );
      queue.submit([encoder.finish()]);
    },
    read: async (buffer) => {
      checked();
      const size = 4 * buffer.length;
      const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
      try {
        const encoder = device.createCommandEncoder();
        encoder.copyBufferToBuffer(own(buffer).buffer, 0, staging, 0, size);
        queue.submit([encoder.finish()]);
        await staging.mapAsync(mapModeRead);
        checked();
        return new Float32Array(staging.getMappedRange().slice(0));
      } finally {
        staging.destroy();
      }
    },
    free: (buffer) => pool.give(own(buffer).buffer),
    finish: async () => {
      await queue.onSubmittedWorkDone();
      checked();
    },
  };
}
