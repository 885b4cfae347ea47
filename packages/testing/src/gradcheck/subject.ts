import { ArgumentError, AutogradError, DTypeError, type FloatArray, formatShape } from "@squall/device";
import { grad, noGrad, Tensor, tensor } from "@squall/tensor";
import { GradcheckError } from "./error.ts";

/** A function whose gradient is checked: tensors to one tensor or several. */
export type Differentiable<Inputs extends readonly Tensor[]> = (...inputs: Inputs) => Tensor | readonly Tensor[];

/** A function at a point: evaluates it, moves the point, asks for gradients. */
export class Subject {
  /** Name of the check, for messages. */
  readonly op: string;
  /** The inputs whose gradients are checked, with their numbers in the list of all inputs. */
  readonly checked: readonly { readonly index: number; readonly tensor: Tensor }[];
  private readonly call: () => Tensor | readonly Tensor[];

  constructor(op: string, call: () => Tensor | readonly Tensor[], inputs: readonly Tensor[]) {
    this.op = op;
    this.call = call;
    for (const [index, input] of inputs.entries()) checkInput(op, index, input);
    this.checked = inputs
      .map((input, index) => ({ index, tensor: input }))
      .filter((entry) => entry.tensor.requiresGrad);
    if (this.checked.length === 0) {
      throw new ArgumentError(op, "no input requires a gradient, so there is nothing to check; use requiresGrad: true");
    }
  }

  /** Outputs at the present point, with their graph. */
  evaluate(): readonly Tensor[] {
    const result = this.call();
    const outputs: readonly Tensor[] = result instanceof Tensor ? [result] : result;
    for (const [index, output] of outputs.entries()) {
      if (!(output instanceof Tensor)) {
        throw new ArgumentError(this.op, `the function must return tensors, but output ${index} is ${typeof output}`, {
          got: output,
        });
      }
      if (output.dtype !== "float64") throw new DTypeError(this.op, dtypeText(`output ${index}`, output), SIDES);
    }
    return outputs;
  }

  /** Values of the outputs at the present point. */
  values(): FloatArray[] {
    return this.evaluate().map((output) => output.dataSync());
  }

  /** Outputs with their graph. @throws GradcheckError if a second call gives something else */
  evaluateTwice(): readonly Tensor[] {
    const outputs = this.evaluate();
    const again = this.values();
    for (const [index, output] of outputs.entries()) {
      const second = again[index];
      if (second === undefined || output.dataSync().some((value, k) => !Object.is(value, second[k]))) {
        throw new GradcheckError(
          this.op,
          `the function is not deterministic: output ${index} differs between two calls at the same point; draw random numbers outside`,
        );
      }
    }
    return outputs;
  }

  /** Gradients of `sum(output · gradient)` for all checked inputs; zeros where the output does not depend on one. */
  gradients(output: Tensor, gradient: Tensor): FloatArray[] {
    const tensors = this.checked.map((entry) => entry.tensor);
    if (!output.requiresGrad) return tensors.map((input) => new Float64Array(input.size));
    const options = { gradOutputs: [gradient], retainGraph: true, allowUnused: true };
    return grad([output], tensors, options).map((g) => g.dataSync());
  }

  /** `(f(x + step) - f(x - step)) / 2` for each output. */
  centralDifference(input: Tensor, step: FloatArray): Float64Array[] {
    const before = input.dataSync();
    const plus = this.valuesAt(input, before, step, 1);
    const minus = this.valuesAt(input, before, step, -1);
    return plus.map((values, k) =>
      Float64Array.from(values, (value, j) => (value - (minus[k]?.[j] ?? Number.NaN)) / 2),
    );
  }

  private valuesAt(input: Tensor, before: FloatArray, step: FloatArray, direction: number): FloatArray[] {
    try {
      overwrite(
        input,
        before.map((value, k) => value + direction * (step[k] ?? 0)),
      );
      return this.values();
    } finally {
      overwrite(input, before);
    }
  }
}

const SIDES = { expected: "float64", got: "float32" };

function dtypeText(which: string, { shape, dtype }: Tensor): string {
  return `${which} of shape ${formatShape(shape)} is ${dtype}; finite differences need float64, because in float32 rounding is larger than the difference; convert with to("float64")`;
}

function checkInput(op: string, index: number, input: Tensor): void {
  if (!(input instanceof Tensor)) {
    throw new ArgumentError(op, `inputs must be tensors, but input ${index} is ${typeof input}`, { got: input });
  }
  if (input.dtype !== "float64") throw new DTypeError(op, dtypeText(`input ${index}`, input), SIDES);
  if (!input.isLeaf) {
    throw new AutogradError(
      op,
      `input ${index} is the result of an operation, and moving it would spoil that graph; use detach().clone().requiresGrad_()`,
    );
  }
}

/** Moves an input in place, so that a function that holds it by other means (a module's parameter) sees it too. */
function overwrite(input: Tensor, values: FloatArray): void {
  noGrad(() => input.copy_(tensor(values, { shape: input.shape, dtype: input.dtype, device: input.device })));
}
