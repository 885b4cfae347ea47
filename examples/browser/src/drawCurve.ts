// The loss curve on a canvas, sharp at any pixel density and in the colours of the page.

import { rangeOf, scale, ticks, tickText } from "./axes.ts";
import { type LossSpan, smooth } from "./history.ts";

const MARGIN = { left: 44, right: 10, top: 10, bottom: 24 };

function line(
  context: CanvasRenderingContext2D,
  points: readonly LossSpan[],
  x: (n: number) => number,
  y: (n: number) => number,
): void {
  context.beginPath();
  for (const { step, loss } of points) context.lineTo(x(step), y(loss));
  context.stroke();
}

/** Draws losses over steps: each faintly, a smooth line over them. */
export function drawCurve(canvas: HTMLCanvasElement, points: readonly LossSpan[]): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { clientWidth: width, clientHeight: height } = canvas;
  const density = globalThis.devicePixelRatio;
  canvas.width = Math.round(width * density);
  canvas.height = Math.round(height * density);
  context.scale(density, density);
  const style = getComputedStyle(canvas);
  const colour = (name: string): string => style.getPropertyValue(name);
  const steps = [0, Math.max(10, points.at(-1)?.step ?? 0)] as const;
  const losses = rangeOf(points.map(({ loss }) => loss));
  const x = scale(steps, [MARGIN.left, width - MARGIN.right]);
  const y = scale(losses, [height - MARGIN.bottom, MARGIN.top]);

  context.font = `12px ${style.fontFamily}`;
  context.fillStyle = colour("--quiet");
  context.strokeStyle = colour("--line");
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const loss of ticks(losses, 4)) {
    context.fillText(tickText(loss), MARGIN.left - 8, y(loss));
    context.beginPath();
    context.moveTo(MARGIN.left, y(loss));
    context.lineTo(width - MARGIN.right, y(loss));
    context.stroke();
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const step of ticks(steps, Math.max(2, Math.floor(width / 110)))) {
    context.fillText(tickText(step), x(step), height - MARGIN.bottom + 8);
  }
  context.lineJoin = "round";
  context.strokeStyle = colour("--forecast");
  context.globalAlpha = 0.35;
  line(context, points, x, y);
  context.globalAlpha = 1;
  context.lineWidth = 2;
  line(context, smooth(points), x, y);
}
