import type { EngineBuffer } from "../engine.ts";

/** Elements on the GPU. */
export class WebGpuBuffer implements EngineBuffer {
  readonly length: number;
  /** Where they are. */
  readonly buffer: GPUBuffer;

  constructor(buffer: GPUBuffer, length: number) {
    this.buffer = buffer;
    this.length = length;
  }
}

/** A buffer as this engine's. */
export function own(buffer: EngineBuffer): WebGpuBuffer {
  if (buffer instanceof WebGpuBuffer) return buffer;
  throw new TypeError("a buffer of another engine");
}
