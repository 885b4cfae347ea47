import type { Expression } from "@squall/device";

/** A node over numbered values. */
export interface Value {
  /** The function or leaf. */
  readonly node: Expression;
  /** The numbers of its operands, all smaller than its own. */
  readonly operands: readonly number[];
}

/** Numbers the distinct values of the expressions, operands before users: what is written twice is computed once. */
export function distinctValues(expressions: readonly Expression[]): { values: Value[]; outputs: number[] } {
  const values: Value[] = [];
  const byNode = new Map<Expression, number>();
  const byStructure = new Map<string, number>();

  const parts = (node: Expression): readonly [key: string, operands: readonly Expression[]] => {
    switch (node.kind) {
      case "input":
      case "scalar":
        return [`${node.kind} ${node.index}`, []];
      case "constant":
        return [`constant ${Object.is(node.value, -0) ? "-0" : node.value}`, []];
      case "unary":
        return [node.fn, [node.operand]];
      case "binary":
        return [node.fn, [node.left, node.right]];
      case "select":
        return ["select", [node.condition, node.whenTrue, node.whenFalse]];
    }
  };
  const visit = (node: Expression): number => {
    const known = byNode.get(node);
    if (known !== undefined) return known;
    const [key, below] = parts(node);
    const operands = below.map(visit);
    const structure = [key, ...operands].join(" ");
    const value = byStructure.get(structure) ?? values.push({ node, operands }) - 1;
    byStructure.set(structure, value);
    byNode.set(node, value);
    return value;
  };
  const outputs = expressions.map(visit);
  return { values, outputs };
}
