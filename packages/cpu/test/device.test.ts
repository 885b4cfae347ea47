import { type Device, DeviceError, type Kernels, type Storage } from "@squall/device";
import { describe, expect, it } from "vitest";
import { CpuStorage, cpu } from "../src/index.ts";

const elsewhere: Device = { ...cpu, name: "gpu" };
const foreign: Storage = { device: elsewhere, dtype: "float32", length: 4, version: 0 };
const message = (op: string): string => `${op}: expected a cpu tensor but got one on gpu; move it with to(...)`;

describe("cpu", () => {
  it("copies on upload and on read", async () => {
    const host = Float32Array.of(1, 2, 3);
    const storage = cpu.upload(host);
    host[0] = 9;
    const read = cpu.readSync(storage);
    expect(read).toEqual(Float32Array.of(1, 2, 3));
    read[1] = 9;
    expect(await cpu.read(storage)).toEqual(Float32Array.of(1, 2, 3));
    expect(storage).toBeInstanceOf(CpuStorage);
    expect([storage.device, storage.dtype, storage.length, storage.version]).toEqual([cpu, "float32", 3, 0]);
  });

  it("says what it is", () => {
    expect(cpu.name).toBe("cpu");
    expect(cpu.dtypes).toEqual(["float32", "float64"]);
    expect(cpu.canReadSync).toBe(true);
    expect(cpu.memory()).toEqual({ bytes: undefined, storages: undefined });
  });

  it("keeps a disposed storage readable: the garbage collector owns it", () => {
    const storage = cpu.upload(Float64Array.of(5));
    cpu.dispose(storage);
    expect(cpu.readSync(storage)).toEqual(Float64Array.of(5));
  });

  const conv = {
    batch: 1,
    inChannels: 1,
    outChannels: 1,
    groups: 1,
    axes: [{ size: 4, kernel: 1, stride: 1, padBefore: 0, padAfter: 0, dilation: 1, outSize: 4 }],
  };
  const lstm = { batch: 1, hidden: 1, positions: 1, peephole: "none" } as const;
  const input = { kind: "input", index: 0 } as const;
  const calls: { [K in Exclude<keyof Kernels, "fill" | "convLstm">]: (k: Kernels, s: Storage) => unknown } = {
    copy: (k, s) =>
      k.copy({ shape: [1], sourceOffset: 0, sourceStrides: [1], targetOffset: 0, targetStrides: [1] }, s, s),
    cast: (k, s) => k.cast(s, "float64"),
    map: (k, s) => k.map({ shape: [4], strides: [[1]] }, input, [s], []),
    update: (k, s) => k.update([input], [s], [], []),
    reduce: (k, s) => k.reduce({ shape: [4], reduced: [true] }, "sum", s),
    matmul: (k, s) => k.matmul({ batch: 1, rows: 2, inner: 2, columns: 2, transposeA: false, transposeB: false }, s, s),
    conv: (k, s) => k.conv(conv, s, s, undefined),
    convInputGradient: (k, s) => k.convInputGradient(conv, s, s),
    convWeightGradient: (k, s) => k.convWeightGradient(conv, s, s),
    lstmStep: (k, s) =>
      k.lstmStep(lstm, { inputGates: undefined, inputOffset: 0, stateGates: s, cell: s, peephole: undefined }),
    lstmStepGradient: (k, s) =>
      k.lstmStepGradient(lstm, {
        gates: s,
        cellBefore: s,
        cellAfter: s,
        hiddenGradient: s,
        cellGradient: s,
        peephole: undefined,
      }),
  };
  it.each(Object.entries(calls))("refuses a storage of another device in %s", (op, call) => {
    let caught: unknown;
    try {
      call(cpu.kernels, foreign);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(DeviceError);
    expect(caught).toMatchObject({ op, expected: "cpu", got: "gpu", message: message(op) });
  });

  it.each(["read", "readSync"] as const)("refuses a storage of another device in %s", async (op) => {
    await expect(async () => cpu[op](foreign)).rejects.toThrow(message(op));
  });
});
