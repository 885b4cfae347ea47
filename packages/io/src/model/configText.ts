import { ArgumentError } from "@squall/device";
import { FormatError } from "../formatError.ts";
import { repeatedKey } from "../safetensors/repeatedKey.ts";
import type { JsonObject } from "./jsonValue.ts";

/** A member as one would write it: `.name`, or `["any name"]`. */
function member(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

/** What JSON would do to a value that is no container, or `undefined` if it keeps it. */
function changeOf(value: unknown): string | undefined {
  if (value === null || typeof value === "boolean" || typeof value === "string") return undefined;
  if (typeof value !== "number") return value === undefined ? "undefined" : `a ${typeof value}`;
  if (Object.is(value, -0)) return "-0";
  return Number.isFinite(value) ? undefined : String(value);
}

/** Why a container is more than JSON keeps of it, or `undefined` if it is not. */
function excessOf(value: object): string | undefined {
  if (Object.getOwnPropertySymbols(value).length > 0) return "an object with symbols for names";
  if (Array.isArray(value))
    return Object.keys(value).length > value.length ? "an array with names of its own" : undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return undefined;
  return `an instance of ${value.constructor?.name || "a class"}`;
}

/** @throws ArgumentError for the first value at or below `path` that JSON would not give back as it is */
function check(op: string, value: unknown, path: string, above: readonly object[]): void {
  const refuse = (what: string): never => {
    throw new ArgumentError(
      op,
      `${path} is ${what}, which JSON would not give back; a model's config must be plain JSON`,
      { expected: "plain JSON", got: value },
    );
  };
  if (typeof value !== "object" || value === null) {
    const change = changeOf(value);
    if (change !== undefined) refuse(change);
    return;
  }
  if (above.includes(value)) refuse("an object that holds itself");
  const excess = excessOf(value);
  if (excess !== undefined) refuse(excess);
  const inside = [...above, value];
  // By index, so that holes are seen.
  if (Array.isArray(value)) for (let k = 0; k < value.length; k++) check(op, value[k], `${path}[${k}]`, inside);
  else for (const [key, item] of Object.entries(value)) check(op, item, `${path}${member(key)}`, inside);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * A model's configuration as JSON text.
 * @throws ArgumentError unless it is an object of values that JSON gives back as they are; the text names the value's path
 */
export function writeConfig(op: string, config: unknown): string {
  if (!isObject(config)) {
    throw new ArgumentError(op, "the model has no config, an object of plain JSON that says how it is made", {
      expected: "an object",
      got: config,
    });
  }
  check(op, config, "config", []);
  return JSON.stringify(config);
}

/** A configuration as {@link writeConfig} wrote it. @throws FormatError if it is not JSON, not an object, or has a name twice */
export function readConfig(op: string, text: string): JsonObject {
  let config: JsonObject | null;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw new FormatError(
      op,
      `the model's config is not JSON: ${error instanceof Error ? error.message : String(error)}`,
      { got: text },
    );
  }
  if (!isObject(config)) {
    throw new FormatError(op, "the model's config must be a JSON object", { expected: "an object", got: config });
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw new FormatError(op, `the model's config has ${JSON.stringify(repeated)} twice`, { got: repeated });
  }
  return config;
}
