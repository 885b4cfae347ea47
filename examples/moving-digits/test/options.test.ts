import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { helpText, parseOptions } from "../src/options.ts";
import { DEFAULTS, type Options, PAPER } from "../src/presets.ts";
import { describeOptions, OptionsError } from "../src/settings.ts";

function read(...argv: string[]): Options {
  const command = parseOptions(argv);
  if (command.help) throw new Error("asked for help");
  return command.options;
}

describe("parseOptions", () => {
  test("without options gives the defaults", () => {
    const { speed, ...rest } = read();
    expect(rest).toEqual(DEFAULTS);
    expect(speed).toEqual([(3 * DEFAULTS.size) / 64, (5 * DEFAULTS.size) / 64]);
  });

  test("reads every option, with a space or an equals sign", () => {
    const options = read(
      ...["--mnist", "digits.gz", "--size=32", "--digits", "2", "--digit-size=14", "--speed", "0.5,2.5"],
      ...["--input-frames", "6", "--output-frames", "7", "--patch", "4", "--hidden", "16,8", "--kernel", "5"],
      ...["--state-kernel", "1", "--peephole", "full", "--batch", "3", "--steps", "9", "--lr", "1e-4"],
      ...["--optimizer", "rmsprop", "--clip", "0", "--seed", "0", "--out", "there", "--eval-every", "0"],
      ...["--checkpoint-every", "5"],
      ...["--threads", "3", "--device", "gpu"],
    );
    expect(options).toEqual({
      mnist: "digits.gz",
      size: 32,
      digits: 2,
      digitSize: 14,
      speed: [0.5, 2.5],
      inputFrames: 6,
      outputFrames: 7,
      patch: 4,
      hidden: [16, 8],
      kernel: 5,
      stateKernel: 1,
      peephole: "full",
      batch: 3,
      steps: 9,
      learningRate: 1e-4,
      optimizer: "rmsprop",
      clip: 0,
      seed: 0,
      out: "there",
      evalEvery: 0,
      checkpointEvery: 5,
      threads: 3,
      device: "gpu",
    });
  });

  test("--paper wins over defaults and loses to options, wherever it stands", () => {
    expect(read("--paper")).toMatchObject({ ...PAPER, speed: [3, 5] });
    for (const argv of [
      ["--paper", "--steps", "3"],
      ["--steps", "3", "--paper"],
    ]) {
      expect(read(...argv)).toMatchObject({ size: 64, steps: 3 });
    }
    expect(read("--paper").out).toBe(DEFAULTS.out);
  });

  test("--turbo is asked for apart from the settings, which it does not change", () => {
    expect(parseOptions(["--steps", "3"])).toMatchObject({ turbo: false });
    expect(parseOptions(["--turbo", "--steps", "3"])).toEqual({
      help: false,
      options: read("--steps", "3"),
      turbo: true,
    });
  });

  test("the last of two counts, and a leading separator is passed over", () => {
    expect(read("--", "--steps", "3", "--steps", "4").steps).toBe(4);
  });

  test.each([["--help"], ["-h"]])("%s asks for help, whatever else is there", (flag) => {
    expect(parseOptions(["--steps", "3", flag])).toEqual({ help: true });
  });

  test.each([
    [["--stepz", "3"], "--stepz: is no option of this example; see --help"],
    [["-x"], "-x: is no option of this example; see --help"],
    [["--no-steps"], "--no-steps: is no option of this example; see --help"],
    [["train"], "train: is no option; see --help"],
    [["--steps"], "--steps: needs a value, as in --steps N"],
    [["--out="], "--out: needs a value, as in --out DIR"],
    [["--paper=yes"], '--paper: takes no value, got "yes"'],
    [["--turbo=yes"], '--turbo: takes no value, got "yes"'],
    [["--threads", "0"], '--threads: needs a whole number of at least 1, got "0"'],
    [["--steps", "--lr"], '--steps: needs a whole number of at least 1, got "--lr"'],
    [["--steps", "-5"], '--steps: needs a whole number of at least 1, got "-5"'],
    [["--steps", "1.5"], '--steps: needs a whole number of at least 1, got "1.5"'],
    [["--steps", "0x10"], '--steps: needs a whole number of at least 1, got "0x10"'],
    [["--steps", "1e99"], '--steps: needs a whole number of at least 1, got "1e99"'],
    [["--seed", "-1"], '--seed: needs a whole number of at least 0, got "-1"'],
    [["--digit-size", "7"], '--digit-size: needs a whole number of at least 8, got "7"'],
    [["--lr", "NaN"], '--lr: needs a number above 0, got "NaN"'],
    [["--lr", "0"], '--lr: needs a number above 0, got "0"'],
    [["--lr", "Infinity"], '--lr: needs a number above 0, got "Infinity"'],
    [["--clip", "-1"], '--clip: needs a number of at least 0, got "-1"'],
    [
      ["--hidden", "8,,8"],
      '--hidden: needs channels per layer, whole numbers with commas between as in 64,32, got "8,,8"',
    ],
    [
      ["--hidden", "8,-2"],
      '--hidden: needs channels per layer, whole numbers with commas between as in 64,32, got "8,-2"',
    ],
    [["--speed", "2,1"], '--speed: needs slowest and fastest in pixels per frame, as in 1,2, got "2,1"'],
    [["--speed", "2"], '--speed: needs slowest and fastest in pixels per frame, as in 1,2, got "2"'],
    [
      ["--size", "24", "--patch", "2", "--digit-size", "12", "--speed", "1,99"],
      "--speed: 99 pixels per frame crosses the whole frame of --size 24; go slower",
    ],
    [["--optimizer", "adamm"], '--optimizer: needs one of sgd, adam, adamw, rmsprop, got "adamm"'],
    [["--device", "tpu"], '--device: needs one of cpu, gpu, got "tpu"'],
    [["--peephole", "toString"], '--peephole: needs one of none, channel, full, got "toString"'],
    [["--size", "26", "--patch", "4"], "--patch: 4 does not divide --size 26; take a divisor, or --size 28"],
    [
      ["--size", "24", "--patch", "2", "--digit-size", "25"],
      "--digit-size: 25 is larger than --size 24; make digits smaller or frames larger",
    ],
  ])("refuses %j", (argv, message) => {
    const parse = () => parseOptions(argv);
    expect(parse).toThrow(OptionsError);
    // Sizes are given where the message names them, so that tuning the defaults breaks no test.
    expect(parse).toThrow(message);
  });

  test("errors carry the option and the exit status", () => {
    try {
      parseOptions(["--lr", "x"]);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ option: "--lr", exitCode: 2 });
    }
  });

  test("takes or refuses any text cleanly", () => {
    const flag = fc.constantFrom("--steps", "--lr", "--hidden", "--seed", "--speed", "--__proto__", "--clip");
    fc.assert(
      fc.property(fc.array(fc.oneof(flag, fc.string()), { maxLength: 4 }), (argv) => {
        try {
          const command = parseOptions(argv);
          if (!command.help) expect(command.options.steps).toBeGreaterThanOrEqual(1);
        } catch (error) {
          expect(error).toBeInstanceOf(OptionsError);
        }
      }),
    );
  });
});

test("the help names every option with its default", () => {
  const help = helpText();
  for (const [flag] of describeOptions(read())) expect(help).toContain(`  ${flag} `);
  expect(help).toContain("--paper");
  expect(help).toContain("--turbo");
  expect(help).toContain(`optimizer steps [${DEFAULTS.steps}]`);
  expect(Math.max(...help.split("\n").map((line) => line.length))).toBeLessThanOrEqual(120);
});

test("describeOptions gives command line options that say the same again", () => {
  const options = read("--paper", "--mnist", "x.gz", "--seed", "77");
  const argv = describeOptions(options).flat();
  expect(read(...argv)).toEqual(options);
});
