/**
 * An element that is there by construction. @throws RangeError if it is not, rather than go on with something else
 */
export function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) throw new RangeError(`nothing at ${index} of ${list.length}`);
  return found;
}
