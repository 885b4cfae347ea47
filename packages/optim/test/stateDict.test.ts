import { StateDictError } from "@squall/device";
import { type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { Adam, RMSprop, SGD } from "../src/index.ts";
import { expectError, parameter, stored, withGrad } from "./samples.ts";

function stepped(): { params: Tensor[]; optimizer: Adam } {
  const params = [withGrad([1, 2], [0.5, -1]), withGrad([3], [2])];
  const optimizer = new Adam([{ params: [params[0]] }, { params: [params[1]], lr: 0.5 }], { amsgrad: true });
  optimizer.step();
  return { params, optimizer };
}

describe("stateDict", () => {
  it("splits into named tensors and plain JSON", () => {
    const { state, groups } = stepped().optimizer.stateDict();
    expect(Object.keys(state)).toEqual([
      "0.expAvg",
      "0.expAvgSq",
      "0.maxExpAvgSq",
      "1.expAvg",
      "1.expAvgSq",
      "1.maxExpAvgSq",
    ]);
    expect(state["0.expAvg"].shape).toEqual([2]);
    expect(JSON.parse(JSON.stringify(groups))).toEqual(groups);
    expect(groups[1]).toEqual({
      options: { lr: 0.5, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: true, maximize: false },
      params: [{ step: 1, buffers: ["expAvg", "expAvgSq", "maxExpAvgSq"] }],
    });
  });

  it("is empty of tensors before the first step, and loads", () => {
    const fresh = new SGD([parameter([1])], { momentum: 0.9 }).stateDict();
    expect(fresh).toEqual({
      state: {},
      groups: [
        {
          options: { lr: 1e-3, momentum: 0.9, dampening: 0, weightDecay: 0, nesterov: false, maximize: false },
          params: [{ step: 0, buffers: [] }],
        },
      ],
    });
    const optimizer = new SGD([withGrad([1], [1])], { momentum: 0.5 });
    optimizer.step();
    optimizer.loadStateDict(stored(fresh));
    expect(optimizer.stateDict()).toEqual(fresh);
  });

  it("loads where momentum was switched on after steps without it", () => {
    const param = withGrad([1], [1]);
    const optimizer = new SGD([param], { lr: 0.25 });
    optimizer.step();
    for (const group of optimizer.paramGroups) group.momentum = 0.5;
    const copy = withGrad([0.75], [1]);
    const other = new SGD([copy]);
    other.loadStateDict(stored(optimizer.stateDict()));
    for (let step = 0; step < 3; step++) {
      optimizer.step();
      other.step();
    }
    expect(copy.itemSync()).toBe(param.itemSync());
  });
});

describe("loadStateDict", () => {
  type Loose = { state: Record<string, unknown>; groups: { options: Record<string, unknown>; params: unknown[] }[] };
  const cases: [string, (dict: Loose) => unknown, string][] = [
    [
      "no state dict",
      () => null,
      "the state dict has no parameter groups but the optimizer has 2; make the optimizer with the same groups",
    ],
    [
      "another number of groups",
      ({ state, groups }) => ({ state, groups: groups.slice(1) }),
      "the state dict has 1 parameter groups but the optimizer has 2; make the optimizer with the same groups",
    ],
    [
      "another number of parameters",
      ({ state, groups: [a, b] }) => ({ state, groups: [a, { ...b, params: [...b.params, ...b.params] }] }),
      "group 1 has 2 parameters in the state dict but 1 in the optimizer; make the optimizer with the same parameters",
    ],
    [
      "a broken step",
      ({ state, groups: [a, b] }) => ({ state, groups: [a, { ...b, params: [{ step: -1, buffers: [] }] }] }),
      "group 1, parameter 0: step must be a whole number >= 0, got -1",
    ],
    [
      "no buffer names",
      ({ state, groups: [a, b] }) => ({ state, groups: [a, { ...b, params: [{ step: 1 }] }] }),
      "group 1, parameter 0: buffers must be an array of names",
    ],
    [
      "a lost buffer name",
      ({ state, groups: [a, b] }) => ({ state, groups: [a, { ...b, params: [{ step: 4, buffers: ["expAvg"] }] }] }),
      'group 1, parameter 0: after 4 steps there must be a buffer "expAvgSq"',
    ],
    [
      "a foreign buffer name",
      ({ state, groups: [a, b] }) => ({ state, groups: [a, { ...b, params: [{ step: 4, buffers: ["toString"] }] }] }),
      'group 1, parameter 0: there is no buffer "toString"; this optimizer keeps expAvg, expAvgSq, maxExpAvgSq (was it saved by another kind?)',
    ],
    [
      "missing and unexpected tensors",
      ({ state: { "1.expAvg": moved, ...state }, groups }) => ({ state: { ...state, "2.expAvg": moved }, groups }),
      "the tensors do not fit the groups: missing [1.expAvg], unexpected [2.expAvg]; load both halves of one state dict",
    ],
    [
      "a tensor of another shape",
      ({ state, groups }) => ({ state: { ...state, "1.expAvg": state["0.expAvg"] }, groups }),
      '"1.expAvg" is [2] float64 but its parameter is [1] float64; give the optimizer the parameters it was saved with, in their order',
    ],
    [
      "a tensor of another dtype",
      ({ state, groups }) => ({ state: { ...state, "1.expAvg": tensor([1]) }, groups }),
      '"1.expAvg" is [1] float32 but its parameter is [1] float64; give the optimizer the parameters it was saved with, in their order',
    ],
    [
      "an option out of range",
      ({ state, groups: [a, b] }) => ({ state, groups: [a, { ...b, options: { ...b.options, eps: -1 } }] }),
      "options of group 1: eps must be a finite number >= 0, got -1",
    ],
    [
      "a missing option",
      ({ state, groups: [a, { params }] }) => ({ state, groups: [a, { options: { lr: 1 }, params }] }),
      "options of group 1: betas must be two numbers, each a finite number >= 0 and < 1, got undefined",
    ],
  ];

  it.each(cases)("refuses %s and leaves the optimizer as it was", (_, change, message) => {
    const { optimizer } = stepped();
    const before = optimizer.stateDict();
    const { optimizer: other } = stepped();
    other.step();
    for (const group of other.paramGroups) group.lr = 0.125;
    const dict = change(stored(other.stateDict()) as Loose);
    expectError(() => optimizer.loadStateDict(dict as never), StateDictError, `Adam.loadStateDict: ${message}`);
    expect(optimizer.stateDict()).toEqual(before);
  });

  it("refuses the state of another kind of optimizer", () => {
    const param = withGrad([1], [1]);
    const optimizer = new RMSprop([param]);
    optimizer.step();
    expectError(
      () => new SGD([param]).loadStateDict(optimizer.stateDict()),
      StateDictError,
      'SGD.loadStateDict: group 0, parameter 0: there is no buffer "squareAvg"; this optimizer keeps momentumBuffer (was it saved by another kind?)',
    );
  });
});
