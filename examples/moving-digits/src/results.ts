// What a run leaves behind: scores on held-out films next to baselines, and the files.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { saveModel, writeFileAtomic } from "@squall/io/node";
import type { Films } from "./films.ts";
import {
  type FrameBlock,
  meanFrame,
  meanScores,
  repeatFrame,
  repeatLastFrame,
  repeatMeanInput,
  scoreForecast,
} from "./metrics.ts";
import { type Forecaster, forecast } from "./model.ts";
import { dataUri, type ForecastFilm, filmRows, filmstrip, forecastGif } from "./pictures.ts";
import { lossSvg } from "./plot.ts";
import type { Options } from "./presets.ts";
import { renderReport, type ScoredForecast } from "./report.ts";
import { describeOptions } from "./settings.ts";
import type { Training } from "./train.ts";

/** Films shown in pictures. */
const SHOWN = 4;

/** Forecasts of the held-out films and what they are worth, the model first. */
export interface Results {
  readonly forecasts: readonly ScoredForecast[];
  readonly films: readonly ForecastFilm[];
}

/**
 * Scores the model and the baselines on held-out films.
 *
 * @param training films to take the mean training frame from
 */
export async function scoreModel(
  model: Forecaster,
  heldOut: Films,
  training: Films,
  options: Options,
): Promise<Results> {
  const { inputFrames, outputFrames, size } = options;
  const pixels = size * size;
  const { count, input, truth } = heldOut;
  const inputBlock: FrameBlock = { sequences: count, frames: inputFrames, height: size, width: size };
  const block: FrameBlock = { ...inputBlock, frames: outputFrames };
  const ours = await forecast(model, input, [count, inputFrames, 1, size, size], outputFrames);
  const score = (name: string, frames: Float32Array): ScoredForecast => ({
    name,
    scores: scoreForecast(frames, truth, block),
  });
  return {
    forecasts: [
      score("ConvLSTM", ours),
      score("last frame copied", repeatLastFrame(input, inputBlock, outputFrames)),
      score("mean of the input frames", repeatMeanInput(input, inputBlock, outputFrames)),
      score("mean training frame", repeatFrame(meanFrame(training.truth, pixels), count, outputFrames)),
    ],
    films: Array.from({ length: Math.min(SHOWN, count) }, (_, n) => ({
      input: input.subarray(n * inputFrames * pixels, (n + 1) * inputFrames * pixels),
      truth: truth.subarray(n * outputFrames * pixels, (n + 1) * outputFrames * pixels),
      forecast: ours.subarray(n * outputFrames * pixels, (n + 1) * outputFrames * pixels),
    })),
  };
}

/** The scores as a table for a terminal: one row per way to forecast, one column per frame and their mean. */
export function scoreTable({ forecasts }: Results): string {
  const width = Math.max(...forecasts.map(({ name }) => name.length));
  const cells = (values: readonly (number | undefined)[], digits: number): string =>
    values.map((value) => (value === undefined ? "-" : value.toFixed(digits)).padStart(9)).join("");
  const frames = forecasts[0]?.scores.length ?? 0;
  const head = Array.from({ length: frames }, (_, t) => `t+${t + 1}`.padStart(9)).join("");
  const measures = [
    ["cross-entropy, nats per frame", "crossEntropy", 1],
    ["mean squared error per pixel", "squaredError", 4],
    ["distance of the digits' centre, pixels", "centreDistance", 2],
  ] as const;
  return measures
    .map(([title, key, digits]) => {
      const rows = forecasts.map(({ name, scores }) => {
        const values = [...scores.map((score) => score[key]), meanScores(scores)[key]];
        return `  ${name.padEnd(width)}${cells(values, digits)}`;
      });
      return [`${title}`, `  ${"".padEnd(width)}${head}${"mean".padStart(9)}`, ...rows].join("\n");
    })
    .join("\n\n");
}

/** Sentences on how the model compares with the best baseline of each measure. */
export function verdict({ forecasts }: Results): string[] {
  const [model, ...baselines] = forecasts.map(({ name, scores }) => ({ name, ...meanScores(scores) }));
  if (model === undefined) return [];
  const compare = (
    what: string,
    value: number | undefined,
    others: readonly (number | undefined)[],
    digits: number,
  ): string => {
    const known = others.filter((other) => other !== undefined);
    const best = Math.min(...known);
    if (value === undefined || known.length === 0)
      return `${what}: the forecasts are blank, so there is nothing to compare.`;
    const relation = value < best ? "below" : "NOT below";
    return `${what}: ${value.toFixed(digits)}, ${relation} the best baseline's ${best.toFixed(digits)}.`;
  };
  const last = baselines.find(({ name }) => name === "last frame copied");
  return [
    compare(
      "Cross-entropy in nats per frame",
      model.crossEntropy,
      baselines.map((b) => b.crossEntropy),
      1,
    ),
    compare(
      "Mean squared error per pixel",
      model.squaredError,
      baselines.map((b) => b.squaredError),
      4,
    ),
    compare(
      "Distance of the centres in pixels, next to the last frame copied",
      model.centreDistance,
      [last?.centreDistance],
      2,
    ),
  ];
}

/** Saves the model, with the settings of its run in the file's metadata. */
export async function saveRun(model: Forecaster, options: Options): Promise<void> {
  await mkdir(options.out, { recursive: true });
  const settings = JSON.stringify(Object.fromEntries(describeOptions(options)));
  await saveModel(join(options.out, "model.safetensors"), model, { settings });
}

/** Writes all files of a run and gives their paths. */
export async function writeResults(
  model: Forecaster,
  results: Results,
  training: Training,
  options: Options,
): Promise<string[]> {
  const { size, out } = options;
  const frame = { height: size, width: size };
  await saveRun(model, options);
  const gif = forecastGif(results.films, frame);
  const svg = lossSvg({
    training: training.batches,
    evaluation: training.evaluations,
    lossName: "cross-entropy, nats per pixel",
  });
  const report = renderReport({
    title: "Moving digits: a ConvLSTM forecast",
    summary: [
      `Trained for ${training.steps} steps of ${options.batch} sequences${training.ended === undefined ? "" : ` (${training.ended})`}.`,
      ...verdict(results),
    ],
    settings: describeOptions(options),
    forecasts: results.forecasts,
    lossSvg: svg,
    pictures: [
      {
        caption: "Truth above; below it what the model saw (blue), then its forecast (amber)",
        uri: dataUri(gif, "image/gif"),
      },
      ...results.films.map((film, k) => ({
        caption: `Sequence ${k + 1}: input and truth above, forecast below`,
        uri: dataUri(filmstrip(filmRows(film, frame), frame), "image/png"),
      })),
    ],
  });
  const text = new TextEncoder();
  const files: [string, Uint8Array][] = [
    ["forecast.gif", gif],
    ["loss.svg", text.encode(svg)],
    ["report.html", text.encode(report)],
  ];
  for (const [name, bytes] of files) await writeFileAtomic(join(out, name), bytes);
  return [...files.map(([name]) => name), "model.safetensors"].map((name) => join(out, name));
}
