// The command: reads options, checks, times, prints, writes the results.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MismatchError } from "./compare.ts";
import type { Entrant } from "./lane.ts";
import { measure } from "./measure.ts";
import { helpText, type Options, OptionsError, parseOptions } from "./options.ts";
import { installPeers } from "./peers/installed.ts";
import { INSTALLED, launchOurs, launchPeer, PEERS, type PeerName, THREADED, TITLES } from "./peers/peers.ts";
import { measurementTable, seriesTable } from "./report/format.ts";
import { goalsTable, jsGoalsTable } from "./report/goals.ts";
import {
  type CaseRecord,
  currentConditions,
  keyOf,
  merge,
  type RunRecord,
  readRecords,
  saveRecord,
  today,
  toJson,
  type WorkloadRecord,
} from "./report/record.ts";
import { conditionsLine, resultsPage } from "./report/results.ts";
import { measureScaling } from "./scaling.ts";
import { checkAgainstLoops, checkThreads } from "./selfCheck.ts";
import { FULL, QUICK } from "./statistics.ts";
import { WORKLOADS, type Workload } from "./workloads.ts";

const SCALING = "scaling";
const NAMES = [...WORKLOADS.map(({ name }) => name), SCALING];
const PAGE = fileURLToPath(new URL("../RESULTS.md", import.meta.url));
const RECORDS = fileURLToPath(new URL("../results", import.meta.url));

const python = process.env.SQUALL_BENCH_PYTHON;

/** The peers of this run. @throws OptionsError if one is asked for that is not there */
function availablePeers({ peers }: Options): readonly PeerName[] {
  if (peers === undefined) return PEERS.filter((peer) => peer !== "torch" || python !== undefined);
  if (peers.includes("torch") && python === undefined) {
    throw new OptionsError("--peers", "torch needs SQUALL_BENCH_PYTHON to name a Python that has PyTorch");
  }
  return peers;
}

function entrantOf(peer: PeerName, threads: number): Entrant {
  return { launch: launchPeer(peer, python), threads: THREADED.has(peer) ? threads : 1, turbo: false };
}

async function runWorkload(workload: Workload, ours: Entrant, peers: readonly PeerName[], quick: boolean) {
  const { name, title } = workload;
  console.log(`\n${name}: ${title}`);
  const apart = await checkAgainstLoops(workload.oracle, ours);
  await checkThreads(workload.cases[0].task, ours);
  const cases: CaseRecord[] = [];
  for (const { note, task, peers: all } of workload.cases) {
    const present = all.filter((peer) => peers.includes(peer));
    if (cases.length > 0 && present.length === 0) continue;
    const entrants = present.map((peer) => entrantOf(peer, ours.threads));
    const measurement = await measure(task, [ours, ...entrants], quick ? QUICK : FULL);
    console.log(`\n${note === "" ? "" : `with ${note}:\n\n`}${measurementTable(measurement)}`);
    cases.push({ note, ...measurement });
  }
  const record: WorkloadRecord = { name, title, date: today(), apart, cases };
  return record;
}

/**
 * Everything that was asked for, but for workloads that Squall computes wrongly: they are not timed.
 * @param wrong - is given what is wrong with them, and with peers
 */
async function runAll(options: Options, peers: readonly PeerName[], wrong: string[]): Promise<RunRecord> {
  const { names, threads, turbo, quick } = options;
  const ours: Entrant = { launch: launchOurs(), threads, turbo };
  const start: RunRecord = { conditions: currentConditions(threads, turbo), workloads: [] };
  console.log(`${conditionsLine(start)}.`);
  console.log(`Squall beside ${peers.length === 0 ? "nobody" : peers.map((peer) => TITLES[peer]).join(", ")}.`);
  const workloads: WorkloadRecord[] = [];
  for (const workload of WORKLOADS.filter(({ name }) => names.includes(name))) {
    try {
      const record = await runWorkload(workload, ours, peers, quick);
      workloads.push(record);
      const absent = record.cases.flatMap((each) => each.absent).filter(({ mismatch }) => mismatch);
      wrong.push(...absent.map(({ reason }) => `${workload.name}: ${reason}`));
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error;
      console.log(`not timed: ${error.message}`);
      wrong.push(`${workload.name}: ${error.message}`);
    }
  }
  if (!names.includes(SCALING)) return { ...start, workloads };
  console.log("\nscaling: a training step with one size doubled at a time");
  const series = await measureScaling(ours, quick ? QUICK : FULL, (each) => console.log(`\n${seriesTable(each)}`));
  return { ...start, workloads, scaling: { date: today(), series } };
}

/** Adds a record to the saved ones and writes the page anew. */
async function save(record: RunRecord): Promise<void> {
  const records = await readRecords(RECORDS);
  const merged = merge(records.get(keyOf(record.conditions)), record, NAMES);
  await saveRecord(RECORDS, merged);
  records.set(keyOf(record.conditions), merged);
  await writeFile(PAGE, resultsPage([...records.values()]));
  console.log(`\nWritten: ${PAGE}`);
}

async function run(options: Options): Promise<void> {
  const peers = availablePeers(options);
  if (peers.some((peer) => INSTALLED.has(peer))) await installPeers();
  const wrong: string[] = [];
  const record = await runAll(options, peers, wrong);
  if (peers.includes("torch")) console.log(`\n${goalsTable([record])}`);
  if (peers.some((peer) => INSTALLED.has(peer))) console.log(`\n${jsGoalsTable([record])}`);
  if (options.json !== undefined) await writeFile(options.json, toJson(record, true));
  if (wrong.length > 0) throw new MismatchError(["", "Results that differ; nothing is saved:", ...wrong].join("\n"));
  if (options.quick || options.peers !== undefined) {
    console.log("\nRESULTS.md stays as it is: --quick and --peers do not write it.");
  } else {
    await save(record);
  }
}

process.once("SIGINT", () => process.exit(130));
try {
  const command = parseOptions(process.argv.slice(2), NAMES);
  if (command.help) console.log(helpText(NAMES));
  else await run(command.options);
} catch (error) {
  const known = error instanceof OptionsError || error instanceof MismatchError;
  console.error(known ? error.message : error);
  process.exitCode = error instanceof OptionsError ? error.exitCode : 1;
}
