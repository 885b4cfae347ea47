// What a visitor does on the page and sees there.
import { squaredError } from "@squall/example-moving-digits/metrics";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { type DrawnFrame, readFrames } from "./visit.ts";

/** What an element of the page says. */
export async function textOf(page: Page, id: string): Promise<string> {
  return (await page.locator(`#${id}`).textContent()) ?? "";
}

/** The number that an element of the page shows. */
export async function numberOf(page: Page, id: string): Promise<number> {
  return Number(await textOf(page, id));
}

const COMING = ["+1", "+2", "+3", "+4", "+5"];
const SEEN = ["−4", "−3", "−2", "−1", "0"];

/** The filmstrip's rows. */
export interface ShownStrip {
  readonly input: Float32Array[];
  readonly truth: Float32Array[];
  readonly forecast: Float32Array[];
  readonly copied: Float32Array[];
}

function frameNamed(frames: readonly DrawnFrame[], label: string): Float32Array {
  const found = frames.find((frame) => frame.label === label);
  if (found === undefined) throw new Error(`there is no "${label}" among ${frames.map((frame) => frame.label)}`);
  return found.pixels;
}

/** What the filmstrip shows. */
export async function readStrip(page: Page): Promise<ShownStrip> {
  const frames = await readFrames(page, "#strip canvas");
  const row = (name: string, times: string[]): Float32Array[] =>
    times.map((time) => frameNamed(frames, `${name}, frame ${time}`));
  return {
    input: row("What happens", SEEN),
    truth: row("What happens", COMING),
    forecast: row("ConvLSTM", COMING),
    copied: row("Last frame copied", COMING),
  };
}

/** Mean squared error per pixel of some frames. */
export function meanError(frames: readonly Float32Array[], truth: readonly Float32Array[]): number {
  return frames.reduce((sum, frame, t) => sum + squaredError(frame, truth[t] ?? new Float32Array()), 0) / frames.length;
}

/** Does something that brings another film, and waits until it and its forecast are drawn. */
export async function changeFilm(page: Page, act: () => Promise<unknown>): Promise<void> {
  const shown = async (): Promise<string> => JSON.stringify((await readStrip(page)).input.map((frame) => [...frame]));
  const before = await shown();
  await act();
  await page.locator("#strip[aria-busy=false]").waitFor();
  expect(await shown()).not.toBe(before);
}

/** Draws a stroke on the pad, through points in the unit square. */
export async function drawOnPad(page: Page, points: readonly (readonly [number, number])[]): Promise<void> {
  const pad = page.locator("#pad");
  await pad.scrollIntoViewIfNeeded();
  const box = await pad.boundingBox();
  if (box === null) throw new Error("the pad is not to be seen");
  const [first, ...rest] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  if (first === undefined) return;
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const point of rest) await page.mouse.move(...point, { steps: 6 });
  await page.mouse.up();
}

/** Waits for the training to have taken so many steps. */
export async function stepsReach(page: Page, least: number): Promise<void> {
  await page.waitForFunction((steps) => Number(document.getElementById("steps")?.textContent) >= steps, least, {
    timeout: 250_000,
  });
}
