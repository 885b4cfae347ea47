// Node only: reads files.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ArgumentError, type Device, dtypes } from "@squall/device";
import { readFixture } from "./fixture.ts";
import { type GoldenOptions, runGolden } from "./run.ts";

/** Outcome of a folder of fixtures. */
export interface GoldenSummary {
  /** Cases that agree; one case is one fixture in one dtype. */
  readonly passed: number;
  /** Cases that do not agree, or are not understood. */
  readonly failed: number;
  /** Largest error of those that agree, relative to max(1, largest expected magnitude). */
  readonly worst: number;
}

/**
 * Runs every fixture of a folder on a device, in every dtype that it has.
 * @param report - takes a line for each failing case
 * @param tolerance - largest error allowed, as {@link GoldenOptions.tolerance}
 * @throws ArgumentError if the folder holds no fixture
 */
export async function runGoldenFolder(
  folder: string,
  device: Device,
  report: (line: string) => void,
  tolerance?: number,
): Promise<GoldenSummary> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".safetensors")).sort();
  if (names.length === 0)
    throw new ArgumentError("golden", `there is no .safetensors file in ${folder}`, { got: folder });
  let [passed, failed, worst] = [0, 0, 0];
  for (const name of names) {
    try {
      const fixture = readFixture(await readFile(join(folder, name)));
      for (const dtype of dtypes.filter((each) => device.dtypes.includes(each))) {
        const result = await runGolden(fixture, { device, dtype, ...(tolerance !== undefined && { tolerance }) });
        if (result.passed) {
          passed++;
          worst = Math.max(worst, result.error);
        } else {
          failed++;
          report(`FAILED ${name} ${dtype}: largest error ${result.error.toExponential(2)} at ${result.where}`);
        }
      }
    } catch (error) {
      failed++;
      report(`FAILED ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { passed, failed, worst };
}
