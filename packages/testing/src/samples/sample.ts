import type { DType } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import fc from "fast-check";
import type { GradcheckOptions } from "../gradcheck/options.ts";

/** One call of an op: the tensors it is given and what is done with them. */
export interface SampleCase {
  /** The arguments that are no tensors, for people. */
  readonly label: string;
  /** float64 CPU tensors; those that can carry a gradient require one. */
  readonly inputs: readonly Tensor[];
  /** Applies the op to the inputs, or to the same values elsewhere. */
  readonly apply: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
}

/** A row of the table of ops: from it come the gradient checks of both orders and the agreement of devices. */
export interface Sample {
  /** Unique name: the op, and the case where an op has several rows. */
  readonly name: string;
  /** The function (or, where there is none, the method) as `@squall/tensor` exports it. */
  readonly op: string;
  /** Calls with generated shapes, values and arguments. */
  readonly cases: fc.Arbitrary<SampleCase>;
  /** Whether results carry a gradient. Default true. */
  readonly differentiable?: boolean;
  /** What the gradient checks need other than their defaults. */
  readonly check?: GradcheckOptions;
  /** Dtypes that a device must have to run the row, whatever the dtype of the inputs. Default none. */
  readonly needs?: readonly DType[];
}

/** What a row may say beyond name and cases. */
export type SampleExtras = Pick<Sample, "differentiable" | "check" | "needs">;

/** Makes a row whose cases are built of drawn tensors and arguments. */
export function row<Drawn>(
  name: string,
  drawn: fc.Arbitrary<Drawn>,
  build: (drawn: Drawn) => SampleCase,
  extras: SampleExtras = {},
): Sample {
  const [op = name] = name.split(" ");
  return { name, op, cases: drawn.map(build), ...extras };
}

/** Numbers between two bounds, for arguments: never NaN, never so many digits that labels grow long. */
export function numbers(low: number, high: number): fc.Arbitrary<number> {
  return fc.integer({ min: Math.ceil(low * 64), max: Math.floor(high * 64) }).map((n) => n / 64);
}
