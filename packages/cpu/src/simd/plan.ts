import type { Expression } from "@squall/device";
import { hasVectorForm } from "../emit/expression.ts";
import { emitMap } from "../emit/map.ts";
import { features } from "../features.ts";
import { distinctValues, type Value } from "../values.ts";
import { type Kernel, kernelMemory, slotCount, slotPlace, uniformCount } from "./kernelMemory.ts";

/**
 * Some expressions, ready for vectors: input `k` stands in slot `k`, or, if one number stands for all its elements, among the uniforms
 * behind the scalars.
 */
export class Plan {
  /** The expressions. */
  readonly expressions: readonly Expression[];
  /** How many scalars they read. */
  readonly scalars: number;
  private readonly values: readonly Value[];
  private readonly outputs: readonly number[];
  private readonly possible: boolean;
  private readonly key: string;

  constructor(expressions: readonly Expression[], key: string) {
    this.expressions = [...expressions];
    this.key = key;
    const { values, outputs } = distinctValues(expressions);
    this.values = values;
    this.outputs = outputs;
    this.possible = hasVectorForm(values);
    let scalars = 0;
    for (const { node } of values) if (node.kind === "scalar") scalars = Math.max(scalars, node.index + 1);
    this.scalars = scalars;
  }

  /** Whether vectors can compute the expressions, of so many inputs. */
  fits(inputs: number): boolean {
    return this.possible && inputs < slotCount && this.scalars + inputs <= uniformCount;
  }

  /**
   * The compiled kernel.
   * @param uniform - for each input, whether one number stands for all its elements
   * @param slots - where the outputs go
   */
  kernel(uniform: readonly boolean[], slots: readonly number[]): Kernel {
    let key = this.key;
    for (const same of uniform) key += same ? "u" : "v";
    return kernelMemory().kernel(`${key}${slots[0]}`, () =>
      emitMap(
        {
          values: this.values,
          outputs: this.outputs,
          outputPlaces: slots.map(slotPlace),
          inputs: uniform.map((same, k) => ({ place: same ? 4 * (this.scalars + k) : slotPlace(k), uniform: same })),
          scalarPlace: 0,
        },
        features().fused,
      ),
    );
  }
}

const known = new WeakMap<Expression, Plan[]>();
let nextKey = 1;

/** The plan of some expressions, made when it is first asked for. */
export function planOf(expressions: readonly Expression[]): Plan {
  const [first] = expressions;
  let candidates = known.get(first);
  if (candidates === undefined) {
    candidates = [];
    known.set(first, candidates);
  }
  for (const plan of candidates) {
    const others = plan.expressions;
    if (others.length === expressions.length && others.every((other, k) => other === expressions[k])) return plan;
  }
  const plan = new Plan(expressions, `map ${nextKey++} `);
  candidates.push(plan);
  return plan;
}
