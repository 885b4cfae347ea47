import { cpu } from "@squall/cpu";
import {
  ArgumentError,
  allocate,
  checkShape,
  type Device,
  type DType,
  DTypeError,
  dtypes,
  type FloatArray,
  formatShape,
  type Shape,
  ShapeError,
  sizeOf,
} from "@squall/device";
import { type NestedArray, Tensor } from "../tensor.ts";
import { defaultGenerator, type Generator } from "./generator.ts";

/** Where and how a new tensor is made. A tensor fits: the new one gets its dtype and device. */
export interface CreateOptions {
  /** Element type. Default `float32`. */
  readonly dtype?: DType;
  /** Default: the CPU. */
  readonly device?: Device;
}

/** Options of functions that make leaves. */
export interface TensorOptions extends CreateOptions {
  /** Whether gradients are collected. Default false. */
  readonly requiresGrad?: boolean;
}

/** Options of functions that draw random numbers. */
export interface RandomOptions extends TensorOptions {
  /** Where the numbers come from. Default: {@link defaultGenerator}. */
  readonly generator?: Generator;
}

/** Typed arrays whose elements fit into a float without surprise. */
export type NumericArray =
  | FloatArray
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array;

function resolve(op: string, options: CreateOptions): { dtype: DType; device: Device } {
  const { dtype = "float32", device = cpu } = options;
  if (!dtypes.includes(dtype)) {
    throw new ArgumentError(op, `there is no dtype "${String(dtype)}"; there are ${dtypes.join(" and ")}`, {
      expected: dtypes,
      got: dtype,
    });
  }
  if (typeof device !== "object" || device === null || !("kernels" in device)) {
    const got = typeof device === "string" ? `"${String(device)}"` : String(device);
    throw new ArgumentError(op, `device must be a device, such as cpu or what gpuDevice() gives, got ${got}`, {
      got: device,
    });
  }
  if (!device.dtypes.includes(dtype)) {
    throw new DTypeError(op, `${device.name} does not compute in ${dtype}; it has ${device.dtypes.join(", ")}`, {
      expected: device.dtypes,
      got: dtype,
    });
  }
  return { dtype, device };
}

/** A tensor given as options lends its dtype and device, not its wish for a gradient. */
function wantsGrad(options: TensorOptions): boolean {
  return options.requiresGrad === true && !(options instanceof Tensor);
}

function finish(tensor: Tensor, options: TensorOptions): Tensor {
  return wantsGrad(options) ? tensor.requiresGrad_() : tensor;
}

function shapeOfNested(values: NestedArray): number[] {
  const shape: number[] = [];
  for (let level: NestedArray | undefined = values; Array.isArray(level); level = level[0]) shape.push(level.length);
  return shape;
}

function flattenInto(target: FloatArray, values: NestedArray, shape: Shape): void {
  let position = 0;
  const walk = (level: NestedArray | undefined, axis: number): void => {
    if (typeof level === "number" && axis === shape.length) {
      target[position++] = level;
    } else if (Array.isArray(level) && axis < shape.length && level.length === shape[axis]) {
      for (const inner of level) walk(inner, axis + 1);
    } else {
      const got = Array.isArray(level) ? `an array of ${level.length}` : `${level}`;
      throw new ShapeError(
        "tensor",
        `nested arrays must be rectangular and hold numbers: axis ${axis} of ${formatShape(shape)} has ${got}`,
        {
          expected: shape,
          got: level,
        },
      );
    }
  };
  walk(values, 0);
}

/**
 * Makes a tensor of numbers: one number, nested arrays, or a typed array (with a shape, or one axis).
 * The dtype is `float32` unless given, or unless a `Float64Array` says otherwise.
 * @throws ShapeError if nested arrays are ragged or a typed array does not fill the shape; DTypeError if the device lacks the dtype
 */
export function tensor(
  values: NestedArray | NumericArray,
  options: TensorOptions & { readonly shape?: Shape } = {},
): Tensor {
  const isTyped = ArrayBuffer.isView(values);
  const own: DType = values instanceof Float64Array ? "float64" : "float32";
  const { dtype, device } = resolve("tensor", { dtype: own, ...options });
  const found = isTyped ? [values.length] : shapeOfNested(values);
  const shape = options.shape ?? found;
  checkShape("tensor", shape);
  if (sizeOf(shape) !== sizeOf(found)) {
    throw new ShapeError("tensor", `shape ${formatShape(shape)} needs ${sizeOf(shape)} values, got ${sizeOf(found)}`, {
      expected: sizeOf(shape),
      got: sizeOf(found),
    });
  }
  const data = allocate(dtype, sizeOf(found));
  if (!isTyped) flattenInto(data, values, found);
  else if (values instanceof BigInt64Array || values instanceof BigUint64Array || values instanceof DataView) {
    throw new DTypeError("tensor", "values must be numbers; convert big integers first", { got: values });
  } else data.set(values);
  return finish(new Tensor(device.upload(data), shape), options);
}

/** A tensor filled with one value. @throws ShapeError if the shape is not one; DTypeError */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  checkShape("full", shape);
  if (typeof value !== "number")
    throw new ArgumentError("full", `the value must be a number, got ${typeof value}`, { got: value });
  const { dtype, device } = resolve("full", options);
  return finish(new Tensor(device.kernels.fill(dtype, sizeOf(shape), value), shape), options);
}

/** A tensor of zeros. @throws ShapeError, DTypeError */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 0, options);
}

/** A tensor of ones. @throws ShapeError, DTypeError */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return full(shape, 1, options);
}

/**
 * `start`, `start + step`, … before `end`. With one number, from 0 to it.
 * @throws ArgumentError if a number is not finite or the step leads away from the end
 */
export function arange(start: number, end?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [from, to] = end === undefined ? [0, start] : [start, end];
  const length = Math.ceil((to - from) / step);
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new ArgumentError("arange", `cannot count from ${from} to ${to} in steps of ${step}`, {
      got: [from, to, step],
    });
  }
  return tensor(
    Float64Array.from({ length }, (_, k) => from + k * step),
    { dtype: "float32", ...options },
  );
}

/** The identity matrix `[n, m]`, `m = n` by default. @throws ShapeError, DTypeError */
export function eye(n: number, m: number = n, options: TensorOptions = {}): Tensor {
  checkShape("eye", [n, m]);
  const { dtype } = resolve("eye", options);
  const data = allocate(dtype, n * m);
  for (let k = 0; k < Math.min(n, m); k++) data[k * m + k] = 1;
  return tensor(data, { dtype, ...options, shape: [n, m] });
}

function draw(
  op: string,
  shape: Shape,
  options: RandomOptions,
  next: (generator: Generator, dtype: DType) => number,
): Tensor {
  checkShape(op, shape);
  const { dtype } = resolve(op, options);
  const generator = options.generator ?? defaultGenerator();
  const data = allocate(dtype, sizeOf(shape));
  for (let k = 0; k < data.length; k++) data[k] = next(generator, dtype);
  return tensor(data, {
    dtype,
    ...(options.device && { device: options.device }),
    requiresGrad: wantsGrad(options),
    shape,
  });
}

/** Uniform in [0, 1). @throws ShapeError, DTypeError */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  // 24 bits in float32: the largest double below 1 would round to 1.
  return draw("rand", shape, options, (generator, dtype) =>
    dtype === "float32" ? Math.floor(generator.next() * 16777216) / 16777216 : generator.next(),
  );
}

/** Normal with mean 0 and standard deviation 1. @throws ShapeError, DTypeError */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  return draw("randn", shape, options, (generator) => generator.normal());
}

function like(x: Tensor, options: TensorOptions): TensorOptions {
  return { dtype: x.dtype, device: x.device, ...options };
}

/** Zeros with the shape, dtype and device of `x`. */
export function zerosLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return zeros(x.shape, like(x, options));
}

/** Ones with the shape, dtype and device of `x`. */
export function onesLike(x: Tensor, options: TensorOptions = {}): Tensor {
  return ones(x.shape, like(x, options));
}

/** One value with the shape, dtype and device of `x`. */
export function fullLike(x: Tensor, value: number, options: TensorOptions = {}): Tensor {
  return full(x.shape, value, like(x, options));
}

/** Uniform in [0, 1) with the shape, dtype and device of `x`. */
export function randLike(x: Tensor, options: RandomOptions = {}): Tensor {
  return rand(x.shape, like(x, options));
}

/** Normal with the shape, dtype and device of `x`. */
export function randnLike(x: Tensor, options: RandomOptions = {}): Tensor {
  return randn(x.shape, like(x, options));
}
