import { ArgumentError, type FloatArray, formatShape, type Shape, ShapeError, sameShape, sizeOf } from "@squall/device";
import { type NestedArray, type NumericArray, Tensor, tensor } from "@squall/tensor";
import { checkAlike } from "../arguments.ts";

/**
 * What {@link crossEntropy} holds logits `[N, C, …]` to. Class numbers 0 to C - 1, one per place: a tensor `[N, …]` of whole numbers (of the
 * dtype and device of the logits, as there are no integer dtypes), nested arrays of that shape, or a typed array of that many elements. Or
 * probabilities: a tensor `[N, C, …]`.
 */
export type ClassTarget = Tensor | NestedArray | NumericArray;

/** A target, checked. */
export interface ReadTarget {
  /** Whether it is class numbers `[N, 1, …]`, and not probabilities `[N, C, …]`. */
  readonly isNumbers: boolean;
  /** The one or the other. */
  readonly values: Tensor;
}

/** The place of an element in its array, as people write it: `[0,3]`. */
function placeOf(element: number, shape: Shape): string {
  let rest = element;
  const place = shape.toReversed().map((size) => {
    const at = rest % size;
    rest = Math.floor(rest / size);
    return at;
  });
  return formatShape(place.reverse());
}

/** @throws ArgumentError unless every number is that of a class, or to be ignored */
function checkNumbers(op: string, numbers: FloatArray, logits: Tensor, ignoreIndex: number): void {
  const [batch = 0, classes = 0, ...places] = logits.shape;
  const wrong = numbers.findIndex((n) => !((Number.isInteger(n) && n >= 0 && n < classes) || n === ignoreIndex));
  if (wrong < 0) return;
  const got = numbers[wrong];
  const remedy = Number.isInteger(got)
    ? `to leave such places out, give ignoreIndex: ${got}`
    : `probabilities have the shape ${formatShape(logits.shape)}`;
  throw new ArgumentError(
    op,
    `the target at ${placeOf(wrong, [batch, ...places])} is ${got}, but the classes of logits ${formatShape(logits.shape)} are the whole numbers 0 to ${classes - 1}; ${remedy}`,
    { expected: [0, classes - 1], got },
  );
}

/** An array of class numbers as a tensor on the host. */
function fromArray(op: string, values: NestedArray | NumericArray, shape: Shape, like: Tensor): Tensor {
  if (typeof values === "number" || !(Array.isArray(values) || ArrayBuffer.isView(values))) {
    const got = values === null ? "null" : typeof values;
    throw new ArgumentError(op, `the target must be a tensor or an array of class numbers, got ${got}`, {
      got: values,
    });
  }
  const { dtype } = like;
  // A typed array knows no shape.
  if (ArrayBuffer.isView(values) && values.length === sizeOf(shape)) return tensor(values, { dtype, shape });
  return tensor(values, { dtype });
}

/** @throws ShapeError, for a target that is neither class numbers nor probabilities */
function refuseShape(op: string, got: Shape, places: Shape, logits: Tensor): never {
  const [batch, one, ...others] = got;
  const remedy =
    one === 1 && batch !== undefined && sameShape([batch, ...others], places)
      ? "; drop the axis of one channel: squeeze(1)"
      : "";
  throw new ShapeError(
    op,
    `the target must be class numbers ${formatShape(places)} or probabilities ${formatShape(logits.shape)} for logits ${formatShape(logits.shape)} [N,C,…], got ${formatShape(got)}${remedy}`,
    { expected: [places, logits.shape], got },
  );
}

/**
 * Reads and checks a target. Class numbers are checked where the device answers at once, and before they go to it if they are an array.
 * @throws as {@link crossEntropy}
 */
export function readTarget(op: string, target: ClassTarget, logits: Tensor, ignoreIndex: number): ReadTarget {
  const places = logits.shape.filter((_, axis) => axis !== 1);
  const isTensor = target instanceof Tensor;
  const values = isTensor ? target : fromArray(op, target, places, logits);
  if (isTensor) {
    checkAlike(op, ["input", logits], ["target", target]);
    if (sameShape(values.shape, logits.shape)) return { isNumbers: false, values };
  }
  if (!sameShape(values.shape, places)) refuseShape(op, values.shape, places, logits);
  if (values.device.canReadSync) checkNumbers(op, values.dataSync(), logits, ignoreIndex);
  const numbers = isTensor ? values : values.to(logits.device);
  return { isNumbers: true, values: numbers.detach().unsqueeze(1) };
}
