import { ArgumentError, DTypeError } from "@squall/device";
import { tensor } from "@squall/tensor";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { clipGradNorm } from "../src/index.ts";
import { expectClose, expectError, fraction, parameter, withGrad } from "./samples.ts";

/*
import torch
for p in (2, 1, 3, 0.5, float("inf")):
    a = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    a.grad = torch.tensor([3.0, -4.0, 0.0], dtype=torch.float64)
    b.grad = torch.tensor([1.0, -2.0], dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_([a, b], 1.0, norm_type=p)
    print(p, norm.item(), a.grad.tolist() + b.grad.tolist())
*/
const rows: [normType: number, norm: number, clipped: number[]][] = [
  [2, 5.477225575051661, [0.5477224575051843, -0.7302966100069125, 0, 0.18257415250172812, -0.36514830500345624]],
  [1, 10, [0.299999970000003, -0.39999996000000404, 0, 0.09999999000000101, -0.19999998000000202]],
  [3, 4.641588833612778, [0.6463302677619301, -0.8617736903492402, 0, 0.21544342258731006, -0.4308868451746201]],
  [0.5, 37.7765657052182, [0.07941431055420928, -0.10588574740561237, 0, 0.02647143685140309, -0.05294287370280618]],
  [
    Number.POSITIVE_INFINITY,
    4,
    [0.7499998125000469, -0.9999997500000625, 0, 0.24999993750001562, -0.49999987500003124],
  ],
];

const gradients = fc.array(fc.array(fraction(-8, 8), { maxLength: 5 }), { minLength: 1, maxLength: 4 });

describe("clipGradNorm", () => {
  it.each(rows)("follows PyTorch with norm type %d", (normType, norm, clipped) => {
    const params = [withGrad([0, 0, 0], [3, -4, 0]), parameter([7]), withGrad([0, 0], [1, -2])];
    const before = params.map((param) => param.grad);
    const total = clipGradNorm(params, 1, { normType });
    expect([total.shape, total.requiresGrad]).toEqual([[], false]);
    expectClose([total.itemSync()], [norm]);
    expectClose(
      params.flatMap((param) => [...(param.grad?.dataSync() ?? [])]),
      clipped,
    );
    expect([...(before[0]?.dataSync() ?? [])]).toEqual([3, -4, 0]);
    expect(params[1].grad).toBeUndefined();
  });

  it("leaves no norm above maxNorm, and gradients below it alone", () => {
    const normType = fc.constantFrom(1, 2, 3, Number.POSITIVE_INFINITY);
    fc.assert(
      fc.property(gradients, fraction(1 / 64, 16), normType, (values, maxNorm, p) => {
        const params = values.map((grad) => withGrad(grad, grad));
        const norm = clipGradNorm(params, maxNorm, { normType: p }).itemSync();
        const after = clipGradNorm(params, Number.POSITIVE_INFINITY, { normType: p }).itemSync();
        expect(after).toBeLessThanOrEqual(maxNorm * (1 + 1e-12));
        if (norm + 1e-6 <= maxNorm) {
          expect(params.map((param) => [...(param.grad?.dataSync() ?? [])])).toEqual(values);
        } else expect(after).toBeGreaterThanOrEqual(Math.min(norm, maxNorm) * (1 - 2e-6 / Math.max(norm, 1e-9)));
      }),
      { numRuns: 150 },
    );
  });

  it("counts a parameter that comes twice once", () => {
    const param = withGrad([0, 0], [3, 4]);
    expect(clipGradNorm([param, param], 1).itemSync()).toBe(5);
    expectClose(param.grad?.dataSync() ?? [], [0.6, 0.8], 1e-6);
  });

  it("is 0 where nothing has a gradient", () => {
    const norm = clipGradNorm([parameter([1])], 1);
    expect([norm.itemSync(), norm.dtype, norm.requiresGrad]).toEqual([0, "float64", false]);
  });

  it("reads nothing from the device unless asked to", () => {
    const param = withGrad([0, 0], [3, 4]);
    const reads = [vi.spyOn(param.device, "readSync"), vi.spyOn(param.device, "read")];
    clipGradNorm([param], 1);
    for (const read of reads) expect(read).not.toHaveBeenCalled();
    clipGradNorm([param], 1, { errorIfNonfinite: true });
    expect(reads.map((read) => read.mock.calls.length)).toEqual([1, 0]);
    for (const read of reads) read.mockRestore();
  });

  it("passes NaN on, or refuses it before it changes anything", () => {
    const param = withGrad([0, 0], [Number.NaN, 1]);
    const { grad } = param;
    expectError(
      () => clipGradNorm([param], 1, { errorIfNonfinite: true }),
      ArgumentError,
      "clipGradNorm: the norm of the gradients is NaN, so they cannot be clipped; look for what made them so, or leave out errorIfNonfinite",
    );
    expect(param.grad).toBe(grad);
    expect(clipGradNorm([param], 1).itemSync()).toBeNaN();
    expect([...(param.grad?.dataSync() ?? [])]).toEqual([Number.NaN, Number.NaN]);
  });

  it("refuses options out of range and mixed dtypes", () => {
    const param = withGrad([1], [1]);
    expectError(
      () => clipGradNorm([], 1),
      ArgumentError,
      "clipGradNorm: params is empty; an iterator can be walked only once, so pass a fresh one",
    );
    expectError(() => clipGradNorm([param], -1), ArgumentError, "clipGradNorm: maxNorm must be a number >= 0, got -1");
    expectError(
      () => clipGradNorm([param], Number.NaN),
      ArgumentError,
      "clipGradNorm: maxNorm must be a number >= 0, got NaN",
    );
    expectError(
      () => clipGradNorm([param], 1, { normType: 0 }),
      ArgumentError,
      "clipGradNorm: normType must be a number > 0 or Infinity, got 0",
    );
    const single = tensor([1]);
    single.grad = tensor([1]);
    expectError(
      () => clipGradNorm([param, single], 1),
      DTypeError,
      "clipGradNorm: gradients are float64 and float32, which have no norm together; clip them in separate calls",
    );
  });
});
