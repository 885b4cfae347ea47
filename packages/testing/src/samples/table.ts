import { autogradSamples } from "./autograd.ts";
import { convSamples } from "./conv.ts";
import { elementwiseSamples } from "./elementwise.ts";
import { joinSamples } from "./join.ts";
import { matmulSamples } from "./matmul.ts";
import { reduceSamples } from "./reduce.ts";
import type { Sample } from "./sample.ts";
import { shapeSamples } from "./shape.ts";

/** The table of ops: every op of `@squall/tensor` has a row, or several. Adding an op is adding one here. */
export const samples: readonly Sample[] = [
  ...elementwiseSamples,
  ...reduceSamples,
  ...matmulSamples,
  ...shapeSamples,
  ...joinSamples,
  ...convSamples,
  ...autogradSamples,
];
