// The measured ratios beside what issue 3 asks for.
import { GOAL_THREADS, GOALS, JS_GOALS } from "../goals.ts";
import { type PeerName, TITLES } from "../peers/peers.ts";
import { WORKLOADS } from "../workloads.ts";
import { digits, QUIET, ratio, table } from "./format.ts";
import { majorOf, type RunRecord } from "./record.ts";

/** A ratio, and whether the machine was quiet when it was measured. */
interface Found {
  readonly value: number;
  readonly quiet: boolean;
}

/** Our time by a peer's in a workload; the case with the full sizes first. Undefined if they were not timed together. */
function ratioTo(record: RunRecord | undefined, workload: string, peer: string): Found | undefined {
  const cases = record?.workloads.find(({ name }) => name === workload)?.cases ?? [];
  for (const { entrants, others } of cases) {
    const [ours] = entrants;
    const theirs = entrants.find(({ name }) => name === peer);
    if (theirs !== undefined) return { value: ratio(ours, theirs), quiet: others <= QUIET };
  }
  return undefined;
}

/** A measured number beside its goal. One from a machine that was busy with something else reaches nothing. */
function verdict(found: Found | undefined, goal: number, reaches: (value: number) => boolean): string {
  if (found === undefined) return `not measured (goal ${goal})`;
  const comment = found.quiet ? (reaches(found.value) ? ", reached" : "") : ", but disturbed";
  return `${digits(found.value)} (goal ${goal}${comment})`;
}

/** The record that a column of the goals is about. */
function columnRecords(records: readonly RunRecord[]): (RunRecord | undefined)[] {
  const fit = records.filter(({ conditions: { threads, gpu } }) => threads === GOAL_THREADS && gpu === undefined);
  const newest = (turbo: boolean): RunRecord | undefined =>
    fit
      .filter(({ conditions }) => majorOf(conditions) >= 24 && conditions.turbo === turbo)
      .sort((a, b) => majorOf(b.conditions) - majorOf(a.conditions))[0];
  return [fit.find(({ conditions }) => majorOf(conditions) === 20 && !conditions.turbo), newest(false), newest(true)];
}

/** Our time by PyTorch's for every goal: measured where a record is under its conditions. */
export function goalsTable(records: readonly RunRecord[]): string {
  const columns = columnRecords(records);
  const rows = GOALS.map(({ workload, most }) => [
    workload,
    ...most.map((goal, column) =>
      verdict(ratioTo(columns[column], workload, TITLES.torch), goal, (value) => value <= goal),
    ),
  ]);
  return table(["squall / PyTorch", "Node 20", "Node 24 or 26", "turbo on Node 24 or 26"], rows);
}

/** What is different where a slow peer takes part; empty if nothing. */
function sizesWith(workload: string, peer: PeerName): string {
  const cases = WORKLOADS.find(({ name }) => name === workload)?.cases ?? [];
  const note = cases.find(({ peers }) => peers.includes(peer))?.note ?? "";
  return note === "" ? "" : ` with ${note}`;
}

/** How many times as fast as the JavaScript libraries Squall is, for every goal and record. */
export function jsGoalsTable(records: readonly RunRecord[]): string {
  const columns = columnRecords(records);
  const rows = JS_GOALS.map(({ workload, peer, least }) => [
    `${workload}${sizesWith(workload, peer)}, ${TITLES[peer]}`,
    ...columns.map((record) => {
      const found = ratioTo(record, workload, TITLES[peer]);
      const faster = found === undefined ? undefined : { ...found, value: 1 / found.value };
      return verdict(faster, least, (value) => value >= least);
    }),
  ]);
  return table(["times as fast as", "Node 20", "Node 24 or 26", "turbo on Node 24 or 26"], rows);
}
