/*
 * Kernels on WebGPU: gpu.js compiles, and everything else is ours: buffers that are used again, and commands that go to the GPU many at a time.
 */
import type { KernelSource } from "../../emit/source.ts";
import type { Engine } from "../engine.ts";
import { field, openGpuJs } from "../gpujs.ts";
import { own, WebGpuBuffer } from "./buffer.ts";
import { describeAdapter, isContext, largestBuffer } from "./context.ts";
import { Pool } from "./pool.ts";
import { WebGpuProgram } from "./program.ts";
import { Recorder } from "./recorder.ts";
import { mapModeRead, usage } from "./usage.ts";

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
  const recorder = new Recorder(device);
  const pool = new Pool(device, () => recorder.flush());
  const machine = { gpu, device, pool, recorder };
  let lost: string | undefined;
  void device.lost.then(({ reason, message }) => {
    lost ??= reason === "destroyed" ? "it was destroyed" : message || "no reason given";
  });
  // Out of memory, or an invalid command: a whole submission was dropped, so nobody knows which results are there.
  device.addEventListener("uncapturederror", ({ error }) => {
    lost ??= `WebGPU reported: ${error.message}`;
  });
  const checked = (): void => {
    if (lost !== undefined) throw new Error(`the GPU was lost: ${lost}`);
  };

  return {
    mode: "webgpu",
    description: describeAdapter(context),
    maxLength: Math.floor(largestBuffer(context) / 4),
    target: { maxLanes: 4, flat: false },
    // gpu.js asks for no more than the 8 storage buffers that every adapter has; one is the result.
    maxInputs: 7,
    get lost() {
      return lost;
    },
    get pooledBytes() {
      return pool.bytes;
    },
    compile: (source) => new WebGpuProgram(machine, source),
    upload: (data) => {
      const { buffer, isNew } = pool.take(data.length);
      // Writing comes before whatever is not handed over yet, and that may still read a buffer that was used before.
      if (!isNew) recorder.flush();
      queue.writeBuffer(buffer, 0, data);
      return new WebGpuBuffer(buffer, data.length);
    },
    zeros: (length) => {
      const { buffer, isNew } = pool.take(length);
      if (!isNew) recorder.copies().clearBuffer(buffer);
      return new WebGpuBuffer(buffer, length);
    },
    copyRun: (source, sourceOffset, target, targetOffset, length) => {
      const [from, to] = [own(source).buffer, own(target).buffer];
      recorder.copies().copyBufferToBuffer(from, 4 * sourceOffset, to, 4 * targetOffset, 4 * length);
    },
    read: async (buffer) => {
      checked();
      const size = 4 * buffer.length;
      const staging = device.createBuffer({ size, usage: usage.mapRead | usage.copyTarget });
      try {
        recorder.copies().copyBufferToBuffer(own(buffer).buffer, 0, staging, 0, size);
        recorder.flush();
        await staging.mapAsync(mapModeRead);
        checked();
        return new Float32Array(staging.getMappedRange().slice(0));
      } finally {
        staging.destroy();
      }
    },
    free: (buffer) => pool.give(own(buffer).buffer),
    finish: async () => {
      recorder.flush();
      await queue.onSubmittedWorkDone();
      checked();
    },
  };
}
