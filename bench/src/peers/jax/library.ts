// What the bench uses of jax-js, whose own types are only there once it is installed.

/**
 * `jax.Array`. Passing one to a function, or calling a method of it, gives it away; `ref` keeps it for another use.
 */
export interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  add(other: JaxArray): JaxArray;
  sub(other: JaxArray): JaxArray;
  mul(other: JaxArray | number): JaxArray;
  mean(): JaxArray;
  sum(): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** Arrays by name: a tree that can be differentiated. */
export type JaxTree = Readonly<Record<string, JaxArray>>;

/** `@jax-js/jax`. */
export interface Jax {
  init(device: "wasm"): Promise<unknown>;
  blockUntilReady<T>(tree: T): Promise<T>;
  vjp(
    f: (...inputs: JaxArray[]) => JaxArray,
    inputs: readonly JaxArray[],
  ): [JaxArray, ((gradient: JaxArray) => JaxArray[]) & { dispose(): void }];
  valueAndGrad(f: (tree: JaxTree) => JaxArray): (tree: JaxTree) => [JaxArray, JaxTree];
  readonly lax: {
    convGeneralDilated(x: JaxArray, w: JaxArray, strides: readonly number[], padding: "SAME"): JaxArray;
  };
  readonly nn: {
    sigmoid(x: JaxArray): JaxArray;
    softplus(x: JaxArray): JaxArray;
  };
  readonly numpy: {
    array(values: Float32Array): JaxArray;
    zeros(shape: readonly number[]): JaxArray;
    concatenate(arrays: readonly JaxArray[], axis: number): JaxArray;
    stack(arrays: readonly JaxArray[], axis: number): JaxArray;
    split(array: JaxArray, sections: number, axis: number): JaxArray[];
    matmul(a: JaxArray, b: JaxArray): JaxArray;
    add(a: JaxArray, b: JaxArray): JaxArray;
    sum(a: JaxArray): JaxArray;
    tanh(a: JaxArray): JaxArray;
  };
}
