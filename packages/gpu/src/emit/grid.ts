import { DeviceError } from "@squall/device";
import { divisionHelpers, integerHelper, wholeHelper } from "./integer.ts";
import type { HelperFunction, KernelTarget } from "./source.ts";

/** Where a thread stands, as whole-number expressions. */
export interface Grid {
  /** Threads, x first, as gpu.js takes them. */
  readonly threads: readonly number[];
  /** Position along the innermost axis. */
  readonly x: string;
  /** Position along the middle axis. */
  readonly y: string;
  /** Position along the outermost axis. */
  readonly z: string;
  /** Functions that the positions need, and `whole`, which turns a variable of {@link split} into an integer. */
  readonly helpers: readonly HelperFunction[];
}

/** Most threads along the axes of a WebGPU dispatch with gpu.js's workgroups of 8 x 8 x 1: 65535 workgroups each way. */
const limits = { x: 524_280, y: 524_280, z: 65_535 };

/**
 * Threads over a block of three axes, the result row-major with x innermost. In three axes if they fit, else in one, which gpu.js folds as
 * needed and from which the positions are divided out.
 */
export function grid({ flat }: KernelTarget, x: number, y: number, z: number): Grid {
  if (!flat && x <= limits.x && y <= limits.y && z <= limits.z) {
    return {
      threads: [x, y, z],
      x: "this.thread.x",
      y: "this.thread.y",
      z: "this.thread.z",
      helpers: [wholeHelper, ...divisionHelpers],
    };
  }
  return {
    threads: [x * y * z],
    x: "gridX(this.thread.x)",
    y: "gridY(this.thread.x)",
    z: "gridZ(this.thread.x)",
    helpers: [
      wholeHelper,
      ...divisionHelpers,
      integerHelper("gridXFrom", ["i", "row"], `i - row * ${x}`),
      integerHelper("gridX", ["i"], `gridXFrom(i, quotient(i, ${x}))`),
      integerHelper("gridYFrom", ["row", "z"], `row - z * ${y}`),
      integerHelper("gridYOf", ["row"], `gridYFrom(row, quotient(row, ${y}))`),
      integerHelper("gridY", ["i"], `gridYOf(quotient(i, ${x}))`),
      integerHelper("gridZ", ["i"], `quotient(i, ${x * y})`),
    ],
  };
}

/** Below this, a float32 quotient is exact, however the machine rounds its divisions (WebGPU allows 2.5 units in the last place). */
const exactQuotients = 2 ** 20;
/** Below this, every whole number is a float32. */
const exactVariables = 2 ** 24;

/**
 * Axes taken out of a whole number: statements that declare a variable for each, outermost first. Their kernels need the helpers of
 * {@link grid}, and {@link divisionHelpers}.
 * @throws DeviceError if a variable could not hold every number
 */
export function split(op: string, value: string, names: readonly string[], sizes: readonly number[]): string[] {
  const total = sizes.reduce((all, size) => all * size, 1);
  if (total > exactVariables) {
    throw new DeviceError(
      op,
      `runs over ${sizes.join(" x ")} = ${total} rows, but a kernel on the GPU counts exactly only to ${exactVariables}; use smaller batches or fewer channels`,
      { expected: exactVariables, got: total },
    );
  }
  const statements: string[] = [];
  let rest = value;
  for (let axis = names.length - 1; axis > 0; axis--) {
    const [name, size] = [names[axis] ?? "", sizes[axis] ?? 1];
    if (size === 1) {
      statements.push(`const ${name} = 0.0;`);
      continue;
    }
    const isSmall = total <= exactQuotients;
    const quotient = isSmall ? `Math.floor((${rest} + 0.5) / ${size})` : `quotient(whole(${rest}), ${size})`;
    statements.push(`const ${name}Rest = ${quotient};`);
    statements.push(`const ${name} = ${rest} - ${name}Rest * ${size};`);
    rest = `${name}Rest`;
  }
  statements.push(`const ${names[0]} = ${rest};`);
  return statements;
}
