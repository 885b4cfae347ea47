// Positions where float32 no longer tells neighbours apart, or is about to.
import { type Device, expressions as e } from "@squall/device";
import type { ConformanceCase } from "@squall/testing";

/** A number for each place, never that of a neighbour, exact in float32. */
const value = (place: number): number => (place * 7) % 8191;

/** @throws Error naming the first element that is not as wanted */
function check(what: string, got: ArrayLike<number>, want: (place: number) => number): void {
  for (let place = 0; place < got.length; place++) {
    if (got[place] !== want(place))
      throw new Error(`${what}: element ${place} is ${got[place]} instead of ${want(place)}`);
  }
}

/** Cases over matrices of `rows` x `columns` numbers. */
export function largeCases(device: Device, rows: number, columns: number): ConformanceCase[] {
  const { kernels } = device;
  const length = rows * columns;
  const data = Float32Array.from({ length }, (_, place) => value(place));
  const use = async (storage: ReturnType<typeof kernels.fill>): Promise<ArrayLike<number>> => {
    const got = await device.read(storage);
    device.dispose(storage);
    return got;
  };
  return [
    {
      name: `maps and broadcasts ${length} elements`,
      run: async () => {
        const source = device.upload(data);
        const plusOne = kernels.map({ shape: [length], strides: [[1]] }, e.add(e.input(0), 1), [source], []);
        check("map", await use(plusOne), (p) => value(p) + 1);
        const row = device.upload(data.slice(0, columns));
        const strides = [
          [columns, 1],
          [0, 1],
        ];
        const less = kernels.map({ shape: [rows, columns], strides }, e.sub(e.input(0), e.input(1)), [source, row], []);
        check("broadcast", await use(less), (p) => value(p) - value(p % columns));
        for (const storage of [source, row]) device.dispose(storage);
      },
    },
    {
      name: `moves ${length} elements`,
      run: async () => {
        const source = device.upload(data);
        const turned = kernels.fill("float32", length, 0);
        const shape = [columns, rows];
        kernels.copy(
          { shape, sourceOffset: 0, sourceStrides: [1, columns], targetOffset: 0, targetStrides: [rows, 1] },
          source,
          turned,
        );
        check("transpose", await use(turned), (p) => value((p % rows) * columns + Math.floor(p / rows)));
        const middle = device.upload(new Float32Array(rows).fill(-1));
        const column = {
          shape: [rows],
          sourceOffset: 0,
          sourceStrides: [1],
          targetOffset: 17,
          targetStrides: [columns],
        };
        kernels.copy(column, middle, source);
        check("column", await use(source), (p) => (p % columns === 17 ? -1 : value(p)));
        device.dispose(middle);
      },
    },
    {
      name: `reduces ${length} elements along either axis`,
      run: async () => {
        const source = device.upload(data);
        const last = await use(kernels.reduce({ shape: [rows, columns], reduced: [false, true] }, "max", source));
        const first = await use(kernels.reduce({ shape: [rows, columns], reduced: [true, false] }, "min", source));
        const [most, least] = [new Float32Array(rows).fill(-1), new Float32Array(columns).fill(9999)];
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++) {
            const each = value(r * columns + c);
            most[r] = Math.max(most[r] ?? 0, each);
            least[c] = Math.min(least[c] ?? 0, each);
          }
        }
        check("max", last, (r) => most[r] ?? 0);
        check("min", first, (c) => least[c] ?? 0);
        device.dispose(source);
      },
    },
    {
      name: `convolves ${length} elements`,
      run: async () => {
        const source = device.upload(data);
        const axis = { stride: 1, padBefore: 0, dilation: 1 };
        const axes = [
          { ...axis, size: rows, kernel: 1, padAfter: 0, outSize: rows },
          { ...axis, size: columns, kernel: 2, padAfter: 1, outSize: columns },
        ];
        const geometry = { batch: 1, inChannels: 1, outChannels: 1, groups: 1, axes };
        const weight = device.upload(Float32Array.of(1, 2));
        check(
          "conv",
          await use(kernels.conv(geometry, source, weight, undefined)),
          (p) => value(p) + (p % columns === columns - 1 ? 0 : 2 * value(p + 1)),
        );
        for (const storage of [source, weight]) device.dispose(storage);
      },
    },
  ];
}
