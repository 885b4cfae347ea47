import { usage } from "./usage.ts";

/** Most bytes of buffers that wait to be used again. */
const limit = 512 << 20;

/**
 * Buffers that wait to be used again, by size. Commands are carried out in order, so a buffer may be taken while earlier ones still read
 * it. Making and destroying a buffer for every result costs more than the small kernels that fill them.
 */
export class Pool {
  private readonly device: GPUDevice;
  private readonly beforeDestroying: () => void;
  private readonly waiting: Map<number, GPUBuffer[]> = new Map();
  /** Bytes that wait. */
  bytes = 0;

  /** @param beforeDestroying - called before buffers are destroyed, which no recorded command may read after */
  constructor(device: GPUDevice, beforeDestroying: () => void) {
    this.device = device;
    this.beforeDestroying = beforeDestroying;
  }

  /** A buffer for `length` elements. `isNew`: WebGPU has filled it with zeros; else it holds anything. */
  take(length: number): { readonly buffer: GPUBuffer; readonly isNew: boolean } {
    const size = 4 * length;
    const found = this.waiting.get(size)?.pop();
    if (found === undefined) {
      const buffer = this.device.createBuffer({ size, usage: usage.storage | usage.copySource | usage.copyTarget });
      return { buffer, isNew: true };
    }
    this.bytes -= size;
    return { buffer: found, isNew: false };
  }

  /** Takes a buffer back. Sizes used last are kept longest. */
  give(buffer: GPUBuffer): void {
    const same = this.waiting.get(buffer.size) ?? [];
    this.waiting.delete(buffer.size);
    this.waiting.set(buffer.size, same);
    same.push(buffer);
    this.bytes += buffer.size;
    if (this.bytes <= limit) return;
    this.beforeDestroying();
    for (const [size, buffers] of this.waiting) {
      while (this.bytes > limit && buffers.length > 0) {
        buffers.pop()?.destroy();
        this.bytes -= size;
      }
      if (buffers.length === 0) this.waiting.delete(size);
    }
  }
}
