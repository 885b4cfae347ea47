// The upper part of the page: a film, generated or drawn, and what the trained model says of it.

import type { Films } from "@squall/example-moving-digits/films";
import type { Stroke } from "@squall/example-moving-digits/glyphs";
import { type Forecaster, forecast } from "@squall/example-moving-digits/model";
import type { Device } from "@squall/tensor";
import { byId, tell } from "./elements.ts";
import { drawnFilm, generatedFilm } from "./film.ts";
import { modelWith, type TrainedModel } from "./model.ts";
import { Pad } from "./pad.ts";
import { frameTimes, Strip } from "./pictures.ts";
import { Player, type ShownFrame } from "./player.ts";
import { comparison, copyLastFrame, scoreOf } from "./score.ts";
import { SEEDS } from "./state.ts";
import { newestOnly } from "./turns.ts";

/** What the panel is told and tells. */
export interface ForecastPanelOptions {
  readonly trained: TrainedModel;
  readonly device: Device;
  readonly seed: number;
  /** There is another generated film. */
  readonly seedChanged: (seed: number) => void;
  /** There is another film of any kind. */
  readonly filmChanged: (film: Films) => void;
}

/** Forecasts the film of the page with the trained model. */
export class ForecastPanel {
  private readonly options: ForecastPanelOptions;
  private readonly player = new Player({
    button: byId("play", HTMLButtonElement),
    text: byId("play-text", HTMLElement),
  });
  private readonly place = byId("strip", HTMLElement);
  private readonly strip = new Strip(this.place);
  private readonly pad: Pad;
  private readonly direction = byId("direction", HTMLInputElement);
  private readonly speed = byId("speed", HTMLInputElement);
  private readonly clear = byId("clear", HTMLButtonElement);
  private model: Forecaster;
  private seed: number;
  private film: Films;

  constructor(options: ForecastPanelOptions) {
    const { trained, device, seed } = options;
    this.options = options;
    this.seed = seed;
    this.model = this.trainedOn(device);
    this.film = generatedFilm(trained.options, seed);
    this.pad = new Pad(byId("pad", HTMLCanvasElement), (strokes) => this.fly(strokes));
    for (const slider of [this.direction, this.speed]) {
      slider.addEventListener("input", () => {
        this.describeMotion();
        this.fly(this.pad.drawn);
      });
    }
    this.clear.addEventListener("click", () => this.generate(this.seed));
    byId("new-digits", HTMLButtonElement).addEventListener("click", () => this.generate((this.seed + 1) % SEEDS));
    this.describeMotion();
    this.generate(seed);
  }

  /** The film that is shown. */
  get shown(): Films {
    return this.film;
  }

  /** Tries the model on another device. @returns a function that goes there for good */
  async moveTo(device: Device): Promise<() => void> {
    const there = this.trainedOn(device);
    await this.run(there, this.film);
    return () => {
      this.model = there;
      this.refresh();
    };
  }

  private trainedOn(device: Device): Forecaster {
    const { model } = this.options.trained;
    return modelWith(model.config, model.stateDict(), device);
  }

  private generate(seed: number): void {
    this.seed = seed;
    this.pad.clear();
    byId("seed", HTMLOutputElement).textContent = `film no. ${seed}`;
    this.options.seedChanged(seed);
    this.setFilm(generatedFilm(this.options.trained.options, seed));
  }

  private fly(strokes: readonly Stroke[]): void {
    if (strokes.length === 0) return;
    byId("seed", HTMLOutputElement).textContent = "your drawing";
    const motion = { direction: Number(this.direction.value), speed: Number(this.speed.value) };
    this.setFilm(drawnFilm(this.options.trained.options, strokes, motion));
  }

  private setFilm(film: Films): void {
    for (const part of [this.clear, this.direction, this.speed]) part.disabled = this.pad.drawn.length === 0;
    this.film = film;
    this.refresh();
    this.options.filmChanged(film);
  }

  private async refresh(): Promise<void> {
    const { film } = this;
    this.place.ariaBusy = "true";
    await this.show(film);
    // Otherwise a newer film is still to be shown.
    if (film === this.film) this.place.ariaBusy = "false";
  }

  private describeMotion(): void {
    const { value } = this.direction;
    byId("direction-text", HTMLOutputElement).textContent = `${value}°`;
    byId("speed-text", HTMLOutputElement).textContent = `${Number(this.speed.value)} px per frame`;
  }

  private run(model: Forecaster, film: Films): Promise<Float32Array> {
    const { inputFrames, outputFrames, size } = this.options.trained.options;
    return forecast(model, film.input, [film.count, inputFrames, 1, size, size], outputFrames);
  }

  private readonly show = newestOnly(async (film: Films): Promise<void> => {
    const problem = byId("forecast-problem", HTMLElement);
    try {
      this.draw(film, await this.run(this.model, film));
      tell(problem, undefined);
    } catch (error) {
      tell(problem, `The forecast failed: ${error instanceof Error ? error.message : error}. Choose the CPU above.`);
    }
  });

  private draw(film: Films, forecasted: Float32Array): void {
    const { options } = this.options.trained;
    const { size, inputFrames, outputFrames } = options;
    const times = frameTimes(inputFrames, outputFrames);
    const copied = copyLastFrame(film, options);
    const part = (frames: Float32Array, tone: ShownFrame["tone"]): ShownFrame[] =>
      Array.from({ length: frames.length / (size * size) }, (_, t) => ({
        frame: frames.subarray(t * size * size, (t + 1) * size * size),
        tone,
      }));
    const seen = part(film.input, "input");
    this.player.show(
      [
        { canvas: byId("play-truth", HTMLCanvasElement), film: [...seen, ...part(film.truth, "truth")] },
        { canvas: byId("play-forecast", HTMLCanvasElement), film: [...seen, ...part(forecasted, "forecast")] },
      ],
      times,
      size,
    );
    this.strip.show(
      times,
      [
        {
          name: "What happens",
          skip: 0,
          parts: [
            { frames: film.input, tone: "input" },
            { frames: film.truth, tone: "truth" },
          ],
        },
        { name: "ConvLSTM", skip: inputFrames, parts: [{ frames: forecasted, tone: "forecast" }] },
        { name: "Last frame copied", skip: inputFrames, parts: [{ frames: copied, tone: "truth" }] },
      ],
      size,
    );
    const [ours, copying] = [scoreOf(forecasted, film, options), scoreOf(copied, film, options)];
    for (const [id, value] of [
      ["score-error", ours.squaredError],
      ["copy-error", copying.squaredError],
      ["score-entropy", ours.crossEntropyPerPixel],
      ["copy-entropy", copying.crossEntropyPerPixel],
    ] as const) {
      byId(id, HTMLElement).textContent = value.toFixed(4);
    }
    byId("verdict", HTMLElement).textContent = comparison(ours.squaredError, copying.squaredError);
  }
}
