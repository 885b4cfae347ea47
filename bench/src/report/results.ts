// RESULTS.md, from all saved records.
import { SCALING_BASE } from "../scaling.ts";
import { workOf } from "../tasks/task.ts";
import { digits, measurementTable, seriesTable } from "./format.ts";
import { goalsTable, jsGoalsTable } from "./goals.ts";
import type { RunRecord, ScalingRecord, WorkloadRecord } from "./record.ts";

/** One line about where and how. */
export function conditionsLine({ conditions }: RunRecord): string {
  const { node, v8, cpu, cores, memory, system, threads, turbo, gpu } = conditions;
  const flags = `${threads} thread${threads === 1 ? "" : "s"}${turbo ? ", turbo" : ""}`;
  return `Node ${node} (V8 ${v8}), ${flags}; ${cpu}, ${cores} logical cores, ${memory} GiB, ${system}${gpu === undefined ? "" : `; ${gpu}`}`;
}

/** Who took part and how, one line each. */
function participants({ workloads }: RunRecord): string {
  const about = new Map<string, string>();
  for (const { entrants } of workloads.flatMap(({ cases }) => cases)) {
    for (const { version, about: text } of entrants) about.set(version, text);
  }
  return [...about].map(([version, text]) => `- ${version}: ${text}`).join("\n");
}

function workloadPart({ name, title, date, apart, cases }: WorkloadRecord, onGpu: boolean): string {
  const parts = cases.map((each) => {
    const { amount, unit } = each.work;
    const size = `${each.note === "" ? "" : `With ${each.note}. `}${digits(amount / 1e9)} ${unit === "flop" ? "GFLOP" : "GB"}.`;
    return `${size}\n\n${measurementTable(each)}`;
  });
  const ways = onGpu ? "the gpu and the cpu" : "the fast path and the typed-array loops";
  const checked = `Measured ${date}; ${ways} are ${apart.toExponential(1)} of the largest value apart.`;
  return [`### ${name}: ${title}`, checked, ...parts].join("\n\n");
}

function scalingPart({ date, series }: ScalingRecord): string {
  const { batch, steps, channels, hidden, height, width, kernel } = SCALING_BASE;
  const base =
    `A training step from B=${batch} T=${steps} C=${channels} ${height}x${width}, hidden ${hidden.join(" and ")}, ${kernel}x${kernel} ` +
    `(${digits(workOf(SCALING_BASE).amount / 1e9)} GFLOP), one size doubled at a time; the threads at twice the batch and the hidden channels. ` +
    `Squall only, measured ${date}.`;
  return ["### Scaling", base, ...series.map(seriesTable)].join("\n\n");
}

function recordPart(record: RunRecord): string {
  const { node, threads, turbo, gpu } = record.conditions;
  const title = `Node ${node.split(".")[0]}${turbo ? " with turbo" : ""}, ${threads} thread${threads === 1 ? "" : "s"}`;
  const parts = [
    `## ${gpu ?? title}`,
    `${conditionsLine(record)}.`,
    participants(record),
    ...record.workloads.map((workload) => workloadPart(workload, gpu !== undefined)),
  ];
  return [...parts, ...(record.scaling === undefined ? [] : [scalingPart(record.scaling)])].join("\n\n");
}

/** The text of RESULTS.md. */
export function resultsPage(records: readonly RunRecord[]): string {
  return `${[
    "# Results",
    "Written by `pnpm bench`; [README.md](README.md) says what is measured and how. Times are medians, taken in turn with the peers; " +
      "`squall / it` is our time by theirs, so smaller is better for us. Rates count 2 x multiply-adds of the direct convolutions.",
    "## Goals",
    goalsTable(records),
    jsGoalsTable(records),
    ...records.map(recordPart),
  ].join("\n\n")}\n`;
}
