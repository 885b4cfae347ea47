import { describe, expect, test } from "vitest";
import { PAPER } from "../src/presets.ts";
import { complete, describeOptions, OptionsError, readSettings } from "../src/settings.ts";

const saved = (changes: Record<string, string | undefined> = {}): string =>
  JSON.stringify({ ...Object.fromEntries(describeOptions(complete({ seed: 7 }))), ...changes });

describe("readSettings", () => {
  test("gives the settings that were saved", () => {
    for (const given of [{}, PAPER, { ...PAPER, mnist: "digits.gz", peephole: "none", speed: [1, 2.5] } as const]) {
      const options = complete(given);
      expect(readSettings(JSON.stringify(Object.fromEntries(describeOptions(options))))).toEqual(options);
    }
  });

  test.each([
    [undefined, 'settings: the file holds no JSON object of settings, but ""'],
    ["{", 'settings: the file holds no JSON object of settings, but "{"'],
    ["3", 'settings: the file holds no JSON object of settings, but "3"'],
    [saved({ "--hidden": undefined }), "--hidden: is missing from the saved settings"],
    [saved({ "--size": "1e" }), '--size: needs a whole number of at least 1, got "1e"'],
    [saved({ "--patch": "5" }), "--patch: 5 does not divide --size 16"],
  ])("refuses %j", (text, message) => {
    expect(() => readSettings(text)).toThrow(OptionsError);
    expect(() => readSettings(text)).toThrow(message);
  });
});
