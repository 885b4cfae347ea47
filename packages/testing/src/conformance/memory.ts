import { allocate, bytesPerElement, type Device, DeviceError, expressions as e } from "@squall/device";
import { type ConformanceCase, exactly, expectClose, expectStorage, expectThat, perDType, upload } from "./case.ts";

const flat = (length: number): { shape: number[]; strides: number[] } => ({ shape: [length], strides: [1] });

/** What moves elements: upload, read, fill, copy, cast; and what writes in place. */
export function memoryCases(device: Device): ConformanceCase[] {
  const { kernels } = device;
  return [
    ...perDType(device, "upload and read copy", async (dtype, what) => {
      const data = allocate(dtype, 3);
      data.set([1, 2, 3]);
      const storage = device.upload(data);
      data.fill(9);
      await expectStorage(`${what}, host array changed after upload`, storage, [1, 2, 3]);
      (await device.read(storage)).fill(9);
      await expectStorage(`${what}, host array changed after read`, storage, [1, 2, 3]);
      expectThat(what, storage.device === device && storage.dtype === dtype && storage.length === 3, "lost its labels");
    }),
    ...perDType(device, "special values survive upload and read", async (dtype, what) => {
      const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, -1.5, 2 ** -100];
      await expectStorage(what, upload(device, dtype, values), values);
    }),
    ...perDType(device, "readSync answers at once or refuses", async (dtype, what) => {
      const storage = upload(device, dtype, [1, 2]);
      if (device.canReadSync) {
        expectClose(what, device.readSync(storage), [1, 2], exactly);
        return;
      }
      let refused = false;
      try {
        device.readSync(storage);
      } catch (error) {
        refused = error instanceof DeviceError;
      }
      expectThat(what, refused, "neither answered nor threw a DeviceError");
    }),
    ...perDType(device, "fill, of nothing too", async (dtype, what) => {
      await expectStorage(what, kernels.fill(dtype, 3, -2.5), [-2.5, -2.5, -2.5]);
      await expectStorage(`${what}, no elements`, kernels.fill(dtype, 0, 1), []);
      await expectStorage(`${what}, NaN`, kernels.fill(dtype, 1, Number.NaN), [Number.NaN]);
    }),
    ...perDType(device, "copy follows offsets and strides and leaves the rest alone", async (dtype, what) => {
      const source = upload(device, dtype, [0, 1, 2, 3, 4, 5]);
      const target = kernels.fill(dtype, 8, -1);
      // The last column of [3,2], upwards, to every other place.
      kernels.copy(
        { shape: [3], sourceOffset: 5, sourceStrides: [-2], targetOffset: 1, targetStrides: [2] },
        source,
        target,
      );
      await expectStorage(what, target, [-1, 5, -1, 3, -1, 1, -1, -1]);
      await expectStorage(`${what}, source`, source, [0, 1, 2, 3, 4, 5]);
    }),
    ...perDType(device, "copy repeats along strides of 0, and copies scalars and nothing", async (dtype, what) => {
      const target = kernels.fill(dtype, 6, 0);
      const two = upload(device, dtype, [7, 8]);
      kernels.copy(
        { shape: [3, 2], sourceOffset: 0, sourceStrides: [0, 1], targetOffset: 0, targetStrides: [2, 1] },
        two,
        target,
      );
      await expectStorage(what, target, [7, 8, 7, 8, 7, 8]);
      const scalar = { shape: [], sourceOffset: 1, sourceStrides: [], targetOffset: 5, targetStrides: [] };
      kernels.copy({ ...scalar, sourceOffset: 0 }, two, target);
      await expectStorage(`${what}, scalar`, target, [7, 8, 7, 8, 7, 7]);
      const nothing = { shape: [0, 2], sourceOffset: 0, sourceStrides: [2, 1], targetOffset: 0, targetStrides: [2, 1] };
      kernels.copy(nothing, two, target);
      await expectStorage(`${what}, nothing`, target, [7, 8, 7, 8, 7, 7]);
    }),
    ...perDType(device, "copy and update count versions, reading does not", async (dtype, what) => {
      const [target, other] = [upload(device, dtype, [1, 2]), upload(device, dtype, [3, 4])];
      const start = target.version;
      kernels.map(flatMap(2, 1), e.neg(e.input(0)), [target], []);
      await device.read(target);
      expectThat(what, target.version === start, "the version changed though nothing was written");
      kernels.copy(
        { shape: [2], sourceOffset: 0, sourceStrides: [1], targetOffset: 0, targetStrides: [1] },
        other,
        target,
      );
      const copied = target.version;
      kernels.update([e.mul(e.input(0), 2)], [target], [], []);
      expectThat(what, copied > start && target.version > copied, "a write in place did not count");
      expectThat(what, other.version === 0 || other.version === start, "the source of a copy counted as written");
    }),
    ...perDType(device, "update reads all values from before it writes", async (dtype, what) => {
      const [a, b] = [upload(device, dtype, [1, 2, 3]), upload(device, dtype, [10, 20, 30])];
      kernels.update([e.add(e.input(0), e.input(1)), e.sub(e.input(0), e.input(1))], [a, b], [], []);
      await expectStorage(`${what}, first target`, a, [11, 22, 33]);
      await expectStorage(`${what}, second target`, b, [-9, -18, -27]);
    }),
    ...perDType(device, "update may read a target as an input too, and scalars", async (dtype, what) => {
      const [a, g] = [upload(device, dtype, [1, 2]), upload(device, dtype, [4, 8])];
      const step = e.sub(e.input(0), e.mul(e.scalar(1), e.input(1)));
      kernels.update([step], [a], [g], [99, 0.5]);
      await expectStorage(what, a, [-1, -2]);
      kernels.update([e.mul(e.input(0), e.input(1))], [a], [a], []);
      await expectStorage(`${what}, of itself`, a, [1, 4]);
      kernels.update([e.input(0)], [upload(device, dtype, [])], [], []);
    }),
    {
      name: "cast rounds to float32 and back",
      run: async (): Promise<void> => {
        const what = `${device.name}: cast`;
        for (const from of device.dtypes) {
          for (const to of device.dtypes) {
            const storage = kernels.cast(upload(device, from, [0.1, -2, 1e10]), to);
            expectThat(what, storage.dtype === to, `gave ${storage.dtype} instead of ${to}`);
            const isDouble = from === "float64" && to === "float64";
            const want = [0.1, -2, 1e10].map((value) => (isDouble ? value : Math.fround(value)));
            await expectStorage(`${what} from ${from} to ${to}`, storage, want);
            await expectStorage(`${what} of nothing`, kernels.cast(upload(device, from, []), to), []);
          }
        }
      },
    },
    ...perDType(device, "memory counts what is made and disposed, if it counts", async (dtype, what) => {
      const before = device.memory();
      const storage = upload(device, dtype, [1, 2, 3, 4]);
      const during = device.memory();
      device.dispose(storage);
      if (before.bytes === undefined || before.storages === undefined) return;
      const bytes = 4 * bytesPerElement(dtype);
      expectThat(what, (during.bytes ?? 0) - before.bytes >= bytes, `an upload added fewer than ${bytes} bytes`);
      expectThat(what, (during.storages ?? 0) - before.storages === 1, "an upload did not add one storage");
      const after = device.memory();
      expectThat(what, after.bytes === before.bytes && after.storages === before.storages, "dispose freed nothing");
    }),
  ];
}

function flatMap(length: number, inputs: number): { shape: number[]; strides: number[][] } {
  const { shape, strides } = flat(length);
  return { shape, strides: Array.from({ length: inputs }, () => strides) };
}
