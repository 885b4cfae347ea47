// Numbers and tables as text.
import type { Measured } from "../lane.ts";
import type { Measurement } from "../measure.ts";
import type { Series } from "../scaling.ts";
import type { Work } from "../tasks/task.ts";

/** Processors that other programs may keep busy without a word about it. */
export const QUIET = 0.1;

/** Three significant digits, without exponents. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "?";
  if (Math.abs(value) >= 100) return value.toFixed(0);
  return Math.abs(value) >= 0.001 ? value.toPrecision(3) : value.toFixed(5);
}

/** `milliseconds` with a unit that suits. */
export function duration(milliseconds: number): string {
  return milliseconds >= 10_000 ? `${digits(milliseconds / 1000)} s` : `${digits(milliseconds)} ms`;
}

/** What is done per second. */
export function rate({ amount, unit }: Work, milliseconds: number): string {
  return `${digits(amount / milliseconds / 1e6)} ${unit === "flop" ? "GFLOP/s" : "GB/s"}`;
}

/** A Markdown table with aligned columns, which reads well in a terminal, too. The first column is text, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(3, ...[header, ...rows].map((row) => [...row[column]].length)));
  const fit = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]);
  const line = (row: readonly string[]): string => `| ${row.map(fit).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(header), `| ${rule.join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** Our time by theirs: below 1 we are faster. */
export function ratio(ours: Measured, theirs: Measured): number {
  return ours.median / theirs.median;
}

/** A warning if others were at work, too. */
function disturbance(others: number): string[] {
  return others > QUIET ? [`Disturbed: other programs kept ${digits(others)} processors busy meanwhile.`] : [];
}

/** Bytes in MiB. */
function mebibytes(bytes: number): string {
  return `${digits(bytes / 2 ** 20)} MiB`;
}

/** One case as a table: who, time, rate, ratio, threads, memory; launches and the bytes that live there, if a device is in it. */
export function measurementTable({ work, entrants, absent, others }: Measurement): string {
  const [ours] = entrants;
  const hasDevice = entrants.some(({ device }) => device !== undefined);
  const rows = entrants.map((each) => [
    each.version,
    duration(each.median),
    duration(each.min),
    `${each.runs}`,
    rate(work, each.median),
    each === ours ? "" : digits(ratio(ours, each)),
    each.device === undefined ? `${each.threads}` : "",
    `${each.peak.toFixed(0)} MiB`,
    ...(hasDevice ? [`${each.device?.launches ?? ""}`, each.device ? mebibytes(each.device.bytes) : ""] : []),
  ]);
  const more = hasDevice ? ["launches per run", "live on device"] : [];
  const quotient = hasDevice ? "gpu / it" : "squall / it";
  const header = ["", "median", "min", "runs", "rate", quotient, "threads", "peak memory", ...more];
  const missing = absent.map(({ name, reason }) => `${name} was not timed: ${reason}`);
  return [table(header, rows), ...missing, ...disturbance(others)].join("\n\n");
}

/** One series as a table: size, time, how much longer than for the size before, rate. */
export function seriesTable({ dimension, points, others }: Series): string {
  const rows = points.map(({ label, work, measured }, number) => {
    const before = points[number - 1];
    return [
      label,
      duration(measured.median),
      before === undefined ? "" : digits(measured.median / before.measured.median),
      before === undefined ? "" : digits(work / before.work),
      rate({ unit: "flop", amount: work }, measured.median),
      `${measured.threads}`,
      `${measured.peak.toFixed(0)} MiB`,
    ];
  });
  const header = [dimension, "median", "time ratio", "work ratio", "rate", "threads", "peak memory"];
  return [table(header, rows), ...disturbance(others)].join("\n\n");
}
