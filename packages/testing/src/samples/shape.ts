import { sizeOf } from "@squall/device";
import * as ops from "@squall/tensor";
import fc from "fast-check";
import { axes, axisLists, axisOrders } from "../arbitraries/axes.ts";
import { type ShapeConstraints, shapes } from "../arbitraries/shapes.ts";
import { tensors } from "../arbitraries/tensors.ts";
import { row, type Sample } from "./sample.ts";

const any: ShapeConstraints = { minSize: 0 };
const someAxis: ShapeConstraints = { minRank: 1, minSize: 0 };

const reshape = row(
  "reshape",
  shapes({ minRank: 1 }).chain((shape) => fc.tuple(tensors(shape), axisOrders(shape.length), fc.boolean())),
  ([x, order, infer]) => {
    const sizes = order.map((axis) => x.shape.at(axis) ?? 1);
    const target = infer ? [-1, ...sizes.slice(1)] : [...sizes, 1];
    return { label: `to [${target.join(",")}]`, inputs: [x], apply: (a) => ops.reshape(a, target) };
  },
);

const flatten = row(
  "flatten",
  shapes(any).chain((shape) => {
    const end = fc.nat({ max: Math.max(0, shape.length - 1) });
    return fc.tuple(
      tensors(shape),
      end.chain((last) => fc.tuple(fc.nat({ max: last }), fc.constant(last))),
    );
  }),
  ([x, [start, end]]) => ({
    label: `axes ${start} to ${end}`,
    inputs: [x],
    apply: (a) => ops.flatten(a, start, end),
  }),
);

const squeeze = row(
  "squeeze",
  shapes({ minSize: 1, maxSize: 2, maxRank: 4 }).chain((shape) =>
    fc.tuple(tensors(shape), fc.option(axisLists(shape.length), { nil: undefined })),
  ),
  ([x, dims]) => ({ label: `dims ${JSON.stringify(dims)}`, inputs: [x], apply: (a) => ops.squeeze(a, dims) }),
);

const unsqueeze = row(
  "unsqueeze",
  shapes(any).chain((shape) => fc.tuple(tensors(shape), axes(shape.length + 1))),
  ([x, dim]) => ({ label: `dim ${dim}`, inputs: [x], apply: (a) => ops.unsqueeze(a, dim) }),
);

const permute = row(
  "permute",
  shapes({ minSize: 0, maxRank: 4, maxSize: 3 }).chain((shape) => fc.tuple(tensors(shape), axisOrders(shape.length))),
  ([x, dims]) => ({ label: `dims [${dims.join(",")}]`, inputs: [x], apply: (a) => ops.permute(a, dims) }),
);

const transpose = row(
  "transpose",
  shapes(someAxis).chain((shape) => fc.tuple(tensors(shape), axes(shape.length), axes(shape.length))),
  ([x, dim0, dim1]) => ({
    label: `axes ${dim0} and ${dim1}`,
    inputs: [x],
    apply: (a) => ops.transpose(a, dim0, dim1),
  }),
);

const expand = row(
  "expand",
  shapes({ minSize: 0, maxSize: 3 }).chain((shape) => {
    const flags = fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length });
    return fc.tuple(fc.constant(shape), flags, fc.nat({ max: shape.length }), fc.nat()).chain(([full, ones, drop]) => {
      const from = full.map((n, axis) => (ones[axis] === true ? 1 : n)).slice(drop);
      const target = full.map((n, axis) => (axis >= drop && ones[axis] !== true ? -1 : n));
      return fc.tuple(tensors(from), fc.constant(target));
    });
  }),
  ([x, target]) => ({ label: `to [${target.join(",")}]`, inputs: [x], apply: (a) => ops.expand(a, target) }),
);

const narrow = row(
  "narrow",
  shapes(someAxis).chain((shape) =>
    axes(shape.length).chain((dim) => {
      const size = shape.at(dim) ?? 1;
      const range = fc.nat({ max: size }).chain((start) => fc.tuple(fc.constant(start), fc.nat({ max: size - start })));
      return fc.tuple(tensors(shape), fc.constant(dim), range);
    }),
  ),
  ([x, dim, [start, length]]) => ({
    label: `dim ${dim}, start ${start}, length ${length}`,
    inputs: [x],
    apply: (a) => ops.narrow(a, dim, start, length),
  }),
);

const slice = row(
  "slice",
  shapes({ minRank: 1, minSize: 1, maxSize: 5 }).chain((shape) =>
    axes(shape.length).chain((dim) => {
      const size = shape.at(dim) ?? 1;
      const range = fc
        .nat({ max: size - 1 })
        .chain((start) =>
          fc.tuple(
            fc.constantFrom(start, start - size),
            fc.option(fc.integer({ min: start, max: size }), { nil: undefined }),
            fc.integer({ min: 1, max: 3 }),
          ),
        );
      return fc.tuple(tensors(shape), fc.constant(dim), range);
    }),
  ),
  ([x, dim, [start, end, step]]) => ({
    label: `dim ${dim}, ${start} to ${end} by ${step}`,
    inputs: [x],
    apply: (a) => ops.slice(a, dim, start, end, step),
  }),
);

const select = row(
  "select",
  shapes({ minRank: 1 }).chain((shape) =>
    axes(shape.length).chain((dim) => {
      const size = shape.at(dim) ?? 1;
      return fc.tuple(tensors(shape), fc.constant(dim), fc.integer({ min: -size, max: size - 1 }));
    }),
  ),
  ([x, dim, index]) => ({
    label: `dim ${dim}, index ${index}`,
    inputs: [x],
    apply: (a) => ops.select(a, dim, index),
  }),
);

const flip = row(
  "flip",
  shapes(any).chain((shape) => fc.tuple(tensors(shape), axisLists(shape.length))),
  ([x, dims]) => ({ label: `dims [${dims.join(",")}]`, inputs: [x], apply: (a) => ops.flip(a, dims) }),
);

const margin = fc.nat({ max: 2 });
const pad = row(
  "pad",
  shapes({ minSize: 0, maxSize: 3 }).chain((shape) =>
    fc.tuple(
      tensors(shape),
      fc.array(fc.tuple(margin, margin), { maxLength: shape.length }),
      fc.constantFrom(0, -1.5, 2),
    ),
  ),
  ([x, pads, value]) => ({
    label: `${JSON.stringify(pads)} of ${value}`,
    inputs: [x],
    apply: (a) => ops.pad(a, pads, value),
  }),
);

const factor = fc.integer({ min: 1, max: 2 });
const tiles = fc.tuple(shapes({ maxRank: 1, maxSize: 2 }), factor, fc.tuple(factor, factor, factor));

const pixelShuffle = row(
  "pixelShuffle",
  tiles.chain(([outer, r, [c, h, w]]) => fc.tuple(tensors([...outer, c * r * r, h, w]), fc.constant(r))),
  ([x, r]) => ({ label: `factor ${r}`, inputs: [x], apply: (a) => ops.pixelShuffle(a, r) }),
);

const pixelUnshuffle = row(
  "pixelUnshuffle",
  tiles.chain(([outer, r, [c, h, w]]) => fc.tuple(tensors([...outer, c, h * r, w * r]), fc.constant(r))),
  ([x, r]) => ({ label: `factor ${r}`, inputs: [x], apply: (a) => ops.pixelUnshuffle(a, r) }),
);

/** Whether a tensor is worth moving about; used to keep one row from being all empty. */
const notEmpty = (shape: readonly number[]): boolean => sizeOf(shape) > 0;

const clone = row("clone", tensors(shapes(any).filter(notEmpty)), (x) => ({
  label: "",
  inputs: [x],
  apply: (a) => a.clone(),
}));

/** Rows of ops that move elements or only rename axes. */
export const shapeSamples: readonly Sample[] = [
  reshape,
  flatten,
  squeeze,
  unsqueeze,
  permute,
  transpose,
  expand,
  narrow,
  slice,
  select,
  flip,
  pad,
  pixelShuffle,
  pixelUnshuffle,
  clone,
];
