// The command: reads options, trains, scores, writes the results and says where they are.

import { enableTurbo, setThreads } from "@squall/cpu";
import { openData } from "./data.ts";
import { openDevice } from "./device.ts";
import { streams } from "./films.ts";
import { meanFrame } from "./metrics.ts";
import { makeModel } from "./model.ts";
import { helpText, parseOptions } from "./options.ts";
import type { Options } from "./presets.ts";
import { startProgress } from "./progress.ts";
import { saveRun, scoreModel, scoreTable, verdict, writeResults } from "./results.ts";
import { OptionsError } from "./settings.ts";
import { train } from "./train.ts";

/** Held-out films for choosing weights, others for the scores, and training films for the mean frame. */
const FILMS = { validation: 32, test: 64, meanFrame: 256 };

async function run(options: Options, turbo: boolean): Promise<void> {
  setThreads(options.threads);
  if (turbo) console.log(enableTurbo().reason);
  const device = await openDevice(options.device);
  console.log(device.describe());
  const data = await openData(options);
  const random = streams(options.seed);
  const validation = data.heldOut(FILMS.validation, random.heldOut);
  const test = data.heldOut(FILMS.test, random.heldOut);
  const sample = data.training(FILMS.meanFrame, random.training);
  const [brightness = 0.5] = meanFrame(sample.truth, 1);
  // Made on the CPU, so that a seed gives the same weights everywhere.
  const model = makeModel(options, brightness, random.model).to(device);
  console.log(
    `Training a ConvLSTM of ${model.parameterCount()} parameters on ${options.digits} moving ${options.digits === 1 ? "digit" : "digits"}, ` +
      `${options.size} x ${options.size} pixels, ${options.inputFrames} frames in, ${options.outputFrames} out. Ctrl-C stops early and keeps the best weights.`,
  );

  let interrupted = false;
  const onInterrupt = (): void => {
    if (interrupted) process.exit(130);
    interrupted = true;
  };
  process.on("SIGINT", onInterrupt);
  const progress = startProgress({ total: options.steps });
  const training = await train({
    model,
    options,
    films: data.training,
    generator: random.training,
    validation,
    progress,
    stopped: () => interrupted,
    save: () => saveRun(model, options),
  }).finally(() => progress.stop());

  if (training.ended !== undefined)
    console.log(`Training ended early: ${training.ended}. Going on with the best weights so far.`);
  const results = await scoreModel(model, test, sample, options);
  const files = await writeResults(model, results, training, options);
  process.off("SIGINT", onInterrupt);
  console.log(`\nOn ${test.count} held-out sequences:\n\n${scoreTable(results)}\n\n${verdict(results).join("\n")}\n`);
  console.log(
    `Written:\n${files.map((file) => `  ${file}`).join("\n")}\nOpen ${files.find((file) => file.endsWith(".html"))} in a browser.`,
  );
}

try {
  const command = parseOptions(process.argv.slice(2));
  if (command.help) console.log(helpText());
  else await run(command.options, command.turbo);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof OptionsError ? error.exitCode : 1;
}
