// The settings as text: what each may be stands in one table, for the command line, the report and the saved model. Its default is in
// `presets.ts`. Runs in browsers too.

import { DEFAULTS, DEVICES, defaultSpeed, OPTIMIZERS, type Options, PEEPHOLES } from "./presets.ts";

/** A setting that makes no sense. The message names option, value and remedy; exit with `exitCode`. */
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

/** One setting as text. */
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

/** Every setting, in the order of the help. */
export const TABLE: Table = {
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

/** The names of all settings, in the order of the help. */
export function settingNames(): (keyof Options)[] {
  const isKey = (key: string): key is keyof Options => key in TABLE;
  return Object.keys(TABLE).filter(isKey);
}

/** The setting that an option as typed, such as `--size`, stands for. */
export const KEYS: ReadonlyMap<string, keyof Options> = new Map(settingNames().map((key) => [TABLE[key].flag, key]));

/** Some of the settings. */
export type Given = { -readonly [K in keyof Options]?: Options[K] };

/**
 * Reads one setting.
 *
 * @param given where its value goes
 * @throws OptionsError if there is no text or it makes no sense
 */
export function take<K extends keyof Options>(given: Pick<Given, K>, key: K, text: string | undefined) {
  const { flag, value, parse } = TABLE[key];
  if (text === undefined || text === "") throw new OptionsError(flag, `needs a value, as in ${flag} ${value}`);
  given[key] = parse(flag, text);
}

/**
 * All settings: the given ones, and the defaults.
 *
 * @throws OptionsError if they do not go together
 */
export function complete(given: Given): Options {
  const { speed, ...chosen } = { ...DEFAULTS, ...given };
  const options: Options = { ...chosen, speed: speed ?? defaultSpeed(chosen.size) };
  checkTogether(options);
  return options;
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

/**
 * The settings as pairs of option and value, for the report and the saved model.
 *
 * @returns one pair per option, in the order of the help
 */
export function describeOptions(options: Options): [string, string][] {
  return settingNames().map((key) => [TABLE[key].flag, show(options[key]) || "none"]);
}

/**
 * The settings of a saved model.
 *
 * @param text what stands under `settings` in the metadata of its file: `describeOptions` as a JSON object
 * @throws OptionsError if it is not that, one is missing or makes no sense
 */
export function readSettings(text: string | undefined): Options {
  const saved = parseObject(text ?? "");
  const given: Given = {};
  for (const key of settingNames()) {
    const { flag } = TABLE[key];
    const value = saved.get(flag);
    if (typeof value !== "string") throw new OptionsError(flag, "is missing from the saved settings");
    if (key !== "mnist" || value !== "none") take(given, key, value);
  }
  return complete(given);
}

function parseObject(text: string): Map<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return new Map(Object.entries(value));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new OptionsError("settings", `the file holds no JSON object of settings, but "${text}"`);
}

/** A setting's value as it is typed; empty for none. */
export function show(value: Options[keyof Options]): string {
  if (value === undefined) return "";
  return typeof value === "object" ? value.join(",") : String(value);
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
