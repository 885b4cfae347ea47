// The page on each device, in a headless browser, judged by what it draws.
import { massCentre, squaredError } from "@squall/example-moving-digits/metrics";
import { describe, expect, test } from "vitest";
import { DEVICE_NAMES } from "../src/devices.ts";
import type { DeviceChoice } from "../src/state.ts";
import { browse, describePage } from "./browse.ts";
import { type DrawnFrame, readFrames } from "./visit.ts";
import { changeFilm, drawOnPad, meanError, numberOf, readStrip, stepsReach, textOf } from "./visitor.ts";

/** A device that must work, how many training steps are waited for and to which part they must lower the loss: software GPUs are slow. */
interface Working {
  readonly device: DeviceChoice;
  readonly steps: number;
  readonly lossPart: number;
}

const CPU: Working = { device: "cpu", steps: 60, lossPart: 0.8 };
const GPUS: readonly Working[] = [
  { device: "webgpu", steps: 6, lossPart: 1 },
  { device: "webgl2", steps: 2, lossPart: 1 },
];

const WORKING: readonly Working[] = [CPU, ...GPUS];

/** Milliseconds for a test that trains. */
const TRAINING_TIME = 300_000;

describePage("the page in a browser", (chromium, served) => {
  describe.each(WORKING)("on $device", ({ device, steps, lossPart }) => {
    const open = browse(chromium, device, () => served().plain);

    test("draws a forecast that is near the truth, nearer than the last frame", async () => {
      const { page } = await open({ state: `seed=1&device=${device}` });
      expect(await page.getByRole("radio", { name: DEVICE_NAMES[device] }).isChecked()).toBe(true);
      expect(await page.locator("#forecast-problem").isHidden()).toBe(true);
      const { input, truth, forecast, copied } = await readStrip(page);
      for (const [t, frame] of forecast.entries()) {
        expect(Math.max(...frame)).toBeGreaterThan(0.4);
        expect(squaredError(frame, input.at(-1) ?? frame)).toBeGreaterThan(0.003);
        expect(squaredError(frame, truth[t] ?? frame)).toBeLessThan(0.03);
        expect(copied[t]).toEqual(copied[0]);
      }
      const [ours, copying] = [meanError(forecast, truth), meanError(copied, truth)];
      expect(ours).toBeLessThan(0.02);
      expect(ours).toBeLessThan(copying / 2);
      // The figures are those of the pictures, up to the pictures' 64 shades.
      expect(await numberOf(page, "score-error")).toBeCloseTo(ours, 3);
      expect(await numberOf(page, "copy-error")).toBeCloseTo(copying, 3);
      expect(await textOf(page, "verdict")).toMatch(
        /^The squared error is [2-9]\.\d times smaller than that of copying/,
      );
    });

    // In software a forecast on WebGL2 takes seconds, and these say nothing more of the device.
    if (device !== "webgl2") {
      test("new digits make other films, forecast as well, and the address says which", async () => {
        const { page } = await open({ state: `seed=10&device=${device}` });
        const errors: number[] = [];
        for (const seed of [11, 12, 13]) {
          await changeFilm(page, () => page.getByRole("button", { name: "New digits" }).click());
          await page.waitForFunction((hash) => location.hash === hash, `#seed=${seed}&device=${device}`);
          const { truth, forecast, copied } = await readStrip(page);
          errors.push(meanError(forecast, truth) / meanError(copied, truth));
        }
        expect(new Set(errors).size).toBe(3);
        expect(errors.reduce((a, b) => a + b, 0) / 3).toBeLessThan(0.5);
      });

      test("what the visitor draws flies as told and is forecast", async () => {
        const { page } = await open({ state: `seed=2&device=${device}` });
        await changeFilm(page, () =>
          drawOnPad(page, [
            [0.5, 0.1],
            [0.5, 0.9],
          ]),
        );
        await changeFilm(page, () => page.getByRole("slider", { name: "Speed" }).fill("1"));
        await changeFilm(page, () => page.getByRole("slider", { name: "Direction" }).fill("0"));
        const { input, truth, forecast, copied } = await readStrip(page);
        const centres = input.map((frame) => massCentre(frame, 24, 0.1));
        for (const [t, centre] of centres.entries()) {
          expect(centre?.x).toBeCloseTo(11.5 + (t - 2), 0);
          expect(centre?.y).toBeCloseTo(11.5, 1);
        }
        // An upright bar: much higher than wide.
        const bright = [...(input[2] ?? [])].flatMap((value, i) => (value > 0.5 ? [i] : []));
        const extent = (places: number[]): number => Math.max(...places) - Math.min(...places) + 1;
        expect(extent(bright.map((i) => Math.floor(i / 24)))).toBeGreaterThan(8);
        expect(extent(bright.map((i) => i % 24))).toBeLessThan(4);
        expect(meanError(forecast, truth)).toBeLessThan(0.7 * meanError(copied, truth));
        expect(await textOf(page, "seed")).toBe("your drawing");

        await changeFilm(page, () => page.getByRole("button", { name: "Clear the pad" }).click());
        expect(await textOf(page, "seed")).toBe("film no. 2");
      });
    }

    test("training lowers the loss, says how fast, redraws its forecast and leaves the page usable", {
      timeout: TRAINING_TIME,
    }, async () => {
      const { page } = await open({ state: `seed=1&device=${device}` });
      const forecastOf = async (): Promise<DrawnFrame[]> =>
        (await readFrames(page, "#training-strip canvas")).filter(({ tone }) => tone === "forecast");
      const untrained = await forecastOf();
      expect(untrained).toHaveLength(5);
      expect(await textOf(page, "rate")).toBe("–");

      await page.getByRole("button", { name: "Start training" }).click();
      await stepsReach(page, 1);
      const first = await numberOf(page, "loss");
      expect(first).toBeGreaterThan(0.1);
      await page.getByRole("button", { name: "New digits" }).click();
      await stepsReach(page, steps);
      expect(await textOf(page, "seed")).toBe("film no. 2");
      expect(await numberOf(page, "rate")).toBeGreaterThan(0);
      expect(await numberOf(page, "loss")).toBeLessThan(lossPart * first);

      await page.getByRole("button", { name: "Stop training" }).click();
      await page.getByRole("button", { name: "Start training" }).waitFor();
      const stopped = await numberOf(page, "steps");
      await page.waitForTimeout(300);
      expect(await numberOf(page, "steps")).toBe(stopped);
      expect(await textOf(page, "training-verdict")).toContain(`After ${stopped} steps: `);
      expect(await page.locator("#training-problem").isHidden()).toBe(true);

      const trained = await forecastOf();
      // Untrained it is grey all over; what it has learnt first is that most is dark and the digit is not.
      const contrast = ({ pixels }: DrawnFrame): number => Math.max(...pixels) - Math.min(...pixels);
      expect(Math.max(...untrained.map(contrast))).toBeLessThan(0.2);
      expect(trained.map(({ pixels }) => pixels)).not.toEqual(untrained.map(({ pixels }) => pixels));
      // GPUs in software have taken a few steps by now, as many as the machine had time for.
      const [next] = trained;
      if (device === "cpu") expect(next && contrast(next)).toBeGreaterThan(0.3);

      await page.getByRole("button", { name: "Start over" }).click();
      await page.waitForFunction(() => document.getElementById("steps")?.textContent === "0");
      await page.getByLabel("beginning with").selectOption({ label: "the trained weights" });
      await page.waitForFunction(() =>
        /times smaller/.test(document.getElementById("training-verdict")?.textContent ?? ""),
      );
    });

    if (device !== "cpu") {
      test("moving here keeps the weights, and training goes on", { timeout: TRAINING_TIME }, async () => {
        const { page } = await open({ state: "seed=1" });
        await page.getByRole("button", { name: "Start training" }).click();
        await stepsReach(page, 5);
        await page.getByRole("button", { name: "Stop training" }).click();
        await page.getByRole("button", { name: "Start training" }).waitFor();
        const before = await readFrames(page, "#training-strip canvas");
        const reached = await numberOf(page, "steps");
        await page.getByRole("radio", { name: DEVICE_NAMES[device] }).check();
        await page.locator("#devices input:enabled").first().waitFor();
        expect(await page.locator("#device-problem").isHidden()).toBe(true);
        const after = await readFrames(page, "#training-strip canvas");
        for (const [k, { pixels }] of after.entries()) {
          expect(squaredError(pixels, before[k]?.pixels ?? pixels)).toBeLessThan(1e-4);
        }
        expect(await numberOf(page, "steps")).toBe(reached);
        await page.getByRole("button", { name: "Start training" }).click();
        await stepsReach(page, reached + 2);
      });
    }
  });
});
