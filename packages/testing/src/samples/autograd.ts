import * as ops from "@squall/tensor";
import fc from "fast-check";
import { shapes } from "../arbitraries/shapes.ts";
import { tensors } from "../arbitraries/tensors.ts";
import { row, type Sample } from "./sample.ts";

const pair = shapes({ maxSize: 3 }).chain((shape) => fc.tuple(tensors(shape), tensors(shape)));

const checkpoint = row("checkpoint", pair, ([x, y]) => ({
  label: "x·tanh(y) + eˣ",
  inputs: [x, y],
  apply: (a, b) => ops.checkpoint((u, v) => u.mul(v.tanh()).add(u.exp()), a, b),
}));

const nested = row("checkpoint (nested)", pair, ([x, y]) => ({
  label: "a checkpoint of x·y inside one of sin",
  inputs: [x, y],
  apply: (a, b) =>
    ops.checkpoint((u, v) => ops.checkpoint((s, t) => s.mul(t).sigmoid(), u.sin(), v).mul(v.square()), a, b),
}));

/**
 * There and back. Rounding to float32 on the way is larger than a small difference; the function is linear, so the difference may be
 * large, and what is allowed follows from the rounding of values up to 2: 2⁻²³ / 0.25.
 */
const to = row(
  "to",
  tensors(shapes({ minSize: 0 })),
  (x) => ({
    label: "other dtype and back",
    inputs: [x],
    apply: (a) => a.to(a.dtype === "float64" ? "float32" : "float64").to(a.dtype),
  }),
  { check: { eps: 0.25, atol: 1e-6 }, needs: ["float32", "float64"] },
);

/** Rows of what is done to the graph or the dtype rather than to values. */
export const autogradSamples: readonly Sample[] = [checkpoint, nested, to];
