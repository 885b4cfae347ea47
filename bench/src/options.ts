// The command line: text in, checked settings out.
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { PEERS, type PeerName } from "./peers/peers.ts";

/** A command line that makes no sense. The message names option, value and remedy; exit with `exitCode`. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly exitCode = 2;
  /** The option at fault, as typed. */
  readonly option: string;

  constructor(option: string, problem: string) {
    super(`${option}: ${problem}`);
    this.option = option;
  }
}

/** Devices that Squall is timed on. */
export const DEVICES = ["cpu", "gpu"] as const;

/** Name of a device. */
export type DeviceName = (typeof DEVICES)[number];

/** Names of workloads, in the order of the report. */
export interface Names {
  /** All that there are. */
  readonly all: readonly string[];
  /** Those that are timed if none are named. */
  readonly usual: readonly string[];
}

/** The workloads of each device. */
export type Known = Readonly<Record<DeviceName, Names>>;

/** What a run does. */
export interface Options {
  /** What Squall is timed on; on the gpu, the cpu is timed beside it. */
  readonly device: DeviceName;
  /** Names of the workloads, in the order of the report. */
  readonly names: readonly string[];
  readonly threads: number;
  readonly turbo: boolean;
  readonly quick: boolean;
  /** Whether a software adapter gets the sizes of a gpu, too. */
  readonly fullSize: boolean;
  /** Who is timed beside Squall; undefined: on the cpu all that are there, on the gpu nobody. */
  readonly peers: readonly PeerName[] | undefined;
  /** File for the raw figures. */
  readonly json: string | undefined;
}

/** What the command line asks for. */
export type Command = { readonly help: true } | { readonly help: false; readonly options: Options };

/**
 * Reads the command line.
 *
 * @param argv the arguments after the script's name, `process.argv.slice(2)`
 * @param known names of the workloads; `matmul` stands for all that start with `matmul-`
 * @throws OptionsError naming the option, its value and what would be right
 */
export function parseOptions(argv: readonly string[], known: Known): Command {
  // `pnpm bench -- --quick` hands the separator on.
  const args = argv[0] === "--" ? argv.slice(1) : [...argv];
  const { tokens } = parseArgs({
    args,
    // Not strict: its own errors name neither the values allowed nor a remedy.
    strict: false,
    tokens: true,
    options: {
      help: { type: "boolean", short: "h" },
      turbo: { type: "boolean" },
      quick: { type: "boolean" },
      "full-size": { type: "boolean" },
      device: { type: "string" },
      threads: { type: "string" },
      peers: { type: "string" },
      json: { type: "string" },
    },
  });
  const wanted: string[] = [];
  const flags = { turbo: false, quick: false, fullSize: false };
  let device: DeviceName = "cpu";
  let threads = availableParallelism();
  let peers: PeerName[] | undefined;
  let json: string | undefined;
  for (const token of tokens) {
    if (token.kind === "positional") wanted.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value } = token;
    if (name === "help") return { help: true };
    if (name === "turbo" || name === "quick") flags[name] = withoutValue(rawName, value);
    else if (name === "full-size") flags.fullSize = withoutValue(rawName, value);
    else if (name === "device") device = deviceNamed(rawName, needed(rawName, value, "gpu"));
    else if (name === "threads") threads = wholeNumber(rawName, needed(rawName, value, "2"));
    else if (name === "peers") peers = peerList(rawName, needed(rawName, value, "torch,ort"));
    else if (name === "json") json = needed(rawName, value, "FILE");
    else throw new OptionsError(rawName, "is no option of the bench; see --help");
  }
  if (flags.fullSize && device === "cpu") {
    throw new OptionsError("--full-size", "is about software adapters; it needs --device gpu");
  }
  const { all, usual } = known[device];
  const chosen = new Set(wanted.flatMap((text) => matching(text, all, device)));
  const names = chosen.size === 0 ? usual : all.filter((name) => chosen.has(name));
  return { help: false, options: { device, names, threads, ...flags, peers, json } };
}

/** The text of `--help`. */
export function helpText({ cpu, gpu }: Known): string {
  const line = (option: string, about: string): string => `  ${option.padEnd(16)} ${about}`;
  return [
    "Times Squall beside its peers, in turn, after checking that all compute the same.",
    "",
    "usage: pnpm bench [names] [options]",
    "",
    line("names", `some of ${cpu.all.join(", ")} [all]`),
    line("", `with --device gpu some of ${gpu.all.join(", ")} [${gpu.usual.join(", ")}]`),
    line("--device NAME", "cpu, or gpu: Squall on WebGPU beside Squall on the cpu [cpu]"),
    line("--full-size", "with --device gpu: a software adapter gets the full sizes, too"),
    line("--threads N", `threads of Squall and of the peers that have threads [${availableParallelism()}]`),
    line("--turbo", "Squall with the experimental switches of enableTurbo()"),
    line("--quick", "fewer repetitions; leaves RESULTS.md as it is"),
    line(
      "--peers A,B",
      `some of ${PEERS.join(", ")}, or none [all, torch only with SQUALL_BENCH_PYTHON; on the gpu none]`,
    ),
    line("--json FILE", "writes the raw figures"),
    line("--help, -h", "this text"),
    "",
    "SQUALL_BENCH_PYTHON names a Python that has PyTorch. The other peers are installed into bench/peers/ at first use.",
    "On a software adapter (SwiftShader, llvmpipe) --device gpu says nothing about the speed of a GPU.",
    "",
  ].join("\n");
}

function matching(text: string, known: readonly string[], device: DeviceName): string[] {
  const wanted = text.toLowerCase();
  const found = known.filter((name) => name.toLowerCase() === wanted || name.toLowerCase().startsWith(`${wanted}-`));
  if (found.length === 0) {
    throw new OptionsError(text, `is no workload of the ${device}; there are ${known.join(", ")}`);
  }
  return found;
}

function deviceNamed(flag: string, text: string): DeviceName {
  const device = DEVICES.find((name) => name === text);
  if (device === undefined) throw new OptionsError(flag, `needs ${DEVICES.join(" or ")}, got "${text}"`);
  return device;
}

function needed(flag: string, value: string | undefined, example: string): string {
  if (value === undefined || value === "") throw new OptionsError(flag, `needs a value, as in ${flag} ${example}`);
  return value;
}

function withoutValue(flag: string, value: string | undefined): true {
  if (value !== undefined) throw new OptionsError(flag, `takes no value, got "${value}"`);
  return true;
}

function wholeNumber(flag: string, text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new OptionsError(flag, `needs a whole number of at least 1, got "${text}"`);
  return Number(text);
}

function peerList(flag: string, text: string): PeerName[] {
  if (text === "none") return [];
  return text.split(",").map((part) => {
    const peer = PEERS.find((name) => name === part);
    if (peer === undefined) throw new OptionsError(flag, `needs some of ${PEERS.join(", ")}, or none, got "${text}"`);
    return peer;
  });
}
