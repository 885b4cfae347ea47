import { SquallError } from "@squall/device";

/** Bytes are not what their format says. The text names the tensor, where there is one, and both sides. */
export class FormatError extends SquallError {
  /** `FormatError` */
  override readonly name: string = "FormatError";
}
