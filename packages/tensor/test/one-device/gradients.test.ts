import * as ops from "@squall/tensor";
import { gradcheck, gradgradcheck, type Sample, type SampleCase, samples } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

/** Lets only some inputs ask for a gradient, so that rules that skip the others are exercised; never none. */
function askedOf(sample: SampleCase, mask: number): SampleCase {
  const able = sample.inputs.filter((input) => input.requiresGrad);
  const chosen = able.filter((_, k) => (mask >> k) & 1);
  if (chosen.length > 0) for (const input of able) input.requiresGrad_(chosen.includes(input));
  return sample;
}

function casesOf(row: Sample): fc.Arbitrary<SampleCase> {
  return fc.tuple(row.cases, fc.nat({ max: 7 })).map(([sample, mask]) => askedOf(sample, mask));
}

function resultsOf({ inputs, apply }: SampleCase): ops.Tensor[] {
  const result = apply(...inputs);
  return result instanceof ops.Tensor ? [result] : [...result];
}

describe.each(samples.filter((row) => row.differentiable !== false))("$name", (row) => {
  it("has the gradient that finite differences give", () => {
    fc.assert(
      fc.property(casesOf(row), ({ inputs, apply }) => gradcheck(apply, inputs, row.check)),
      { numRuns: 40 },
    );
  });

  it("has the second derivatives that finite differences give", () => {
    fc.assert(
      fc.property(casesOf(row), ({ inputs, apply }) => gradgradcheck(apply, inputs, row.check)),
      { numRuns: 20 },
    );
  });
});

describe.each(samples.filter((row) => row.differentiable === false))("$name", (row) => {
  it("gives results without a gradient", () => {
    fc.assert(
      fc.property(row.cases, (sample) => resultsOf(sample).every((result) => !result.requiresGrad)),
      { numRuns: 6 },
    );
  });
});

describe("the table of samples", () => {
  it("has a row for every function that makes tensors from tensors", () => {
    const others = [
      // made of numbers, or with the shape of another tensor
      ...["arange", "eye", "full", "fullLike", "ones", "onesLike", "rand", "randLike", "randn", "randnLike"],
      ...["tensor", "zeros", "zerosLike"],
      // about the graph, about ops, about random numbers
      ...["detectAnomaly", "enableGrad", "grad", "isGradEnabled", "noGrad"],
      ...["defineMultiOutputOp", "defineOp", "defaultGenerator", "manualSeed"],
      // about memory
      ...["keep", "scope"],
    ];
    const isClass = (name: string): boolean => /^[A-Z]/.test(name);
    const functions = Object.entries(ops)
      .filter(([name, value]) => typeof value === "function" && !isClass(name) && !others.includes(name))
      .map(([name]) => name);
    const covered = new Set(samples.map((row) => row.op));
    expect(functions.filter((name) => !covered.has(name))).toEqual([]);
    expect(others.filter((name) => !(name in ops))).toEqual([]);
  });

  it("names every row once, by a function or method that exists", () => {
    const names = samples.map((row) => row.name);
    expect(new Set(names).size).toBe(names.length);
    expect(samples.filter((row) => !(row.op in ops || row.op in ops.Tensor.prototype)).map((row) => row.op)).toEqual(
      [],
    );
  });
});
