import type { Device } from "@squall/device";
import { ArgumentError, type DType } from "@squall/device";
import { decodeSafetensors, type HostTensor } from "@squall/io";
import { type Tensor, tensor } from "@squall/tensor";

/** Host arrays by name. */
export type HostTensors = Readonly<Record<string, HostTensor>>;

/** One golden case: numbers that another framework computed. */
export interface Fixture {
  /** Operation, as the framework names it. */
  readonly op: string;
  /** Its arguments, as the framework names them. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Inputs. */
  readonly inputs: HostTensors;
  /** Learned parameters. */
  readonly params: HostTensors;
  /** Expected outputs. */
  readonly outputs: HostTensors;
  /** Gradients of the outputs. */
  readonly seeds: HostTensors;
  /** Expected gradients of inputs and parameters. */
  readonly grads: HostTensors;
}

/** Parses JSON. @returns `undefined` if it is none */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Reads a fixture file: safetensors whose metadata holds `op` and `args` (JSON), with tensors named `in.*`, `param.*`, `out.*`, `seed.*`
 * and `grad.*`.
 * @throws FormatError if it is not a safetensors file; ArgumentError if the metadata or a name is not a fixture's
 */
export function readFixture(bytes: Uint8Array): Fixture {
  const { tensors, metadata } = decodeSafetensors(bytes);
  const { op, args } = metadata;
  if (op === undefined)
    throw new ArgumentError("golden", "the metadata has no op", { expected: "op", got: Object.keys(metadata) });
  const parsed = parse(args ?? "{}");
  if (!isRecord(parsed)) throw new ArgumentError("golden", `args is not a JSON object: ${args}`, { got: args });
  const parts: Record<string, Record<string, HostTensor>> = { in: {}, param: {}, out: {}, seed: {}, grad: {} };
  for (const [name, value] of Object.entries(tensors)) {
    const dot = name.indexOf(".");
    const part = parts[name.slice(0, dot)];
    if (part === undefined)
      throw new ArgumentError("golden", `tensor ${name} is none of ${Object.keys(parts).join(", ")}`, { got: name });
    part[name.slice(dot + 1)] = value;
  }
  const { in: inputs = {}, param: params = {}, out: outputs = {}, seed: seeds = {}, grad: grads = {} } = parts;
  return { op, args: parsed, inputs, params, outputs, seeds, grads };
}

/** A host array as a tensor in the dtype under test. */
export function materialise(host: HostTensor, device: Device, dtype: DType, requiresGrad = false): Tensor {
  return tensor(host.data, { device, dtype, shape: host.shape, requiresGrad });
}
