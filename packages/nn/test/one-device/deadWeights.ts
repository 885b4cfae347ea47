import type { Module } from "@squall/nn";

/** Names of the parameters of which some element has no gradient, after a backward pass: the loss does not depend on it. */
export function deadWeights(model: Module): string[] {
  return model
    .namedParameters()
    .filter(([, { grad }]) => grad === undefined || grad.abs().min().itemSync() < 1e-12)
    .map(([name]) => name);
}
