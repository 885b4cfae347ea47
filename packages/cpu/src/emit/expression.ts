import type { BinaryFunction, Expression, UnaryFunction } from "@squall/device";
import type { Code, Local } from "../assembler/code.ts";
import type { Instruction } from "../assembler/opcodes.ts";
import type { Value } from "../values.ts";
import type { VectorMath } from "./functions.ts";

/** A leaf that has to be brought from somewhere. */
export type Leaf = Extract<Expression, { kind: "input" | "scalar" }>;

type Emit = (math: VectorMath, x: Local) => void;

const plain =
  (name: Instruction): Emit =>
  (math, x) =>
    math.plain(name, x);

/** How vectors compute each unary function; `undefined` where they do not. */
const unaries: Readonly<Record<UnaryFunction, Emit | undefined>> = {
  neg: plain("f32x4.neg"),
  abs: plain("f32x4.abs"),
  sqrt: plain("f32x4.sqrt"),
  floor: plain("f32x4.floor"),
  ceil: plain("f32x4.ceil"),
  round: plain("f32x4.nearest"),
  sign: (math, x) => math.sign(x),
  exp: (math, x) => math.exp(x),
  expm1: (math, x) => math.expm1(x),
  log: (math, x) => math.log(x),
  log1p: (math, x) => math.log1p(x),
  tanh: (math, x) => math.tanh(x),
  sigmoid: (math, x) => math.sigmoid(x),
  // Large angles need a reduction in many more digits.
  sin: undefined,
  cos: undefined,
};

/** The instruction of each binary function, and whether it gives bits all ones or all zeros instead of 1 and 0. */
const binaries: Readonly<Record<BinaryFunction, readonly [Instruction, mask: boolean] | undefined>> = {
  add: ["f32x4.add", false],
  sub: ["f32x4.sub", false],
  mul: ["f32x4.mul", false],
  div: ["f32x4.div", false],
  max: ["f32x4.max", false],
  min: ["f32x4.min", false],
  lt: ["f32x4.lt", true],
  le: ["f32x4.le", true],
  gt: ["f32x4.gt", true],
  ge: ["f32x4.ge", true],
  eq: ["f32x4.eq", true],
  ne: ["f32x4.ne", true],
  // Large exponents need a logarithm in more digits than float32 has.
  pow: undefined,
};

/** Whether vectors can compute all of the values. */
export function hasVectorForm(values: readonly Value[]): boolean {
  return values.every(({ node }) => {
    if (node.kind === "unary") return unaries[node.fn] !== undefined;
    return node.kind !== "binary" || binaries[node.fn] !== undefined;
  });
}

/** A value in a function that is being emitted. */
interface Emitted {
  /** The variable that holds it as floats, or as bits all ones or all zeros. */
  readonly local: Local;
  /** Whether they are such bits. */
  readonly mask: boolean;
}

/** Emits values one after the other, each into a variable of its own. */
export class ExpressionEmitter {
  private readonly code: Code;
  private readonly math: VectorMath;
  private readonly leaf: (leaf: Leaf) => Local;
  private readonly emitted = new Map<number, Emitted>();

  /** @param leaf - the variable that holds a leaf */
  constructor(code: Code, math: VectorMath, leaf: (leaf: Leaf) => Local) {
    this.code = code;
    this.math = math;
    this.leaf = leaf;
  }

  /** Emits value `index`; its operands have been emitted before. */
  emit(index: number, { node, operands }: Value): void {
    this.emitted.set(index, this.value(node, operands));
  }

  /** The variable that holds value `index` as floats. */
  floats(index: number): Local {
    const { local, mask } = this.get(index);
    if (!mask) return local;
    const { code } = this;
    const floats = code.local("v128");
    code.get(local).get(code.constant(1)).op("v128.and").set(floats);
    return floats;
  }

  private value(node: Expression, operands: readonly number[]): Emitted {
    const { code, math } = this;
    switch (node.kind) {
      case "constant":
        return { local: code.constant(node.value), mask: false };
      case "input":
      case "scalar":
        return { local: this.leaf(node), mask: false };
      case "unary": {
        const emit = unaries[node.fn];
        if (emit === undefined) throw new TypeError(`vectors do not compute ${node.fn}`);
        emit(math, this.floats(operands[0]));
        return this.result(false);
      }
      case "binary": {
        const binary = binaries[node.fn];
        if (binary === undefined) throw new TypeError(`vectors do not compute ${node.fn}`);
        const [a, b] = operands.map((operand) => this.floats(operand));
        code.get(a).get(b).op(binary[0]);
        return this.result(binary[1]);
      }
      case "select": {
        const condition = this.get(operands[0]);
        const [a, b] = operands.slice(1).map((operand) => this.floats(operand));
        code.get(a).get(b).get(condition.local);
        // NaN is not 0 either.
        if (!condition.mask) code.get(code.constant(0)).op("f32x4.ne");
        code.op("v128.bitselect");
        return this.result(false);
      }
    }
  }

  private result(mask: boolean): Emitted {
    const local = this.code.local("v128");
    this.code.set(local);
    return { local, mask };
  }

  private get(index: number): Emitted {
    const found = this.emitted.get(index);
    if (found === undefined) throw new RangeError(`value ${index} has not been emitted`);
    return found;
  }
}
