// What a run found out, as data: the raw figures of `--json`, and what RESULTS.md is written from.
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { join } from "node:path";
import type { Measurement } from "../measure.ts";
import type { Series } from "../scaling.ts";

/** Where and how a run happened. */
export interface Conditions {
  /** Version of Node, `20.20.2`. */
  readonly node: string;
  readonly v8: string;
  /** Model of the processor. */
  readonly cpu: string;
  /** Logical cores. */
  readonly cores: number;
  /** Memory of the machine in GiB. */
  readonly memory: number;
  readonly system: string;
  readonly threads: number;
  readonly turbo: boolean;
  /** What the gpu device runs on, if Squall was timed there. */
  readonly gpu?: string;
}

/** One case of a workload. */
export interface CaseRecord extends Measurement {
  /** What is different from the workload as it is defined; empty if nothing. */
  readonly note: string;
}

/** A workload. */
export interface WorkloadRecord {
  readonly name: string;
  readonly title: string;
  /** Day of the run, `2026-11-22`. */
  readonly date: string;
  /** Largest difference from the typed-array loops, on the gpu from the cpu, as a share of the largest value. */
  readonly apart: number;
  readonly cases: readonly CaseRecord[];
}

/** The scaling tables. */
export interface ScalingRecord {
  readonly date: string;
  readonly series: readonly Series[];
}

/** A run, or what several runs under the same conditions found out, the latest of each workload. */
export interface RunRecord {
  readonly conditions: Conditions;
  readonly workloads: readonly WorkloadRecord[];
  readonly scaling?: ScalingRecord;
}

/** Today, as records have it. */
export function today(): string {
  return new Date().toISOString().slice(0, 10);
}

/** Where and how this process runs. */
export function currentConditions(threads: number, turbo: boolean, gpu?: string): Conditions {
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memory: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    threads,
    turbo,
    ...(gpu === undefined ? {} : { gpu }),
  };
}

/** Major version of Node. */
export function majorOf({ node }: Conditions): number {
  return Number(node.split(".")[0]);
}

/** What is kept apart: results of one key replace each other. Those of a gpu go by what it calls itself. */
export function keyOf(conditions: Conditions): string {
  const { threads, turbo, gpu } = conditions;
  if (gpu !== undefined) return (gpu.toLowerCase().match(/[a-z0-9]+/g) ?? ["gpu"]).join("-");
  return `node${majorOf(conditions)}${turbo ? "-turbo" : ""}-${threads}thread${threads === 1 ? "" : "s"}`;
}

/**
 * Adds a run to an earlier one: its workloads take the places of the earlier ones. On another processor or Node nothing earlier stays.
 * @param order - names of all workloads, in the order of the report
 */
export function merge(earlier: RunRecord | undefined, later: RunRecord, order: readonly string[]): RunRecord {
  const same =
    earlier !== undefined &&
    earlier.conditions.cpu === later.conditions.cpu &&
    earlier.conditions.node === later.conditions.node;
  if (!same) return later;
  const byName = new Map([...earlier.workloads, ...later.workloads].map((workload) => [workload.name, workload]));
  const workloads = order.flatMap((name) => byName.get(name) ?? []);
  const scaling = later.scaling ?? earlier.scaling;
  return { conditions: later.conditions, workloads, ...(scaling === undefined ? {} : { scaling }) };
}

/** Text of a record. @param times - whether the time of every single run is part of it */
export function toJson(record: RunRecord, times: boolean): string {
  return `${JSON.stringify(record, (key, value) => (key === "times" && !times ? undefined : value), 2)}\n`;
}

/** The saved records of a folder by their keys; none if there is no folder. */
export async function readRecords(folder: string): Promise<Map<string, RunRecord>> {
  const records = new Map<string, RunRecord>();
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((each) => each.endsWith(".json")).sort()) {
    const record: RunRecord = JSON.parse(await readFile(join(folder, name), "utf8"));
    records.set(keyOf(record.conditions), record);
  }
  return records;
}

/** Saves a record under its key. */
export async function saveRecord(folder: string, record: RunRecord): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${keyOf(record.conditions)}.json`), toJson(record, false));
}
