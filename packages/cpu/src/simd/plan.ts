import type { Expression } from "@squall/device";
import { hasVectorForm } from "../emit/expression.ts";
import { emitMap } from "../emit/map.ts";
import { distinctValues, type Value } from "../values.ts";
import { type Kernel, type KernelMemory, kernelMemory, slotCount, slotPlace, uniformCount } from "./kernelMemory.ts";

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
  /** By all that {@link kernel} was asked for. */
  private readonly kernels = new Map<number, Kernel>();
  private memory: KernelMemory | undefined;

  constructor(expressions: readonly Expression[]) {
    this.expressions = [...expressions];
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
   * @param inputs - how many there are
   * @param uniform - bit `k` says whether one number stands for all elements of input `k`
   * @param inPlace - whether outputs take the place of the first inputs; else there is one output, in the slot behind the inputs
   */
  kernel(inputs: number, uniform: number, inPlace: boolean): Kernel {
    const memory = kernelMemory();
    if (this.memory !== memory) this.kernels.clear();
    this.memory = memory;
    const key = (uniform * slotCount + inputs) * 2 + Number(inPlace);
    let kernel = this.kernels.get(key);
    if (kernel === undefined) {
      const outputPlaces = this.outputs.map((_, k) => slotPlace(inPlace ? k : inputs + k));
      const places = Array.from({ length: inputs }, (_, k) =>
        (uniform >> k) & 1 ? { place: 4 * this.uniformOf(k), uniform: true } : { place: slotPlace(k), uniform: false },
      );
      const { values, outputs } = this;
      const layout = { values, outputs, outputPlaces, inputs: places, scalarPlace: 0 };
      kernel = memory.compile(emitMap(layout, memory.features.fused));
      this.kernels.set(key, kernel);
    }
    return kernel;
  }

  /** Where among the uniforms the number for input `k` stands. */
  uniformOf(k: number): number {
    return this.scalars + k;
  }
}

const known = new WeakMap<Expression, Plan[]>();

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
  const plan = new Plan(expressions);
  candidates.push(plan);
  return plan;
}
