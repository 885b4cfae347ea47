// Scaling for the loss curve: from steps and losses to pixels, with round numbers at the axes.

/** A range of numbers, from small to large. */
export type Range = readonly [number, number];

/** Where a number goes: linear, from a range of numbers to a range of pixels. */
export function scale(from: Range, to: Range): (value: number) => number {
  const [low, high] = from;
  // A range of one number: its middle.
  if (high === low) return () => (to[0] + to[1]) / 2;
  return (value) => to[0] + ((value - low) / (high - low)) * (to[1] - to[0]);
}

/**
 * Round numbers inside a range, 1, 2 or 5 times a power of ten apart.
 *
 * @param count about how many
 */
export function ticks([low, high]: Range, count: number): number[] {
  if (!(high > low)) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((width) => width >= rough) ?? rough;
  const first = Math.ceil(low / step);
  // Counted in whole steps, so that no error adds up.
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

/** A tick's number, without what its step does not need. */
export function tickText(value: number): string {
  if (value >= 10_000) return `${Number((value / 1000).toPrecision(3))}k`;
  return String(Number(value.toPrecision(3)));
}

/** From 0 to the largest finite number and a little more; 0 to 1 if there is none. */
export function rangeOf(values: readonly number[]): Range {
  const largest = values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, value) : most), 0);
  return [0, largest === 0 ? 1 : 1.05 * largest];
}
