import type { SquallError } from "@squall/device";
import { expect } from "vitest";

type ErrorName =
  | "ArgumentError"
  | "AutogradError"
  | "ConformanceError"
  | "DeviceError"
  | "DTypeError"
  | "GradcheckError"
  | "ShapeError"
  | "StateDictError";

/** Matches an error of a class with exactly this message, for `toThrow`: both are public API. */
export function refusal(name: ErrorName, message: string): SquallError {
  return expect.objectContaining({ name, message });
}
