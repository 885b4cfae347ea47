// The training loop: draws films, takes steps, looks at held-out films now and then, and keeps the best weights.

import { setImmediate } from "node:timers/promises";
import type { StateDict } from "@squall/nn";
import { CosineAnnealingLR } from "@squall/optim";
import { type Generator, noGrad, scope } from "@squall/tensor";
import type { FilmSource, Films } from "./films.ts";
import type { Forecaster } from "./model.ts";
import type { LossPoint } from "./plot.ts";
import type { Options } from "./presets.ts";
import type { Progress } from "./progress.ts";
import { computeGradients, lossOf, makeOptimizer } from "./step.ts";

/** What happened in training. The model holds the best weights. */
export interface Training {
  /** Cross-entropy in nats per pixel of each batch. */
  readonly batches: LossPoint[];
  /** The same on held-out films. */
  readonly evaluations: LossPoint[];
  /** Steps taken; fewer than asked if it was stopped. */
  readonly steps: number;
  /** Why it ended early, if it did. */
  readonly ended: string | undefined;
}

/** What a training run needs. */
export interface TrainingRun {
  readonly model: Forecaster;
  readonly options: Options;
  readonly films: FilmSource;
  readonly generator: Generator;
  /** Films for choosing the best weights. */
  readonly validation: Films;
  readonly progress: Progress;
  /** Asked after every step: true ends the training. */
  readonly stopped: () => boolean;
  /** Saves the model, every `checkpointEvery` steps. */
  readonly save: () => Promise<void>;
}

function copyOf(stateDict: StateDict): StateDict {
  return Object.fromEntries(Object.entries(stateDict).map(([name, value]) => [name, value.clone()]));
}

function free(stateDict: StateDict): void {
  for (const value of Object.values(stateDict)) value.dispose();
}

/** Trains a model, where it lies; afterwards it holds the weights that were best on the validation films. */
export async function train(run: TrainingRun): Promise<Training> {
  const { model, options, films, generator, validation, progress } = run;
  using optimizer = makeOptimizer(model.parameters(), options);
  const schedule = new CosineAnnealingLR(optimizer, {
    tMax: Math.max(1, options.steps),
    etaMin: options.learningRate / 100,
  });
  const batches: LossPoint[] = [];
  const evaluations: LossPoint[] = [];
  let best: { loss: number; weights: StateDict } | undefined;
  let ended: string | undefined;
  let step = 0;

  const evaluate = async (): Promise<void> => {
    using value = scope(() => noGrad(() => lossOf(model, validation, options)));
    const loss = await value.item();
    evaluations.push({ step, loss });
    if (best !== undefined && !(loss < best.loss)) return;
    if (best !== undefined) free(best.weights);
    best = { loss, weights: copyOf(model.stateDict()) };
  };

  await evaluate();
  while (step < options.steps && ended === undefined) {
    const batch = films(options.batch, generator);
    using loss = scope(() => computeGradients(model, batch, options));
    const value = await loss.item();
    if (!Number.isFinite(value)) {
      ended = `the loss became ${value} after ${step} steps; try a smaller --lr or a --clip`;
      break;
    }
    optimizer.step();
    schedule.step();
    step++;
    batches.push({ step, loss: value });
    progress.update(step, value);
    const due = (every: number): boolean => every > 0 && step % every === 0 && step < options.steps;
    if (due(options.evalEvery)) {
      await evaluate();
      progress.note(`held-out cross-entropy after ${step} steps: ${evaluations.at(-1)?.loss.toFixed(4)} per pixel`);
    }
    if (due(options.checkpointEvery)) await run.save();
    // A turn of the event loop, for Ctrl-C and the progress bar.
    await setImmediate();
    if (run.stopped()) ended = `stopped after ${step} steps`;
  }
  if (evaluations.at(-1)?.step !== step) await evaluate();
  if (best !== undefined) {
    model.loadStateDict(best.weights);
    free(best.weights);
  }
  model.zeroGrad();
  return { batches, evaluations, steps: step, ended };
}
