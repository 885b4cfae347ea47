import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
  grad,
  ones,
  tensor,
  zeros,
} from "@squall/tensor";
import { convProblems, convTransposeProblems, tensors } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { at, build, expectTensor, indices, type Nd, nd } from "../reference.ts";

const perAxis = (value: number | readonly number[] | undefined, axes: number, otherwise: number): readonly number[] =>
  typeof value === "object" ? value : Array.from({ length: axes }, () => value ?? otherwise);

/** Zeros before and after an axis; "same" as TensorFlow's documentation words it. */
function paddingOf(
  { padding = 0 }: ConvOptions,
  axis: number,
  size: number,
  stride: number,
  span: number,
): readonly [number, number] {
  if (padding === "valid") return [0, 0];
  if (padding === "same") {
    const total = Math.max(0, size % stride === 0 ? span - stride : span - (size % stride));
    return [Math.floor(total / 2), total - Math.floor(total / 2)];
  }
  const own = typeof padding === "number" ? padding : padding[axis];
  return typeof own === "number" ? [own, own] : own;
}

interface Geometry {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly (readonly [number, number])[];
  readonly outSizes: readonly number[];
}

function geometryOf(x: readonly number[], w: readonly number[], options: ConvOptions): Geometry {
  const sizes = x.slice(2);
  const strides = perAxis(options.stride, sizes.length, 1);
  const dilations = perAxis(options.dilation, sizes.length, 1);
  const spans = w.slice(2).map((kernel, axis) => dilations[axis] * (kernel - 1) + 1);
  const pads = sizes.map((size, axis) => paddingOf(options, axis, size, strides[axis], spans[axis]));
  const outSizes = sizes.map((size, axis) =>
    Math.floor((size + pads[axis][0] + pads[axis][1] - spans[axis]) / strides[axis] + 1),
  );
  return { strides, dilations, pads, outSizes };
}

/** Where in the input a tap of an output position reads; undefined in the padding. */
function source(
  x: readonly number[],
  position: number[],
  tap: number[],
  { strides, dilations, pads }: Geometry,
): number[] | undefined {
  const place = position.map((p, axis) => p * strides[axis] - pads[axis][0] + tap[axis] * dilations[axis]);
  return place.every((p, axis) => p >= 0 && p < x[axis + 2]) ? place : undefined;
}

/** The sum that defines a convolution, one product at a time. */
function convolve(x: Nd, w: Nd, b: Nd | undefined, options: ConvOptions): Nd {
  const geometry = geometryOf(x.shape, w.shape, options);
  const groupOut = w.shape[0] / (options.groups ?? 1);
  return build([x.shape[0], w.shape[0], ...geometry.outSizes], ([n, o, ...position]) => {
    const first = Math.floor(o / groupOut) * w.shape[1];
    let sum = b === undefined ? 0 : b.data[o];
    for (const [c, ...tap] of indices(w.shape.slice(1))) {
      const place = source(x.shape, position, tap, geometry);
      if (place !== undefined) sum += at(x, [n, first + c, ...place]) * at(w, [o, c, ...tap]);
    }
    return sum;
  });
}

/** Adds, for every input element and tap, its product to the place where it lands. */
function convolveTransposed(x: Nd, w: Nd, b: Nd | undefined, options: ConvTransposeOptions): Nd {
  const rank = x.shape.length - 2;
  const groups = options.groups ?? 1;
  const [strides, dilations] = [perAxis(options.stride, rank, 1), perAxis(options.dilation, rank, 1)];
  const [pads, extras] = [perAxis(options.padding, rank, 0), perAxis(options.outputPadding, rank, 0)];
  const outSizes = pads.map((pad, axis) => {
    const span = dilations[axis] * (w.shape[axis + 2] - 1) + 1;
    return (x.shape[axis + 2] - 1) * strides[axis] - 2 * pad + span + extras[axis];
  });
  const sums = new Map<string, number>();
  const groupIn = x.shape[1] / groups;
  for (const [n, c, ...place] of indices(x.shape)) {
    for (const [o, ...tap] of indices(w.shape.slice(1))) {
      const to = place.map((p, axis) => p * strides[axis] - pads[axis] + tap[axis] * dilations[axis]);
      const key = [n, Math.floor(c / groupIn) * w.shape[1] + o, ...to].join();
      sums.set(key, (sums.get(key) ?? 0) + at(x, [n, c, ...place]) * at(w, [c, o, ...tap]));
    }
  }
  return build([x.shape[0], w.shape[1] * groups, ...outSizes], (index) => {
    return (sums.get(index.join()) ?? 0) + (b === undefined ? 0 : b.data[index[1]]);
  });
}

describe.each([
  [1, conv1d],
  [2, conv2d],
  [3, conv3d],
] as const)("conv%id", (axes, conv) => {
  const cases = convProblems(axes).chain(({ input, weight, bias, options }) =>
    fc.tuple(tensors(input), tensors(weight), bias ? tensors(bias) : fc.constant(undefined), fc.constant(options)),
  );

  it("is the textbook's sum, whatever the geometry", () => {
    fc.assert(
      fc.property(cases, ([x, w, b, options]) => {
        expectTensor(conv(x, w, b, options), convolve(nd(x), nd(w), b && nd(b), options));
      }),
      { numRuns: 150 },
    );
  });

  it("has the gradients that the textbook's sum has, being linear in each operand", () => {
    fc.assert(
      fc.property(cases, fc.nat(), ([x, w, b, options], seed) => {
        const y = conv(x, w, b, options);
        const g = fc.sample(tensors(y.shape), { seed, numRuns: 1 })[0];
        const gradients = grad(y, [x, w, ...(b ? [b] : [])], { gradOutputs: [g] });
        const [gx, gw] = [nd(g), nd(w)];
        const geometry = geometryOf(x.shape, w.shape, options);
        const groupOut = w.shape[0] / (options.groups ?? 1);
        const byInput = new Map<string, number>();
        const byWeight = new Map<string, number>();
        for (const [n, o, ...position] of indices(y.shape)) {
          for (const [c, ...tap] of indices(w.shape.slice(1))) {
            const place = source(x.shape, position, tap, geometry);
            if (place === undefined) continue;
            const from = [n, Math.floor(o / groupOut) * w.shape[1] + c, ...place];
            const upstream = at(gx, [n, o, ...position]);
            const add = (sums: Map<string, number>, key: string, value: number): Map<string, number> =>
              sums.set(key, (sums.get(key) ?? 0) + value);
            add(byInput, from.join(), upstream * at(gw, [o, c, ...tap]));
            add(byWeight, [o, c, ...tap].join(), upstream * at(nd(x), from));
          }
        }
        const want = (sums: Map<string, number>) => (index: number[]) => sums.get(index.join()) ?? 0;
        expectTensor(gradients[0], build(x.shape, want(byInput)));
        expectTensor(gradients[1], build(w.shape, want(byWeight)));
        if (b !== undefined) {
          const positions = y.shape.with(1, 1);
          const of = (o: number): number => [...indices(positions)].reduce((s, i) => s + at(gx, i.with(1, o)), 0);
          expectTensor(gradients[2], { shape: b.shape, data: Array.from({ length: b.size }, (_, o) => of(o)) });
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe.each([
  [1, convTranspose1d],
  [2, convTranspose2d],
  [3, convTranspose3d],
] as const)("convTranspose%id", (axes, convTranspose) => {
  it("lays every input element down through the kernel", () => {
    const cases = convTransposeProblems(axes).chain(({ input, weight, bias, options }) =>
      fc.tuple(tensors(input), tensors(weight), bias ? tensors(bias) : fc.constant(undefined), fc.constant(options)),
    );
    fc.assert(
      fc.property(cases, ([x, w, b, options]) => {
        expectTensor(convTranspose(x, w, b, options), convolveTransposed(nd(x), nd(w), b && nd(b), options));
      }),
      { numRuns: 150 },
    );
  });
});

it("outputPadding beyond the stride, allowed up to the dilation, adds positions that nothing reaches", () => {
  const [x, w] = [ones([1, 1, 3]), ones([1, 1, 2])];
  expect(convTranspose1d(x, w, undefined, { dilation: 3, outputPadding: 2 }).toArray()).toEqual([
    [[1, 1, 1, 1, 1, 1, 0, 0]],
  ]);
});

it("an empty batch convolves to an empty batch", () => {
  const [x, w] = [zeros([0, 2, 5, 5], { requiresGrad: true }), ones([3, 2, 3, 3], { requiresGrad: true })];
  const y = conv2d(x, w, ones([3]));
  expect(y.shape).toEqual([0, 3, 3, 3]);
  y.sum().backward();
  expect(x.grad?.shape).toEqual([0, 2, 5, 5]);
  expect(w.grad?.dataSync().every((value) => value === 0)).toBe(true);
});

it('"same" puts the odd zero of an even kernel after, as TensorFlow', () => {
  const x = tensor([[[1, 2, 3, 4, 5]]]);
  const w = tensor([[[1, 10]]]);
  expect(conv1d(x, w, undefined, { padding: "same" }).toArray()).toEqual([[[21, 32, 43, 54, 5]]]);
  expect(conv1d(x, w, undefined, { padding: "same", stride: 2 }).toArray()).toEqual([[[21, 43, 5]]]);
});
