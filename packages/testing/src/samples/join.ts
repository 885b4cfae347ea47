import * as ops from "@squall/tensor";
import fc from "fast-check";
import { axes } from "../arbitraries/axes.ts";
import { shapes } from "../arbitraries/shapes.ts";
import { tensors } from "../arbitraries/tensors.ts";
import { row, type Sample } from "./sample.ts";

const base = shapes({ minRank: 1, maxSize: 3 });

const cat = row(
  "cat",
  base.chain((shape) =>
    fc
      .tuple(axes(shape.length), fc.array(fc.nat({ max: 3 }), { minLength: 1, maxLength: 3 }))
      .chain(([dim, sizes]) =>
        fc.tuple(fc.constant(dim), fc.tuple(...sizes.map((size) => tensors(shape.with(dim, size))))),
      ),
  ),
  ([dim, inputs]) => ({ label: `dim ${dim}`, inputs, apply: (...list) => ops.cat(list, dim) }),
);

const stack = row(
  "stack",
  shapes({ minSize: 0, maxSize: 3, maxRank: 2 }).chain((shape) =>
    fc.tuple(axes(shape.length + 1), fc.array(tensors(shape), { minLength: 1, maxLength: 3 })),
  ),
  ([dim, inputs]) => ({ label: `dim ${dim}`, inputs, apply: (...list) => ops.stack(list, dim) }),
);

const split = row(
  "split",
  base.chain((shape) =>
    axes(shape.length).chain((dim) => {
      const size = shape.at(dim) ?? 1;
      const parts = fc.nat({ max: size }).map((first): number | number[] => [first, 0, size - first]);
      return fc.tuple(tensors(shape), fc.constant(dim), fc.oneof(fc.integer({ min: 1, max: size + 1 }), parts));
    }),
  ),
  ([x, dim, sizes]) => ({
    label: `sizes ${JSON.stringify(sizes)}, dim ${dim}`,
    inputs: [x],
    apply: (a) => ops.split(a, sizes, dim),
  }),
);

const chunk = row(
  "chunk",
  base.chain((shape) => fc.tuple(tensors(shape), axes(shape.length), fc.integer({ min: 1, max: 4 }))),
  ([x, dim, chunks]) => ({ label: `${chunks}, dim ${dim}`, inputs: [x], apply: (a) => ops.chunk(a, chunks, dim) }),
);

const unbind = row(
  "unbind",
  base.chain((shape) => fc.tuple(tensors(shape), axes(shape.length))),
  ([x, dim]) => ({ label: `dim ${dim}`, inputs: [x], apply: (a) => ops.unbind(a, dim) }),
);

/** Rows of ops that join tensors or take them apart. */
export const joinSamples: readonly Sample[] = [cat, stack, split, chunk, unbind];
