import fc from "fast-check";

/** One axis of a tensor of `rank` axes, counted from the front or, as a negative number, from the end. */
export function axes(rank: number): fc.Arbitrary<number> {
  return fc.integer({ min: -rank, max: rank - 1 });
}

/** Some axes, each at most once, in any order, positive or negative. */
export function axisLists(rank: number): fc.Arbitrary<readonly number[]> {
  return fc
    .tuple(
      fc.shuffledSubarray(Array.from({ length: rank }, (_, axis) => axis)),
      fc.array(fc.boolean(), { minLength: rank, maxLength: rank }),
    )
    .map(([list, negative]) => list.map((axis) => (negative[axis] === true ? axis - rank : axis)));
}

/** What reductions accept: nothing (all axes), one axis, or a list. */
export function reductionAxes(rank: number): fc.Arbitrary<number | readonly number[] | undefined> {
  const some: fc.Arbitrary<number | readonly number[] | undefined>[] = [fc.constant(undefined), axisLists(rank)];
  return fc.oneof(...some, ...(rank > 0 ? [axes(rank)] : []));
}

/** All axes once, in any order, positive or negative. */
export function axisOrders(rank: number): fc.Arbitrary<readonly number[]> {
  const all = Array.from({ length: rank }, (_, axis) => axis);
  return fc
    .tuple(fc.shuffledSubarray(all, { minLength: rank }), fc.array(fc.boolean(), { minLength: rank, maxLength: rank }))
    .map(([list, negative]) => list.map((axis) => (negative[axis] === true ? axis - rank : axis)));
}
