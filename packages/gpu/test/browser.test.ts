// The gpu device in a browser: WebGPU and WebGL2 in headless Chromium, from a page that Vite bundles as a visitor would get it.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildPage, errorsOf, launch, type Site, serve } from "../../../scripts/browser.ts";
import { findChromium, isRequired } from "../../../scripts/machine.ts";
import type { GpuMode } from "../src/index.ts";
import type { TestPage } from "./page/main.ts";

declare const testPage: TestPage;

const chromium = findChromium();

if (chromium === undefined) {
  it("tells what was not run for want of a Chromium", () => {
    console.warn(
      "NOT RUN: the gpu device in a browser, on WebGPU and WebGL2. No Chromium was found; SQUALL_CHROMIUM can name one.",
    );
    expect(isRequired("chromium")).toBe(false);
  });
} else {
  describe("in Chromium", () => {
    let folder = "";
    let site: Site | undefined;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "squall-page-"));
      expect(await buildPage(fileURLToPath(new URL("page", import.meta.url)), folder)).toEqual([]);
      site = await serve(folder, false);
    });
    afterAll(async () => {
      await site?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    /** Opens the page, then a device in it, and runs all of its cases. */
    async function runAll(mode: GpuMode, opening: "open" | "openForgetful"): Promise<string> {
      const browser = await launch(chromium ?? "", mode === "webgpu");
      try {
        const page = await browser.newPage();
        const errors = errorsOf(page);
        await page.goto(site?.address ?? "");
        await page.waitForFunction(() => "testPage" in globalThis);
        const { description, cases } =
          opening === "open"
            ? await page.evaluate((each) => testPage.open(each, 2), mode)
            : await page.evaluate((each) => testPage.openForgetful(each), mode);
        expect(cases.length).toBeGreaterThan(opening === "open" ? 190 : 45);
        const failures: string[] = [];
        for (const [index, name] of cases.entries()) {
          const failure = await page.evaluate((each) => testPage.run(each), index);
          if (failure !== undefined) failures.push(`${name}: ${failure}`);
        }
        expect(failures).toEqual([]);
        expect(errors).toEqual([]);
        return description;
      } finally {
        await browser.close();
      }
    }

    // One test each: the cases are known only once the device is open, and a page takes seconds to start.
    it.each(["webgpu", "webgl2"] as const)("%s passes every case", { timeout: 600_000 }, async (mode) => {
      const description = await runAll(mode, "open");
      console.log(`In Chromium: ${description}`);
      expect(description).toMatch(mode === "webgpu" ? /^gpu: WebGPU on / : /^gpu: WebGL2 on /);
    });

    it("webgl2 passes every case while compiled kernels come and go", { timeout: 600_000 }, async () => {
      await runAll("webgl2", "openForgetful");
    });
  });
}
