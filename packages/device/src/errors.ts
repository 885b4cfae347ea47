/** What an error was about: the two sides that did not fit. */
export interface ErrorSides {
  /** What the operation needed. */
  readonly expected?: unknown;
  /** What it was given. */
  readonly got?: unknown;
}

/**
 * Base of every error Squall throws on purpose. The fields come first, the text second; the text reads
 * `op: what, both sides, remedy` and is public API.
 */
export class SquallError extends Error {
  /** Name of the class, written out in each since a minifier renames classes. */
  override readonly name: string = "SquallError";
  /** The operation that refused, as the user wrote it: `conv2d`, `SGD`, `loadStateDict`. */
  readonly op: string;
  /** What the operation needed, where there is one value to name. */
  readonly expected: unknown;
  /** What it was given. */
  readonly got: unknown;

  constructor(op: string, what: string, sides: ErrorSides = {}) {
    super(`${op}: ${what}`);
    this.op = op;
    this.expected = sides.expected;
    this.got = sides.got;
  }
}

/** Shapes, axes or sizes do not fit. */
export class ShapeError extends SquallError {
  /** `ShapeError` */
  override readonly name: string = "ShapeError";
}

/** Element types do not fit; nothing is ever cast silently. */
export class DTypeError extends SquallError {
  /** `DTypeError` */
  override readonly name: string = "DTypeError";
}

/** Tensors live on different devices, or a device cannot do what was asked. */
export class DeviceError extends SquallError {
  /** `DeviceError` */
  override readonly name: string = "DeviceError";
}

/** The graph of recorded operations cannot be differentiated as asked. */
export class AutogradError extends SquallError {
  /** `AutogradError` */
  override readonly name: string = "AutogradError";
}

/** A state dict does not fit the object that was to load it. */
export class StateDictError extends SquallError {
  /** `StateDictError` */
  override readonly name: string = "StateDictError";
}

/** A plain argument (a number, a name, an option) is outside what the operation accepts. */
export class ArgumentError extends SquallError {
  /** `ArgumentError` */
  override readonly name: string = "ArgumentError";
}
