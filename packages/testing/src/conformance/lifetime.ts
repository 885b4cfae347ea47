import { type Device, DeviceError, expressions as e, type Storage, storageScope } from "@squall/device";
import { type ConformanceCase, exactly, expectClose, expectThat, perDType, upload } from "./case.ts";

/** @throws ConformanceError unless `use` throws, or rejects with, a DeviceError */
async function expectRefused(what: string, use: () => unknown): Promise<void> {
  let caught: unknown;
  try {
    await use();
  } catch (error) {
    caught = error;
  }
  expectThat(what, caught instanceof DeviceError, `threw ${String(caught)} instead of a DeviceError`);
}

/** @throws ConformanceError unless a device holds as much as before */
function expectSame(what: string, device: Device, before: ReturnType<Device["memory"]>): void {
  const now = device.memory();
  const same = now.bytes === before.bytes && now.storages === before.storages;
  const said = ({ bytes, storages }: typeof before): string => `${bytes} bytes in ${storages} storages`;
  expectThat(what, same, `holds ${said(now)} instead of ${said(before)}`);
}

/** How long storages live, on devices that count them. */
export function lifetimeCases(device: Device): ConformanceCase[] {
  const { kernels } = device;
  const waiting: ConformanceCase = {
    name: "sync resolves, with work queued and without",
    run: async (): Promise<void> => {
      await device.sync();
      const storage = kernels.fill(device.dtypes[0] ?? "float32", 3, 1);
      await device.sync();
      device.dispose(storage);
    },
  };
  if (device.memory().bytes === undefined) return [waiting];
  return [
    waiting,
    ...perDType(device, "dispose twice is harmless", async (dtype, what) => {
      const before = device.memory();
      const storage = upload(device, dtype, [1, 2]);
      device.dispose(storage);
      device.dispose(storage);
      expectSame(what, device, before);
    }),
    ...perDType(device, "a disposed storage is refused", async (dtype, what) => {
      const storage = upload(device, dtype, [1, 2]);
      device.dispose(storage);
      await expectRefused(`${what}: read`, () => device.read(storage));
      await expectRefused(`${what}: map`, () =>
        kernels.map({ shape: [2], strides: [[1]] }, e.neg(e.input(0)), [storage], []),
      );
      await expectRefused(`${what}: update`, () => kernels.update([e.neg(e.input(0))], [storage], [], []));
    }),
    ...perDType(device, "work and reads queued before a dispose see the elements", async (dtype, what) => {
      const storage = upload(device, dtype, [1, 2]);
      const negated = kernels.map({ shape: [2], strides: [[1]] }, e.neg(e.input(0)), [storage], []);
      const reads = [device.read(storage), device.read(negated)];
      device.dispose(storage);
      device.dispose(negated);
      // New storages may take the memory of the old ones, but not before these were read.
      for (let k = 0; k < 4; k++) device.dispose(kernels.fill(dtype, 2, 9));
      const [values = new Float64Array(0), results = new Float64Array(0)] = await Promise.all(reads);
      expectClose(what, values, [1, 2], exactly);
      expectClose(`${what}, result`, results, [-1, -2], exactly);
    }),
    ...perDType(device, "storages belong to the scope that they are made in", async (dtype, what) => {
      const before = device.memory();
      const two = (storage: Storage): Storage =>
        kernels.map({ shape: [2], strides: [[1]] }, e.neg(e.input(0)), [storage], []);
      const kept = storageScope(
        () => two(two(kernels.cast(two(upload(device, dtype, [1, 2])), dtype))),
        (storage) => [storage],
      );
      const during = device.memory().storages;
      expectThat(
        what,
        during === (before.storages ?? 0) + 1,
        `${during} storages instead of one more; use trackStorage`,
      );
      device.dispose(kept);
      expectSame(what, device, before);
    }),
  ];
}
