import { ArgumentError, DTypeError } from "@squall/device";
import { type Device, noGrad, tensor, zeros } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeSafetensors, FormatError, tensorsFromSafetensors, tensorsToSafetensors } from "../src/index.ts";
import { counting, expectError, hostTensors, texts } from "./samples.ts";

const { device: cpu } = zeros([]);

/** A device that has only float32. */
const narrow: Device = { ...cpu, name: "narrow", dtypes: ["float32"] };

describe("tensors and safetensors", () => {
  it("round trip with shape, dtype, every bit, and metadata", async () => {
    await fc.assert(
      fc.asyncProperty(hostTensors, texts, async (hosts, metadata) => {
        const bytes = encodeSafetensors(hosts, metadata);
        const loaded = tensorsFromSafetensors(bytes);
        expect(loaded.metadata).toEqual(metadata);
        expect(await tensorsToSafetensors(loaded.tensors, loaded.metadata)).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });

  it("load as leaves without gradient on the device that was asked for", () => {
    const { tensors } = tensorsFromSafetensors(encodeSafetensors({ w: counting(2, 3) }), { device: cpu });
    expect([tensors.w.shape, tensors.w.requiresGrad, tensors.w.device]).toEqual([[2, 3], false, cpu]);
    expect(tensors.w.toArray()).toEqual([
      [0, 1, 2],
      [3, 4, 5],
    ]);
  });

  it("load those that are chosen, so that the device need not have the dtypes of others", () => {
    const bytes = encodeSafetensors({ ok: counting(2), w: { dtype: "float64", shape: [], data: Float64Array.of(1) } });
    const { tensors } = tensorsFromSafetensors(bytes, { device: narrow, only: (name) => name === "ok" });
    expect(Object.keys(tensors)).toEqual(["ok"]);
    expect(tensors.ok.toArray()).toEqual([0, 1]);
  });

  it("save the values of the moment they were asked to", async () => {
    const w = tensor([1, 2], { requiresGrad: true });
    const saving = tensorsToSafetensors({ w });
    noGrad(() => w.fill_(9));
    expect(tensorsFromSafetensors(await saving).tensors.w.toArray()).toEqual([1, 2]);
  });

  it("are refused with their names", async () => {
    const bytes = encodeSafetensors({ ok: counting(1), w: { dtype: "float64", shape: [], data: Float64Array.of(1) } });
    expectError(
      () => tensorsFromSafetensors(bytes, { device: narrow }),
      DTypeError,
      'tensorsFromSafetensors: tensor "w" is float64 but narrow has only float32; load it on the cpu and convert it',
    );
    expectError(
      () => tensorsFromSafetensors(bytes.slice(0, 4)),
      FormatError,
      "tensorsFromSafetensors: the file has 4 bytes but needs at least 8; this is not a whole safetensors file",
    );
    await expect(tensorsToSafetensors({ w: 3 as never })).rejects.toThrow(ArgumentError);
    await expect(tensorsToSafetensors({ w: 3 as never })).rejects.toThrow('"w" must be a tensor, got number');
  });
});
