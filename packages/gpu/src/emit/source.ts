/** A function that kernels call, as gpu.js takes it. */
export interface HelperFunction {
  /** Its name. */
  readonly name: string;
  /** Its text, `function name(…) { … }`. */
  readonly source: string;
  /** A type for each argument. */
  readonly argumentTypes: readonly ("Integer" | "Float")[];
  /** What it returns. */
  readonly returnType: "Integer" | "Float";
}

/** A number that a kernel is given with each call. Everything else about it is baked into its source. */
export interface ScalarArgument {
  /** Its name in the source. */
  readonly name: string;
  /** How it arrives. */
  readonly type: "Integer" | "Float";
}

/** Values that one thread may give: adjacent elements of the flat result. */
export type Lanes = 1 | 2 | 3 | 4;

/** What the sources for a machine must keep to. */
export interface KernelTarget {
  /** Most elements that a thread may give. */
  readonly maxLanes: 1 | 4;
  /** Whether threads are counted along one axis only. */
  readonly flat: boolean;
}

/** Everything that gpu.js needs to compile a kernel. Two kernels with the same key are the same. */
export interface KernelSource {
  /** Names of the arrays that it reads, in the order of its arguments. */
  readonly inputs: readonly string[];
  /** Numbers given with each call, after the arrays. */
  readonly scalars: readonly ScalarArgument[];
  /** Threads, x first: one to three numbers. */
  readonly threads: readonly number[];
  /** Elements that each thread gives. */
  readonly lanes: Lanes;
  /** Functions that it calls. */
  readonly helpers: readonly HelperFunction[];
  /** The text between the braces. */
  readonly body: string;
}

/** The whole text of a kernel. */
export function textOf({ inputs, scalars, body }: KernelSource): string {
  return `function (${[...inputs, ...scalars.map(({ name }) => name)].join(", ")}) {\n${body}\n}`;
}

/** A number as a literal that is a float everywhere. */
export function literal(value: number): string {
  const text = String(value);
  return value < 0 ? `(${text})` : text;
}
