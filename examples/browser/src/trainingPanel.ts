// The lower part of the page: a model that learns while one watches.

import type { Films } from "@squall/example-moving-digits/films";
import { forecast } from "@squall/example-moving-digits/model";
import type { Device } from "@squall/tensor";
import { drawCurve } from "./drawCurve.ts";
import { byId, tell } from "./elements.ts";
import { LossHistory, smooth } from "./history.ts";
import { formatRate, RateMeter } from "./meter.ts";
import type { TrainedModel } from "./model.ts";
import { frameTimes, Strip } from "./pictures.ts";
import { comparison, copyLastFrame, scoreOf } from "./score.ts";
import { type Move, Trainer } from "./trainer.ts";
import { newestOnly, nextTurn } from "./turns.ts";

/** Milliseconds between two looks at the readings, two forecasts and two saves for the case that the device fails. */
const EVERY = { readings: 200, forecast: 1000, save: 10_000 };

/** Whether it is time again, by a clock of its own. */
function timer(every: number): (now: number) => boolean {
  let last = Number.NEGATIVE_INFINITY;
  return (now) => {
    if (now - last < every) return false;
    last = now;
    return true;
  };
}

/** Trains a model and shows how it goes. */
export class TrainingPanel {
  private readonly trained: TrainedModel;
  private readonly button = byId("train", HTMLButtonElement);
  private readonly restarting = byId("restart", HTMLButtonElement);
  private readonly weights = byId("weights", HTMLSelectElement);
  private readonly problem = byId("training-problem", HTMLElement);
  private readonly strip = new Strip(byId("training-strip", HTMLElement));
  private readonly meter = new RateMeter();
  private history = new LossHistory();
  private trainer: Trainer;
  private device: Device;
  private film: Films;
  private seed = 1;
  /** The loop that runs, to be asked to end; undefined if none does. */
  private run: { ended: boolean } | undefined;
  /** Whether the controls are out of use, while the model moves. */
  private locked = false;
  /** Settles when the last loop has come to its end. */
  private loop: Promise<void> = Promise.resolve();

  constructor(trained: TrainedModel, device: Device, film: Films) {
    this.trained = trained;
    this.device = device;
    this.film = film;
    this.trainer = this.fresh();
    this.button.addEventListener("click", () => (this.run === undefined ? this.start() : this.stop()));
    this.restarting.addEventListener("click", () => this.restart());
    this.weights.addEventListener("change", () => this.restart());
    new ResizeObserver(() => this.drawReadings()).observe(byId("curve", HTMLCanvasElement));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.drawReadings());
    this.drawForecast();
  }

  /** There is another film to forecast. */
  setFilm(film: Films): void {
    this.film = film;
    this.drawForecast();
  }

  /**
   * Halts and tries the model on another device.
   *
   * @returns a function that goes there for good, or stays where it is, and in both cases goes on if it was training
   */
  async moveTo(device: Device): Promise<(there: boolean) => void> {
    const wasRunning = this.run?.ended === false;
    this.enable(false);
    await this.stop();
    const goOn = (): void => {
      this.enable(true);
      if (wasRunning) this.start();
    };
    try {
      const move = await this.trainer.moveTo(device);
      return (there) => {
        if (there) this.arrive(device, move);
        goOn();
      };
    } catch (error) {
      goOn();
      throw error;
    }
  }

  private arrive(device: Device, { commit, lostSteps }: Move): void {
    this.device = device;
    commit();
    const loss = `${lostSteps} steps are lost: the device before could not be read any more.`;
    tell(this.problem, lostSteps === 0 ? undefined : loss);
    this.drawReadings();
    this.drawForecast();
  }

  private enable(on: boolean): void {
    for (const control of [this.restarting, this.weights]) control.disabled = !on;
    this.locked = !on;
    this.showButton();
  }

  private fresh(): Trainer {
    const model = this.weights.value === "trained" ? this.trained.model : undefined;
    return new Trainer({ options: this.trained.options, device: this.device, seed: this.seed, model });
  }

  private async restart(): Promise<void> {
    this.enable(false);
    await this.stop();
    this.seed++;
    this.history = new LossHistory();
    this.meter.reset();
    tell(this.problem, undefined);
    this.trainer = this.fresh();
    this.enable(true);
    this.drawReadings();
    await this.drawForecast();
  }

  private start(): void {
    const run = { ended: false };
    this.run = run;
    this.showButton();
    tell(this.problem, undefined);
    this.loop = this.train(run)
      .catch((error: unknown) => {
        const cause = error instanceof Error ? error.message : String(error);
        tell(this.problem, `Training stopped: ${cause}. Start over, or choose another device above.`);
      })
      .finally(() => {
        this.run = undefined;
        this.showButton();
        this.drawReadings();
      });
  }

  /** Asks the loop to end, which it does after the step that it is in. */
  private stop(): Promise<void> {
    if (this.run !== undefined) this.run.ended = true;
    this.showButton();
    return this.loop;
  }

  private async train(run: { readonly ended: boolean }): Promise<void> {
    const due = { readings: timer(EVERY.readings), forecast: timer(EVERY.forecast), save: timer(EVERY.save) };
    this.meter.reset();
    this.meter.mark(performance.now());
    while (!run.ended) {
      const loss = await this.trainer.step();
      const now = performance.now();
      this.meter.mark(now);
      this.history.add(this.trainer.steps, loss);
      if (due.readings(now)) this.drawReadings();
      if (due.forecast(now)) await this.drawForecast();
      if (due.save(now)) await this.trainer.save();
      await nextTurn();
    }
    await this.drawForecast();
  }

  private showButton(): void {
    const { run } = this;
    this.button.textContent = run === undefined ? "Start training" : run.ended ? "Stopping …" : "Stop training";
    this.button.disabled = this.locked || run?.ended === true;
    this.button.setAttribute("aria-pressed", String(run !== undefined));
  }

  private drawReadings(): void {
    const { points } = this.history;
    byId("steps", HTMLElement).textContent = String(this.trainer.steps);
    byId("rate", HTMLElement).textContent = formatRate(this.meter.rate);
    byId("loss", HTMLElement).textContent = smooth(points).at(-1)?.loss.toFixed(4) ?? "–";
    const canvas = byId("curve", HTMLCanvasElement);
    drawCurve(canvas, points);
    canvas.setAttribute(
      "aria-label",
      `Loss over ${this.trainer.steps} steps, now ${byId("loss", HTMLElement).textContent}`,
    );
  }

  private readonly drawForecast = newestOnly(async (): Promise<void> => {
    const { options } = this.trained;
    const { inputFrames, outputFrames, size } = options;
    const { film } = this;
    const { steps } = this.trainer;
    try {
      const shape = [film.count, inputFrames, 1, size, size];
      const frames = await forecast(this.trainer.model, film.input, shape, outputFrames);
      this.strip.show(
        frameTimes(inputFrames, outputFrames).slice(inputFrames),
        [
          { name: "What happens", skip: 0, parts: [{ frames: film.truth, tone: "truth" }] },
          { name: "The model in training", skip: 0, parts: [{ frames, tone: "forecast" }] },
        ],
        size,
      );
      const [ours, copying] = [frames, copyLastFrame(film, options)].map(
        (each) => scoreOf(each, film, options).squaredError,
      );
      byId("training-verdict", HTMLElement).textContent =
        `After ${steps} steps: ${comparison(ours ?? Number.NaN, copying ?? Number.NaN)}`;
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      tell(this.problem, `The forecast failed: ${cause}. Choose the CPU above.`);
    }
  });
}
