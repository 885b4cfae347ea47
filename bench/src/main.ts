// The command: reads options, checks, times, prints, writes the results.
import { MismatchError } from "./compare.ts";
import { checkAgainstLoops, type Entrant, type Measurement, measure } from "./measure.ts";
import { helpText, type Options, OptionsError, parseOptions } from "./options.ts";
import { installPeers } from "./peers/installed.ts";
import { INSTALLED, launchOurs, launchPeer, PEERS, type PeerName, THREADED, TITLES } from "./peers/peers.ts";
import { measurementTable } from "./report/format.ts";
import { FULL, QUICK } from "./statistics.ts";
import { type Case, WORKLOADS, type Workload } from "./workloads.ts";

const NAMES = WORKLOADS.map(({ name }) => name);

const python = process.env.SQUALL_BENCH_PYTHON;

/** The peers of this run. @throws OptionsError if one is asked for that is not there */
function availablePeers({ peers }: Options): PeerName[] {
  if (peers === undefined) return PEERS.filter((peer) => peer !== "torch" || python !== undefined);
  if (peers.includes("torch") && python === undefined) {
    throw new OptionsError("--peers", "torch needs SQUALL_BENCH_PYTHON to name a Python that has PyTorch");
  }
  return [...peers];
}

async function runCase(each: Case, ours: Entrant, peers: readonly PeerName[], options: Options): Promise<Measurement> {
  const entrants = each.peers
    .filter((peer) => peers.includes(peer))
    .map((peer) => ({
      launch: launchPeer(peer, python),
      threads: THREADED.has(peer) ? options.threads : 1,
      turbo: false,
    }));
  return measure(each.task, [ours, ...entrants], options.quick ? QUICK : FULL);
}

async function runWorkload(workload: Workload, peers: readonly PeerName[], options: Options): Promise<boolean> {
  const ours: Entrant = { launch: launchOurs(), threads: options.threads, turbo: options.turbo };
  console.log(`\n${workload.name}: ${workload.title}`);
  await checkAgainstLoops(workload.oracle, ours);
  let right = true;
  for (const [number, each] of workload.cases.entries()) {
    if (number > 0 && !each.peers.some((peer) => peers.includes(peer))) continue;
    const measurement = await runCase(each, ours, peers, options);
    console.log(`\n${each.note === "" ? "" : `with ${each.note}:\n`}${measurementTable(measurement)}`);
    right &&= !measurement.absent.some(({ mismatch }) => mismatch);
  }
  return right;
}

async function run(options: Options): Promise<void> {
  const peers = availablePeers(options);
  if (peers.some((peer) => INSTALLED.has(peer))) await installPeers();
  console.log(`Squall beside ${peers.length === 0 ? "nobody" : peers.map((peer) => TITLES[peer]).join(", ")}.`);
  for (const workload of WORKLOADS.filter(({ name }) => options.names.includes(name))) {
    if (!(await runWorkload(workload, peers, options))) process.exitCode = 1;
  }
}

try {
  const command = parseOptions(process.argv.slice(2), NAMES);
  if (command.help) console.log(helpText(NAMES));
  else await run(command.options);
} catch (error) {
  const known = error instanceof OptionsError || error instanceof MismatchError;
  console.error(known ? error.message : error);
  process.exitCode = error instanceof OptionsError ? error.exitCode : 1;
}
