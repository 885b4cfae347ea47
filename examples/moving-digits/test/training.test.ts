import { cpu } from "@squall/cpu";
import { tensorsToSafetensors } from "@squall/io";
import { type Device, Generator } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../packages/testing/test/proxyDevice.ts";
import { openWebGpu } from "../../../scripts/webgpu.ts";
import { openData } from "../src/data.ts";
import { streams } from "../src/films.ts";
import { type Forecaster, forecast, makeModel } from "../src/model.ts";
import { parseOptions } from "../src/options.ts";
import type { Options } from "../src/presets.ts";
import type { Progress } from "../src/progress.ts";
import { scoreModel, scoreTable, verdict } from "../src/results.ts";
import { type Training, train } from "../src/train.ts";

const silent: Progress = { update: () => {}, note: () => {}, stop: () => {} };

function options(...extra: string[]): Options {
  const small =
    "--size 12 --digit-size 8 --hidden 6 --input-frames 3 --output-frames 2 --batch 2 --steps 8 --eval-every 4";
  const command = parseOptions([...small.split(" "), ...extra]);
  if (command.help) throw new Error("no help was asked for");
  return command.options;
}

interface Outcome {
  readonly training: Training;
  readonly model: Forecaster;
  readonly table: string;
  readonly verdict: string[];
  readonly saves: number;
}

async function run(settings: Options, stopped: () => boolean = () => false, device: Device = cpu): Promise<Outcome> {
  const data = await openData(settings);
  const random = streams(settings.seed);
  const validation = data.heldOut(4, random.heldOut);
  const model = makeModel(settings, 0.1, random.model).to(device);
  let saves = 0;
  const training = await train({
    model,
    options: settings,
    films: data.training,
    generator: random.training,
    validation,
    progress: silent,
    stopped,
    save: async () => {
      saves++;
    },
  });
  const results = await scoreModel(model, data.heldOut(5, random.heldOut), data.training(4, random.training), settings);
  return { training, model, table: scoreTable(results), verdict: verdict(results), saves };
}

describe("training", () => {
  it("gives the same numbers twice for the same seed, and others for another", async () => {
    const [first, second, other] = [await run(options()), await run(options()), await run(options("--seed", "2"))];
    expect(second.training).toEqual(first.training);
    expect(second.table).toBe(first.table);
    expect(other.training.batches).not.toEqual(first.training.batches);
  });

  it("counts its steps and evaluates before, between and after", async () => {
    const { training, saves } = await run(options("--checkpoint-every", "3"));
    expect(training.batches.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(training.evaluations.map(({ step }) => step)).toEqual([0, 4, 8]);
    expect(training.ended).toBeUndefined();
    expect(saves).toBe(2);
  });

  it.each(["sgd", "adam", "adamw", "rmsprop"])("lowers the loss with %s", async (optimizer) => {
    const rate = optimizer === "sgd" ? "1" : "0.01";
    const { training } = await run(options("--optimizer", optimizer, "--lr", rate, "--steps", "25"));
    const [before, after] = [
      training.evaluations[0]?.loss ?? Number.NaN,
      training.evaluations.at(-1)?.loss ?? Number.NaN,
    ];
    expect(after).toBeLessThan(before);
  });

  it("stops when asked and keeps the best weights so far", async () => {
    let steps = 0;
    const { training } = await run(options(), () => ++steps === 3);
    expect(training.steps).toBe(3);
    expect(training.ended).toBe("stopped after 3 steps");
    expect(training.evaluations.map(({ step }) => step)).toEqual([0, 3]);
  });

  it("ends when the loss is no number, with the weights from before", async () => {
    const { training, model } = await run(options("--optimizer", "sgd", "--lr", "1e39", "--clip", "0"));
    expect(training.ended).toMatch(/^the loss became (NaN|Infinity) after \d steps; try a smaller --lr or a --clip$/);
    for (const parameter of model.parameters()) expect(parameter.dataSync().every(Number.isFinite)).toBe(true);
  });
});

const webgpu = await openWebGpu();
if ("missing" in webgpu) console.warn(`NOT RUN: the example's training on WebGPU. ${webgpu.missing}`);

describe.each([
  { name: "the cpu behind a wall", device: proxyDevice(), steps: "8" },
  ...("device" in webgpu ? [{ name: webgpu.device.describe(), device: webgpu.device, steps: "30" }] : []),
])("on a device that can only be read later, $name, a run", ({ device, steps }) => {
  it("learns as on the cpu, can be scored and saved, and leaves only the model", async () => {
    const settings = options("--steps", steps);
    const [there, here] = [await run(settings, () => false, device), await run(settings)];
    for (const curve of ["batches", "evaluations"] as const) {
      const [got, want] = [there.training[curve], here.training[curve]];
      expect(got.map(({ step }) => step)).toEqual(want.map(({ step }) => step));
      for (const [k, { loss }] of got.entries()) expect(loss).toBeCloseTo(want[k]?.loss ?? Number.NaN, 4);
    }
    expect(there.table.split("\n")).toHaveLength(here.table.split("\n").length);
    expect(await tensorsToSafetensors(there.model.stateDict())).toHaveLength(
      (await tensorsToSafetensors(here.model.stateDict())).length,
    );
    expect(device.memory().storages).toBe(there.model.parameters().length);
  });
});

describe("scores", () => {
  it("stand in one table with all baselines, and the verdict says who is below", async () => {
    const { table, verdict: sentences } = await run(options("--steps", "1"));
    for (const name of ["ConvLSTM", "last frame copied", "mean of the input frames", "mean training frame"]) {
      expect(table.split(name).length - 1).toBe(3);
    }
    expect(table).toContain("t+2");
    expect(sentences).toHaveLength(3);
    expect(sentences[0]).toMatch(
      /^Cross-entropy in nats per frame: [\d.]+, (NOT )?below the best baseline's [\d.]+\.$/,
    );
  });
});

describe("the model", () => {
  it("starts at the given brightness and gives frames of the input's size", async () => {
    const settings = options("--patch", "2", "--peephole", "full");
    const model = makeModel(settings, 0.2, new Generator(1));
    const frames = await forecast(model, new Float32Array(20 * 3 * 144), [20, 3, 1, 12, 12], 4);
    expect(frames).toHaveLength(20 * 4 * 144);
    const mean = frames.reduce((a, b) => a + b, 0) / frames.length;
    expect(mean).toBeGreaterThan(0.1);
    expect(mean).toBeLessThan(0.35);
  });
});
