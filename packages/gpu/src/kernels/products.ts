import { type ConvGeometry, disposeStorage, type Kernels } from "@squall/device";
import { convSource, type FramedConv, forwardConv, frameSource, inputGradientConv, isFramed } from "../emit/conv.ts";
import { weightGradientSource, weightParts } from "../emit/convWeight.ts";
import { matmulSource } from "../emit/matmul.ts";
import type { Runtime } from "../runtime.ts";
import type { GpuStorage } from "../storage.ts";
import { reduceStorage } from "./reduce.ts";

/** Elements of the source, the result and the weight of a framed convolution. */
function sizesOf({ batch, groups, inPerGroup, outPerGroup, axes }: FramedConv): {
  frame: number;
  result: number;
  weight: number;
} {
  const over = (of: (axis: FramedConv["axes"][number]) => number): number =>
    axes.reduce((all, axis) => all * of(axis), 1);
  return {
    frame: batch * groups * inPerGroup * over(({ framed }) => framed),
    result: batch * groups * outPerGroup * over(({ outSize }) => outSize),
    weight: groups * outPerGroup * inPerGroup * over(({ kernel }) => kernel),
  };
}

/** Matrix products and convolutions. */
export function productKernels(
  runtime: Runtime,
  fill: Kernels["fill"],
): Pick<Kernels, "matmul" | "conv" | "convInputGradient" | "convWeightGradient"> {
  const { target } = runtime.engine;

  /** Calls `use` with the source in its frame. */
  const inFrame = (
    op: string,
    conv: FramedConv,
    source: GpuStorage,
    use: (framed: GpuStorage) => GpuStorage,
  ): GpuStorage => {
    if (isFramed(conv)) return use(source);
    const key = `frame ${JSON.stringify(conv)}`;
    const framed = runtime.run(
      { op, key, source: () => frameSource(op, conv, target), inputs: [source] },
      sizesOf(conv).frame,
    );
    const result = use(framed);
    disposeStorage(framed);
    return result;
  };
  const run = (
    op: string,
    conv: FramedConv,
    source: GpuStorage,
    weight: GpuStorage,
    bias: GpuStorage | undefined,
  ): GpuStorage => {
    const { result } = sizesOf(conv);
    if (result === 0) return runtime.make(op, 0);
    return inFrame(op, conv, source, (framed) =>
      runtime.run(
        {
          op,
          key: `conv ${bias !== undefined} ${JSON.stringify(conv)}`,
          source: () => convSource(op, conv, bias !== undefined, target),
          inputs: bias === undefined ? [framed, weight] : [framed, weight, bias],
        },
        result,
      ),
    );
  };

  return {
    matmul: (geometry, a, b) => {
      const inputs = [runtime.own("matmul", a), runtime.own("matmul", b)];
      const length = geometry.batch * geometry.rows * geometry.columns;
      if (geometry.inner === 0) return fill("float32", length, 0);
      return runtime.run(
        {
          op: "matmul",
          key: `matmul ${JSON.stringify(geometry)}`,
          source: () => matmulSource(geometry, target),
          inputs,
        },
        length,
      );
    },
    conv: (geometry, input, weight, bias) =>
      run(
        "conv",
        forwardConv(geometry),
        runtime.own("conv", input),
        runtime.own("conv", weight),
        bias && runtime.own("conv", bias),
      ),
    convInputGradient: (geometry, outputGradient, weight) =>
      run(
        "convInputGradient",
        inputGradientConv(geometry),
        runtime.own("convInputGradient", outputGradient),
        runtime.own("convInputGradient", weight),
        undefined,
      ),
    convWeightGradient: (geometry: ConvGeometry, input, outputGradient) => {
      const op = "convWeightGradient";
      const [source, gradient] = [runtime.own(op, input), runtime.own(op, outputGradient)];
      const conv = forwardConv(geometry);
      const { weight, result } = sizesOf(conv);
      if (result === 0) return fill("float32", weight, 0);
      const parts = weightParts(conv, weight);
      return inFrame(op, conv, source, (framed) => {
        const partial = runtime.run(
          {
            op,
            key: `weights ${parts} ${JSON.stringify(conv)}`,
            source: () => weightGradientSource(conv, parts, target),
            inputs: [framed, gradient],
          },
          parts * weight,
        );
        if (parts === 1) return partial;
        const axes = { kept: [weight], keptStrides: [1], reduced: [parts], reducedStrides: [weight] };
        const total = reduceStorage(runtime, axes, "sum", partial);
        disposeStorage(partial);
        return total;
      });
    },
  };
}
