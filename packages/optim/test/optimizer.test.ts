import { ArgumentError, AutogradError, DTypeError, ShapeError } from "@squall/device";
import { isGradEnabled, noGrad, type Tensor, tensor } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { Adam, SGD } from "../src/index.ts";
import { expectClose, expectError, parameter, withGrad } from "./samples.ts";

describe("parameter groups", () => {
  it("take their own options over the optimizer's, and new groups too", () => {
    const [a, b, c] = [withGrad([1], [1]), withGrad([1], [1]), withGrad([1], [1])];
    const optimizer = new SGD([{ params: [a] }, { params: [b], lr: 0.5 }], { lr: 0.25 });
    optimizer.addParamGroup({ params: [c], weightDecay: 1 });
    expect(optimizer.paramGroups.map(({ lr, weightDecay }) => [lr, weightDecay])).toEqual([
      [0.25, 0],
      [0.5, 0],
      [0.25, 1],
    ]);
    optimizer.step();
    expect([a, b, c].map((param) => param.itemSync())).toEqual([0.75, 0.5, 0.5]);
  });

  it("may be changed between steps, and are checked", () => {
    const param = withGrad([1], [1]);
    const optimizer = new SGD([param], { lr: 0.25 });
    for (const group of optimizer.paramGroups) group.lr = 0.5;
    optimizer.step();
    expect(param.itemSync()).toBe(0.5);
    for (const group of optimizer.paramGroups) group.lr = Number.NaN;
    expectError(() => optimizer.step(), ArgumentError, "SGD: lr must be a finite number >= 0, got NaN");
    expect(param.itemSync()).toBe(0.5);
  });

  it("may come from any iterable", () => {
    const params = [parameter([1]), parameter([2])];
    expect(new SGD(new Set(params)).paramGroups).toHaveLength(1);
    function* walk(): Generator<Tensor> {
      yield* params;
    }
    expect(new SGD(walk()).paramGroups[0].params).toEqual(params);
    function* groups(): Generator<{ params: Tensor[] }> {
      for (const param of params) yield { params: [param] };
    }
    expect(new SGD(groups()).paramGroups).toHaveLength(2);
  });

  it("are refused when empty, strange, repeated or not leaves", () => {
    const a = parameter([1, 2, 3]);
    const refused = (params: unknown, message: string): void =>
      expectError(() => new SGD(params as Tensor[]), ArgumentError, `SGD: ${message}`);
    refused([], "params is empty; an iterator can be walked only once, so pass a fresh one");
    refused(
      [{ params: [a] }, { params: [] }],
      "params of group 1 is empty; an iterator can be walked only once, so pass a fresh one",
    );
    refused(a, "params must be an array or another iterable; for a module pass module.parameters()");
    refused([a, 3], "entry 1 of params must be a tensor, got number");
    refused(
      [{ params: [a] }, a],
      "params must hold only tensors or only groups { params, … }, but entry 1 is not a group as others are",
    );
    refused(
      [a, a],
      "parameter 1 of group 0, Tensor([3], float64, cpu), is already in group 0; give each parameter once, or it would be updated twice a step",
    );
    refused(
      [{ params: [a] }, { params: [parameter([1]), a] }],
      "parameter 1 of group 1, Tensor([3], float64, cpu), is already in group 0; give each parameter once, or it would be updated twice a step",
    );
    refused(
      [a.mul(2)],
      "parameter 0 of group 0, Tensor([3], float64, cpu), is the result of an operation; optimize the tensors it was made of, or x.detach().requiresGrad_()",
    );
  });

  it("are added whole or not at all", () => {
    const a = parameter([1]);
    const optimizer = new SGD([a]);
    expectError(
      () => optimizer.addParamGroup({ params: [parameter([2]), a] }),
      ArgumentError,
      "SGD: parameter 1 of group 1, Tensor([1], float64, cpu), is already in group 0; give each parameter once, or it would be updated twice a step",
    );
    expectError(
      () => optimizer.addParamGroup({ params: [parameter([2])], lr: -1 }),
      ArgumentError,
      "SGD: lr must be a finite number >= 0, got -1",
    );
    expect(optimizer.paramGroups).toHaveLength(1);
  });
});

describe("step", () => {
  it("skips parameters without a gradient and counts steps for each alone", () => {
    const [a, b] = [withGrad([1], [1]), parameter([1])];
    const optimizer = new Adam([a, b], { lr: 0.5 });
    optimizer.step();
    expect(b.itemSync()).toBe(1);
    b.grad = tensor([1], { dtype: "float64" });
    optimizer.step();
    const [group] = optimizer.stateDict().groups;
    expect(group.params.map((param) => param.step)).toEqual([2, 1]);
    // The first step of Adam is lr·sign(g), up to eps.
    expectClose(b.dataSync(), [0.5], 1e-8);
  });

  it("changes parameters in place, where they are leaves that require gradients", () => {
    const param = withGrad([1], [1]);
    const { storage } = param;
    new SGD([param], { lr: 1 }).step();
    expect(param.storage).toBe(storage);
    expect([param.requiresGrad, param.isLeaf]).toEqual([true, true]);
  });

  it("takes a gradient that shares memory with its parameter", () => {
    const param = parameter([1, 2]);
    param.grad = param.detach();
    new SGD([param], { lr: 0.5, momentum: 0.5, nesterov: true }).step();
    expect([...param.dataSync()]).toEqual([0.25, 0.5]);
  });

  it("works in float32 on tensors larger than any block", () => {
    const size = 3001;
    const param = tensor(new Float32Array(size).fill(1), { shape: [3001, 1], requiresGrad: true });
    param.mul(param).sum().backward();
    new SGD([param], { lr: 0.25 }).step();
    expect([...param.dataSync()]).toEqual(new Array(size).fill(0.5));
  });

  it("runs a closure with recording on, even inside noGrad, and returns its loss", () => {
    const param = parameter([3]);
    const optimizer = new SGD([param], { lr: 0.25 });
    const closure = (): Tensor => {
      expect(isGradEnabled()).toBe(true);
      optimizer.zeroGrad();
      const loss = param.square().sum();
      loss.backward();
      return loss;
    };
    expect(noGrad(() => optimizer.step(closure)).itemSync()).toBe(9);
    expect(param.itemSync()).toBe(1.5);
    expect(optimizer.step(closure).itemSync()).toBe(2.25);
    expect(() => optimizer.step(async () => 0)).toThrow(AutogradError);
    expect(param.itemSync()).toBe(0.75);
  });

  it("changes nothing if a gradient does not fit", () => {
    const [a, b] = [withGrad([1], [1]), parameter([1, 2])];
    const optimizer = new Adam([{ params: [a] }, { params: [b] }]);
    b.grad = tensor([[1, 2]], { dtype: "float64" });
    expectError(
      () => optimizer.step(),
      ShapeError,
      "Adam.step: parameter 0 of group 1 has shape [2] but its gradient has [1,2]; call zeroGrad() and backward() again",
    );
    b.grad = tensor([1, 2]);
    expectError(
      () => optimizer.step(),
      DTypeError,
      "Adam.step: parameter 0 of group 1 is float64 but its gradient is float32; call zeroGrad() and backward() again",
    );
    expect(a.itemSync()).toBe(1);
    expect(optimizer.stateDict().groups[0].params).toEqual([{ step: 0, buffers: [] }]);
  });

  it("notices parameters that were converted after the first step", () => {
    const param = withGrad([1], [1]);
    const optimizer = new SGD([param], { momentum: 0.5 });
    optimizer.step();
    param.replaceStorage(tensor([1]).storage);
    param.grad = tensor([1]);
    expectError(
      () => optimizer.step(),
      DTypeError,
      "SGD.step: parameter 0 of group 0 is float32 but its momentumBuffer is float64; make a new optimizer after moving or converting parameters",
    );
  });

  it("makes a backward through values from before the step an error", () => {
    const param = withGrad([1], [1]);
    const loss = param.square().sum();
    new SGD([param]).step();
    expect(() => loss.backward()).toThrow(AutogradError);
  });
});

describe("zeroGrad", () => {
  it("clears the gradients of all groups", () => {
    const [a, b] = [withGrad([1], [1]), withGrad([1], [1])];
    new SGD([{ params: [a] }, { params: [b] }]).zeroGrad();
    expect([a.grad, b.grad]).toEqual([undefined, undefined]);
  });
});
