// The pad that the visitor draws on, with pointer, finger or pen.

import type { Point, Stroke } from "@squall/example-moving-digits/glyphs";

/** Nearer points than this part of the pad add nothing that a small picture could show. */
const LEAST_STEP = 0.015;

/** Collects strokes in the unit square. */
export class Strokes {
  private lines: Point[][] = [];

  /** What was drawn. */
  get all(): readonly Stroke[] {
    return this.lines;
  }

  /** A new stroke begins. */
  begin(at: Point): void {
    this.lines.push([keepInside(at)]);
  }

  /** The last stroke goes on. @returns whether that changes anything */
  extend(at: Point): boolean {
    const line = this.lines.at(-1);
    const from = line?.at(-1);
    const to = keepInside(at);
    if (line === undefined || from === undefined || Math.hypot(to.x - from.x, to.y - from.y) < LEAST_STEP) return false;
    line.push(to);
    return true;
  }

  /** Forgets all. */
  clear(): void {
    this.lines = [];
  }
}

function keepInside({ x, y }: Point): Point {
  return { x: Math.min(1, Math.max(0, x)), y: Math.min(1, Math.max(0, y)) };
}

/** The pad: draws strokes as they come and tells of each change. */
export class Pad {
  private readonly canvas: HTMLCanvasElement;
  private readonly strokes = new Strokes();
  private drawing: number | undefined;

  constructor(canvas: HTMLCanvasElement, changed: (strokes: readonly Stroke[]) => void) {
    this.canvas = canvas;
    const end = (event: PointerEvent): void => {
      if (event.pointerId === this.drawing) this.drawing = undefined;
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (this.drawing !== undefined || event.button !== 0) return;
      this.drawing = event.pointerId;
      canvas.setPointerCapture(event.pointerId);
      this.strokes.begin(this.place(event));
      this.draw();
      changed(this.strokes.all);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== this.drawing || !this.strokes.extend(this.place(event))) return;
      this.draw();
      changed(this.strokes.all);
    });
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    this.draw();
  }

  /** Wipes it clean, without telling. */
  clear(): void {
    this.strokes.clear();
    this.draw();
  }

  /** What was drawn. */
  get drawn(): readonly Stroke[] {
    return this.strokes.all;
  }

  private place(event: PointerEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  private draw(): void {
    const context = this.canvas.getContext("2d");
    if (context === null) return;
    const { width, height } = this.canvas;
    context.clearRect(0, 0, width, height);
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = 0.12 * width;
    context.strokeStyle = "#8cc4ff";
    for (const stroke of this.strokes.all) {
      context.beginPath();
      for (const { x, y } of stroke) context.lineTo(x * width, y * height);
      // A line to where it is already makes a dot.
      const first = stroke[0];
      if (stroke.length === 1 && first !== undefined) context.lineTo(first.x * width, first.y * height);
      context.stroke();
    }
    if (this.strokes.all.length > 0) return;
    context.fillStyle = "#5f7396";
    context.font = `${0.075 * width}px system-ui, sans-serif`;
    context.textAlign = "center";
    context.fillText("draw here", width / 2, height / 2);
  }
}
