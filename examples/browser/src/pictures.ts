// Frames on canvases: one canvas pixel per frame pixel, enlarged by the style sheet with crisp edges.

import { PALETTE, paintGrid, type Tone } from "@squall/example-moving-digits/raster";
import { make } from "./elements.ts";

/** Paints a frame `[size, size]` of brightness 0 to 1 in the colours of its tone. */
export function paint(canvas: HTMLCanvasElement, frame: Float32Array, size: number, tone: Tone): void {
  const { pixels } = paintGrid([[{ frame, tone }]], { height: size, width: size }, 1, 0);
  const image = new ImageData(size, size);
  pixels.forEach((entry, i) => {
    image.data.set([...(PALETTE[entry] ?? [0, 0, 0]), 255], 4 * i);
  });
  if (canvas.width !== size || canvas.height !== size) {
    canvas.width = size;
    canvas.height = size;
  }
  canvas.getContext("2d")?.putImageData(image, 0, 0);
}

/** A part of a strip's row: frames one after the other, `[T, 1, H, W]`. */
export interface StripPart {
  readonly frames: Float32Array;
  readonly tone: Tone;
}

/** A row of a strip. */
export interface StripRow {
  readonly name: string;
  readonly parts: readonly StripPart[];
  /** Frames of the strip that are left empty before it. */
  readonly skip: number;
}

/** A filmstrip: rows of frames under a row of times. */
export class Strip {
  private readonly place: HTMLElement;
  private readonly canvases = new Map<string, HTMLCanvasElement>();
  private layout = "";

  constructor(place: HTMLElement) {
    this.place = place;
    place.classList.add("strip");
  }

  /**
   * Draws the rows.
   *
   * @param times what stands above each column
   */
  show(times: readonly string[], rows: readonly StripRow[], size: number): void {
    this.arrange(times, rows, size);
    rows.forEach(({ parts, skip }, r) => {
      let column = skip;
      for (const { frames, tone } of parts) {
        for (let start = 0; start < frames.length; start += size * size) {
          const canvas = this.canvases.get(`${r} ${column++}`);
          if (canvas !== undefined) paint(canvas, frames.subarray(start, start + size * size), size, tone);
        }
      }
    });
  }

  /** Makes the elements, if they are not there yet: pictures that are redrawn stay what they are. */
  private arrange(times: readonly string[], rows: readonly StripRow[], size: number): void {
    const lengths = rows.map(({ parts }) => parts.map(({ frames }) => frames.length / (size * size)));
    const layout = JSON.stringify([times, lengths, rows.map(({ name, skip }) => [name, skip])]);
    if (layout === this.layout) return;
    this.layout = layout;
    this.canvases.clear();
    this.place.style.gridTemplateColumns = `repeat(${times.length}, minmax(0, 1fr))`;
    const heads = times.map((time) => make("span", { class: "head", "aria-hidden": "true" }, time));
    const cells = rows.flatMap(({ name, parts, skip }, r) => {
      const tones = parts.flatMap(({ tone }, p) => Array.from({ length: lengths[r]?.[p] ?? 0 }, () => tone));
      return [
        make("span", { class: "name", "aria-hidden": "true" }, name),
        ...tones.map((tone, k) => {
          const label = `${name}, frame ${times[skip + k]}`;
          const canvas = make("canvas", { role: "img", "aria-label": label, "data-tone": tone });
          canvas.style.gridColumn = String(skip + k + 1);
          this.canvases.set(`${r} ${skip + k}`, canvas);
          return canvas;
        }),
      ];
    });
    this.place.replaceChildren(...heads, ...cells);
  }
}

/** What stands above a film's frames: −4 … 0 for those that were seen, +1 … for those to forecast. */
export function frameTimes(inputFrames: number, outputFrames: number): string[] {
  return Array.from({ length: inputFrames + outputFrames }, (_, k) => {
    const time = k - inputFrames + 1;
    return time > 0 ? `+${time}` : String(time).replace("-", "−");
  });
}
