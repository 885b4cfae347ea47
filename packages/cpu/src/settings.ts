import { ArgumentError } from "@squall/device";

/**
 * Which code computes: `auto` takes WebAssembly SIMD for float32 where the start-up probe finds it, `loops` the typed-array loops for
 * everything (the oracle). float64 always goes through the loops.
 */
export type KernelPath = "auto" | "loops";

/**
 * How float32 convolutions are computed: `auto` takes Winograd's algorithm where it is faster, `exact` never does and stays within the
 * rounding of a plain sum.
 */
export type ConvAlgorithm = "auto" | "exact";

const paths: readonly KernelPath[] = ["auto", "loops"];
const algorithms: readonly ConvAlgorithm[] = ["auto", "exact"];

let path: KernelPath = "auto";
let algorithm: ConvAlgorithm | "winograd" = "auto";

function check<Value extends string>(op: string, what: string, values: readonly Value[], value: Value): Value {
  if (values.includes(value)) return value;
  const known = values.join(" and ");
  throw new ArgumentError(op, `there is no ${what} "${String(value)}"; there are ${known}`, {
    expected: values,
    got: value,
  });
}

/** What {@link setKernelPath} chose. */
export function kernelPath(): KernelPath {
  return path;
}

/** Chooses which code computes from now on. @throws ArgumentError if there is no such path */
export function setKernelPath(value: KernelPath): void {
  path = check("setKernelPath", "path", paths, value);
}

/** What {@link setConvAlgorithm} chose, or `winograd`: take it wherever the geometry allows it, faster or not. */
export function convAlgorithm(): ConvAlgorithm | "winograd" {
  return algorithm;
}

/**
 * Chooses how float32 convolutions are computed from now on. `exact` gives up speed for the smaller error of a direct sum.
 * @throws ArgumentError if there is no such algorithm
 */
export function setConvAlgorithm(value: ConvAlgorithm): void {
  algorithm = check("setConvAlgorithm", "algorithm", algorithms, value);
}

/** Takes Winograd's algorithm wherever it can be taken, until the next {@link setConvAlgorithm}: tests do. */
export function forceWinograd(): void {
  algorithm = "winograd";
}
