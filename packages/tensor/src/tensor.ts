// Whoever compiles against the types need not ask for this library.
/// <reference lib="esnext.disposable" preserve="true" />
import {
  ArgumentError,
  AutogradError,
  checkShape,
  type Device,
  type DType,
  disposeStorage,
  type FloatArray,
  formatShape,
  keepStorage,
  type Shape,
  ShapeError,
  type Storage,
  sizeOf,
  storageScope,
  stridesOf,
  trackStorage,
} from "@squall/device";
import { type BackwardOptions, runBackward } from "./autograd/engine.ts";
import { backwardRoot } from "./autograd/grad.ts";
import { isGradEnabled } from "./autograd/mode.ts";
import { type Edge, type GradientHook, Node } from "./autograd/node.ts";
import type { GraphMemory } from "./memory/graphMemory.ts";
import { addInto } from "./ops/addInto.ts";
import { argmax } from "./ops/argmax.ts";
import { toDevice, toDeviceLater, toDType } from "./ops/convert.ts";
import * as elementwise from "./ops/elementwise.ts";
import * as matrix from "./ops/matmul.ts";
import * as move from "./ops/move.ts";
import * as pixel from "./ops/pixelShuffle.ts";
import * as reduce from "./ops/reduce.ts";
import { flatten, reshape, squeeze, unsqueeze } from "./ops/reshape.ts";
import * as softmax from "./ops/softmax.ts";
import * as split from "./ops/split.ts";

/** A tensor, or a number that stands for a tensor of its value. */
export type TensorOrNumber = Tensor | number;

/** Axes to reduce: one, several, or all if left out. Negative numbers count from the end. */
export type Dims = number | readonly number[] | undefined;

/** Nested arrays as {@link Tensor.toArray} gives them. */
export type NestedArray = number | NestedArray[];

/**
 * A contiguous row-major array of numbers on a device, and its place in the graph of recorded operations.
 *
 * Methods are thin: each calls the function of the same name, which documents it.
 */
export class Tensor implements Disposable {
  /** Sizes of the axes. */
  readonly shape: Shape;
  private content: Storage;
  private gradient: Tensor | undefined = undefined;
  /** Whose the gradient is: the user's; one that a scope would have freed had it not become ours; or made by the backward pass. */
  private gradientOrigin: "user" | "scope" | "backward" = "user";
  private graphMemory: GraphMemory | undefined = undefined;
  private maker: Edge | undefined = undefined;
  private leafNode: Node | undefined = undefined;
  private wantsGrad = false;
  private retainsGrad = false;

  /**
   * Wraps a storage; most tensors come from {@link tensor}, {@link zeros} and other functions.
   * @throws ShapeError if the storage does not hold as many elements as the shape says.
   */
  constructor(storage: Storage, shape: Shape) {
    checkShape("Tensor", shape);
    if (storage.length !== sizeOf(shape)) {
      throw new ShapeError(
        "Tensor",
        `shape ${formatShape(shape)} needs ${sizeOf(shape)} elements but the storage holds ${storage.length}`,
        {
          expected: sizeOf(shape),
          got: storage.length,
        },
      );
    }
    this.content = storage;
    this.shape = [...shape];
  }

  /** The elements, on the device. Shared with whatever shares memory with this tensor ({@link detach}, {@link reshape}). */
  get storage(): Storage {
    return this.content;
  }

  /** Where it lives. */
  get device(): Device {
    return this.content.device;
  }

  /** Element type. */
  get dtype(): DType {
    return this.content.dtype;
  }

  /** Number of elements. */
  get size(): number {
    return this.content.length;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** True for tensors that no recorded operation made: data and parameters. */
  get isLeaf(): boolean {
    return this.maker === undefined;
  }

  /** Whether gradients flow to it. */
  get requiresGrad(): boolean {
    return this.wantsGrad || this.maker !== undefined;
  }

  /**
   * Asks for a gradient, or stops asking. Returns itself.
   * @throws AutogradError when switching it off for the result of an operation; use {@link detach}.
   */
  requiresGrad_(value = true): this {
    if (!value && this.maker !== undefined) {
      throw new AutogradError(
        "requiresGrad_",
        "this tensor is the result of an operation; use detach() to get one without a gradient",
      );
    }
    if (this.maker === undefined) this.wantsGrad = value;
    return this;
  }

  // Reading

  /** The elements, row-major, copied to the host. */
  data(): Promise<FloatArray> {
    return this.device.read(this.content);
  }

  /** As {@link data}, at once. @throws DeviceError on devices that can only answer later. */
  dataSync(): FloatArray {
    return this.device.readSync(this.content);
  }

  /** The only element. @throws ShapeError if there is not exactly one. */
  async item(): Promise<number> {
    this.checkItem();
    return (await this.data())[0] ?? Number.NaN;
  }

  /** As {@link item}, at once. @throws ShapeError, DeviceError */
  itemSync(): number {
    this.checkItem();
    return this.dataSync()[0] ?? Number.NaN;
  }

  private checkItem(): void {
    if (this.size !== 1) {
      throw new ShapeError(
        "item",
        `needs a tensor of one element, got shape ${formatShape(this.shape)}; use data() for more`,
        {
          expected: 1,
          got: this.size,
        },
      );
    }
  }

  /** The elements as nested arrays. @throws DeviceError on devices that can only answer later. */
  toArray(): NestedArray {
    const data = this.dataSync();
    const strides = stridesOf(this.shape);
    const build = (axis: number, offset: number): NestedArray =>
      axis === this.rank
        ? (data[offset] ?? Number.NaN)
        : Array.from({ length: this.shape[axis] ?? 0 }, (_, i) => build(axis + 1, offset + i * (strides[axis] ?? 0)));
    return build(0, 0);
  }

  /** `Tensor([2,3], float32, cpu)` */
  toString(): string {
    return `Tensor(${formatShape(this.shape)}, ${this.dtype}, ${this.device.name})`;
  }

  // Autograd

  /** Gradient collected by {@link Tensor.backward}, of the same shape; `undefined` before. It lives as long as this tensor. */
  get grad(): Tensor | undefined {
    return this.gradient;
  }

  /**
   * Assign `undefined` to clear it, or another tensor to replace it. The old one is not freed at once, as by {@link zeroGrad}; it belongs to
   * the {@link scope} that runs.
   */
  set grad(value: Tensor | undefined) {
    if (value === this.gradient) return;
    this.letGoOfGrad();
    const kept = value !== undefined && keepStorage(value.storage, this.content);
    this.gradient = value;
    this.gradientOrigin = kept ? "scope" : "user";
  }

  /** Hands the gradient to the running scope, unless it never was ours. */
  private letGoOfGrad(): void {
    if (this.gradient === undefined || this.gradientOrigin === "user") return;
    keepStorage(this.gradient.storage);
    trackStorage(this.gradient.storage);
  }

  /** Clears {@link grad}, and frees it if the backward pass made it: clone a gradient that you want to keep. On the cpu nothing is freed. */
  zeroGrad(): void {
    this.replaceGrad(undefined);
  }

  /** As {@link zeroGrad}, with another gradient in the place of the old one: one that was made for this tensor alone. @internal */
  replaceGrad(value: Tensor | undefined): void {
    const { gradient } = this;
    if (value === undefined || gradient?.storage !== value.storage) {
      if (gradient !== undefined && this.gradientOrigin === "backward" && !gradient.requiresGrad) {
        disposeStorage(gradient.storage);
      } else this.letGoOfGrad();
    }
    if (value !== undefined) keepStorage(value.storage, this.content);
    this.gradient = value;
    this.gradientOrigin = "backward";
  }

  /**
   * Computes gradients of this tensor with respect to every leaf that requires one and adds them to their {@link grad}, in place where that
   * holds a gradient of an earlier pass (as PyTorch does).
   * @param gradient - gradient of this tensor, of its shape; may be left out for a single number (1)
   * @throws AutogradError without a graph, or a second time without `retainGraph`; ShapeError if `gradient` does not fit.
   */
  backward(gradient?: Tensor, options: BackwardOptions = {}): void {
    runBackward([backwardRoot("backward", this, gradient)], options);
  }

  /** The same elements without history: nothing flows back through the result. Shares memory. */
  detach(): Tensor {
    return new Tensor(this.content, this.shape);
  }

  /** A copy of the elements; gradients flow through. */
  clone(): Tensor {
    return move.clone(this);
  }

  /**
   * Calls `hook` with each gradient of this tensor once it is complete; what the hook returns, if anything, takes its place.
   * @returns a function that removes the hook
   * @throws AutogradError if it requires no gradient.
   */
  registerHook(hook: GradientHook): () => void {
    const edge = this.edge();
    if (edge === undefined) {
      throw new AutogradError("registerHook", "this tensor requires no gradient, so the hook would never be called");
    }
    return edge.node.addHook(edge.index, hook);
  }

  /** Makes {@link backward} keep the gradient of this tensor in {@link grad} though it is not a leaf. @throws AutogradError without a graph. */
  retainGrad(): void {
    const { maker } = this;
    if (maker !== undefined) {
      if (this.retainsGrad) return;
      const keepGradient = (gradient: Tensor): undefined => {
        this.accumulateGrad(gradient, isGradEnabled(), false);
      };
      maker.node.addHook(maker.index, keepGradient, true);
      this.retainsGrad = true;
    } else if (!this.wantsGrad) {
      throw new AutogradError("retainGrad", "this tensor requires no gradient");
    }
  }

  /** Where its gradient goes, or `undefined` if it needs none. For the engine and for custom ops. @internal */
  edge(): Edge | undefined {
    if (this.maker !== undefined || !this.wantsGrad) return this.maker;
    this.leafNode ??= new Node("leaf", [], undefined, this);
    return { node: this.leafNode, index: 0 };
  }

  /** Makes this tensor an output of a recorded operation. @internal */
  attach(edge: Edge): void {
    this.maker = edge;
  }

  /**
   * Adds to {@link grad}, as a copy of its own: the gradient may be the user's.
   * @param isAlone - whether nobody else holds the gradient, so that it need not be copied
   * @returns whether it was taken
   * @internal
   */
  accumulateGrad(gradient: Tensor, keepGraph: boolean, isAlone: boolean): boolean {
    const { gradient: known } = this;
    const takes = known === undefined && isAlone && !keepGraph;
    if (known === undefined) {
      const value = keepGraph ? gradient : gradient.detach();
      this.replaceGrad(takes ? value : value.clone());
    } else if (
      !keepGraph &&
      !known.requiresGrad &&
      this.gradientOrigin === "backward" &&
      known.storage !== gradient.storage
    ) {
      addInto(gradient, known);
    } else {
      const sum = known.add(gradient);
      keepStorage(sum.storage, this.content);
      this.letGoOfGrad();
      this.gradient = sum;
      this.gradientOrigin = "backward";
    }
    return takes;
  }

  // In place

  /**
   * Overwrites the elements. Returns itself. Everything that shares memory sees it.
   * @throws ShapeError, DTypeError, DeviceError if `source` does not match; AutogradError if the change would be invisible to a graph.
   */
  copy_(source: Tensor): this {
    this.checkInPlace("copy_");
    move.copyInto("copy_", source, this);
    return this;
  }

  /** Sets every element. Returns itself. @throws AutogradError as {@link copy_}; ArgumentError if the value is not a number. */
  fill_(value: number): this {
    this.checkInPlace("fill_");
    if (typeof value !== "number") {
      throw new ArgumentError("fill_", `the value must be a number, got ${typeof value}`, { got: value });
    }
    storageScope(
      () =>
        move.copyInto("fill_", new Tensor(this.device.kernels.fill(this.dtype, this.size, value), this.shape), this),
      () => [],
    );
    return this;
  }

  private checkInPlace(op: string): void {
    if (this.requiresGrad && isGradEnabled()) {
      throw new AutogradError(
        op,
        "this tensor requires a gradient, and a change in place would be missing from the graph; wrap it in noGrad",
      );
    }
  }

  /** Puts other elements of the same shape in the place of these; for moving modules. @internal */
  replaceStorage(storage: Storage): void {
    if (storage.length !== this.size)
      throw new ShapeError("replaceStorage", `needs ${this.size} elements, got ${storage.length}`);
    this.content = storage;
  }

  // Memory

  /**
   * Frees the elements now, and with them the gradient that the backward pass made and what a {@link scope} left alive for this tensor's
   * backward pass alone. Neither this tensor nor one that shares its memory can be used any more. Does nothing on the cpu, whose memory
   * is the garbage collector's, and nothing the second time.
   */
  dispose(): void {
    if (this.gradient !== undefined && this.gradientOrigin === "backward") disposeStorage(this.gradient.storage);
    this.graphMemory?.leave();
    this.graphMemory = undefined;
    disposeStorage(this.content);
  }

  /** As {@link dispose}, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** The graph of this tensor needs what a scope left alive. @internal */
  joinGraphMemory(memory: GraphMemory): void {
    this.graphMemory = memory;
    memory.join();
  }

  // Conversion

  /**
   * On another device, or with another dtype. Gradients flow through, converted back. Returns itself if there is nothing to do.
   * Moving off a device that cannot be read at once is a DeviceError; use {@link toAsync}.
   */
  to(target: Device | DType): Tensor {
    return typeof target === "string" ? toDType(this, target) : toDevice(this, target);
  }

  /**
   * On another device, off those that can only answer later, too. The result has no history. Returns itself if it is there already.
   * @throws AutogradError if it requires a gradient, which could not flow back: move `detach()`; DTypeError if the device cannot hold it
   */
  toAsync(device: Device): Promise<Tensor> {
    return toDeviceLater(this, device);
  }

  // Elementwise

  /** See {@link elementwise.add}. */
  add(other: TensorOrNumber): Tensor {
    return elementwise.add(this, other);
  }
  /** See {@link elementwise.sub}. */
  sub(other: TensorOrNumber): Tensor {
    return elementwise.sub(this, other);
  }
  /** See {@link elementwise.mul}. */
  mul(other: TensorOrNumber): Tensor {
    return elementwise.mul(this, other);
  }
  /** See {@link elementwise.div}. */
  div(other: TensorOrNumber): Tensor {
    return elementwise.div(this, other);
  }
  /** See {@link elementwise.pow}. */
  pow(exponent: TensorOrNumber): Tensor {
    return elementwise.pow(this, exponent);
  }
  /** See {@link elementwise.maximum}. */
  maximum(other: TensorOrNumber): Tensor {
    return elementwise.maximum(this, other);
  }
  /** See {@link elementwise.minimum}. */
  minimum(other: TensorOrNumber): Tensor {
    return elementwise.minimum(this, other);
  }
  /** See {@link elementwise.lt}. */
  lt(other: TensorOrNumber): Tensor {
    return elementwise.lt(this, other);
  }
  /** See {@link elementwise.le}. */
  le(other: TensorOrNumber): Tensor {
    return elementwise.le(this, other);
  }
  /** See {@link elementwise.gt}. */
  gt(other: TensorOrNumber): Tensor {
    return elementwise.gt(this, other);
  }
  /** See {@link elementwise.ge}. */
  ge(other: TensorOrNumber): Tensor {
    return elementwise.ge(this, other);
  }
  /** See {@link elementwise.eq}. */
  eq(other: TensorOrNumber): Tensor {
    return elementwise.eq(this, other);
  }
  /** See {@link elementwise.ne}. */
  ne(other: TensorOrNumber): Tensor {
    return elementwise.ne(this, other);
  }
  /** See {@link elementwise.neg}. */
  neg(): Tensor {
    return elementwise.neg(this);
  }
  /** See {@link elementwise.abs}. */
  abs(): Tensor {
    return elementwise.abs(this);
  }
  /** See {@link elementwise.sign}. */
  sign(): Tensor {
    return elementwise.sign(this);
  }
  /** See {@link elementwise.exp}. */
  exp(): Tensor {
    return elementwise.exp(this);
  }
  /** See {@link elementwise.expm1}. */
  expm1(): Tensor {
    return elementwise.expm1(this);
  }
  /** See {@link elementwise.log}. */
  log(): Tensor {
    return elementwise.log(this);
  }
  /** See {@link elementwise.log1p}. */
  log1p(): Tensor {
    return elementwise.log1p(this);
  }
  /** See {@link elementwise.sqrt}. */
  sqrt(): Tensor {
    return elementwise.sqrt(this);
  }
  /** See {@link elementwise.sin}. */
  sin(): Tensor {
    return elementwise.sin(this);
  }
  /** See {@link elementwise.cos}. */
  cos(): Tensor {
    return elementwise.cos(this);
  }
  /** See {@link elementwise.tanh}. */
  tanh(): Tensor {
    return elementwise.tanh(this);
  }
  /** See {@link elementwise.sigmoid}. */
  sigmoid(): Tensor {
    return elementwise.sigmoid(this);
  }
  /** See {@link elementwise.floor}. */
  floor(): Tensor {
    return elementwise.floor(this);
  }
  /** See {@link elementwise.ceil}. */
  ceil(): Tensor {
    return elementwise.ceil(this);
  }
  /** See {@link elementwise.round}. */
  round(): Tensor {
    return elementwise.round(this);
  }
  /** See {@link elementwise.square}. */
  square(): Tensor {
    return elementwise.square(this);
  }
  /** See {@link elementwise.reciprocal}. */
  reciprocal(): Tensor {
    return elementwise.reciprocal(this);
  }
  /** See {@link elementwise.relu}. */
  relu(): Tensor {
    return elementwise.relu(this);
  }
  /** See {@link elementwise.softplus}. */
  softplus(): Tensor {
    return elementwise.softplus(this);
  }
  /** See {@link elementwise.silu}. */
  silu(): Tensor {
    return elementwise.silu(this);
  }
  /** See {@link elementwise.leakyRelu}. */
  leakyRelu(negativeSlope?: number): Tensor {
    return elementwise.leakyRelu(this, negativeSlope);
  }
  /** See {@link elementwise.elu}. */
  elu(alpha?: number): Tensor {
    return elementwise.elu(this, alpha);
  }
  /** See {@link elementwise.clamp}. */
  clamp(min?: number, max?: number): Tensor {
    return elementwise.clamp(this, min, max);
  }

  // Reductions

  /** See {@link reduce.sum}. */
  sum(dim?: Dims, keepdim?: boolean): Tensor {
    return reduce.sum(this, dim, keepdim);
  }
  /** See {@link reduce.mean}. */
  mean(dim?: Dims, keepdim?: boolean): Tensor {
    return reduce.mean(this, dim, keepdim);
  }
  /** See {@link reduce.max}. */
  max(dim?: Dims, keepdim?: boolean): Tensor {
    return reduce.max(this, dim, keepdim);
  }
  /** See {@link reduce.min}. */
  min(dim?: Dims, keepdim?: boolean): Tensor {
    return reduce.min(this, dim, keepdim);
  }
  /** See {@link argmax}. */
  argmax(dim?: number, keepdim?: boolean): Tensor {
    return argmax(this, dim, keepdim);
  }
  /** See {@link reduce.variance}. */
  var(dim?: Dims, options?: reduce.VarianceOptions): Tensor {
    return reduce.variance(this, dim, options);
  }
  /** See {@link softmax.logsumexp}. */
  logsumexp(dim?: Dims, keepdim?: boolean): Tensor {
    return softmax.logsumexp(this, dim, keepdim);
  }
  /** See {@link softmax.softmax}. */
  softmax(dim: number): Tensor {
    return softmax.softmax(this, dim);
  }
  /** See {@link softmax.logSoftmax}. */
  logSoftmax(dim: number): Tensor {
    return softmax.logSoftmax(this, dim);
  }

  // Matrices

  /** See {@link matrix.matmul}. */
  matmul(other: Tensor, options?: matrix.MatmulOptions): Tensor {
    return matrix.matmul(this, other, options);
  }

  // Shape

  /** See {@link reshape}. */
  reshape(shape: Shape): Tensor {
    return reshape(this, shape);
  }
  /** See {@link flatten}. */
  flatten(startDim?: number, endDim?: number): Tensor {
    return flatten(this, startDim, endDim);
  }
  /** See {@link squeeze}. */
  squeeze(dim?: Dims): Tensor {
    return squeeze(this, dim);
  }
  /** See {@link unsqueeze}. */
  unsqueeze(dim: number): Tensor {
    return unsqueeze(this, dim);
  }
  /** See {@link move.permute}. */
  permute(dims: readonly number[]): Tensor {
    return move.permute(this, dims);
  }
  /** See {@link move.transpose}. */
  transpose(dim0: number, dim1: number): Tensor {
    return move.transpose(this, dim0, dim1);
  }
  /** See {@link move.expand}. */
  expand(shape: Shape): Tensor {
    return move.expand(this, shape);
  }
  /** See {@link move.narrow}. */
  narrow(dim: number, start: number, length: number): Tensor {
    return move.narrow(this, dim, start, length);
  }
  /** See {@link move.slice}. */
  slice(dim: number, start?: number, end?: number, step?: number): Tensor {
    return move.slice(this, dim, start, end, step);
  }
  /** See {@link move.select}. */
  select(dim: number, index: number): Tensor {
    return move.select(this, dim, index);
  }
  /** See {@link move.flip}. */
  flip(dims: number | readonly number[]): Tensor {
    return move.flip(this, dims);
  }
  /** See {@link move.pad}. */
  pad(pads: readonly (readonly [before: number, after: number])[], value?: number): Tensor {
    return move.pad(this, pads, value);
  }
  /** See {@link split.split}. */
  split(sizes: number | readonly number[], dim?: number): Tensor[] {
    return split.split(this, sizes, dim);
  }
  /** See {@link split.chunk}. */
  chunk(chunks: number, dim?: number): Tensor[] {
    return split.chunk(this, chunks, dim);
  }
  /** See {@link split.unbind}. */
  unbind(dim?: number): Tensor[] {
    return split.unbind(this, dim);
  }
  /** See {@link pixel.pixelShuffle}. */
  pixelShuffle(factor: number): Tensor {
    return pixel.pixelShuffle(this, factor);
  }
  /** See {@link pixel.pixelUnshuffle}. */
  pixelUnshuffle(factor: number): Tensor {
    return pixel.pixelUnshuffle(this, factor);
  }
}
