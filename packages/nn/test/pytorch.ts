import type { Module } from "@squall/nn";
import { type Tensor, tensor } from "@squall/tensor";
import { expect } from "vitest";

/*
 * What the numbers in the tests were computed with; each test names its own line.
 *
 *   import torch, torch.nn as nn, torch.nn.functional as F
 *   torch.set_default_dtype(torch.float64)
 *   def ramp(*shape):
 *       n = math.prod(shape)
 *       return torch.sin(torch.arange(n) * 1.7 + 0.3).reshape(shape)
 *   def layer(m, x):
 *       with torch.no_grad():
 *           for i, p in enumerate(m.parameters()): p.copy_(ramp(*p.shape) * (i + 1) / 2)
 *       x = x.clone().requires_grad_()
 *       y = m(x)
 *       (y * torch.cos(torch.arange(y.numel()) * 0.9).reshape(y.shape)).sum().backward()
 *       print(y, x.grad, *[p.grad for p in m.parameters()])
 */

function wave(shape: readonly number[], fn: (k: number) => number): Tensor {
  const length = shape.reduce((product, n) => product * n, 1);
  return tensor(
    Float64Array.from({ length }, (_, k) => fn(k)),
    { shape },
  );
}

/** `ramp` of the snippet. */
export function ramp(...shape: number[]): Tensor {
  return wave(shape, (k) => Math.sin(k * 1.7 + 0.3));
}

/** Expects elements within 1e-11, relative to the largest: PyTorch's numbers are printed to 14 places. */
export function expectClose(actual: Tensor | undefined, expected: readonly number[]): void {
  const data = [...(actual?.dataSync() ?? [])];
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(data.length).toBe(expected.length);
  for (const [k, value] of data.entries()) {
    expect(Math.abs(value - expected[k]) / scale, `element ${k}: ${value} and ${expected[k]}`).toBeLessThan(1e-11);
  }
}

/** `layer` of the snippet: the output and the gradients of input and parameters. */
export function runLayer(
  layer: Module & { forward(x: Tensor): Tensor },
  input: Tensor,
): { y: Tensor; dx: Tensor | undefined; gradients: readonly (Tensor | undefined)[] } {
  const parameters = layer.parameters();
  layer.loadStateDict(
    Object.fromEntries(
      layer.namedParameters().map(([name, { shape }], i) => [name, ramp(...shape).mul((i + 1) / 2)] as const),
    ),
  );
  const x = input.detach().requiresGrad_();
  const y = layer.forward(x);
  y.backward(wave(y.shape, (k) => Math.cos(k * 0.9)));
  return { y, dx: x.grad, gradients: parameters.map((parameter) => parameter.grad) };
}
