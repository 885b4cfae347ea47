import type { ConvOptions, Padding, Shape } from "@squall/device";
import type { ConvTransposeOptions } from "@squall/tensor";
import fc from "fast-check";

/** A convolution that fits: shapes and options. */
export interface ConvProblem {
  /** `[N, C, …size]` */
  readonly input: Shape;
  /** `[O, C/groups, …kernel]` */
  readonly weight: Shape;
  /** `[O]`, or none. */
  readonly bias: Shape | undefined;
  /** Stride, padding, dilation and groups, in any of their spellings. */
  readonly options: ConvOptions;
}

/** A transposed convolution that fits: shapes and options. */
export interface ConvTransposeProblem {
  /** `[N, C, …size]` */
  readonly input: Shape;
  /** `[C, O/groups, …kernel]` */
  readonly weight: Shape;
  /** `[O]`, or none. */
  readonly bias: Shape | undefined;
  /** Stride, padding, outputPadding, dilation and groups. */
  readonly options: ConvTransposeOptions;
}

const whole = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max });

/** Sizes outside the spatial axes, small enough for finite differences. */
const channels = fc.record({
  batch: whole(1, 2),
  groups: fc.constantFrom(1, 1, 2, 3),
  inPerGroup: whole(1, 2),
  outPerGroup: whole(1, 2),
  bias: fc.boolean(),
});

const convAxis = fc.record({
  /** Size beyond what the kernel needs. */
  extra: whole(0, 3),
  /** Even ones too. */
  kernel: whole(1, 3),
  stride: whole(1, 3),
  dilation: whole(1, 2),
  before: whole(0, 2),
  after: whole(0, 2),
});

type PaddingStyle = "same" | "valid" | "number" | "perAxis" | "asymmetric";
const paddingStyle = fc.constantFrom<PaddingStyle>("same", "valid", "number", "perAxis", "asymmetric");

/** One number where all are equal (half the time), to use both spellings. */
function spell(values: readonly number[], short: boolean): number | readonly number[] {
  const [first] = values;
  return short && first !== undefined && values.every((n) => n === first) ? first : values;
}

/**
 * Convolutions over one to three spatial axes: any kernel (even ones, too), stride, dilation and groups, and padding as one number, per
 * axis, before and after, `"same"` or `"valid"`.
 */
export function convProblems(spatialAxes: 1 | 2 | 3): fc.Arbitrary<ConvProblem> {
  const perAxis = fc.array(convAxis, { minLength: spatialAxes, maxLength: spatialAxes });
  return fc.tuple(channels, perAxis, paddingStyle, fc.boolean()).map(([outer, axes, style, short]): ConvProblem => {
    const { batch, groups, inPerGroup, outPerGroup, bias } = outer;
    const shared = axes[0]?.before ?? 0;
    const pads = axes.map(({ before, after }): readonly [number, number] => {
      if (style === "number") return [shared, shared];
      if (style === "perAxis") return [before, before];
      return style === "asymmetric" ? [before, after] : [0, 0];
    });
    const sizes = axes.map(({ extra, kernel, dilation }, axis) => {
      const span = dilation * (kernel - 1) + 1;
      const [before = 0, after = 0] = pads[axis] ?? [];
      return (style === "same" ? 1 : Math.max(1, span - before - after)) + extra;
    });
    const padding: Padding =
      style === "same" || style === "valid"
        ? style
        : style === "number"
          ? shared
          : pads.map((pair) => (style === "perAxis" ? pair[0] : pair));
    return {
      input: [batch, groups * inPerGroup, ...sizes],
      weight: [groups * outPerGroup, inPerGroup, ...axes.map((axis) => axis.kernel)],
      bias: bias ? [groups * outPerGroup] : undefined,
      options: {
        stride: spell(
          axes.map((axis) => axis.stride),
          short,
        ),
        dilation: spell(
          axes.map((axis) => axis.dilation),
          short,
        ),
        padding,
        groups,
      },
    };
  });
}

const transposeAxis = fc
  .record({ size: whole(1, 3), kernel: whole(1, 3), stride: whole(1, 3), dilation: whole(1, 3) })
  .chain((axis) => {
    const outputPadding = whole(0, Math.max(axis.stride, axis.dilation) - 1);
    return outputPadding.chain((extra) => {
      const full = (axis.size - 1) * axis.stride + axis.dilation * (axis.kernel - 1) + 1 + extra;
      const padding = whole(0, Math.min(2, Math.floor((full - 1) / 2)));
      return padding.map((pad) => ({ ...axis, outputPadding: extra, padding: pad }));
    });
  });

/** Transposed convolutions over one to three spatial axes with all options. */
export function convTransposeProblems(spatialAxes: 1 | 2 | 3): fc.Arbitrary<ConvTransposeProblem> {
  const perAxis = fc.array(transposeAxis, { minLength: spatialAxes, maxLength: spatialAxes });
  return fc.tuple(channels, perAxis, fc.boolean()).map(([outer, axes, short]): ConvTransposeProblem => {
    const { batch, groups, inPerGroup, outPerGroup, bias } = outer;
    const option = (name: "stride" | "dilation" | "padding" | "outputPadding"): number | readonly number[] =>
      spell(
        axes.map((axis) => axis[name]),
        short,
      );
    return {
      input: [batch, groups * inPerGroup, ...axes.map((axis) => axis.size)],
      weight: [groups * inPerGroup, outPerGroup, ...axes.map((axis) => axis.kernel)],
      bias: bias ? [groups * outPerGroup] : undefined,
      options: {
        stride: option("stride"),
        dilation: option("dilation"),
        padding: option("padding"),
        outputPadding: option("outputPadding"),
        groups,
      },
    };
  });
}
