// The built page in a headless browser: what holds on every device.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { DEVICE_NAMES } from "../src/devices.ts";
import { browse, describePage } from "./browse.ts";
import { readFrames } from "./visit.ts";
import { changeFilm, numberOf, stepsReach, textOf } from "./visitor.ts";

describePage("the built page", (chromium, served) => {
  test("the build complains of nothing and leaves all of Node behind", async () => {
    expect(served().complaints).toEqual([]);
    const names = await readdir(join(served().folder, "assets"));
    const scripts = await Promise.all(
      names
        .filter((name) => name.endsWith(".js"))
        .map((name) => readFile(join(served().folder, "assets", name), "utf8")),
    );
    expect(scripts.length).toBeGreaterThan(1);
    for (const script of scripts) expect(script).not.toMatch(/(from|import\(|require\()\s*["'`]node:|browser-external/);
  });

  describe("threads", () => {
    const open = browse(chromium, "cpu", () => served().plain);
    const openIsolated = browse(chromium, "cpu", () => served().isolated);

    test("are one without isolation, and the page says what it takes", async () => {
      const { page } = await open();
      expect(await textOf(page, "device-text")).toMatch(/1 thread.*More threads need a server that sends/);
      await page.getByRole("button", { name: "Start training" }).click();
      await stepsReach(page, 3);
      expect(page.workers()).toHaveLength(0);
    });

    test("are as many as the machine runs with isolation, and they really work", async () => {
      const { page } = await openIsolated();
      const threads = await page.evaluate(() => (crossOriginIsolated ? navigator.hardwareConcurrency : 0));
      expect(threads).toBeGreaterThan(0);
      await page.getByRole("button", { name: "Start training" }).click();
      await stepsReach(page, 20);
      expect(await textOf(page, "device-text")).toContain(threads === 1 ? "1 thread" : `${threads} threads`);
      expect(page.workers()).toHaveLength(threads - 1);
      expect(await page.locator("#training-problem").isHidden()).toBe(true);
    });
  });

  describe("a device that is not there", () => {
    const open = browse(chromium, "cpu", () => served().plain);
    /** Takes both ways to a GPU away. */
    const withoutGpus = (): void => {
      Object.defineProperty(navigator, "gpu", { value: undefined });
      for (const kind of [HTMLCanvasElement, OffscreenCanvas]) {
        const { getContext } = kind.prototype;
        Object.defineProperty(kind.prototype, "getContext", {
          value(this: HTMLCanvasElement, name: string, ...more: unknown[]) {
            return /webgl/.test(name) ? null : Reflect.apply(getContext, this, [name, ...more]);
          },
        });
      }
    };

    test.each(["webgpu", "webgl2"] as const)(
      "%s: the page says so, what to do, and goes on with the CPU",
      async (device) => {
        const { page } = await open({ state: `device=${device}`, before: withoutGpus });
        const problem = page.getByRole("alert").filter({ hasText: DEVICE_NAMES[device] });
        expect(await problem.textContent()).toMatch(/cannot be used here: .+\. .*(stay on the CPU|Stay on the CPU)/);
        expect(await page.getByRole("radio", { name: "CPU" }).isChecked()).toBe(true);
        await changeFilm(page, () => page.getByRole("button", { name: "New digits" }).click());
        await page.getByRole("button", { name: "Start training" }).click();
        await stepsReach(page, 2);

        // In the middle of training, too, which goes on.
        await page.getByRole("radio", { name: DEVICE_NAMES[device] }).click();
        await page.locator("#devices input:enabled").first().waitFor();
        expect(await problem.isVisible()).toBe(true);
        await stepsReach(page, (await numberOf(page, "steps")) + 2);
        await page.getByRole("radio", { name: "CPU" }).isChecked();
      },
    );
  });

  describe("the page", () => {
    const open = browse(chromium, "cpu", () => served().plain);

    test("asks for nothing but its own files, and not for gpu.js before it is chosen", async () => {
      const { requests } = await open();
      for (const each of requests)
        expect(each.startsWith(served().plain.address) || each.startsWith("data:")).toBe(true);
      expect(requests.filter((each) => each.endsWith(".js"))).toHaveLength(1);
    });

    test("says so if the model is missing", async () => {
      const { page, errors } = await open({
        before: () => {
          const { fetch } = globalThis;
          globalThis.fetch = (input, init) => fetch(String(input).replace("model.", "missing."), init);
        },
      });
      expect(await textOf(page, "page-problem")).toBe(
        "The page could not start: ./model.safetensors: the server answers 404 Not Found",
      );
      expect(errors.length).toBeGreaterThan(0);
      // These were the point.
      errors.splice(0);
    });

    test.each([360, 800, 1400])("fits a window %d pixels wide", async (width) => {
      const { page } = await open({ width });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
    });

    test("plays the film, and pauses", async () => {
      const { page } = await open();
      const tones = new Set<string>();
      for (let i = 0; i < 40 && tones.size < 2; i++) {
        tones.add((await page.locator("#play-forecast").getAttribute("data-tone")) ?? "");
        await page.waitForTimeout(150);
      }
      expect([...tones].sort()).toEqual(["forecast", "input"]);
      await page.getByRole("button", { name: "Pause" }).click();
      const [shown] = await readFrames(page, "#play-forecast");
      await page.waitForTimeout(700);
      expect(await readFrames(page, "#play-forecast")).toEqual([shown]);
    });

    test("draws the curve of the loss, falling", async () => {
      const { page } = await open();
      await page.getByRole("button", { name: "Start training" }).click();
      await stepsReach(page, 60);
      await page.getByRole("button", { name: "Stop training" }).click();
      // Height of the line, as part of the canvas, at the left and at the right: pixels in its colour.
      const [left, right] = await page.$eval("#curve", (canvas) => {
        if (!(canvas instanceof HTMLCanvasElement)) return [];
        const { width, height } = canvas;
        const data = canvas.getContext("2d")?.getImageData(0, 0, width, height).data ?? [];
        const rows: number[][] = [[], []];
        for (let i = 0; i < width * height; i++) {
          const isLine = (data[4 * i] ?? 0) - (data[4 * i + 2] ?? 0) > 100 && data[4 * i + 3] === 255;
          const part = (i % width) / width;
          if (isLine) rows[part < 0.3 ? 0 : 1]?.push(Math.floor(i / width) / height);
        }
        return rows.map((each) => each.reduce((a, b) => a + b, 0) / each.length);
      });
      expect(left).toBeGreaterThan(0);
      expect(right).toBeGreaterThan(left ?? 1);
    });

    test("names all its controls and pictures for those who cannot see them", async () => {
      const { page } = await open();
      const nameless = await page.$$eval("button, input, select, canvas", (parts) =>
        parts
          .filter((part) => {
            const labels = part instanceof HTMLInputElement || part instanceof HTMLSelectElement ? part.labels : null;
            const by = document.getElementById(part.getAttribute("aria-labelledby") ?? "");
            const name = part.ariaLabel ?? by?.textContent ?? labels?.[0]?.textContent ?? part.textContent ?? "";
            return name.trim() === "";
          })
          .map((part) => part.outerHTML),
      );
      expect(nameless).toEqual([]);
    });
  });
});
