import { noGrad, ones, type Tensor, tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const leaf = (values: number[]): Tensor => tensor(values, { requiresGrad: true });
const invisible = (op: string): string =>
  `${op}: this tensor requires a gradient, and a change in place would be missing from the graph; wrap it in noGrad`;

describe("copy_ and fill_", () => {
  it("overwrite and return the tensor; everything that shares memory sees it", () => {
    const x = zeros([2, 2]);
    const flat = x.reshape([4]);
    expect(x.copy_(ones([2, 2]))).toBe(x);
    expect(flat.toArray()).toEqual([1, 1, 1, 1]);
    expect(x.fill_(3)).toBe(x);
    expect(flat.toArray()).toEqual([3, 3, 3, 3]);
  });

  it("work on scalars and on empty tensors", () => {
    expect(tensor(1).fill_(2).itemSync()).toBe(2);
    expect(
      zeros([0, 3])
        .fill_(2)
        .copy_(zeros([0, 3]))
        .toArray(),
    ).toEqual([]);
  });

  it("of a tensor that requires a gradient need noGrad", () => {
    const x = leaf([1, 2]);
    expect(() => x.copy_(zeros([2]))).toThrow(refusal("AutogradError", invisible("copy_")));
    expect(() => x.fill_(0)).toThrow(refusal("AutogradError", invisible("fill_")));
    expect(() => x.mul(2).fill_(0)).toThrow(refusal("AutogradError", invisible("fill_")));
    noGrad(() => x.copy_(tensor([5, 6])));
    expect([x.toArray(), x.requiresGrad]).toEqual([[5, 6], true]);
  });

  it("refuse what does not match", () => {
    const x = zeros([2]);
    expect(() => x.copy_(zeros([3]))).toThrow(refusal("ShapeError", "copy_: source has shape [3] but target has [2]"));
    expect(() => x.copy_(zeros([2], { dtype: "float64" }))).toThrow(
      refusal("DTypeError", 'copy_: source is float64 but target is float32; convert it with to("float32")'),
    );
  });
});

describe("a change in place of a saved value", () => {
  it("is an error in backward", () => {
    const x = leaf([1, 2]);
    const weights = tensor([3, 4]);
    const y = x.mul(weights).sum();
    weights.fill_(0);
    expect(() => y.backward()).toThrow(
      refusal(
        "AutogradError",
        "mul: Tensor([2], float32, cpu) was saved for the backward pass but has been changed in place since; run backward before changing it, or change a clone",
      ),
    );
  });

  it("is an error when it came through shared memory, and of a saved result", () => {
    const x = leaf([1, 2]);
    const y = x.exp();
    y.detach().fill_(0);
    expect(() => y.sum().backward()).toThrow(/^exp: .* has been changed in place since/);
  });

  it("is an error for a parameter that was updated before backward", () => {
    const w = leaf([1, 2]);
    const y = w.square().sum();
    noGrad(() => w.fill_(5));
    expect(() => y.backward()).toThrow(/^square: .* has been changed in place since/);
  });

  it("does not matter where the value was not saved", () => {
    const x = leaf([1, 2]);
    const offset = tensor([3, 4]);
    const y = x.add(offset).sum();
    offset.fill_(0);
    y.backward();
    expect(x.grad?.toArray()).toEqual([1, 1]);
  });

  it("does not matter where its gradient is not wanted", () => {
    const [x, fixed] = [leaf([1, 2]), tensor([3, 4])];
    const y = fixed.mul(x).sum();
    noGrad(() => x.fill_(9));
    y.backward();
    expect(x.grad?.toArray()).toEqual([3, 4]);
  });
});
