import { ArgumentError } from "@squall/device";

/** What JSON can hold. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Kind and options of a model as plain JSON; `fromConfig` builds the model again, with fresh weights. */
export interface ModelConfig {
  /** Name of the class. */
  readonly type: string;
  /** The options that it was built with. */
  readonly [option: string]: JsonValue;
}

/** Options that are not part of a config: where a model lives and where its first weights come from. */
const left: ReadonlySet<string> = new Set(["device", "generator"]);

function toJson(op: string, path: string, value: unknown): JsonValue | undefined {
  if (value === undefined) return undefined;
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((item, k) => toJson(op, `${path}[${k}]`, item) ?? null);
  if (typeof value === "object") return objectToJson(op, `${path}.`, value);
  throw new ArgumentError(
    op,
    `${path} is a ${typeof value}, which a config cannot hold; use one that is known by name, or rebuild the model by your own code`,
    { got: value },
  );
}

function objectToJson(op: string, path: string, value: object): { [name: string]: JsonValue } {
  const entries = Object.entries(value).flatMap(([name, item]) => {
    // Initializers of one's own have done their work: what is saved beside the config are the weights.
    if (left.has(name) || (name === "init" && typeof item === "object")) return [];
    const json = toJson(op, `${path}${name}`, item);
    return json === undefined ? [] : [[name, json] as const];
  });
  return Object.fromEntries(entries);
}

function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  const isPlain = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
  return isPlain ? copyOptions(value) : value;
}

/** Options as they are now, whatever their owner does with them later: lists and plain objects are copied, the rest is not. */
export function copyOptions(options: object): object {
  return Object.fromEntries(Object.entries(options).map(([name, value]) => [name, copied(value)]));
}

/**
 * The config of a model.
 * @param options - those it was built with; generator, device and initializers of one's own are left out
 * @throws ArgumentError if an option is a function
 */
export function configOf(type: string, options: object): ModelConfig {
  return { type, ...objectToJson(`${type}.config`, "", options) };
}
