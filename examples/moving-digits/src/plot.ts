// The loss curve as an SVG picture, drawn by echarts on the server side, without a browser.

import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** A loss measured after a number of optimizer steps. */
export interface LossPoint {
  readonly step: number;
  readonly loss: number;
}

/** What to draw. */
export interface LossCurve {
  /** Loss of each training batch, steps growing. */
  readonly training: readonly LossPoint[];
  /** Loss on sequences never trained on, steps growing; none by default. */
  readonly evaluation?: readonly LossPoint[];
  /** What the losses are, with their unit; names the vertical axis. */
  readonly lossName?: string;
  /** Picture size in pixels, default 760 x 360. */
  readonly width?: number;
  readonly height?: number;
}

/** From this ratio of largest to smallest loss on, the vertical axis is logarithmic. */
const LOG_RATIO = 8;

/**
 * Draws the curve: each batch's loss faintly, a smoothed line over it, evaluations as dots. Losses that are no finite
 * number leave a gap. The axis is logarithmic when the losses span much and all are positive.
 *
 * @returns a whole `<svg>` element as text, the same for the same numbers
 */
export function lossSvg(curve: LossCurve): string {
  const { width = 760, height = 360, evaluation = [], lossName = "loss" } = curve;
  const losses = [...curve.training, ...evaluation].map((p) => p.loss).filter(Number.isFinite);
  const lowest = Math.min(...losses);
  const logarithmic = lowest > 0 && Math.max(...losses) / lowest >= LOG_RATIO;
  const smoothed = smooth(curve.training.map((p) => p.loss));
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: "#ffffff",
      legend: { top: 8, itemGap: 28 },
      grid: { left: 76, right: 28, top: 44, bottom: 52 },
      xAxis: { type: "value", name: "step", nameLocation: "middle", nameGap: 30, min: "dataMin", max: "dataMax" },
      yAxis: {
        type: logarithmic ? "log" : "value",
        name: logarithmic ? `${lossName}, log scale` : lossName,
        nameLocation: "middle",
        nameGap: 54,
        nameRotate: 90,
        scale: true,
        axisLabel: { formatter: (value: number) => String(Number(value.toPrecision(3))) },
      },
      series: [
        line("each batch", curve.training.map(pair), { color: "#b9cdea", width: 1 }),
        line(
          "smoothed",
          curve.training.map((p, i) => pair({ step: p.step, loss: smoothed[i] ?? Number.NaN })),
          { color: "#2563c9", width: 2 },
        ),
        ...(evaluation.length === 0
          ? []
          : [{ ...line("evaluation", evaluation.map(pair), { color: "#d9730d", width: 1.5 }), showSymbol: true }]),
      ],
    });
    return settle(chart.renderToSVGString());
  } finally {
    chart.dispose();
  }
}

/**
 * Mean over a window with the value in its middle, so that a falling curve is not drawn late. Towards both ends the
 * window narrows evenly and keeps its middle. Values that are no finite number are passed over and come back as NaN.
 *
 * @param values the values in order
 * @param span width of the window in values; a twentieth of all by default
 */
export function smooth(values: readonly number[], span: number = values.length / 20): number[] {
  return values.map((value, index) => {
    if (!Number.isFinite(value)) return Number.NaN;
    const reach = Math.min(Math.floor(span / 2), index, values.length - 1 - index);
    const window = values.slice(index - reach, index + reach + 1).filter(Number.isFinite);
    return window.reduce((a, b) => a + b, 0) / window.length;
  });
}

/**
 * Takes out what echarts adds for pages that react to the mouse, and the numbers it counts up through the life of a
 * process: the same curve shall be the same text.
 */
function settle(svg: string): string {
  return svg
    .replace(/<style[^>]*>[\s\S]*?<\/style>\s*/g, "")
    .replace(/ (class|ecmeta_\w+)="[^"]*"/g, "")
    .replace(/\bzr\d+-/g, "loss-");
}

function line(name: string, data: (number | null)[][], style: { color: string; width: number }) {
  return {
    name,
    type: "line",
    data,
    showSymbol: false,
    symbolSize: 6,
    // Keeps peaks while thinning long runs to about a point per pixel.
    sampling: "lttb",
    lineStyle: style,
    itemStyle: { color: style.color },
  };
}

function pair(point: LossPoint): (number | null)[] {
  return [point.step, Number.isFinite(point.loss) ? point.loss : null];
}
