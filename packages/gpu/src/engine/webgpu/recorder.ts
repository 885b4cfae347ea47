/** Dispatches after which commands are handed over, so that the GPU need not wait for the rest. */
const mostDispatches = 64;

/**
 * Collects commands and hands them to the GPU together: one submission for many kernels costs little more than for one. What is recorded
 * is handed over at the latest when the program's turn ends.
 */
export class Recorder {
  private readonly device: GPUDevice;
  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private dispatches = 0;
  /** Counts submissions: what was recorded at this number is on its way once it has grown. */
  submissions = 0;

  constructor(device: GPUDevice) {
    this.device = device;
  }

  /** Records one run of a kernel. */
  dispatch(pipeline: GPUComputePipeline, bindings: GPUBindGroup, groups: readonly [number, number, number]): void {
    this.pass ??= this.open().beginComputePass();
    this.pass.setPipeline(pipeline);
    this.pass.setBindGroup(0, bindings);
    this.pass.dispatchWorkgroups(...groups);
    if (++this.dispatches >= mostDispatches) this.flush();
  }

  /** The encoder, for copies between kernels. */
  copies(): GPUCommandEncoder {
    this.pass?.end();
    this.pass = undefined;
    return this.open();
  }

  /** Hands over what was recorded. */
  flush(): void {
    if (this.encoder === undefined) return;
    this.pass?.end();
    const commands = this.encoder.finish();
    this.encoder = undefined;
    this.pass = undefined;
    this.dispatches = 0;
    this.submissions++;
    this.device.queue.submit([commands]);
  }

  private open(): GPUCommandEncoder {
    if (this.encoder !== undefined) return this.encoder;
    this.encoder = this.device.createCommandEncoder();
    queueMicrotask(() => this.flush());
    return this.encoder;
  }
}
