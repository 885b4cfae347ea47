// What the bench uses of TensorFlow.js, whose own types are only there once it is installed.

/** `tf.Tensor`. */
export interface TfTensor {
  transpose(axes: readonly number[]): TfTensor;
  reshape(shape: readonly number[]): TfTensor;
  gather(indices: readonly number[]): TfTensor;
  squeeze(axes: readonly number[]): TfTensor;
  slice(begin: readonly number[], size: readonly number[]): TfTensor;
  dataSync(): ArrayLike<number>;
  dispose(): void;
}

/** `tf.layers.Layer`. */
export interface TfLayer {
  setWeights(weights: readonly TfTensor[]): void;
  apply(x: TfTensor): TfTensor;
}

/** `@tensorflow/tfjs`. */
export interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tidy(compute: () => TfTensor): TfTensor;
  input(options: { readonly batchShape: readonly number[] }): TfTensor;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  matMul(a: TfTensor, b: TfTensor): TfTensor;
  add(a: TfTensor, b: TfTensor): TfTensor;
  sigmoid(a: TfTensor): TfTensor;
  sum(a: TfTensor): TfTensor;
  readonly fused: {
    conv2d(options: {
      readonly x: TfTensor;
      readonly filter: TfTensor;
      readonly bias: TfTensor;
      readonly strides: number;
      readonly pad: "same";
    }): TfTensor;
  };
  readonly layers: {
    convLstm2d(options: {
      readonly filters: number;
      readonly kernelSize: number;
      readonly padding: "same";
      readonly recurrentActivation: "sigmoid";
      readonly returnSequences: boolean;
    }): TfLayer;
  };
}
