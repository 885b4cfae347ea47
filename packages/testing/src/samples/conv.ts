import { convGeometry, convInputShape, convOutputShape, convWeightShape, type Shape } from "@squall/device";
import type { Tensor } from "@squall/tensor";
import * as ops from "@squall/tensor";
import fc from "fast-check";
import { convProblems, convTransposeProblems } from "../arbitraries/conv.ts";
import { tensors } from "../arbitraries/tensors.ts";
import { row, type Sample } from "./sample.ts";

/** Input, weight and perhaps a bias. */
function operands(input: Shape, weight: Shape, bias: Shape | undefined): fc.Arbitrary<Tensor[]> {
  return fc.tuple(tensors(input), tensors(weight), ...(bias === undefined ? [] : [tensors(bias)]));
}

function conv(spatialAxes: 1 | 2 | 3, fn: typeof ops.conv1d): Sample {
  const drawn = convProblems(spatialAxes).chain(({ input, weight, bias, options }) =>
    fc.tuple(operands(input, weight, bias), fc.constant(options)),
  );
  return row(`conv${spatialAxes}d`, drawn, ([inputs, options]) => ({
    label: JSON.stringify(options),
    inputs,
    apply: (x: Tensor, w: Tensor, b?: Tensor) => fn(x, w, b, options),
  }));
}

function convTranspose(spatialAxes: 1 | 2 | 3, fn: typeof ops.convTranspose1d): Sample {
  const drawn = convTransposeProblems(spatialAxes).chain(({ input, weight, bias, options }) =>
    fc.tuple(operands(input, weight, bias), fc.constant(options)),
  );
  return row(`convTranspose${spatialAxes}d`, drawn, ([inputs, options]) => ({
    label: JSON.stringify(options),
    inputs,
    apply: (x: Tensor, w: Tensor, b?: Tensor) => fn(x, w, b, options),
  }));
}

const anyProblem = fc.oneof(convProblems(1), convProblems(2));

/** The three linear maps of a convolution, which are each other's gradients, on a geometry given directly. */
function onGeometry(name: "convOp" | "convInputOp" | "convWeightOp", op: typeof ops.convInputOp): Sample {
  const drawn = anyProblem
    .map(({ input, weight, options }) => convGeometry(name, input, weight, options))
    .chain((geometry) => {
      const input = convInputShape(geometry);
      const weight = convWeightShape(geometry);
      const output = convOutputShape(geometry);
      const [a, b] = name === "convOp" ? [input, weight] : name === "convInputOp" ? [output, weight] : [input, output];
      return fc.tuple(tensors(a), tensors(b), fc.constant(geometry));
    });
  return row(name, drawn, ([x, y, geometry]) => ({
    label: JSON.stringify(geometry),
    inputs: [x, y],
    apply: (a, b) => op([a, b], geometry),
  }));
}

/** Rows of convolutions. */
export const convSamples: readonly Sample[] = [
  conv(1, ops.conv1d),
  conv(2, ops.conv2d),
  conv(3, ops.conv3d),
  convTranspose(1, ops.convTranspose1d),
  convTranspose(2, ops.convTranspose2d),
  convTranspose(3, ops.convTranspose3d),
  onGeometry("convOp", ops.convOp),
  onGeometry("convInputOp", ops.convInputOp),
  onGeometry("convWeightOp", ops.convWeightOp),
];
