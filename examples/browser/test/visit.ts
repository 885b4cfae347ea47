// A visitor: opens the page in a browser, notes everything that goes wrong, and sees what is drawn.
import { PALETTE, type Tone } from "@squall/example-moving-digits/raster";
import type { Browser, Page } from "playwright-core";
import { errorsOf } from "../../../scripts/browser.ts";

/** An open page. */
export interface Visit {
  readonly page: Page;
  /** Errors in the page and its console so far. Take out those that a test is about. */
  readonly errors: string[];
  /** Addresses asked for so far. */
  readonly requests: readonly string[];
}

/** How to visit. */
export interface VisitOptions {
  /** What follows `#` in the address. */
  readonly state?: string;
  readonly width?: number;
  /** Runs in the page before anything else. */
  readonly before?: () => void;
}

/** Opens the page and waits until it shows a forecast or says why not. */
export async function visit(
  browser: Browser,
  address: string,
  { state = "", width = 1200, before }: VisitOptions = {},
): Promise<Visit> {
  const page = await browser.newPage({ viewport: { width, height: 900 } });
  const errors = errorsOf(page);
  const requests: string[] = [];
  page.on("request", (request) => requests.push(request.url()));
  if (before !== undefined) await page.addInitScript(before);
  await page.goto(`${address}#${state}`);
  await page.waitForFunction(() => {
    const shows = (selector: string): boolean => document.querySelector(selector) !== null;
    const ready = shows("#devices input:checked:enabled") && shows("#strip[aria-busy=false] canvas");
    return ready || shows("#page-problem:not([hidden])");
  });
  return { page, errors, requests };
}

/** A frame as it is drawn on a canvas. */
export interface DrawnFrame {
  /** What screen readers say. */
  readonly label: string;
  readonly tone: Tone;
  readonly size: number;
  /** Brightness 0 to 1, read back from the colours. */
  readonly pixels: Float32Array;
}

const LEVELS = new Map(
  (["truth", "input", "forecast"] as const).flatMap((tone, k) =>
    Array.from({ length: 64 }, (_, level) => [`${tone} ${PALETTE[64 * k + level]}`, level / 63] as const),
  ),
);

/** Reads the canvases that a selector finds. @throws Error if one shows a colour that is not of its tone */
export async function readFrames(page: Page, selector: string): Promise<DrawnFrame[]> {
  const drawn = await page.$$eval(selector, (canvases) =>
    canvases.flatMap((canvas) => {
      const context = canvas instanceof HTMLCanvasElement ? canvas.getContext("2d") : null;
      if (!(canvas instanceof HTMLCanvasElement) || context === null) return [];
      const data = [...context.getImageData(0, 0, canvas.width, canvas.height).data];
      return [{ label: canvas.ariaLabel ?? "", tone: canvas.dataset.tone ?? "", size: canvas.width, data }];
    }),
  );
  return drawn.map(({ label, tone, size, data }) => {
    if (tone !== "truth" && tone !== "input" && tone !== "forecast") throw new Error(`${label} has the tone ${tone}`);
    const pixels = Float32Array.from({ length: size * size }, (_, i) => {
      const colour = data.slice(4 * i, 4 * i + 3).join(",");
      const level = LEVELS.get(`${tone} ${colour}`);
      if (level === undefined) throw new Error(`${label} shows ${colour}, no colour of ${tone}`);
      return level;
    });
    return { label, tone, size, pixels };
  });
}
