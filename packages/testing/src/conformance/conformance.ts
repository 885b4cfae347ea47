import { ArgumentError, type Device } from "@squall/device";
import { samples } from "../samples/table.ts";
import { type ConformanceCase, type ConformanceOptions, defaultTolerances } from "./case.ts";
import { foreignCases } from "./foreign.ts";
import { lifetimeCases } from "./lifetime.ts";
import { lstmCases } from "./lstm.ts";
import { memoryCases } from "./memory.ts";
import { numberCases } from "./numbers.ts";
import { productCases } from "./products.ts";
import { recurrentCases } from "./recurrent.ts";
import { rowCases } from "./rows.ts";
import { trainingCases } from "./training.ts";

/**
 * Everything that a device must do, as cases for any test framework:
 *
 * ```ts
 * for (const { name, run } of deviceConformance(device)) it(name, run);
 * ```
 *
 * Every row of {@link samples} runs on the device in each of its dtypes, forward and backward, and is compared with the cpu in float64 on
 * the same values; then come the edges of each kernel: empty tensors, scalars, NaN, writes in place, storages of other devices; ConvLSTM layers; and, where
 * memory counts, how long storages live and that training holds memory flat.
 * @throws ArgumentError if `runs` is not a whole number >= 1
 */
export function deviceConformance(device: Device, options: ConformanceOptions = {}): ConformanceCase[] {
  const { runs = 6, seed = 1, tolerances = defaultTolerances } = options;
  if (!Number.isSafeInteger(runs) || runs < 1) {
    throw new ArgumentError("deviceConformance", `runs must be a whole number >= 1, got ${runs}`, { got: runs });
  }
  return [
    ...samples.flatMap((row) => rowCases(row, device, runs, seed, tolerances)),
    ...memoryCases(device),
    ...lifetimeCases(device),
    ...numberCases(device),
    ...productCases(device),
    ...lstmCases(device, tolerances),
    ...recurrentCases(device, tolerances),
    ...foreignCases(device),
    ...trainingCases(device),
  ];
}
