// The report of a run: one HTML page that needs nothing from outside, so that it can be mailed or kept.

import type { FrameScores } from "./metrics.ts";
import { meanScores } from "./metrics.ts";

/** The scores of one way to forecast. */
export interface ScoredForecast {
  readonly name: string;
  /** One entry per forecast frame. */
  readonly scores: readonly FrameScores[];
}

/** A picture with what it shows. */
export interface Picture {
  readonly caption: string;
  /** The picture itself, `data:image/…`. */
  readonly uri: string;
}

/** Everything the page shows. Text may hold any characters; only `lossSvg` is put in as it is. */
export interface Report {
  readonly title: string;
  /** Sentences under the title, one paragraph each. */
  readonly summary: readonly string[];
  /** Pairs of name and value. */
  readonly settings: readonly (readonly [string, string])[];
  /** The model first, then the baselines, all with the same number of frames. */
  readonly forecasts: readonly ScoredForecast[];
  /** An `<svg>` element made by this program. */
  readonly lossSvg: string;
  /** Moving pictures and filmstrips, in order. */
  readonly pictures: readonly Picture[];
}

interface Measure {
  readonly title: string;
  readonly about: string;
  readonly digits: number;
  value(scores: FrameScores): number | undefined;
  /** A remark beside the number. */
  remark?(scores: FrameScores): string;
}

const MEASURES: readonly Measure[] = [
  {
    title: "Cross-entropy",
    about: "nats per frame, added up over its pixels",
    digits: 1,
    value: (scores) => scores.crossEntropy,
  },
  { title: "Squared error", about: "mean per pixel", digits: 4, value: (scores) => scores.squaredError },
  {
    title: "Distance of centres",
    about: "pixels between the mass centres of forecast and truth, without the forecasts that are blank",
    digits: 2,
    value: (scores) => scores.centreDistance,
    remark: ({ blank }) => (blank === 0 ? "" : ` <small>${blank} blank</small>`),
  },
];

/**
 * Writes the page.
 *
 * @returns a whole HTML document that makes no request
 * @throws RangeError if a picture is no data URI or the forecasts differ in their number of frames
 */
export function renderReport(report: Report): string {
  const title = escapeHtml(report.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${report.summary.map((text) => `<p>${escapeHtml(text)}</p>`).join("\n")}
<h2>Forecasts</h2>
${report.pictures.map(pictureHtml).join("\n")}
<h2>Scores</h2>
<p>Means over sequences never trained on. Lower is better; the best of each row is bold.</p>
${scoresHtml(report.forecasts)}
<h2>Loss</h2>
<figure class="chart">${report.lossSvg}</figure>
<h2>Settings</h2>
<div class="scroll"><table class="settings">
${report.settings.map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`).join("\n")}
</table></div>
</main>
</body>
</html>
`;
}

/** Makes text safe inside HTML elements and quoted attributes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

function pictureHtml({ caption, uri }: Picture): string {
  if (!uri.startsWith("data:image/")) {
    throw new RangeError(`renderReport: a picture must be a data:image/… URI, got "${uri.slice(0, 40)}"`);
  }
  const text = escapeHtml(caption);
  return `<figure><div class="scroll"><img src="${escapeHtml(uri)}" alt="${text}"></div><figcaption>${text}</figcaption></figure>`;
}

function scoresHtml(forecasts: readonly ScoredForecast[]): string {
  const frames = forecasts[0]?.scores.length ?? 0;
  for (const { name, scores } of forecasts) {
    if (scores.length !== frames) {
      throw new RangeError(`renderReport: "${name}" has scores of ${scores.length} frames, expected ${frames}`);
    }
  }
  return MEASURES.map((measure) => measureHtml(measure, forecasts, frames)).join("\n");
}

function measureHtml(measure: Measure, forecasts: readonly ScoredForecast[], frames: number): string {
  const head = forecasts.map(({ name }) => `<th scope="col">${escapeHtml(name)}</th>`).join("");
  const rows = Array.from({ length: frames }, (_, t) =>
    rowHtml(
      String(t + 1),
      measure,
      forecasts.map(({ scores }) => scores[t]),
    ),
  );
  const mean = rowHtml(
    "mean",
    measure,
    forecasts.map(({ scores }) => meanScores(scores)),
  );
  return `<div class="scroll"><table class="scores">
<caption><strong>${measure.title}</strong>, ${measure.about}</caption>
<thead><tr><th scope="col">frame</th>${head}</tr></thead>
<tbody>
${rows.join("\n")}
</tbody>
<tfoot>${mean}</tfoot>
</table></div>`;
}

function rowHtml(name: string, measure: Measure, scores: readonly (FrameScores | undefined)[]): string {
  // Compared as printed, so that two equal-looking numbers are both bold or both not.
  const texts = scores.map((score) => {
    const value = score === undefined ? undefined : measure.value(score);
    return value === undefined ? undefined : value.toFixed(measure.digits);
  });
  const best = Math.min(...texts.map((text) => Number(text ?? Number.NaN)).filter(Number.isFinite));
  const cells = scores.map((score, column) => {
    const text = texts[column];
    const remark = score === undefined ? "" : (measure.remark?.(score) ?? "");
    if (text === undefined) return `<td>–${remark}</td>`;
    return `<td>${Number(text) === best ? `<strong>${text}</strong>` : text}${remark}</td>`;
  });
  return `<tr><th scope="row">${name}</th>${cells.join("")}</tr>`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1c2430; --faint: #5d6878; --line: #d9dee6; --page: #ffffff; --band: #f4f6f9; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --faint: #9aa5b4; --line: #364052; --page: #14181f; --band: #1c222c; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 0.75rem; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; border-bottom: 1px solid var(--line); padding-bottom: 0.25rem; }
figure { margin: 1rem 0 1.5rem; }
figcaption, caption { color: var(--faint); font-size: 0.9rem; text-align: left; }
caption { padding-bottom: 0.4rem; }
caption strong { color: var(--ink); }
small { color: var(--faint); }
img { image-rendering: pixelated; border-radius: 4px; display: block; }
.scroll { overflow-x: auto; margin-bottom: 0.4rem; }
.chart svg { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 4px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin-bottom: 1.25rem; }
th, td { padding: 0.25rem 0.9rem 0.25rem 0; text-align: right; font-weight: normal; }
.scores thead th { color: var(--faint); border-bottom: 1px solid var(--line); }
.scores tbody tr:nth-child(even) { background: var(--band); }
.scores tfoot th, .scores tfoot td { border-top: 1px solid var(--line); }
.scores th[scope="row"] { text-align: left; color: var(--faint); padding-left: 0.4rem; }
.settings th { text-align: left; color: var(--faint); padding-right: 2rem; }
.settings td { text-align: left; overflow-wrap: anywhere; }
`;
