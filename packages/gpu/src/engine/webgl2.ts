/*
 * Kernels on WebGL2. Every result is a texture of its own that gpu.js makes. Threads are always counted along one axis, because gpu.js
 * compiles a kernel anew for textures of another rank.
 */
import { callTree } from "../emit/callTree.ts";
import type { KernelSource } from "../emit/source.ts";
import type { Engine, EngineBuffer, Program } from "./engine.ts";
import { type CompiledKernel, field, openGpuJs } from "./gpujs.ts";

class TextureBuffer implements EngineBuffer {
  readonly texture: unknown;
  readonly length: number;

  constructor(texture: unknown, length: number) {
    this.texture = texture;
    this.length = length;
  }
}

function own(buffer: EngineBuffer): TextureBuffer {
  if (buffer instanceof TextureBuffer) return buffer;
  throw new TypeError("a buffer of another engine");
}

/** `a[i]` for each element: what moves data in and out. */
function identity(length: number): KernelSource {
  return { inputs: ["a"], scalars: [], threads: [length], lanes: 1, helpers: [], body: "return a[this.thread.x];" };
}

/** Kernels that move data, kept by length. */
const moversKept = 64;

/** Whether WebGL2 can render to float32, which nearly every one can. */
function hasFloatTargets(gl: WebGL2RenderingContext): boolean {
  return gl.getExtension("EXT_color_buffer_float") !== null;
}

/** Name of the graphics device, as far as the browser tells. */
function describeContext(gl: WebGL2RenderingContext): string {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer: unknown = gl.getParameter(info === null ? gl.RENDERER : info.UNMASKED_RENDERER_WEBGL);
  return `WebGL2 on ${String(renderer)}`;
}

/** A context that gpu.js computes in. */
function contextOf(kernel: CompiledKernel): WebGL2RenderingContext {
  const context = field(kernel.internals, "context");
  if (typeof WebGL2RenderingContext === "undefined" || !(context instanceof WebGL2RenderingContext)) {
    throw new Error(`gpu.js ran a kernel in ${kernel.internals.mode} mode, not in WebGL2`);
  }
  return context;
}

/**
 * gpu.js on WebGL2, with a kernel run to see that it really is.
 * @throws Error if there is no WebGL2, or it cannot compute in float32
 */
export function webgl2Engine(): Engine {
  const gpu = openGpuJs("webgl2");
  const settings = { pipeline: true, immutable: true, tactic: "precision" };
  const probe = gpu.createKernel(identity(4), "Array", settings);
  probe.run([new Float32Array([1, 2, 3, 4])]);
  const gl = contextOf(probe);
  if (!hasFloatTargets(gl)) throw new Error("this WebGL2 cannot compute in float32 (no EXT_color_buffer_float)");
  const largest: unknown = gl.getParameter(gl.MAX_TEXTURE_SIZE);
  const side = typeof largest === "number" ? largest : 2048;
  // Positions up to here are exact in float32, in which samplers and their coordinates count.
  const maxLength = Math.min(side * side, 2 ** 24);
  const movers = new Map<string, CompiledKernel>();

  /** A kernel that copies `length` elements. */
  const mover = (kind: "in" | "out", length: number): CompiledKernel => {
    const key = `${kind} ${length}`;
    const known = movers.get(key);
    movers.delete(key);
    const made =
      known ??
      gpu.createKernel(
        identity(length),
        kind === "in" ? "Array" : "ArrayTexture(1)",
        kind === "in" ? settings : { asyncMode: true, tactic: "precision" },
      );
    movers.set(key, made);
    for (const [oldest, kernel] of movers) {
      if (movers.size <= moversKept) break;
      movers.delete(oldest);
      kernel.destroy();
    }
    return made;
  };
  const whyLost = (): string | undefined =>
    gl.isContextLost() ? "the browser took its WebGL context away" : undefined;
  const checked = (): void => {
    const lost = whyLost();
    if (lost !== undefined) throw new Error(`the GPU was lost: ${lost}`);
  };
  const read = async (buffer: EngineBuffer): Promise<Float32Array> => {
    checked();
    const result: unknown = await mover("out", buffer.length).run([own(buffer).texture]);
    checked();
    if (!(result instanceof Float32Array)) throw new TypeError("gpu.js read something else than float32 numbers");
    return result.slice(0, buffer.length);
  };

  return {
    mode: "webgl2",
    description: `${describeContext(gl)}, tensors up to ${maxLength} elements`,
    maxLength,
    target: { maxLanes: 1, flat: true },
    maxInputs: 7,
    get lost() {
      return whyLost();
    },
    pooledBytes: 0,
    compile: (source): Program => {
      const length = source.threads.reduce((all, size) => all * size, source.lanes);
      const kernel = gpu.createKernel(callTree(source), "ArrayTexture(1)", settings);
      return {
        run: (inputs, scalars) => {
          const texture = kernel.run([...inputs.map((input) => own(input).texture), ...scalars]);
          if (field(texture, "texture") === undefined) throw new Error("gpu.js left WebGL2 for this kernel");
          return new TextureBuffer(texture, length);
        },
        destroy: kernel.destroy,
      };
    },
    upload: (data) => new TextureBuffer(mover("in", data.length).run([data]), data.length),
    read,
    free: (buffer) => {
      const { texture } = own(buffer);
      const remove = field(texture, "delete");
      if (typeof remove === "function") remove.call(texture);
      // gpu.js leaves the results of a kernel that was destroyed to the end of the context.
      const inner = field(texture, "texture");
      if (field(inner, "_refs") === 0 && inner instanceof WebGLTexture && gl.isTexture(inner)) gl.deleteTexture(inner);
    },
    finish: async () => {
      checked();
      const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
      gl.flush();
      if (fence === null) return;
      while (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED && !gl.isContextLost()) {
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
      gl.deleteSync(fence);
      checked();
    },
  };
}
