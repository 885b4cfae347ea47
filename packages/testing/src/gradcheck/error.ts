import { SquallError } from "@squall/device";

/** One entry of a Jacobian that does not agree with finite differences. */
export interface GradcheckMismatch {
  /** Number of the output in what the function returned. */
  readonly output: number;
  /** Index inside that output; `undefined` if only a random projection disagrees. */
  readonly outputEntry: readonly number[] | undefined;
  /** Number of the input in the list of inputs. */
  readonly input: number;
  /** Index inside that input; `undefined` if only a random projection disagrees. */
  readonly inputEntry: readonly number[] | undefined;
  /** The derivative by backward pass. */
  readonly analytical: number;
  /** The derivative by central differences. */
  readonly numerical: number;
}

/** A gradient that does not agree with finite differences, or a function whose gradient cannot be checked. */
export class GradcheckError extends SquallError {
  /** `GradcheckError` */
  override readonly name: string = "GradcheckError";
  /** Where and by how much; `undefined` if the function could not be checked at all. */
  readonly mismatch: GradcheckMismatch | undefined;

  constructor(op: string, what: string, mismatch?: GradcheckMismatch) {
    super(op, what, mismatch && { expected: mismatch.numerical, got: mismatch.analytical });
    this.mismatch = mismatch;
  }
}
