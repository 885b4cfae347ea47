import { type Device, DeviceError, DTypeError, type Kernels } from "@squall/device";
import type { Engine } from "./engine/engine.ts";
import { elementwiseKernels } from "./kernels/elementwise.ts";
import { lstmKernels } from "./kernels/lstm.ts";
import { productKernels } from "./kernels/products.ts";
import { reduceKernels } from "./kernels/reduce.ts";
import { programLimit, Runtime } from "./runtime.ts";
import { GpuStorage } from "./storage.ts";

/** A device over an engine, with what is only of interest to the package and its tests. */
export interface EngineDevice {
  /** The device. */
  readonly device: Device;
  /** What gives it work. */
  readonly runtime: Runtime;
}

/** Makes a device of an engine. @param programs - most compiled kernels that it keeps */
export function createDevice(engine: Engine, name: string, programs: number = programLimit): EngineDevice {
  const runtime: Runtime = new Runtime(engine, () => device, programs);
  const elementwise = elementwiseKernels(runtime);
  const kernels: Kernels = {
    ...elementwise,
    ...reduceKernels(runtime, elementwise.fill),
    ...productKernels(runtime, elementwise.fill),
    ...lstmKernels(runtime),
  };
  const device: Device = {
    name,
    kernels,
    dtypes: ["float32"],
    canReadSync: false,
    upload: (data) => {
      if (!(data instanceof Float32Array)) {
        throw new DTypeError(
          "upload",
          `the ${name} computes in float32 and has no float64; convert with to("float32") first, or stay on the cpu`,
          { expected: "float32", got: "float64" },
        );
      }
      // Work may wait in line, and the array is the caller's.
      const copy = data.slice();
      return runtime.produce("upload", data.length, () => engine.upload(copy));
    },
    read: async (storage) => runtime.read("read", runtime.own("read", storage)),
    readSync: (storage) => {
      runtime.own("readSync", storage);
      throw new DeviceError("readSync", `the ${name} can only answer later; use await data() or await item()`);
    },
    dispose: (storage) => {
      if (storage instanceof GpuStorage && storage.device === device) runtime.dispose(storage);
      else runtime.own("dispose", storage);
    },
    memory: () => runtime.memory(),
    sync: () => runtime.sync(),
    describe: () => `${name}: ${engine.description}${engine.lost === undefined ? "" : `; lost: ${engine.lost}`}`,
  };
  return { device, runtime };
}
