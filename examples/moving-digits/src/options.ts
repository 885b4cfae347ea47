// The command line: text in, checked settings out. What an option may be stands in `settings.ts`; its default in
// `presets.ts`.

import { parseArgs } from "node:util";
import { DEFAULTS, type Options, PAPER } from "./presets.ts";
import { complete, type Given, KEYS, OptionsError, settingNames, show, TABLE, take } from "./settings.ts";

/** What the command line asks for. */
export type Command =
  | { readonly help: true }
  | { readonly help: false; readonly options: Options; readonly turbo: boolean };

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
  const given: Given = {};
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
  return { help: false, options: complete({ ...(paper ? PAPER : {}), ...given }), turbo };
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = settingNames().map((key) => {
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

function optionLine(option: string, about: string): string {
  return `  ${option.padEnd(34)} ${about}`;
}
