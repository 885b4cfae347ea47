import {
  abs,
  add,
  type ConvOptions,
  cat,
  conv1d,
  conv2d,
  conv3d,
  div,
  exp,
  log,
  matmul,
  max,
  maximum,
  mean,
  minimum,
  mul,
  narrow,
  neg,
  permute,
  pow,
  relu,
  sigmoid,
  softmax,
  sqrt,
  square,
  stack,
  sub,
  sum,
  type Tensor,
  tanh,
} from "@squall/tensor";
import type { FixtureArguments } from "./arguments.ts";
import { type GoldenCase, need } from "./case.ts";

function unary(fn: (x: Tensor, args: FixtureArguments) => Tensor): GoldenCase {
  return ({ tensors, args }) => ({ outputs: { output: fn(need(tensors, "input"), args) } });
}

function binary(fn: (a: Tensor, b: Tensor) => Tensor): GoldenCase {
  return ({ tensors }) => ({ outputs: { output: fn(need(tensors, "input"), need(tensors, "other")) } });
}

function reduction(fn: (x: Tensor, dim: readonly number[] | undefined, keepdim: boolean) => Tensor): GoldenCase {
  return unary((x, args) => fn(x, args.numbers("dim"), args.boolean("keepdim")));
}

function joined(fn: (tensors: Tensor[], dim: number) => Tensor): GoldenCase {
  return ({ tensors, args }) => ({
    outputs: { output: fn([need(tensors, "a"), need(tensors, "b")], args.number("dim")) },
  });
}

function convolution(fn: typeof conv2d): GoldenCase {
  return ({ tensors, args }) => {
    const options: ConvOptions = {
      stride: args.numbers("stride") ?? 1,
      padding: args.numbers("padding") ?? 0,
      dilation: args.numbers("dilation") ?? 1,
      groups: args.number("groups"),
    };
    return { outputs: { output: fn(need(tensors, "input"), need(tensors, "weight"), tensors.bias, options) } };
  };
}

/** Cases that are one tensor operation. */
export const opCases: Readonly<Record<string, GoldenCase>> = {
  exp: unary(exp),
  log: unary(log),
  sqrt: unary(sqrt),
  square: unary(square),
  abs: unary(abs),
  neg: unary(neg),
  relu: unary(relu),
  sigmoid: unary(sigmoid),
  tanh: unary(tanh),
  pow: unary((x, args) => pow(x, args.number("exponent"))),
  add: binary(add),
  sub: binary(sub),
  mul: binary(mul),
  div: binary(div),
  maximum: binary(maximum),
  minimum: binary(minimum),
  matmul: binary(matmul),
  sum: reduction(sum),
  mean: reduction(mean),
  amax: reduction(max),
  permute: unary((x, args) => permute(x, args.numbers("dims") ?? [])),
  narrow: unary((x, args) => narrow(x, args.number("dim"), args.number("start"), args.number("length"))),
  softmax: unary((x, args) => softmax(x, args.number("dim"))),
  cat: joined(cat),
  stack: joined(stack),
  conv1d: convolution(conv1d),
  conv2d: convolution(conv2d),
  conv3d: convolution(conv3d),
};
