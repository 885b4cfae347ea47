import fc from "fast-check";
import { expect, test } from "vitest";
import { DEVICE_CHOICES, formatState, parseState, SEEDS } from "../src/state.ts";

test("an address says what it was made of", () => {
  const state = fc.record({ seed: fc.nat(SEEDS - 1), device: fc.constantFrom(...DEVICE_CHOICES) });
  fc.assert(
    fc.property(state, (each) => {
      expect(parseState(formatState(each))).toEqual(each);
    }),
  );
});

test.each([
  ["", { seed: 1, device: "cpu" }],
  ["#", { seed: 1, device: "cpu" }],
  ["#seed=12", { seed: 12, device: "cpu" }],
  ["#device=webgl2&more=3", { seed: 1, device: "webgl2" }],
  ["#seed=-1&device=tpu", { seed: 1, device: "cpu" }],
  ["#seed=1e3&device=", { seed: 1, device: "cpu" }],
  [`#seed=${SEEDS}`, { seed: 1, device: "cpu" }],
])("%j is read as %o", (hash, state) => {
  expect(parseState(hash)).toEqual(state);
});

test("any text gives a state", () => {
  fc.assert(
    fc.property(fc.string(), (hash) => {
      const { seed, device } = parseState(hash);
      expect(Number.isInteger(seed) && seed >= 0 && seed < SEEDS).toBe(true);
      expect(DEVICE_CHOICES).toContain(device);
    }),
  );
});
