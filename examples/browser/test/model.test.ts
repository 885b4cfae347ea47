import { readFile } from "node:fs/promises";
import { cpu } from "@squall/cpu";
import { filmSource, streams } from "@squall/example-moving-digits/films";
import { glyphSource } from "@squall/example-moving-digits/glyphs";
import { forecast } from "@squall/example-moving-digits/model";
import { complete, describeOptions } from "@squall/example-moving-digits/settings";
import { modelToSafetensors, tensorsToSafetensors } from "@squall/io";
import { ConvGRU } from "@squall/nn";
import type { Device } from "@squall/tensor";
import { describe, expect, test } from "vitest";
import { proxyDevice } from "../../../packages/testing/test/proxyDevice.ts";
import { newModel, readModel } from "../src/model.ts";
import { copyLastFrame, scoreOf } from "../src/score.ts";
import { Trainer } from "../src/trainer.ts";

describe("the trained model", async () => {
  const bytes = await readFile(new URL("../public/model.safetensors", import.meta.url));

  test("is small, and its file says nothing of where it was made", () => {
    expect(bytes.length).toBeLessThan(300_000);
    expect(readModel(bytes).options).toMatchObject({ mnist: undefined, out: "out" });
  });

  test("forecasts films it has not seen as well as the README says", async () => {
    const { options, model } = readModel(bytes);
    const films = filmSource(glyphSource(options.digitSize), options)(32, streams(77).heldOut);
    const shape = [32, options.inputFrames, 1, options.size, options.size];
    const frames = await forecast(model, films.input, shape, options.outputFrames);
    const ours = scoreOf(frames, films, options);
    expect(ours.squaredError).toBeLessThan(0.016);
    expect(ours.squaredError).toBeLessThan(scoreOf(copyLastFrame(films, options), films, options).squaredError / 3);
    expect(ours.centreDistance).toBeLessThan(0.8);
  });
});

describe("readModel", () => {
  const options = complete({ size: 12, digitSize: 8, hidden: [4] });
  const metadata = { settings: JSON.stringify(Object.fromEntries(describeOptions(options))) };
  const model = newModel(options, 1);

  test("gives settings and model as they were saved", async () => {
    const read = readModel(await modelToSafetensors(model, metadata));
    expect(read.options).toEqual(options);
    expect(read.model.config).toEqual(model.config);
    expect(read.model.parameters().map((each) => each.dataSync())).toEqual(
      model.parameters().map((each) => each.dataSync()),
    );
  });

  test("refuses files that are no model of this example", async () => {
    expect(() => readModel(new Uint8Array(3))).toThrow();
    expect(() => readModel(new Uint8Array())).toThrow();
    const gru = new ConvGRU({ inputChannels: 1, hiddenChannels: 1, kernelSize: 3 });
    const [bare, other, old] = await Promise.all([
      modelToSafetensors(model),
      modelToSafetensors(gru, metadata),
      tensorsToSafetensors(model.stateDict(), metadata),
    ]);
    expect(() => readModel(bare)).toThrow("settings: the file holds no JSON object of settings");
    expect(() => readModel(other)).toThrow("the page needs an EncoderForecaster, but this is a ConvGRU");
    expect(() => readModel(old)).toThrow("there is no model's config in the file");
  });
});

describe("Trainer", () => {
  const options = complete({ size: 12, digitSize: 8, hidden: [4], inputFrames: 3, outputFrames: 2, batch: 2 });
  const start = { options, seed: 3, model: undefined };

  async function weightsOf({ model }: Trainer): Promise<number[][]> {
    return Promise.all(model.parameters().map(async (parameter) => [...(await parameter.data())]));
  }

  async function steps(trainer: Trainer, count: number): Promise<number[]> {
    const losses: number[] = [];
    for (let i = 0; i < count; i++) losses.push(await trainer.step());
    return losses;
  }

  test.each<[string, Device]>([
    ["the cpu", cpu],
    ["a device that answers later", proxyDevice()],
  ])("lowers the loss on %s", async (_, device) => {
    const losses = await steps(new Trainer({ ...start, device }), 80);
    const mean = (part: number[]): number => part.reduce((a, b) => a + b, 0) / part.length;
    expect(mean(losses.slice(-5))).toBeLessThan(0.8 * mean(losses.slice(0, 5)));
  });

  test("goes on the same after moving to and fro, the optimizer too", async () => {
    const proxy = proxyDevice();
    const [moving, staying] = [new Trainer({ ...start, device: cpu }), new Trainer({ ...start, device: cpu })];
    await steps(moving, 3);
    for (const device of [proxy, cpu, proxy]) {
      const move = await moving.moveTo(device);
      expect(move.lostSteps).toBe(0);
      move.commit();
      expect(moving.model.head.weight.device).toBe(device);
      await steps(moving, 2);
    }
    await steps(staying, 9);
    expect(moving.steps).toBe(9);
    const [a, b] = [await weightsOf(moving), await weightsOf(staying)];
    a.flat().forEach((value, i) => {
      expect(value).toBeCloseTo(b.flat()[i] ?? Number.NaN, 4);
    });
  });

  test("stays where it is until the move is committed", async () => {
    const trainer = new Trainer({ ...start, device: cpu });
    await steps(trainer, 2);
    const before = await weightsOf(trainer);
    await trainer.moveTo(proxyDevice());
    expect(trainer.model.head.weight.device).toBe(cpu);
    expect(await weightsOf(trainer)).toEqual(before);
  });

  test("leaves a device that fails with what was saved last, and says how many steps that costs", async () => {
    const proxy = proxyDevice();
    const trainer = new Trainer({ ...start, device: proxy });
    await steps(trainer, 2);
    await trainer.save();
    const saved = await weightsOf(trainer);
    await steps(trainer, 3);
    const lost: Device["read"] = async () => {
      throw new Error("the device is lost");
    };
    Object.assign(proxy, { read: lost });
    await expect(trainer.step()).rejects.toThrow("the device is lost");
    const move = await trainer.moveTo(cpu);
    expect(move.lostSteps).toBe(3);
    move.commit();
    expect(trainer.steps).toBe(2);
    expect(await weightsOf(trainer)).toEqual(saved);
    expect(await trainer.step()).toBeGreaterThan(0);
  });

  test("starts from a given model, which it leaves as it is, and changes its weights more gently", async () => {
    const donor = new Trainer({ ...start, device: cpu });
    await steps(donor, 1);
    const before = await weightsOf(donor);
    const trainer = new Trainer({ ...start, device: cpu, model: donor.model });
    expect(await weightsOf(trainer)).toEqual(before);
    expect(trainer.options.learningRate).toBeCloseTo(options.learningRate / 10, 12);
    await steps(trainer, 1);
    expect(await weightsOf(trainer)).not.toEqual(before);
    expect(await weightsOf(donor)).toEqual(before);
  });

  test("says so when the loss is no number", async () => {
    const wild = { ...options, optimizer: "sgd", learningRate: 1e39, clip: 0 } as const;
    const trainer = new Trainer({ ...start, options: wild, device: cpu });
    await expect(steps(trainer, 5)).rejects.toThrow(/^the loss became (NaN|Infinity) in step \d$/);
  });
});
