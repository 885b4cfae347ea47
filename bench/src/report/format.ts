// Numbers and tables as text.
import { type Measured, type Measurement, timeOf } from "../measure.ts";
import type { Work } from "../tasks/task.ts";

/** Three significant digits, without exponents. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return "?";
  return Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** `milliseconds` with a unit that suits. */
export function duration(milliseconds: number): string {
  return milliseconds >= 10_000 ? `${digits(milliseconds / 1000)} s` : `${digits(milliseconds)} ms`;
}

/** What is done per second. */
export function rate(work: Work, milliseconds: number): string {
  return `${digits(work.amount / milliseconds / 1e6)} ${work.unit === "flop" ? "GFLOP/s" : "GB/s"}`;
}

/** A Markdown table with aligned columns, which reads well in a terminal, too. The first column is text, the others are numbers. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((_, column) => Math.max(3, ...[header, ...rows].map((row) => [...row[column]].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [line(header), rule, ...rows.map(line)].join("\n");
}

/** Our time by theirs: below 1 we are faster. */
export function ratio(ours: Measured, theirs: Measured): number {
  return timeOf(ours) / timeOf(theirs);
}

/** One case as a table: who, time, rate, ratio, threads, memory. */
export function measurementTable({ work, entrants, absent }: Measurement): string {
  const [ours] = entrants;
  const rows = entrants.map((each) => [
    each.version,
    duration(timeOf(each)),
    duration(Math.min(...each.times)),
    `${each.times.length}`,
    rate(work, timeOf(each)),
    each === ours ? "" : digits(ratio(ours, each)),
    `${each.threads}`,
    `${each.peak.toFixed(0)} MiB`,
  ]);
  const header = ["", "median", "min", "runs", "rate", "squall / it", "threads", "peak memory"];
  const missing = absent.map(({ name, reason }) => `${name} was not timed: ${reason}`);
  return [table(header, rows), ...(missing.length > 0 ? ["", ...missing] : [])].join("\n");
}
