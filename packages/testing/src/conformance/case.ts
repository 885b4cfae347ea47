import { allocate, type Device, type DType, type FloatArray, SquallError, type Storage } from "@squall/device";

/** One thing that a device must do. Free of any test framework: register each `run` under its `name`. */
export interface ConformanceCase {
  /** What is checked. */
  readonly name: string;
  /** Resolves if the device does it; rejects with an error that says what was expected and what came. */
  readonly run: () => Promise<void>;
}

/** How far results may be from the expected ones: `|got - want| <= atol + rtol·|want|`. */
export interface Tolerance {
  /** Absolute part. */
  readonly atol: number;
  /** Relative part. */
  readonly rtol: number;
}

/** What a conformance run needs to know besides the device. */
export interface ConformanceOptions {
  /** Generated calls per row of the table of samples and dtype. Default 6. */
  readonly runs?: number;
  /** Seed of the generated calls. Default 1. */
  readonly seed?: number;
  /** Tolerance per dtype. Default: 1e-5 + 1e-4 relative for float32, 1e-12 + 1e-10 relative for float64. */
  readonly tolerances?: Readonly<Record<DType, Tolerance>>;
}

/** Tolerances that leave room for other orders of summation and for `exp` and its like in single precision. */
export const defaultTolerances: Readonly<Record<DType, Tolerance>> = {
  float32: { atol: 1e-5, rtol: 1e-4 },
  float64: { atol: 1e-12, rtol: 1e-10 },
};

/** For what must come out to the bit. */
export const exactly: Tolerance = { atol: 0, rtol: 0 };

/** A device that does something else than the contract says. */
export class ConformanceError extends SquallError {
  /** `ConformanceError` */
  override readonly name: string = "ConformanceError";
}

/** @throws ConformanceError unless all numbers are as near as the tolerance says; NaN and infinities must be the same */
export function expectClose(what: string, got: FloatArray, want: ArrayLike<number>, tolerance: Tolerance): void {
  if (got.length !== want.length) {
    throw new ConformanceError(what, `has ${got.length} elements instead of ${want.length}`, {
      expected: want.length,
      got: got.length,
    });
  }
  for (const [k, value] of got.entries()) {
    const wanted = want[k] ?? Number.NaN;
    const same = value === wanted || (Number.isNaN(value) && Number.isNaN(wanted));
    if (same || Math.abs(value - wanted) <= tolerance.atol + tolerance.rtol * Math.abs(wanted)) continue;
    throw new ConformanceError(what, `element ${k} of ${want.length} is ${value} instead of ${wanted}`, {
      expected: wanted,
      got: value,
    });
  }
}

/** Reads a storage and compares it. @throws ConformanceError */
export async function expectStorage(
  what: string,
  storage: Storage,
  want: ArrayLike<number>,
  tolerance: Tolerance = exactly,
): Promise<void> {
  expectClose(what, await storage.device.read(storage), want, tolerance);
}

/** @throws ConformanceError unless `condition` holds */
export function expectThat(what: string, condition: boolean, otherwise: string): void {
  if (!condition) throw new ConformanceError(what, otherwise);
}

/** Numbers as a storage of a device. */
export function upload(device: Device, dtype: DType, values: ArrayLike<number>): Storage {
  const data = allocate(dtype, values.length);
  data.set(values);
  return device.upload(data);
}

/** A case for each dtype of a device. */
export function perDType(
  device: Device,
  name: string,
  run: (dtype: DType, what: string) => Promise<void>,
): ConformanceCase[] {
  return device.dtypes.map((dtype) => ({
    name: `${name}, ${dtype}`,
    run: async () => run(dtype, `${device.name}: ${name}, ${dtype}`),
  }));
}
