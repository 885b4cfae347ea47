import { ArgumentError, DeviceError, DTypeError, type PerAxis, perAxis } from "@squall/device";
import type { Tensor } from "@squall/tensor";

/** An array as it stands within another, or a long one. */
function countOf({ length }: readonly unknown[]): string {
  return `a list of ${length}`;
}

/** A value as it stands in messages: in a few words, however large it is. */
export function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (Array.isArray(value)) {
    if (value.length > 8) return countOf(value);
    return `[${value.map((item) => (Array.isArray(item) ? countOf(item) : show(item))).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const { constructor: made } = value;
    return typeof made !== "function" || made === Object ? "an object" : `a ${made.name}`;
  }
  return typeof value === "function" ? "a function" : String(value);
}

/** @throws ArgumentError unless every one of these options is true, false or left out */
export function checkFlags(op: string, options: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || typeof value === "boolean") continue;
    throw new ArgumentError(op, `${name} must be true or false, got ${show(value)}`, { got: value });
  }
}

/** @throws ArgumentError unless `value` is a whole number >= `least` */
export function checkWhole(op: string, name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) {
    throw new ArgumentError(op, `${name} must be a whole number >= ${least}, got ${show(value)}`, {
      expected: least,
      got: value,
    });
  }
}

/** @throws ArgumentError unless `value` is a finite number that passes `test`; `what` says which those are */
export function checkNumber(
  op: string,
  name: string,
  value: number,
  what = "a finite number",
  test: (value: number) => boolean = () => true,
): void {
  if (!Number.isFinite(value) || !test(value)) {
    throw new ArgumentError(op, `${name} must be ${what}, got ${show(value)}`, { expected: what, got: value });
  }
}

/** @throws ArgumentError unless `value` is a multiple of `groups` */
export function checkDivisible(op: string, name: string, value: number, groupsName: string, groups: number): void {
  if (value % groups !== 0) {
    throw new ArgumentError(op, `${name} (=${value}) must be divisible by ${groupsName} (=${groups})`, {
      expected: groups,
      got: value,
    });
  }
}

/** @throws ArgumentError unless `value` is one of `choices` */
export function checkChoice<T extends string>(op: string, name: string, value: T, choices: readonly T[]): void {
  if (!choices.includes(value)) {
    throw new ArgumentError(
      op,
      `${name} must be one of ${choices.map((choice) => `"${choice}"`).join(", ")}, got ${show(value)}`,
      { expected: choices, got: value },
    );
  }
}

/** One whole number >= `least` per axis, from one for all or one for each. @throws ArgumentError otherwise */
export function wholePerAxis(op: string, name: string, value: PerAxis, axes: number, least: number): number[] {
  if (typeof value !== "number" && !Array.isArray(value)) {
    throw new ArgumentError(op, `${name} must be a whole number or one per axis, got ${show(value)}`, {
      expected: axes,
      got: value,
    });
  }
  return perAxis(op, name, value, axes, least);
}

/** @throws DTypeError, DeviceError unless both tensors have one dtype and device; each is given with its name */
export function checkAlike(
  op: string,
  [nameA, a]: readonly [string, Tensor],
  [nameB, b]: readonly [string, Tensor],
): void {
  if (a.dtype !== b.dtype) {
    throw new DTypeError(op, `${nameA} is ${a.dtype} but ${nameB} is ${b.dtype}; convert one with to("${a.dtype}")`, {
      expected: a.dtype,
      got: b.dtype,
    });
  }
  if (a.device !== b.device) {
    throw new DeviceError(
      op,
      `${nameA} is on ${a.device.name} but ${nameB} is on ${b.device.name}; move one with to()`,
      {
        expected: a.device.name,
        got: b.device.name,
      },
    );
  }
}
