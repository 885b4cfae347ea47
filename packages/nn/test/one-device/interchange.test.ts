// One device: the CPU.
import {
  ConvLSTM,
  type ConvLSTMFormat,
  type ConvLSTMOptions,
  exportConvLSTM,
  importConvLSTM,
  type SpatialDims,
  type StateDict,
} from "@squall/nn";
import { type Tensor, zeros } from "@squall/tensor";
import { gradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exactLeaves, formatCases, gateOrders, prefixes, sizes } from "./interchangeArbitrary.ts";

function arrays(stateDict: StateDict): [name: string, value: unknown][] {
  return Object.entries(stateDict).map(([name, value]) => [name, { shape: value.shape, values: value.toArray() }]);
}

/** The state dict of a model with these options, all of its elements multiples of 1/64. */
function stateOf(options: ConvLSTMOptions, seed: number): StateDict {
  const leaf = exactLeaves(seed);
  const state = new ConvLSTM(options).stateDict();
  return Object.fromEntries(Object.entries(state).map(([name, { shape }]) => [name, leaf(...shape)]));
}

/** Options of models that a format can hold. */
function modelsFor(row: ConvLSTMFormat): fc.Arbitrary<ConvLSTMOptions & { hiddenChannels: number[] }> {
  const peepholes = row.names.peephole === undefined ? ["none" as const] : (["none", "channel", "full"] as const);
  const hasOneKernel = row.oneKernel === true || row.names.weight !== undefined;
  return fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom<SpatialDims>(1, 2, 3))
    .chain(([layers, spatialDims]) =>
      fc.record({
        spatialDims: fc.constant(spatialDims),
        inputChannels: fc.integer({ min: 0, max: 3 }),
        hiddenChannels: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: layers, maxLength: layers }),
        kernelSize: sizes(spatialDims),
        stateKernelSize: sizes(spatialDims),
        imageSize: sizes(spatialDims),
        bias: fc.boolean(),
        peephole: fc.constantFrom(...peepholes),
      }),
    )
    .map((model) => (hasOneKernel ? { ...model, stateKernelSize: model.kernelSize } : model));
}

describe.each(formatCases)("the format $title", ({ format, row }) => {
  const isNumbered = Object.values(row.names).every((name) => name.includes("{layer}"));

  it("takes every model there and back unchanged", () => {
    fc.assert(
      fc.property(
        modelsFor(row),
        fc.constantFrom(undefined, ...gateOrders),
        fc.constantFrom(undefined, "number" as const, "list" as const),
        fc.constantFrom(undefined, true, false),
        fc.integer(),
        (model, gateOrder, naming, batchedPeephole, seed) => {
          const layers = model.hiddenChannels.length;
          fc.pre(isNumbered || layers === 1 || naming !== undefined);
          const ours = stateOf(model, seed);
          const options = {
            ...(gateOrder !== undefined && { gateOrder }),
            ...(batchedPeephole !== undefined && { batchedPeephole }),
            ...(naming === "list" && { prefix: prefixes.list.slice(0, layers) }),
            ...(naming === "number" && { prefix: prefixes.number }),
          };
          const theirs = exportConvLSTM(ours, format, options);
          const back = importConvLSTM(theirs, format, options);
          // What is added as a program runs takes a bias to make up for it, so a model without one comes back with zeros.
          const gainsBias = row.forgetOffset !== undefined && model.bias === false;
          const gained = gainsBias ? model.hiddenChannels.map((hidden) => zeros([4 * hidden])) : [];
          const expected = { ...ours, ...Object.fromEntries(gained.map((zero, k) => [`cells.${k}.bias`, zero])) };
          expect(new Map(arrays(back))).toEqual(new Map(arrays(expected)));
          expect(arrays(exportConvLSTM(back, format, options))).toEqual(arrays(theirs));
          const copy = new ConvLSTM({ ...model, bias: model.bias === true || gainsBias, dtype: "float64" });
          expect(copy.loadStateDict(back)).toEqual({ missing: [], unexpected: [] });
        },
      ),
      { numRuns: 40 },
    );
  });

  it("is differentiable both ways", () => {
    const [model] = fc.sample(
      modelsFor(row).filter(({ hiddenChannels, bias, peephole }) => {
        return (
          hiddenChannels.length === 2 && bias === true && (row.names.peephole === undefined || peephole !== "none")
        );
      }),
      { numRuns: 1, seed: 1 },
    );
    if (model === undefined) throw new Error("no model was drawn");
    const options = isNumbered ? {} : { prefix: prefixes.number };
    const ours = stateOf(model, 2);
    const leaf = exactLeaves(3);
    const theirs = Object.fromEntries(
      Object.entries(exportConvLSTM(ours, format, options)).map(([name, { shape }]) => [name, leaf(...shape)]),
    );
    const named = (like: StateDict, values: readonly Tensor[]): StateDict =>
      Object.fromEntries(values.map((value, k) => [Object.keys(like)[k] ?? "", value]));
    gradcheck(
      (...values: Tensor[]) => Object.values(importConvLSTM(named(theirs, values), format, options)),
      Object.values(theirs),
    );
    gradcheck(
      (...values: Tensor[]) => Object.values(exportConvLSTM(named(ours, values), format, options)),
      Object.values(ours),
    );
    const constants = named(
      theirs,
      Object.values(theirs).map((value) => value.detach()),
    );
    const imported = Object.values(importConvLSTM(constants, format, options));
    expect(imported.map(({ requiresGrad }) => requiresGrad)).toEqual(imported.map(() => false));
  });
});
