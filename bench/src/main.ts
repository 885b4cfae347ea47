// The command: reads options, checks, times, prints, writes the results.
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { MismatchError } from "./compare.ts";
import { describeGpu, GPU_ENTRANT, gpuFirst, isSoftware, SOFTWARE_CAVEAT, shrunk } from "./gpu.ts";
import type { Entrant } from "./lane.ts";
import { measure } from "./measure.ts";
import { helpText, type Known, type Options, OptionsError, parseOptions } from "./options.ts";
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
import { type Effort, FULL, QUICK } from "./statistics.ts";
import { GPU_USUAL, GPU_WORKLOADS, WORKLOADS, type Workload } from "./workloads.ts";

const SCALING = "scaling";
const CPU_NAMES = [...WORKLOADS.map(({ name }) => name), SCALING];
const NAMES: Known = {
  cpu: { all: CPU_NAMES, usual: CPU_NAMES },
  gpu: { all: GPU_WORKLOADS.map(({ name }) => name), usual: GPU_USUAL },
};
const ORDER = [...NAMES.gpu.all, SCALING];
const PAGE = fileURLToPath(new URL("../RESULTS.md", import.meta.url));
const RECORDS = fileURLToPath(new URL("../results", import.meta.url));

const python = process.env.SQUALL_BENCH_PYTHON;

/** The peers of this run. @throws OptionsError if one is asked for that is not there */
function availablePeers({ device, peers }: Options): readonly PeerName[] {
  if (peers === undefined && device === "gpu") return [];
  if (peers === undefined) return PEERS.filter((peer) => peer !== "torch" || python !== undefined);
  if (peers.includes("torch") && python === undefined) {
    throw new OptionsError("--peers", "torch needs SQUALL_BENCH_PYTHON to name a Python that has PyTorch");
  }
  return peers;
}

function entrantOf(peer: PeerName, threads: number): Entrant {
  return { launch: launchPeer(peer, python), threads: THREADED.has(peer) ? threads : 1, turbo: false };
}

/** Who and what is timed. */
interface Contest {
  /** Squall on the cpu. */
  readonly ours: Entrant;
  /** Squall on the gpu, if that is what the run is about. */
  readonly gpu: Entrant | undefined;
  readonly peers: readonly PeerName[];
  readonly workloads: readonly Workload[];
  readonly effort: Effort;
}

async function runWorkload(workload: Workload, { ours, gpu, peers, effort }: Contest): Promise<WorkloadRecord> {
  const { name, title } = workload;
  console.log(`\n${name}: ${title}`);
  const fromLoops = await checkAgainstLoops(workload.oracle, ours);
  await checkThreads(workload.cases[0].task, ours);
  const own = gpu === undefined ? [ours] : [ours, gpu];
  const cases: CaseRecord[] = [];
  for (const { note, task, peers: all, alone = cases.length === 0 } of workload.cases) {
    const present = all.filter((peer) => peers.includes(peer));
    if (!alone && present.length === 0) continue;
    const entrants = present.map((peer) => entrantOf(peer, ours.threads));
    const measured = await measure(task, [...own, ...entrants], effort, own.length);
    const measurement = gpu === undefined ? measured : gpuFirst(measured);
    console.log(`\n${note === "" ? "" : `with ${note}:\n\n`}${measurementTable(measurement)}`);
    cases.push({ note, ...measurement });
  }
  const fromCpu = cases.flatMap(({ entrants }) => entrants.slice(0, own.length).map((each) => each.apart));
  const apart = gpu === undefined ? fromLoops : Math.max(...fromCpu);
  if (gpu !== undefined) console.log(`\nThe gpu and the cpu are ${apart.toExponential(1)} of the largest value apart.`);
  return { name, title, date: today(), apart, cases };
}

/**
 * Times workloads, but for those that Squall computes wrongly.
 * @param wrong - is given what is wrong with them, and with peers
 */
async function runWorkloads(contest: Contest, wrong: string[]): Promise<WorkloadRecord[]> {
  const records: WorkloadRecord[] = [];
  for (const workload of contest.workloads) {
    try {
      const record = await runWorkload(workload, contest);
      records.push(record);
      const absent = record.cases.flatMap((each) => each.absent).filter(({ mismatch }) => mismatch);
      wrong.push(...absent.map(({ reason }) => `${workload.name}: ${reason}`));
    } catch (error) {
      if (!(error instanceof MismatchError)) throw error;
      console.log(`not timed: ${error.message}`);
      wrong.push(`${workload.name}: ${error.message}`);
    }
  }
  return records;
}

/** Everything that was asked for. @param gpu - what the gpu device runs on, if there is to be one */
async function runAll(
  options: Options,
  peers: readonly PeerName[],
  gpu: string | undefined,
  wrong: string[],
): Promise<RunRecord> {
  const { names, threads, turbo, quick, fullSize } = options;
  const effort = quick ? QUICK : FULL;
  const ours: Entrant = { launch: launchOurs(), threads, turbo };
  const start: RunRecord = { conditions: currentConditions(threads, turbo, gpu), workloads: [] };
  const beside = [...(gpu === undefined ? [] : ["Squall on the cpu"]), ...peers.map((peer) => TITLES[peer])];
  console.log(`${conditionsLine(start)}.`);
  console.log(`Squall beside ${beside.length === 0 ? "nobody" : beside.join(", ")}.`);
  const isSlow = gpu !== undefined && isSoftware(gpu);
  if (isSlow) console.log(SOFTWARE_CAVEAT);
  if (isSlow && !fullSize) console.log("Sizes are smaller than on a GPU; --full-size has them as they are.");
  const known = gpu === undefined ? WORKLOADS : GPU_WORKLOADS;
  const chosen = known.filter(({ name }) => names.includes(name));
  const workloads = isSlow && !fullSize ? chosen.map(shrunk) : chosen;
  const contest = { ours, gpu: gpu === undefined ? undefined : GPU_ENTRANT, peers, workloads, effort };
  const records = await runWorkloads(contest, wrong);
  if (!names.includes(SCALING)) return { ...start, workloads: records };
  console.log("\nscaling: a training step with one size doubled at a time");
  const series = await measureScaling(ours, effort, (each) => console.log(`\n${seriesTable(each)}`));
  return { ...start, workloads: records, scaling: { date: today(), series } };
}

/** Why this run is not one for RESULTS.md; undefined if it is. */
function whyUnsaved({ quick, peers }: Options, gpu: string | undefined): string | undefined {
  if (gpu !== undefined && isSoftware(gpu)) return "a software adapter has no place there";
  return quick || peers !== undefined ? "--quick and --peers do not write it" : undefined;
}

/** Adds a record to the saved ones and writes the page anew. */
async function save(record: RunRecord): Promise<void> {
  const records = await readRecords(RECORDS);
  const merged = merge(records.get(keyOf(record.conditions)), record, ORDER);
  await saveRecord(RECORDS, merged);
  records.set(keyOf(record.conditions), merged);
  await writeFile(PAGE, resultsPage([...records.values()]));
  console.log(`\nWritten: ${PAGE}`);
}

async function run(options: Options): Promise<void> {
  const peers = availablePeers(options);
  const gpu = options.device === "gpu" ? await describeGpu() : undefined;
  if (peers.some((peer) => INSTALLED.has(peer))) await installPeers();
  const wrong: string[] = [];
  const record = await runAll(options, peers, gpu, wrong);
  if (gpu === undefined && peers.includes("torch")) console.log(`\n${goalsTable([record])}`);
  if (gpu === undefined && peers.some((peer) => INSTALLED.has(peer))) console.log(`\n${jsGoalsTable([record])}`);
  if (options.json !== undefined) await writeFile(options.json, toJson(record, true));
  if (wrong.length > 0) throw new MismatchError(["", "Results that differ; nothing is saved:", ...wrong].join("\n"));
  const unsaved = whyUnsaved(options, gpu);
  if (unsaved !== undefined) console.log(`\nRESULTS.md stays as it is: ${unsaved}.`);
  else await save(record);
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
