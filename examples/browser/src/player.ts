// Plays what happens and what was forecast side by side, in a loop.

import type { Tone } from "@squall/example-moving-digits/raster";
import { paint } from "./pictures.ts";

/** A frame of a film with its colours. */
export interface ShownFrame {
  readonly frame: Float32Array;
  readonly tone: Tone;
}

/** A screen and what runs on it. */
interface Screen {
  readonly canvas: HTMLCanvasElement;
  readonly film: readonly ShownFrame[];
}

/** The elements that a player uses. */
export interface PlayerElements {
  readonly button: HTMLButtonElement;
  /** Says which frame is shown. */
  readonly text: HTMLElement;
}

/** How long a frame is shown, and how many frames long the last one stays, in milliseconds. */
const FRAME_TIME = 240;
const LAST_FRAMES = 3;

/** Plays films of the same length at the same time. Begins by itself unless the visitor's system asks for less motion. */
export class Player {
  private readonly elements: PlayerElements;
  private screens: readonly Screen[] = [];
  private times: readonly string[] = [];
  private size = 1;
  private at = 0;
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(elements: PlayerElements) {
    this.elements = elements;
    elements.button.addEventListener("click", () => this.play(this.timer === undefined));
    this.play(!matchMedia("(prefers-reduced-motion: reduce)").matches);
  }

  /** Puts in other films. */
  show(screens: readonly Screen[], times: readonly string[], size: number): void {
    this.screens = screens;
    this.times = times;
    this.size = size;
    // What stands still should show what matters: the last frame of the forecast.
    if (this.timer === undefined) this.at = times.length - 1;
    this.draw();
  }

  /** Plays or stops. */
  play(on: boolean): void {
    clearInterval(this.timer);
    this.timer = on ? setInterval(() => this.advance(), FRAME_TIME) : undefined;
    this.elements.button.textContent = on ? "Pause" : "Play";
    this.elements.button.setAttribute("aria-pressed", String(on));
  }

  private advance(): void {
    if (this.times.length === 0) return;
    this.at = (this.at + 1) % (this.times.length + LAST_FRAMES);
    this.draw();
  }

  private draw(): void {
    const at = Math.min(this.at, this.times.length - 1);
    for (const { canvas, film } of this.screens) {
      const shown = film[at];
      if (shown === undefined) continue;
      paint(canvas, shown.frame, this.size, shown.tone);
      canvas.dataset.tone = shown.tone;
    }
    this.elements.text.textContent = `frame ${this.times[at] ?? "–"}`;
  }
}
