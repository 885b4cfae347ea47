// What tests of the page in a browser have in common: the page is built and served for them, and no visit may leave errors behind.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { buildPage, launch, type Site, serve } from "../../../scripts/browser.ts";
import { findChromium, isRequired } from "../../../scripts/machine.ts";
import type { DeviceChoice } from "../src/state.ts";
import { type Visit, type VisitOptions, visit } from "./visit.ts";

/** The page as it was built, on two servers. */
export interface Served {
  readonly folder: string;
  /** What the build complained about. */
  readonly complaints: readonly string[];
  /** Sends no headers of interest. */
  readonly plain: Site;
  /** Lets the page share memory between threads. */
  readonly isolated: Site;
}

/** Defines tests of the built page; without a browser on this machine, one test that says what is left out. */
export function describePage(name: string, define: (chromium: string, served: () => Served) => void): void {
  const chromium = findChromium();
  if (chromium === undefined) {
    test(`${name}: needs a browser, which was not found`, () => {
      console.warn(
        `${name}: no Chromium on this machine (see scripts/machine.ts), so the page was neither built nor looked at.`,
      );
      expect(isRequired("chromium")).toBe(false);
    });
    return;
  }
  describe(name, () => {
    let served: Served | undefined;
    beforeAll(async () => {
      const folder = await mkdtemp(join(tmpdir(), "squall-page-"));
      const complaints = await buildPage(fileURLToPath(new URL("..", import.meta.url)), folder);
      const [plain, isolated] = await Promise.all([serve(folder, false), serve(folder, true)]);
      served = { folder, complaints, plain, isolated };
    });
    afterAll(async () => {
      if (served === undefined) return;
      await Promise.all([served.plain.stop(), served.isolated.stop()]);
      await rm(served.folder, { recursive: true, force: true });
    });
    define(chromium, () => {
      if (served === undefined) throw new Error("the page is not built yet");
      return served;
    });
  });
}

/**
 * A browser for the tests of a group.
 *
 * @returns opens the page; at the end of the test no visit may have seen an error
 */
export function browse(
  chromium: string,
  device: DeviceChoice,
  site: () => Site,
): (options?: VisitOptions) => Promise<Visit> {
  let browser: Browser | undefined;
  let visits: Visit[] = [];
  beforeAll(async () => {
    browser = await launch(chromium, device === "webgpu");
  });
  beforeEach(() => {
    visits = [];
  });
  afterEach(async () => {
    const errors = visits.flatMap((each) => each.errors);
    await Promise.all(visits.map(({ page }) => page.close()));
    expect(errors).toEqual([]);
  });
  afterAll(() => browser?.close());
  return async (options) => {
    if (browser === undefined) throw new Error("the browser has not started");
    const each = await visit(browser, site().address, options);
    visits.push(each);
    return each;
  };
}
