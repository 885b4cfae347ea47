import type { Tensor } from "@squall/tensor";
import * as ops from "@squall/tensor";
import { expect, it } from "vitest";

const functions = { ...ops };

/** `var` is the one method whose function has another name, because `var` is a word of JavaScript. */
const functionNames = new Map([["var", "variance"]]);

it("methods are the functions of the same name", () => {
  const methods = Object.getOwnPropertyNames(ops.Tensor.prototype);
  // The gradient is a property; the function of its name is something else.
  const own = methods.filter((name) => name === "grad" || !Object.hasOwn(functions, functionNames.get(name) ?? name));
  expect(own.sort()).toEqual(
    [
      ...["accumulateGrad", "attach", "backward", "checkInPlace", "checkItem", "clone", "constructor", "copy_", "data"],
      ...["dataSync", "detach", "device", "dispose", "dtype", "edge", "fill_", "grad", "isLeaf", "item", "itemSync"],
      ...["joinGraphMemory", "letGoOfGrad", "rank", "registerHook", "replaceGrad", "replaceStorage", "requiresGrad"],
      ...["requiresGrad_", "retainGrad", "size", "storage", "to", "toArray", "toAsync", "toString", "zeroGrad"],
    ].sort(),
  );
  const [x, y] = [ops.rand([2, 3]).add(0.5), ops.rand([2, 3])];
  const cube = ops.rand([4, 2, 2]);
  const calls: readonly (readonly [Tensor | readonly Tensor[], Tensor | readonly Tensor[]])[] = [
    ...(["add", "sub", "mul", "div", "pow", "maximum", "minimum", "lt", "le", "gt", "ge", "eq", "ne"] as const).map(
      (name) => [x[name](y), functions[name](x, y)] as const,
    ),
    ...(["neg", "abs", "sign", "exp", "expm1", "log", "log1p", "sqrt", "sin", "cos", "tanh", "sigmoid"] as const).map(
      (name) => [x[name](), functions[name](x)] as const,
    ),
    ...(["floor", "ceil", "round", "square", "reciprocal", "relu", "softplus", "silu", "squeeze"] as const).map(
      (name) => [x[name](), functions[name](x)] as const,
    ),
    ...(["sum", "mean", "max", "min", "argmax", "logsumexp"] as const).map(
      (name) => [x[name](1, true), functions[name](x, 1, true)] as const,
    ),
    ...(["softmax", "logSoftmax", "unsqueeze", "unbind"] as const).map(
      (name) => [x[name](1), functions[name](x, 1)] as const,
    ),
    [x.sub(0.7).leakyRelu(0.2), ops.leakyRelu(x.sub(0.7), 0.2)],
    [x.sub(0.7).elu(2), ops.elu(x.sub(0.7), 2)],
    [x.clamp(0.6, 0.9), ops.clamp(x, 0.6, 0.9)],
    [x.var(0, { correction: 0 }), ops.variance(x, 0, { correction: 0 })],
    [x.matmul(y.transpose(0, 1)), ops.matmul(x, ops.transpose(y, 0, 1))],
    [x.reshape([3, 2]), ops.reshape(x, [3, 2])],
    [cube.flatten(1, 2), ops.flatten(cube, 1, 2)],
    [x.permute([1, 0]), ops.permute(x, [1, 0])],
    [x.transpose(0, 1), ops.transpose(x, 0, 1)],
    [x.expand([2, 2, 3]), ops.expand(x, [2, 2, 3])],
    [x.narrow(1, 1, 2), ops.narrow(x, 1, 1, 2)],
    [x.slice(1, 0, 3, 2), ops.slice(x, 1, 0, 3, 2)],
    [x.select(1, 2), ops.select(x, 1, 2)],
    [x.flip(1), ops.flip(x, 1)],
    [x.pad([[1, 2]], 3), ops.pad(x, [[1, 2]], 3)],
    [x.split([1, 2], 1), ops.split(x, [1, 2], 1)],
    [x.chunk(2, 1), ops.chunk(x, 2, 1)],
    [cube.pixelShuffle(2), ops.pixelShuffle(cube, 2)],
    [cube.pixelUnshuffle(2), ops.pixelUnshuffle(cube, 2)],
  ];
  expect(calls.length).toBe(methods.length - own.length);
  const arraysOf = (result: Tensor | readonly Tensor[]): unknown => [result].flat().map((part) => part.toArray());
  for (const [byMethod, byFunction] of calls) expect(arraysOf(byMethod)).toEqual(arraysOf(byFunction));
});
