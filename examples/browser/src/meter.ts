/** Counts how often something happens in a second, over the last few seconds. */
export class RateMeter {
  private readonly window: number;
  private times: number[] = [];

  /** @param window milliseconds to look back */
  constructor(window = 3000) {
    this.window = window;
  }

  /** It happened. @param time milliseconds, never less than before */
  mark(time: number): void {
    this.times.push(time);
    // The last one outside stays: from it on the first one inside took its time.
    const kept = this.times.findIndex((at) => at >= time - this.window);
    this.times = this.times.slice(Math.max(0, kept - 1));
  }

  /** Forgets everything: after a pause. */
  reset(): void {
    this.times = [];
  }

  /** Times a second; undefined before there are two. */
  get rate(): number | undefined {
    const [first, last] = [this.times[0], this.times.at(-1)];
    if (first === undefined || last === undefined || last <= first) return undefined;
    return (1000 * (this.times.length - 1)) / (last - first);
  }
}

/** A rate as people read it: three digits at most, and no more precise than it is. */
export function formatRate(rate: number | undefined): string {
  if (rate === undefined) return "–";
  // A GPU in software may take half a minute for a step.
  if (rate < 1) return rate.toPrecision(2);
  return rate < 10 ? rate.toFixed(1) : String(Math.round(rate));
}
