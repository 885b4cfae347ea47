// The command line: text in, checked settings out. What an option may be stands in one table; its default in
// `presets.ts`.

import { parseArgs } from "node:util";
import { DEFAULTS, DEVICES, defaultSpeed, OPTIMIZERS, type Options, PAPER, PEEPHOLES } from "./presets.ts";

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

/** What the command line asks for. */
export type Command =
  | { readonly help: true }
  | { readonly help: false; readonly options: Options; readonly turbo: boolean };

interface Row<T> {
  readonly flag: string;
  /** Stands for the value in the help. */
  readonly value: string;
  readonly about: string;
  parse(flag: string, text: string): T;
}

type Table = { readonly [K in keyof Options]: Row<Options[K]> };

const positive = wholeNumber(1);
const zeroOrMore = wholeNumber(0);

const TABLE: Table = {
  mnist: row("mnist", "FILE", "handwritten digits from an IDX image file, gzipped or not", (_, text) => text),
  size: row("size", "N", "width and height of a frame in pixels", positive),
  digits: row("digits", "N", "digits in a frame", positive),
  digitSize: row("digit-size", "N", "width and height of a digit in pixels, at least 8", wholeNumber(8)),
  speed: row("speed", "A,B", "slowest and fastest digit in pixels per frame", speedRange),
  inputFrames: row("input-frames", "N", "frames the model sees", positive),
  outputFrames: row("output-frames", "N", "frames it forecasts", positive),
  patch: row("patch", "N", "fold N x N pixels into channels; must divide the size", positive),
  hidden: row("hidden", "N,N,…", "hidden channels of each layer, first layer first", layerList),
  kernel: row("kernel", "N", "width of the input-to-state kernel", positive),
  stateKernel: row("state-kernel", "N", "width of the state-to-state kernel", positive),
  peephole: row("peephole", PEEPHOLES.join("|"), "whether gates see the cell state", oneOf(PEEPHOLES)),
  batch: row("batch", "N", "sequences in a batch", positive),
  steps: row("steps", "N", "optimizer steps", positive),
  learningRate: row("lr", "X", "learning rate", positiveNumber),
  optimizer: row("optimizer", OPTIMIZERS.join("|"), "update rule", oneOf(OPTIMIZERS)),
  clip: row("clip", "X", "largest gradient norm; 0 does not clip", numberFromZero),
  seed: row("seed", "N", "decides every random number of the run", zeroOrMore),
  device: row("device", DEVICES.join("|"), "what computes", oneOf(DEVICES)),
  threads: row("threads", "N", "threads that the CPU computes with", positive),
  out: row("out", "DIR", "folder the results are written to", (_, text) => text),
  evalEvery: row("eval-every", "N", "steps between evaluations; 0 for only at the end", zeroOrMore),
  checkpointEvery: row("checkpoint-every", "N", "steps between saves of the model; 0 for only at the end", zeroOrMore),
};

const KEYS = new Map<string, keyof Options>(keysOf(TABLE).map((key) => [TABLE[key].flag, key]));

/**
 * Reads the command line. An option on it wins over the preset (`--paper`), and the preset over the defaults; an
 * option given twice counts the last time.
 *
 * @param argv the arguments after the script's name, `process.argv.slice(2)`
 * @throws OptionsError naming the option, its value and what would be right
 */
export function parseOptions(argv: readonly string[]): Command {
  // `pnpm demo -- --steps 5` hands the separator on.
  const args = argv[0] === "--" ? argv.slice(1) : [...argv];
  const { tokens } = parseArgs({
    args,
    // Not strict: its own errors name neither the values allowed nor a remedy.
    strict: false,
    tokens: true,
    options: {
      help: { type: "boolean", short: "h" },
      paper: { type: "boolean" },
      turbo: { type: "boolean" },
      ...Object.fromEntries([...KEYS.keys()].map((flag) => [flag.slice(2), { type: "string" as const }])),
    },
  });
  const given: { -readonly [K in keyof Options]?: Options[K] } = {};
  let [paper, turbo] = [false, false];
  for (const token of tokens) {
    if (token.kind === "positional") throw new OptionsError(token.value, "is no option; see --help");
    if (token.kind !== "option") continue;
    const key = KEYS.get(token.rawName);
    if (token.name === "help" || token.name === "paper" || token.name === "turbo") {
      if (token.value !== undefined) throw new OptionsError(token.rawName, `takes no value, got "${token.value}"`);
      if (token.name === "help") return { help: true };
      if (token.name === "paper") paper = true;
      else turbo = true;
    } else if (key === undefined) {
      throw new OptionsError(token.rawName, "is no option of this example; see --help");
    } else {
      take(given, key, token.value);
    }
  }
  const chosen = { ...DEFAULTS, ...(paper ? PAPER : {}), ...given };
  const options: Options = { ...chosen, speed: chosen.speed ?? defaultSpeed(chosen.size) };
  checkTogether(options);
  return { help: false, options, turbo };
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = keysOf(TABLE).map((key) => {
    const { flag, value, about } = TABLE[key];
    const fallback = key === "speed" ? "size x 3/64 to size x 5/64" : show(DEFAULTS[key]);
    return optionLine(`${flag} ${value}`, `${about}${fallback === "" ? "" : ` [${fallback}]`}`);
  });
  return [
    "Trains an encoding-forecasting ConvLSTM on moving, bouncing digits and draws what it forecasts.",
    "",
    "usage: pnpm demo [options]",
    "",
    ...rows,
    optionLine("--paper", "the setting of Shi et al. 2015: two digits, 64 x 64, 10 frames in and 10 out"),
    optionLine("--turbo", "tries experimental switches of the engine that make it faster"),
    optionLine("--help, -h", "this text"),
    "",
    "In brackets: the default. Options win over --paper, and --paper over the defaults.",
    "",
  ].join("\n");
}

/**
 * The settings as pairs of option and value, for the report.
 *
 * @returns one pair per option, in the order of the help
 */
export function describeOptions(options: Options): [string, string][] {
  return keysOf(TABLE).map((key) => [TABLE[key].flag, show(options[key]) || "none"]);
}

function take<K extends keyof Options>(given: { -readonly [P in K]?: Options[P] }, key: K, text: string | undefined) {
  const { flag, value, parse } = TABLE[key];
  if (text === undefined || text === "") throw new OptionsError(flag, `needs a value, as in ${flag} ${value}`);
  given[key] = parse(flag, text);
}

function checkTogether(options: Options): void {
  const { size, patch, digitSize, speed } = options;
  if (size % patch !== 0) {
    throw new OptionsError(
      "--patch",
      `${patch} does not divide --size ${size}; take a divisor, or --size ${patch * Math.ceil(size / patch)}`,
    );
  }
  if (digitSize > size) {
    throw new OptionsError(
      "--digit-size",
      `${digitSize} is larger than --size ${size}; make digits smaller or frames larger`,
    );
  }
  if (speed[1] > size) {
    throw new OptionsError(
      "--speed",
      `${speed[1]} pixels per frame crosses the whole frame of --size ${size}; go slower`,
    );
  }
}

function row<T>(name: string, value: string, about: string, parse: (flag: string, text: string) => T): Row<T> {
  return { flag: `--${name}`, value, about, parse };
}

function wholeNumber(least: number): (flag: string, text: string) => number {
  return (flag, text) => {
    const value = toNumber(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new OptionsError(flag, `needs a whole number of at least ${least}, got "${text}"`);
    }
    return value;
  };
}

function positiveNumber(flag: string, text: string): number {
  const value = toNumber(text);
  if (!(value > 0 && Number.isFinite(value))) throw new OptionsError(flag, `needs a number above 0, got "${text}"`);
  return value;
}

function numberFromZero(flag: string, text: string): number {
  const value = toNumber(text);
  if (!(value >= 0 && Number.isFinite(value))) {
    throw new OptionsError(flag, `needs a number of at least 0, got "${text}"`);
  }
  return value;
}

function layerList(flag: string, text: string): number[] {
  return text.split(",").map((part) => {
    const value = toNumber(part);
    if (Number.isSafeInteger(value) && value >= 1) return value;
    throw new OptionsError(
      flag,
      `needs channels per layer, whole numbers with commas between as in 64,32, got "${text}"`,
    );
  });
}

function speedRange(flag: string, text: string): [number, number] {
  const [slowest, fastest, ...more] = text.split(",").map(toNumber);
  if (slowest !== undefined && fastest !== undefined && more.length === 0) {
    if (slowest >= 0 && slowest <= fastest && Number.isFinite(fastest)) return [slowest, fastest];
  }
  throw new OptionsError(flag, `needs slowest and fastest in pixels per frame, as in 1,2, got "${text}"`);
}

function oneOf<T extends string>(choices: readonly T[]): (flag: string, text: string) => T {
  return (flag, text) => {
    const choice = choices.find((name) => name === text);
    if (choice === undefined) throw new OptionsError(flag, `needs one of ${choices.join(", ")}, got "${text}"`);
    return choice;
  };
}

/** Unlike `Number`, takes no empty text, no spaces and no hexadecimal for a number. */
function toNumber(text: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

function show(value: Options[keyof Options]): string {
  if (value === undefined) return "";
  return typeof value === "object" ? value.join(",") : String(value);
}

function optionLine(option: string, about: string): string {
  return `  ${option.padEnd(34)} ${about}`;
}

function keysOf(table: Table): (keyof Options)[] {
  const isKey = (key: string): key is keyof Options => key in table;
  return Object.keys(table).filter(isKey);
}
