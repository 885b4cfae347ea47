import { AutogradError, DeviceError, DTypeError, formatShape, ShapeError, sameShape } from "@squall/device";
import { ones, zeros } from "../create/create.ts";
import { Tensor } from "../tensor.ts";
import { type BackwardOptions, type BackwardRoot, runBackward, type Targets } from "./engine.ts";

/** A root of a backward pass: where it starts and with what. */
export function backwardRoot(op: string, output: Tensor, gradient: Tensor | undefined): BackwardRoot {
  const edge = output.edge();
  if (edge === undefined) {
    throw new AutogradError(
      op,
      `${output} does not require a gradient: it was computed from tensors without requiresGrad, inside noGrad, or by an op without a gradient`,
      { got: output.shape },
    );
  }
  if (gradient === undefined) {
    if (output.size !== 1) {
      throw new ShapeError(
        op,
        `only a single number can start a backward pass by itself, but the output has shape ${formatShape(output.shape)}; reduce it (sum, mean) or give its gradient`,
        { expected: [], got: output.shape },
      );
    }
    return { edge, start: () => ones(output.shape, output) };
  }
  if (!sameShape(gradient.shape, output.shape)) {
    throw new ShapeError(
      op,
      `the given gradient has shape ${formatShape(gradient.shape)} but the output has ${formatShape(output.shape)}`,
      { expected: output.shape, got: gradient.shape },
    );
  }
  if (gradient.dtype !== output.dtype) {
    throw new DTypeError(op, `the given gradient is ${gradient.dtype} but the output is ${output.dtype}`, {
      expected: output.dtype,
      got: gradient.dtype,
    });
  }
  if (gradient.device !== output.device) {
    throw new DeviceError(
      op,
      `the given gradient is on ${gradient.device.name} but the output is on ${output.device.name}`,
      {
        expected: output.device.name,
        got: gradient.device.name,
      },
    );
  }
  return { edge, start: () => gradient };
}

/** Options of {@link grad}. */
export interface GradOptions extends BackwardOptions {
  /** Gradients of the outputs, one each. Default: ones, for outputs of one element. */
  readonly gradOutputs?: readonly Tensor[];
  /** Give zeros for inputs that the outputs do not depend on, instead of throwing. Default false. */
  readonly allowUnused?: boolean;
}

/**
 * Gradients of `sum over outputs of sum(output · gradOutput)` with respect to `inputs`, without touching any `.grad`.
 * Only what lies between the two is walked.
 * @param outputs - one tensor or several
 * @param inputs - tensors that require a gradient, leaves or not
 * @returns one gradient per input, of its shape
 * @throws AutogradError if an output has no graph or an input is not part of it (see `allowUnused`); ShapeError if a gradient does not fit.
 */
export function grad(
  outputs: Tensor | readonly Tensor[],
  inputs: readonly Tensor[],
  options: GradOptions = {},
): Tensor[] {
  const list = outputs instanceof Tensor ? [outputs] : outputs;
  if (options.gradOutputs !== undefined && options.gradOutputs.length !== list.length) {
    throw new ShapeError("grad", `there are ${list.length} outputs but ${options.gradOutputs.length} gradOutputs`, {
      expected: list.length,
      got: options.gradOutputs.length,
    });
  }
  const roots = list.map((output, k) => backwardRoot("grad", output, options.gradOutputs?.[k]));
  const found = new Map<number, Tensor>();
  const takers: Targets = new Map();
  for (const [k, input] of inputs.entries()) {
    const edge = input.edge();
    if (edge === undefined) {
      throw new AutogradError("grad", `input ${k} does not require a gradient; create it with requiresGrad: true`, {
        got: k,
      });
    }
    const perIndex = takers.get(edge.node) ?? new Map<number, (gradient: Tensor) => void>();
    takers.set(edge.node, perIndex);
    const before = perIndex.get(edge.index);
    perIndex.set(edge.index, (gradient) => {
      before?.(gradient);
      found.set(k, gradient);
    });
  }
  runBackward(roots, options, takers);
  // Several gradients, or one of gradOutputs, may be one storage: a sum passes on what it gets. Each result has memory of its own.
  const taken = new Set((options.gradOutputs ?? []).map(({ storage }) => storage));
  return inputs.map((input, k) => {
    const gradient = found.get(k);
    if (gradient !== undefined) {
      const own = taken.has(gradient.storage) ? gradient.clone() : gradient;
      taken.add(own.storage);
      return own;
    }
    if (options.allowUnused === true) return zeros(input.shape, input);
    throw new AutogradError(
      "grad",
      `the outputs do not depend on input ${k}; pass allowUnused: true to get zeros for it`,
      { got: k },
    );
  });
}
