// The gpu device in a browser: WebGPU and WebGL2 in headless Chromium, from a page that Vite bundles as a visitor would get it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenPage, openPage } from "../../../scripts/browser.ts";
import { findChromium, isRequired } from "../../../scripts/machine.ts";
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
  describe.each(["webgpu", "webgl2"] as const)("%s in Chromium", (mode) => {
    let open: OpenPage | undefined;
    beforeAll(async () => {
      open = await openPage(new URL("page", import.meta.url).pathname, chromium);
    });
    afterAll(() => open?.close());

    // One test: the cases are known only once the device is open, and a page takes seconds to start.
    it("passes every case", { timeout: 600_000 }, async () => {
      if (open === undefined) throw new Error("the page did not open");
      const { page, errors } = open;
      const { description, cases } = await page.evaluate((each) => testPage.open(each, 2), mode);
      console.log(`In Chromium: ${description}`);
      expect(description).toMatch(mode === "webgpu" ? /^gpu: WebGPU on / : /^gpu: WebGL2 on /);
      expect(cases.length).toBeGreaterThan(190);
      const failures: string[] = [];
      for (const [index, name] of cases.entries()) {
        const failure = await page.evaluate((each) => testPage.run(each), index);
        if (failure !== undefined) failures.push(`${name}: ${failure}`);
      }
      expect(failures).toEqual([]);
      expect(errors).toEqual([]);
    });
  });
}
