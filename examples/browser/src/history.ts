/** The loss of some steps that follow each other. */
export interface LossSpan {
  /** The last of the steps. */
  readonly step: number;
  /** Mean loss. */
  readonly loss: number;
}

/** Every loss of a training run in bounded memory: as steps become many, each point stands for more of them. */
export class LossHistory {
  private readonly limit: number;
  private spans: LossSpan[] = [];
  /** Steps per point. */
  private width = 1;
  /** Steps of the point in the making, and the sum of their losses. */
  private pending = { count: 0, sum: 0 };

  /** @param limit points at most; even */
  constructor(limit = 600) {
    this.limit = limit;
  }

  /** The loss of the next step. */
  add(step: number, loss: number): void {
    this.pending.count++;
    this.pending.sum += loss;
    if (this.pending.count < this.width) return;
    this.spans.push({ step, loss: this.pending.sum / this.pending.count });
    this.pending = { count: 0, sum: 0 };
    if (this.spans.length >= this.limit) this.halve();
  }

  /** The points so far, steps growing. */
  get points(): readonly LossSpan[] {
    return this.spans;
  }

  private halve(): void {
    this.spans = this.spans.flatMap((second, i) => {
      const first = this.spans[i - 1];
      return i % 2 === 0 || first === undefined ? [] : [{ step: second.step, loss: (first.loss + second.loss) / 2 }];
    });
    this.width *= 2;
  }
}

/**
 * Each loss together with those before it, older ones counting less: a line through the noise.
 *
 * @param memory how much of the past is kept from point to point, 0 to 1
 */
export function smooth(points: readonly LossSpan[], memory = 0.9): LossSpan[] {
  let weight = 0;
  let sum = 0;
  return points.map(({ step, loss }) => {
    weight = memory * weight + (1 - memory);
    sum = memory * sum + (1 - memory) * loss;
    return { step, loss: sum / weight };
  });
}
