import {
  ArgumentError,
  AutogradError,
  DeviceError,
  DTypeError,
  formatShape,
  type Shape,
  ShapeError,
  type Storage,
  sizeOf,
  storageScope,
} from "@squall/device";
import { zeros } from "../create/create.ts";
import { Tensor } from "../tensor.ts";
import { checkFinite, isAnomalyModeEnabled } from "./anomaly.ts";
import { isGradEnabled, noGrad } from "./mode.ts";
import { Node } from "./node.ts";
import { hasSaveFrame, noteReads, type SavedTensor, saveTensor } from "./saved.ts";

/** What a gradient rule may look at. */
export interface GradientContext<Args> {
  /** The arguments of the forward call. */
  readonly args: Args;
  /**
   * Gradient of output `k` (default the first); zeros if nothing depended on that output.
   */
  gradient(k?: number): Tensor;
  /**
   * Input `k`, connected to the graph.
   * @throws AutogradError if the op did not declare that it saves it, or if it was changed in place since.
   */
  input(k: number): Tensor;
  /**
   * Output `k` (default the first), connected to the graph.
   * @throws AutogradError if the op did not declare that it saves it, or if it was changed in place since.
   */
  output(k?: number): Tensor;
  /** Shape of input `k`; always known. */
  inputShape(k: number): Shape;
  /** Whether the gradient of input `k` is wanted. Others need not be computed. */
  needs(k: number): boolean;
}

/** Which values the gradient rule will ask for. */
export interface Saves {
  /** Indices of inputs. */
  readonly inputs: readonly number[];
  /** Indices of outputs. */
  readonly outputs: readonly number[];
  /** Those of the saved outputs that nobody but the gradient rule ever sees: their storages are freed after backward. */
  readonly owned?: readonly number[];
}

interface CommonDefinition<Args> {
  /** Name for messages. */
  readonly name: string;
  /**
   * Gradients of the inputs, in their order; `undefined` for none. Write it with tensor ops, so that it can be differentiated again.
   * Leave it out for an op whose result never carries a gradient.
   */
  readonly gradient?: (context: GradientContext<Args>) => readonly (Tensor | undefined)[];
  /**
   * Which values `gradient` reads, so that the others need not be kept. Default: all.
   * `needs` says which inputs can need a gradient.
   */
  readonly saves?: (args: Args, needs: readonly boolean[]) => Saves;
}

/** An op with one output: its shape rule, forward and gradient together. `Inputs` is the tuple of tensors that it takes. */
export interface OpDefinition<Args, Inputs extends readonly Tensor[] = readonly Tensor[]>
  extends CommonDefinition<Args> {
  /** Checks the inputs and gives the shape of the output. Throws ShapeError, ArgumentError. */
  readonly shape: (inputs: Inputs, args: Args) => Shape;
  /** Computes the output, row-major. Runs without recording. May return the storage of an input; what else it makes is freed. */
  readonly run: (inputs: Inputs, args: Args) => Storage;
}

/** An op with several outputs. */
export interface MultiOutputOpDefinition<Args, Inputs extends readonly Tensor[] = readonly Tensor[]>
  extends CommonDefinition<Args> {
  /** Checks the inputs and gives the shapes of the outputs. Throws ShapeError, ArgumentError. */
  readonly shapes: (inputs: Inputs, args: Args) => readonly Shape[];
  /** Computes the outputs, row-major. Runs without recording. May return storages of inputs; what else it makes is freed. */
  readonly run: (inputs: Inputs, args: Args) => readonly Storage[];
}

/** Applies an op. All inputs must share device and dtype. */
export type Op<Args, Inputs extends readonly Tensor[] = readonly Tensor[]> = (inputs: Inputs, args: Args) => Tensor;

/** Applies an op with several outputs. */
export type MultiOutputOp<Args, Inputs extends readonly Tensor[] = readonly Tensor[]> = (
  inputs: Inputs,
  args: Args,
) => Tensor[];

function checkSameHome(op: string, inputs: readonly Tensor[]): Tensor {
  for (const [k, input] of inputs.entries()) {
    if (!(input instanceof Tensor)) {
      throw new ArgumentError(op, `input ${k} must be a tensor, got ${input === null ? "null" : typeof input}`, {
        got: input,
      });
    }
  }
  const [first, ...rest] = inputs;
  if (first === undefined) throw new ShapeError(op, "needs at least one tensor", { expected: 1, got: 0 });
  for (const [k, input] of rest.entries()) {
    if (input.device !== first.device) {
      throw new DeviceError(
        op,
        `inputs live on different devices: input 0 on ${first.device.name}, input ${k + 1} on ${input.device.name}; move one with to(device)`,
        { expected: first.device.name, got: input.device.name },
      );
    }
    if (input.dtype !== first.dtype) {
      throw new DTypeError(
        op,
        `inputs have different dtypes: input 0 is ${first.dtype}, input ${k + 1} is ${input.dtype}; convert one with to("${first.dtype}")`,
        { expected: first.dtype, got: input.dtype },
      );
    }
  }
  return first;
}

function record<Args>(
  definition: CommonDefinition<Args>,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  args: Args,
): void {
  const { name, gradient: rule } = definition;
  if (rule === undefined) return;
  const canNeed = inputs.map((input) => input.requiresGrad);
  const everything = { inputs: inputs.map((_, k) => k), outputs: outputs.map((_, k) => k) };
  const saves: Saves = definition.saves?.(args, canNeed) ?? everything;
  const shapes = inputs.map((input) => input.shape);
  const outputLike = outputs.map(({ shape, dtype, device }) => ({ shape, dtype, device }));
  const savedInputs = new Map<number, SavedTensor>();
  const savedOutputs = new Map<number, SavedTensor>();

  const unpack = (kind: string, saved: Map<number, SavedTensor>, k: number): Tensor => {
    const value = saved.get(k);
    if (value === undefined) {
      throw new AutogradError(name, `the gradient rule reads ${kind} ${k}, but \`saves\` does not name it`, { got: k });
    }
    return value.unpack();
  };

  const node = new Node(name, inputs, (gradients, needs) =>
    rule({
      args,
      gradient: (k = 0) => {
        const like = outputLike[k];
        if (like === undefined) throw new AutogradError(name, `there is no output ${k}`, { got: k });
        return gradients[k] ?? zeros(like.shape, like);
      },
      input: (k) => unpack("input", savedInputs, k),
      output: (k = 0) => unpack("output", savedOutputs, k),
      inputShape: (k) => shapes[k] ?? [],
      needs: (k) => needs[k] ?? false,
    }),
  );
  for (const [k, output] of outputs.entries()) output.attach({ node, index: k });
  for (const k of saves.inputs) {
    const input = inputs[k];
    if (input !== undefined) savedInputs.set(k, saveTensor(name, input, false));
  }
  for (const k of saves.outputs) {
    const output = outputs[k];
    if (output !== undefined) savedOutputs.set(k, saveTensor(name, output, saves.owned?.includes(k) ?? false));
  }
  node.saved = [...savedInputs.values(), ...savedOutputs.values()];
}

function itself<T>(value: T): T {
  return value;
}

/**
 * Defines an op with several outputs. See {@link defineOp}.
 * @returns the function that applies it; it throws DeviceError or DTypeError if the inputs do not share device and dtype.
 */
export function defineMultiOutputOp<Args, Inputs extends readonly Tensor[] = readonly Tensor[]>(
  definition: MultiOutputOpDefinition<Args, Inputs>,
): MultiOutputOp<Args, Inputs> {
  const { name } = definition;
  return (inputs, args) => {
    const { device, dtype } = checkSameHome(name, inputs);
    const shapes = definition.shapes(inputs, args);
    if (hasSaveFrame()) noteReads(inputs.map((input) => input.storage));
    const storages = storageScope(() => noGrad(() => definition.run(inputs, args)), itself);
    if (storages.length !== shapes.length) {
      throw new ShapeError(name, `the shape rule gives ${shapes.length} outputs but run returned ${storages.length}`, {
        expected: shapes.length,
        got: storages.length,
      });
    }
    const outputs = storages.map((storage, k) => {
      const shape = shapes[k] ?? [];
      if (storage.device !== device) {
        throw new DeviceError(
          name,
          `run returned output ${k} on another device (${storage.device.name}) than the inputs' (${device.name})`,
          {
            expected: device,
            got: storage.device,
          },
        );
      }
      if (storage.length !== sizeOf(shape) || storage.dtype !== dtype) {
        throw new ShapeError(
          name,
          `output ${k} should hold ${sizeOf(shape)} ${dtype} elements for shape ${formatShape(shape)}, but run returned ${storage.length} ${storage.dtype}`,
          { expected: sizeOf(shape), got: storage.length },
        );
      }
      return new Tensor(storage, shape);
    });
    // Before recording: a checkpoint frees at once what only a gradient rule would see.
    if (isAnomalyModeEnabled()) checkFinite(name, inputs, outputs);
    if (isGradEnabled() && inputs.some((input) => input.requiresGrad)) record(definition, inputs, outputs, args);
    return outputs;
  };
}

/**
 * Defines an op: the one contract for every operation of the library, and for your own.
 *
 * The shape rule runs first and checks; `run` computes with `inputs[k].device.kernels`, with other ops (nothing is recorded inside) or
 * with host arrays; `gradient` says how gradients flow back, in tensor ops, and is asked only for inputs that need one.
 *
 * ```ts
 * const cube = defineOp<undefined, [Tensor]>({
 *   name: "cube",
 *   shape: ([x]) => x.shape,
 *   run: ([x]) => x.pow(3).storage,
 *   gradient: (context) => [context.gradient().mul(context.input(0).square()).mul(3)],
 * });
 * const y = cube([x], undefined);
 * ```
 * @returns the function that applies it; it throws DeviceError or DTypeError if the inputs do not share device and dtype.
 */
export function defineOp<Args, Inputs extends readonly Tensor[] = readonly Tensor[]>(
  definition: OpDefinition<Args, Inputs>,
): Op<Args, Inputs> {
  const { shape, run, ...common } = definition;
  const apply = defineMultiOutputOp<Args, Inputs>({
    ...common,
    shapes: (inputs, args) => [shape(inputs, args)],
    run: (inputs, args) => [run(inputs, args)],
  });
  return (inputs, args) => {
    const [output] = apply(inputs, args);
    if (output === undefined) throw new ShapeError(definition.name, "produced no output");
    return output;
  };
}
