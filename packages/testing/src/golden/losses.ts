import { bce, bceWithLogits, l1, mse } from "@squall/nn";
import { type GoldenCase, need } from "./case.ts";

function loss(fn: typeof mse): GoldenCase {
  return ({ tensors, args }) => {
    const reduction = args.oneOf("reduction", ["mean", "sum", "none"]);
    return { outputs: { loss: fn(need(tensors, "input"), need(tensors, "target"), { reduction }) } };
  };
}

/** Cases that are one loss. */
export const lossCases: Readonly<Record<string, GoldenCase>> = {
  binary_cross_entropy: loss(bce),
  binary_cross_entropy_with_logits: loss(bceWithLogits),
  mse_loss: loss(mse),
  l1_loss: loss(l1),
};
