/*
 * A kernel that gpu.js has compiled, run by us. gpu.js's own calls make one submission and half a dozen objects for each kernel; here many
 * kernels share a submission, and bindings are used again where a training step finds the same buffers as the one before.
 */
import type { KernelSource } from "../../emit/source.ts";
import type { EngineBuffer, Program } from "../engine.ts";
import { type CompiledKernel, field, type GpuJs } from "../gpujs.ts";
import { own, WebGpuBuffer } from "./buffer.ts";
import type { Pool } from "./pool.ts";
import type { Recorder } from "./recorder.ts";
import { usage } from "./usage.ts";

/** Bindings that a kernel keeps. */
const mostBindings = 64;
/** Sets of numbers that a kernel keeps. */
const mostNumbers = 128;

/** What gpu.js has made of a source: plain fields of its kernel. */
interface Compiled {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
  /** Bytes of the numbers that the kernel reads: its sizes, those of its arrays, its scalars. */
  readonly numbersBytes: number;
  /** Where each array's sizes are, in words. */
  readonly arrayPlaces: readonly number[];
  /** Where each scalar is, in words. */
  readonly scalarPlaces: readonly number[];
  readonly groups: readonly [number, number, number];
  /** Threads in a row of a dispatch that is folded. */
  readonly width: number;
}

function isPipeline(value: unknown): value is GPUComputePipeline {
  return field(value, "getBindGroupLayout") !== undefined;
}

function isLayout(value: unknown): value is GPUBindGroupLayout {
  return typeof value === "object" && value !== null;
}

function wholeNumber(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new TypeError(`gpu.js has another layout of kernels than 2.24.1: ${String(value)} is no whole number`);
}

function placesIn(list: unknown, name: string, count: number): number[] {
  if (!Array.isArray(list) || list.length !== count) {
    throw new TypeError("gpu.js has another layout of kernels than 2.24.1: its arguments differ");
  }
  return list.map((record: unknown) => wholeNumber(field(record, name)) / 4);
}

/** Reads what gpu.js compiled. @throws TypeError if it is not what gpu.js 2.24.1 makes */
function readCompiled({ internals }: CompiledKernel, { inputs, scalars, threads }: KernelSource): Compiled {
  const [pipeline, layout] = [field(internals, "computePipeline"), field(internals, "bindGroupLayout")];
  const [params, dispatch] = [field(internals, "paramsLayout"), field(internals, "_computeDispatch")];
  if (!isPipeline(pipeline) || !isLayout(layout) || typeof dispatch !== "function") {
    throw new TypeError("gpu.js has another layout of kernels than 2.24.1");
  }
  const [x = 1, y = 1, z = 1] = threads;
  const folded: unknown = dispatch.call(internals, [x, y, z]);
  const groups: unknown = field(folded, "groups");
  const [gx, gy, gz] = Array.isArray(groups) ? groups.map(wholeNumber) : [];
  return {
    pipeline,
    layout,
    numbersBytes: wholeNumber(field(params, "byteLength")),
    arrayPlaces: placesIn(field(params, "arrayArgs"), "dimsOffset", inputs.length),
    scalarPlaces: placesIn(field(params, "scalarArgs"), "offset", scalars.length),
    groups: [wholeNumber(gx), wholeNumber(gy), wholeNumber(gz)],
    width: wholeNumber(field(folded, "dispatchWidth")),
  };
}

/** Something used last stays; what was used first goes when there are more than `most`. */
function remember<V>(kept: Map<string, V>, key: string, value: V, most: number, drop: (value: V) => void): void {
  kept.set(key, value);
  for (const [oldest, old] of kept) {
    if (kept.size <= most) return;
    kept.delete(oldest);
    drop(old);
  }
}

/** A buffer's number, for keys. */
const numbers = new WeakMap<GPUBuffer, number>();
let nextNumber = 0;
function numberOf(buffer: GPUBuffer): number {
  const known = numbers.get(buffer);
  if (known !== undefined) return known;
  numbers.set(buffer, nextNumber);
  return nextNumber++;
}

/** What programs share. */
export interface Machine {
  readonly gpu: GpuJs;
  readonly device: GPUDevice;
  readonly pool: Pool;
  readonly recorder: Recorder;
}

/** A compiled kernel. Compiling begins when it is made. */
export class WebGpuProgram implements Program {
  private readonly machine: Machine;
  private readonly source: KernelSource;
  private readonly kernel: CompiledKernel;
  private readonly length: number;
  private readonly compiling: Promise<Compiled>;
  private compiled: Compiled | undefined;
  private readonly bindings: Map<string, GPUBindGroup> = new Map();
  /** Numbers on the GPU, by their values. */
  private readonly uniforms: Map<string, GPUBuffer> = new Map();

  constructor(machine: Machine, source: KernelSource) {
    this.machine = machine;
    this.source = source;
    this.length = source.threads.reduce((all, size) => all * size, source.lanes);
    this.kernel = machine.gpu.createKernel(source, "WebGPUBuffer", { pipeline: true });
    this.compiling = this.compile();
    // Told by whoever runs it.
    this.compiling.catch(() => {});
  }

  run(inputs: readonly EngineBuffer[], scalars: readonly number[]): EngineBuffer | Promise<EngineBuffer> {
    const { compiled } = this;
    if (compiled !== undefined) return this.launch(compiled, inputs, scalars);
    return this.compiling.then((made) => this.launch(made, inputs, scalars));
  }

  destroy(): void {
    this.machine.recorder.flush();
    for (const uniform of this.uniforms.values()) uniform.destroy();
    const destroyKernel = (): void => {
      this.kernel.internals.outputBuffer = null;
      this.kernel.destroy();
    };
    this.compiling.then(destroyKernel, () => {});
  }

  private async compile(): Promise<Compiled> {
    const { inputs, scalars } = this.source;
    // gpu.js would make a buffer for the result; one that is large enough it leaves alone.
    this.kernel.internals.outputBuffer = { size: Number.POSITIVE_INFINITY, _refs: 2 ** 40 };
    await this.kernel.build([...inputs.map(() => ({ type: "WebGPUBuffer" })), ...scalars.map(() => 0)]);
    this.compiled = readCompiled(this.kernel, this.source);
    return this.compiled;
  }

  private launch(compiled: Compiled, inputs: readonly EngineBuffer[], scalars: readonly number[]): EngineBuffer {
    const { device, pool, recorder } = this.machine;
    const result = pool.take(this.length).buffer;
    const arrays = inputs.map((input) => own(input).buffer);
    const uniform = this.uniformFor(compiled, inputs, scalars);
    const buffers = [uniform, ...arrays, result];
    const key = buffers.map(numberOf).join();
    let bindings = this.bindings.get(key);
    if (bindings === undefined) {
      const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
      bindings = device.createBindGroup({ layout: compiled.layout, entries });
      remember(this.bindings, key, bindings, mostBindings, () => {});
    }
    recorder.dispatch(compiled.pipeline, bindings, compiled.groups);
    return new WebGpuBuffer(result, this.length);
  }

  /** The numbers of a call on the GPU. */
  private uniformFor(compiled: Compiled, inputs: readonly EngineBuffer[], scalars: readonly number[]): GPUBuffer {
    const key = scalars.join();
    const known = this.uniforms.get(key);
    if (known !== undefined) {
      this.uniforms.delete(key);
      this.uniforms.set(key, known);
      return known;
    }
    const { device, recorder } = this.machine;
    const bytes = new ArrayBuffer(compiled.numbersBytes);
    const [words, whole, floats] = [new Uint32Array(bytes), new Int32Array(bytes), new Float32Array(bytes)];
    const [x = 1, y = 1, z = 1] = this.source.threads;
    words.set([x, y, z, compiled.width]);
    inputs.forEach(({ length }, k) => {
      words.set([length, 1, 1, length], compiled.arrayPlaces[k] ?? 0);
    });
    scalars.forEach((value, k) => {
      const place = compiled.scalarPlaces[k] ?? 0;
      if (this.source.scalars[k]?.type === "Integer") whole[place] = value;
      else floats[place] = value;
    });
    const uniform = device.createBuffer({ size: compiled.numbersBytes, usage: usage.uniform | usage.copyTarget });
    device.queue.writeBuffer(uniform, 0, bytes);
    remember(this.uniforms, key, uniform, mostNumbers, (old) => {
      recorder.flush();
      this.bindings.clear();
      old.destroy();
    });
    return uniform;
  }
}
