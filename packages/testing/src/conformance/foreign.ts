import { convGeometry, type Device, DeviceError, expressions as e, type Storage } from "@squall/device";
import { type ConformanceCase, expectThat, upload } from "./case.ts";

/** Every kernel, and reading, must refuse the storage of another device. */
export function foreignCases(device: Device): ConformanceCase[] {
  const { kernels } = device;
  const dtype = device.dtypes[0] ?? "float32";
  const elsewhere: Device = { ...device, name: "elsewhere" };
  const foreign: Storage = { device: elsewhere, dtype, length: 4, version: 0 };
  const own = (): Storage => upload(device, dtype, [1, 2, 3, 4]);
  const flat = { shape: [4], sourceOffset: 0, sourceStrides: [1], targetOffset: 0, targetStrides: [1] };
  const square = { batch: 1, rows: 2, inner: 2, columns: 2, transposeA: false, transposeB: false };
  const conv = convGeometry("conv1d", [1, 1, 4], [1, 1, 4], { padding: "same" });
  const lstm = { batch: 1, hidden: 1, positions: 1, peephole: "none" } as const;
  const sum = e.add(e.input(0), e.input(1));
  const absent = { inputGates: undefined, inputOffset: 0, peephole: undefined };

  const calls: readonly (readonly [name: string, call: () => unknown])[] = [
    ["read", () => device.read(foreign)],
    ["readSync", () => device.readSync(foreign)],
    ["copy, source", () => kernels.copy(flat, foreign, own())],
    ["copy, target", () => kernels.copy(flat, own(), foreign)],
    ["cast", () => kernels.cast(foreign, dtype)],
    ["map", () => kernels.map({ shape: [4], strides: [[1], [1]] }, sum, [own(), foreign], [])],
    ["update, target", () => kernels.update([sum], [foreign], [own()], [])],
    ["update, input", () => kernels.update([sum], [own()], [foreign], [])],
    ["reduce", () => kernels.reduce({ shape: [4], reduced: [true] }, "sum", foreign)],
    ["matmul, left", () => kernels.matmul(square, foreign, own())],
    ["matmul, right", () => kernels.matmul(square, own(), foreign)],
    ["conv, input", () => kernels.conv(conv, foreign, own(), undefined)],
    ["conv, weight", () => kernels.conv(conv, own(), foreign, undefined)],
    ["conv, bias", () => kernels.conv(conv, own(), own(), foreign)],
    ["convInputGradient", () => kernels.convInputGradient(conv, foreign, own())],
    ["convWeightGradient", () => kernels.convWeightGradient(conv, own(), foreign)],
    ["lstmStep", () => kernels.lstmStep(lstm, { ...absent, stateGates: foreign, cell: upload(device, dtype, [1]) })],
    [
      "lstmStepGradient",
      () => {
        const one = upload(device, dtype, [1]);
        const rest = { cellBefore: one, cellAfter: one, hiddenGradient: one, cellGradient: one, peephole: undefined };
        return kernels.lstmStepGradient(lstm, { gates: foreign, ...rest });
      },
    ],
  ];
  return calls.map(([name, call]) => ({
    name: `${name} refuses the storage of another device`,
    run: async (): Promise<void> => {
      let caught: unknown;
      try {
        await call();
      } catch (error) {
        caught = error;
      }
      const what = `${device.name}: ${name} of a foreign storage`;
      expectThat(what, caught instanceof DeviceError, `threw ${String(caught)} instead of a DeviceError`);
    },
  }));
}
