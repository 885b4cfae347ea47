/*
 * The gates of a ConvLSTM (Shi et al. 2015, equation 3) for kernels that give one result each. Gates lie i, f, o, g along the channels.
 */
import { type Expression, expressions as e, type LstmGeometry } from "@squall/device";
import { unique } from "./elementwise.ts";
import { emitExpressions } from "./expression.ts";
import { grid, split } from "./grid.ts";
import type { HelperFunction, KernelSource, KernelTarget } from "./source.ts";

/** What an expression of the step reads, by name. */
type Leaves = Readonly<Record<string, string>>;

/** An expression over named leaves, emitted: statements, and the text of its value. */
function emitNamed(
  make: (leaf: (name: string) => Expression) => Expression,
  leaves: Leaves,
): {
  lines: string[];
  value: string;
  helpers: readonly HelperFunction[];
} {
  const names = Object.keys(leaves);
  const expression = make((name) => e.input(names.indexOf(name)));
  const loaded = new Set<number>();
  const lines: string[] = [];
  const { statements, results, helpers } = emitExpressions(
    [expression],
    (k) => {
      const name = names[k] ?? "";
      if (!loaded.has(k)) lines.push(`const ${name} = ${leaves[name]};`);
      loaded.add(k);
      return name;
    },
    () => "0.0",
  );
  return { lines: [...lines, ...statements], value: results[0] ?? "0.0", helpers };
}

/** Positions of one step's operands for the thread at channel `h` of sample `n` and position `p`. */
function places(
  { hidden, positions, peephole }: LstmGeometry,
  p: string,
): {
  gate: (q: number | string) => string;
  state: string;
  peep: (q: number) => string;
} {
  const gate = (q: number | string): string =>
    `((whole(n) * 4 + ${typeof q === "number" ? q : `whole(${q})`}) * ${hidden} + whole(h)) * ${positions} + ${p}`;
  return {
    gate,
    state: `(whole(n) * ${hidden} + whole(h)) * ${positions} + ${p}`,
    peep: (q) =>
      peephole === "full" ? `(${q * hidden} + whole(h)) * ${positions} + ${p}` : `${q * hidden} + whole(h)`,
  };
}

/** Activated gates `[N, 4H, P]`. */
export function gatesSource(geometry: LstmGeometry, hasInput: boolean, target: KernelTarget): KernelSource {
  const { batch, hidden, positions, peephole } = geometry;
  const { threads, x, z, y, helpers } = grid(target, positions, hidden, batch * 4);
  const at = places(geometry, x);
  const hasPeephole = peephole !== "none";
  const sum = (q: number): string =>
    hasInput ? `stateGates[${at.gate(q)}] + inputGates[inputOffset + ${at.gate(q)}]` : `stateGates[${at.gate(q)}]`;
  const used: HelperFunction[] = [...helpers];
  const block = (make: (leaf: (name: string) => Expression) => Expression): string => {
    const emitted = emitNamed(make, {
      i: sum(0),
      f: sum(1),
      o: sum(2),
      g: sum(3),
      before: `cell[${at.state}]`,
      peepI: `peephole[${at.peep(0)}]`,
      peepF: `peephole[${at.peep(1)}]`,
      peepO: `peephole[${at.peep(2)}]`,
    });
    used.push(...emitted.helpers);
    return `${emitted.lines.join("\n")}\nreturn ${emitted.value};`;
  };
  const { add, mul, unary } = e;
  type Leaf = (name: string) => Expression;
  const input = (leaf: Leaf): Expression =>
    unary("sigmoid", hasPeephole ? add(leaf("i"), mul(leaf("peepI"), leaf("before"))) : leaf("i"));
  const forget = (leaf: Leaf): Expression =>
    unary("sigmoid", hasPeephole ? add(leaf("f"), mul(leaf("peepF"), leaf("before"))) : leaf("f"));
  const candidate = (leaf: Leaf): Expression => unary("tanh", leaf("g"));
  const after = (leaf: Leaf): Expression => add(mul(forget(leaf), leaf("before")), mul(input(leaf), candidate(leaf)));
  const output = (leaf: Leaf): Expression =>
    unary("sigmoid", hasPeephole ? add(leaf("o"), mul(leaf("peepO"), after(leaf))) : leaf("o"));
  const body = [
    ...split("lstmStep", z, ["n", "q"], [batch, 4]),
    `const h = ${y};`,
    `if (q < 0.5) { ${block(input)} }`,
    `if (q < 1.5) { ${block(forget)} }`,
    `if (q < 2.5) { ${block(output)} }`,
    block(candidate),
  ].join("\n");
  return {
    inputs: ["stateGates", "cell", ...(hasInput ? ["inputGates"] : []), ...(hasPeephole ? ["peephole"] : [])],
    scalars: hasInput ? [{ name: "inputOffset", type: "Integer" }] : [],
    threads,
    lanes: 1,
    helpers: unique(used),
    body,
  };
}

/** A kernel over `[N, H, P]` from an expression over named leaves. */
function stateSource(
  geometry: LstmGeometry,
  target: KernelTarget,
  inputs: readonly string[],
  leavesOf: (at: ReturnType<typeof places>) => Leaves,
  make: (leaf: (name: string) => Expression) => Expression,
): KernelSource {
  const { threads, x, y, z, helpers } = grid(target, geometry.positions, geometry.hidden, geometry.batch);
  const emitted = emitNamed(make, leavesOf(places(geometry, x)));
  return {
    inputs,
    scalars: [],
    threads,
    lanes: 1,
    helpers: unique([...helpers, ...emitted.helpers]),
    body: [`const n = ${z};`, `const h = ${y};`, ...emitted.lines, `return ${emitted.value};`].join("\n"),
  };
}

/** Cell state after the step, from activated gates and the cell state before. */
export function cellSource(geometry: LstmGeometry, target: KernelTarget): KernelSource {
  return stateSource(
    geometry,
    target,
    ["gates", "cell"],
    ({ gate, state }) => ({
      i: `gates[${gate(0)}]`,
      f: `gates[${gate(1)}]`,
      g: `gates[${gate(3)}]`,
      before: `cell[${state}]`,
    }),
    (leaf) => e.add(e.mul(leaf("f"), leaf("before")), e.mul(leaf("i"), leaf("g"))),
  );
}

/** Hidden state after the step, from activated gates and the cell state after. */
export function hiddenSource(geometry: LstmGeometry, target: KernelTarget): KernelSource {
  return stateSource(
    geometry,
    target,
    ["gates", "cell"],
    ({ gate, state }) => ({ o: `gates[${gate(2)}]`, after: `cell[${state}]` }),
    (leaf) => e.mul(leaf("o"), e.unary("tanh", leaf("after"))),
  );
}

/** What both kernels of the gradient share: the gradients that arrive at the gates and at the new cell state. */
function backward(hasPeephole: boolean): {
  output: (leaf: (name: string) => Expression) => Expression;
  cell: (leaf: (name: string) => Expression) => Expression;
} {
  const { add, mul, sub, unary } = e;
  type Leaf = (name: string) => Expression;
  const squashed = (leaf: Leaf): Expression => unary("tanh", leaf("after"));
  const output = (leaf: Leaf): Expression =>
    mul(mul(leaf("hiddenGradient"), squashed(leaf)), mul(leaf("o"), sub(1, leaf("o"))));
  const cell = (leaf: Leaf): Expression => {
    const tanh = squashed(leaf);
    const direct = add(leaf("cellGradient"), mul(mul(leaf("hiddenGradient"), leaf("o")), sub(1, mul(tanh, tanh))));
    return hasPeephole ? add(direct, mul(output(leaf), leaf("peepO"))) : direct;
  };
  return { output, cell };
}

const gradientInputs = (hasPeephole: boolean): string[] => [
  "gates",
  "cellBefore",
  "cellAfter",
  "hiddenGradients",
  "cellGradients",
  ...(hasPeephole ? ["peephole"] : []),
];

function gradientLeaves({ gate, state, peep }: ReturnType<typeof places>): Leaves {
  return {
    i: `gates[${gate(0)}]`,
    f: `gates[${gate(1)}]`,
    o: `gates[${gate(2)}]`,
    g: `gates[${gate(3)}]`,
    before: `cellBefore[${state}]`,
    after: `cellAfter[${state}]`,
    hiddenGradient: `hiddenGradients[${state}]`,
    cellGradient: `cellGradients[${state}]`,
    peepI: `peephole[${peep(0)}]`,
    peepF: `peephole[${peep(1)}]`,
    peepO: `peephole[${peep(2)}]`,
  };
}

/** Gradient of the pre-activations `[N, 4H, P]`. */
export function gateGradientSource(geometry: LstmGeometry, target: KernelTarget): KernelSource {
  const { batch, hidden, positions, peephole } = geometry;
  const { threads, x, y, z, helpers } = grid(target, positions, hidden, batch * 4);
  const { mul, sub } = e;
  const { output, cell } = backward(peephole !== "none");
  const used: HelperFunction[] = [...helpers];
  const block = (make: (leaf: (name: string) => Expression) => Expression): string => {
    const emitted = emitNamed(make, gradientLeaves(places(geometry, x)));
    used.push(...emitted.helpers);
    return `${emitted.lines.join("\n")}\nreturn ${emitted.value};`;
  };
  const slope = (gate: Expression): Expression => mul(gate, sub(1, gate));
  const body = [
    ...split("lstmStepGradient", z, ["n", "q"], [batch, 4]),
    `const h = ${y};`,
    `if (q < 0.5) { ${block((leaf) => mul(mul(cell(leaf), leaf("g")), slope(leaf("i"))))} }`,
    `if (q < 1.5) { ${block((leaf) => mul(mul(cell(leaf), leaf("before")), slope(leaf("f"))))} }`,
    `if (q < 2.5) { ${block(output)} }`,
    block((leaf) => mul(mul(cell(leaf), leaf("i")), sub(1, mul(leaf("g"), leaf("g"))))),
  ].join("\n");
  return { inputs: gradientInputs(peephole !== "none"), scalars: [], threads, lanes: 1, helpers: unique(used), body };
}

/** Gradient of the cell state before the step, `[N, H, P]`. */
export function cellGradientSource(geometry: LstmGeometry, target: KernelTarget): KernelSource {
  const hasPeephole = geometry.peephole !== "none";
  const { cell } = backward(hasPeephole);
  const { add, mul, sub } = e;
  const slope = (gate: Expression): Expression => mul(gate, sub(1, gate));
  return stateSource(geometry, target, gradientInputs(hasPeephole), gradientLeaves, (leaf) => {
    const carried = mul(cell(leaf), leaf("f"));
    if (!hasPeephole) return carried;
    const toInput = mul(mul(mul(cell(leaf), leaf("g")), slope(leaf("i"))), leaf("peepI"));
    const toForget = mul(mul(mul(cell(leaf), leaf("before")), slope(leaf("f"))), leaf("peepF"));
    return add(carried, add(toInput, toForget));
  });
}
