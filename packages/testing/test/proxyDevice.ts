import { CpuStorage, cpu } from "@squall/cpu";
import { type Device, DeviceError, type DType, type Kernels, type Storage, trackStorage } from "@squall/device";

/** A storage of the proxy: one of the cpu inside. */
class ProxyStorage implements Storage {
  readonly device: Device;
  readonly inner: CpuStorage;

  constructor(device: Device, inner: Storage) {
    if (!(inner instanceof CpuStorage)) throw new TypeError("the proxy wraps cpu storages only");
    this.device = device;
    this.inner = inner;
  }

  get dtype(): DType {
    return this.inner.dtype;
  }

  get length(): number {
    return this.inner.length;
  }

  get version(): number {
    return this.inner.version;
  }
}

/** The proxy also knows the most that it ever held. */
export interface ProxyDevice extends Device {
  /** The most bytes held at a time since the last call. */
  takePeak(): number;
}

/**
 * A second device for tests: the cpu behind a wall, as a GPU would be: float32 alone, no synchronous reading, storages of its own, counted.
 * @param faulty - a kernel that shall compute the first element of its results wrongly
 */
export function proxyDevice(faulty?: keyof Kernels): ProxyDevice {
  const { kernels: inner } = cpu;
  const live = new Set<Storage>();
  let bytes = 0;
  let peak = 0;
  const wrap = (storage: Storage, kernel?: keyof Kernels): Storage => {
    const wrapped = new ProxyStorage(device, storage);
    if (kernel !== undefined) spoil(kernel, wrapped);
    live.add(wrapped);
    bytes += 4 * wrapped.length;
    peak = Math.max(peak, bytes);
    trackStorage(wrapped);
    return wrapped;
  };
  const opener =
    (op: string) =>
    (storage: Storage): Storage => {
      if (!(storage instanceof ProxyStorage) || storage.device !== device) {
        throw new DeviceError(op, `expected a tensor on proxy but got one on ${storage.device.name}`);
      }
      if (!live.has(storage)) {
        throw new DeviceError(
          op,
          "this tensor was disposed; return it from the scope that it was made in, or keep() it",
        );
      }
      return storage.inner;
    };
  const spoil = (kernel: keyof Kernels, storage: Storage): void => {
    if (kernel !== faulty || storage.length === 0 || !(storage instanceof ProxyStorage)) return;
    storage.inner.data[0] += 0.01;
  };
  const kernels: Kernels = {
    fill: (dtype, length, value) => wrap(inner.fill(dtype, length, value), "fill"),
    copy: (geometry, source, target) => {
      const open = opener("copy");
      inner.copy(geometry, open(source), open(target));
      spoil("copy", target);
    },
    cast: (source, dtype) => wrap(inner.cast(opener("cast")(source), dtype), "cast"),
    map: (geometry, expression, inputs, scalars) =>
      wrap(inner.map(geometry, expression, inputs.map(opener("map")), scalars), "map"),
    update: (expressions, targets, inputs, scalars) => {
      const open = opener("update");
      inner.update(expressions, targets.map(open), inputs.map(open), scalars);
      for (const target of targets) spoil("update", target);
    },
    reduce: (geometry, reduction, source) =>
      wrap(inner.reduce(geometry, reduction, opener("reduce")(source)), "reduce"),
    matmul: (geometry, a, b) => {
      const open = opener("matmul");
      return wrap(inner.matmul(geometry, open(a), open(b)), "matmul");
    },
    conv: (geometry, input, weight, bias) => {
      const open = opener("conv");
      return wrap(inner.conv(geometry, open(input), open(weight), bias && open(bias)), "conv");
    },
    convInputGradient: (geometry, gradient, weight) => {
      const open = opener("convInputGradient");
      return wrap(inner.convInputGradient(geometry, open(gradient), open(weight)), "convInputGradient");
    },
    convWeightGradient: (geometry, input, gradient) => {
      const open = opener("convWeightGradient");
      return wrap(inner.convWeightGradient(geometry, open(input), open(gradient)), "convWeightGradient");
    },
    lstmStep: (geometry, { inputGates, inputOffset, stateGates, cell, peephole }) => {
      const open = opener("lstmStep");
      const out = inner.lstmStep(geometry, {
        inputGates: inputGates && open(inputGates),
        inputOffset,
        stateGates: open(stateGates),
        cell: open(cell),
        peephole: peephole && open(peephole),
      });
      return { hidden: wrap(out.hidden), cell: wrap(out.cell, "lstmStep"), gates: wrap(out.gates) };
    },
    lstmStepGradient: (geometry, { gates, cellBefore, cellAfter, hiddenGradient, cellGradient, peephole }) => {
      const open = opener("lstmStepGradient");
      const out = inner.lstmStepGradient(geometry, {
        gates: open(gates),
        cellBefore: open(cellBefore),
        cellAfter: open(cellAfter),
        hiddenGradient: open(hiddenGradient),
        cellGradient: open(cellGradient),
        peephole: peephole && open(peephole),
      });
      return { gates: wrap(out.gates), cell: wrap(out.cell, "lstmStepGradient") };
    },
  };
  const device: ProxyDevice = {
    name: "proxy",
    kernels,
    dtypes: ["float32"],
    canReadSync: false,
    upload: (data) => wrap(cpu.upload(data)),
    read: async (storage) => cpu.read(opener("read")(storage)),
    readSync: () => {
      throw new DeviceError("readSync", "proxy can only answer later; use await data()");
    },
    dispose: (storage) => {
      if (live.delete(storage)) bytes -= 4 * storage.length;
    },
    sync: async () => {},
    memory: () => ({ storages: live.size, bytes }),
    describe: () => "proxy: the cpu behind a wall",
    takePeak: () => {
      const most = peak;
      peak = bytes;
      return most;
    },
  };
  return device;
}
