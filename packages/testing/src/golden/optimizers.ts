import { Adam, AdamW, type Optimizer, RMSprop, SGD } from "@squall/optim";
import { matmul, stack, type Tensor } from "@squall/tensor";
import type { FixtureArguments } from "./arguments.ts";
import { type GoldenCase, need } from "./case.ts";

/** Trains the fixture's linear model, one batch per step. */
function training(make: (params: Tensor[], args: FixtureArguments) => Optimizer): GoldenCase {
  return ({ tensors, args }) => {
    args.ignore("model");
    const weight = need(tensors, "weight").detach().clone().requiresGrad_();
    const bias = need(tensors, "bias").detach().clone().requiresGrad_();
    const optimizer = make([weight, bias], args);
    const [xs, ys] = [need(tensors, "xs").unbind(0), need(tensors, "ys").unbind(0)];
    const history: Record<"weight" | "bias" | "loss", Tensor[]> = { weight: [], bias: [], loss: [] };
    for (let step = 0; step < args.number("steps"); step++) {
      const [x, y] = [xs[step], ys[step]];
      if (x === undefined || y === undefined) break;
      optimizer.zeroGrad();
      const loss = matmul(x, weight.transpose(0, 1)).add(bias).sub(y).square().mean();
      loss.backward();
      optimizer.step();
      history.loss.push(loss.detach());
      history.weight.push(weight.detach().clone());
      history.bias.push(bias.detach().clone());
    }
    return { outputs: { weight: stack(history.weight), bias: stack(history.bias), loss: stack(history.loss) } };
  };
}

/** Cases that are a short training run. */
export const optimizerCases: Readonly<Record<string, GoldenCase>> = {
  sgd: training(
    (params, args) =>
      new SGD(params, {
        lr: args.number("lr"),
        momentum: args.number("momentum", 0),
        dampening: args.number("dampening", 0),
        weightDecay: args.number("weight_decay", 0),
        nesterov: args.boolean("nesterov", false),
        maximize: args.boolean("maximize", false),
      }),
  ),
  adam: training(
    (params, args) => new Adam(params, { lr: args.number("lr"), weightDecay: args.number("weight_decay", 0) }),
  ),
  adamw: training(
    (params, args) => new AdamW(params, { lr: args.number("lr"), weightDecay: args.number("weight_decay", 0.01) }),
  ),
  rmsprop: training(
    (params, args) =>
      new RMSprop(params, {
        lr: args.number("lr"),
        alpha: args.number("alpha", 0.99),
        momentum: args.number("momentum", 0),
      }),
  ),
};
