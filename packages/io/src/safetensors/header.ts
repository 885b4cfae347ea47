import { bytesPerElement, type DType, DTypeError, dtypes, type Shape, sizeOf } from "@squall/device";
import { FormatError } from "../formatError.ts";
import { dtypeWords, metadataKey } from "./hostTensor.ts";
import { repeatedKey } from "./repeatedKey.ts";

/** The bytes of a tensor. */
interface Span {
  readonly name: string;
  /** First byte, counted from the start of the elements. */
  readonly begin: number;
  /** The byte after the last. */
  readonly end: number;
}

/** Where a tensor lies in a file, checked. */
export interface Entry extends Span {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** The header of a file, checked. */
export interface Header {
  /** Those that were chosen. */
  readonly entries: readonly Entry[];
  readonly metadata: Record<string, string>;
  /** The byte where the elements start. */
  readonly start: number;
}

/** A value as it stands in messages: short, and safe for values nested deeper than the stack. */
function show(value: unknown): string {
  try {
    const text = JSON.stringify(value) ?? "undefined";
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  } catch {
    return "a deeply nested value";
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whole numbers >= 0. */
function counts(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const list: readonly unknown[] = value;
  const isCount = (n: unknown): n is number =>
    typeof n === "number" && Number.isSafeInteger(n) && !(n < 0) && !Object.is(n, -0);
  return list.every(isCount) ? list : undefined;
}

/** The JSON text of the header and the byte after it. */
function headerText(op: string, bytes: Uint8Array): { readonly text: string; readonly start: number } {
  const wrong = (what: string, expected: unknown, got: unknown): FormatError =>
    new FormatError(op, `${what}; this is not a whole safetensors file`, { expected, got });
  if (bytes.length < 8) throw wrong(`the file has ${bytes.length} bytes but needs at least 8`, 8, bytes.length);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const room = bytes.length - 8;
  if (length > BigInt(room))
    throw wrong(`the header should have ${length} bytes but only ${room} are there`, length, room);
  const start = 8 + Number(length);
  let text: string;
  try {
    // A copy, because browsers refuse to decode shared memory.
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.slice(8, start));
  } catch {
    throw wrong("the header is not UTF-8", "UTF-8", undefined);
  }
  if (!text.startsWith("{"))
    throw wrong(`the header must start with "{", got ${JSON.stringify(text.slice(0, 1))}`, "{", text[0]);
  return { text, start };
}

function parse(op: string, text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new FormatError(op, `the header is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) {
    throw new FormatError(op, `the header has ${JSON.stringify(repeated)} twice`, { got: repeated });
  }
  if (!isObject(value)) throw new FormatError(op, "the header must be a JSON object", { got: value });
  return value;
}

function readMetadata(op: string, value: unknown): Record<string, string> {
  if (!isObject(value)) throw new FormatError(op, `"${metadataKey}" must be an object of strings`, { got: value });
  const texts = Object.entries(value).map(([key, text]: [string, unknown]): [string, string] => {
    if (typeof text === "string") return [key, text];
    throw new FormatError(op, `metadata ${JSON.stringify(key)} must be a string, got ${show(text)}`, {
      expected: "string",
      got: text,
    });
  });
  return Object.fromEntries(texts);
}

/** A tensor that is chosen, or the bytes alone of one that is not: its dtype may be any. */
function readEntry(op: string, name: string, value: unknown, isChosen: boolean): Entry | Span {
  const tensor = JSON.stringify(name);
  const fields = new Map<string, unknown>(isObject(value) ? Object.entries(value) : []);
  const word = fields.get("dtype");
  if (typeof word !== "string") {
    throw new FormatError(op, `tensor ${tensor} must have a dtype, a shape and data_offsets`, { got: value });
  }
  const shape = counts(fields.get("shape"));
  if (shape === undefined || !Number.isSafeInteger(sizeOf(shape))) {
    const got = show(fields.get("shape"));
    throw new FormatError(
      op,
      `tensor ${tensor}: shape must be whole numbers >= 0 with a product below 2^53, got ${got}`,
      {
        got: fields.get("shape"),
      },
    );
  }
  const [begin, end, ...rest] = counts(fields.get("data_offsets")) ?? [];
  if (begin === undefined || end === undefined || rest.length > 0 || end < begin) {
    const got = show(fields.get("data_offsets"));
    throw new FormatError(op, `tensor ${tensor}: data_offsets must be [begin, end] with begin <= end, got ${got}`, {
      got: fields.get("data_offsets"),
    });
  }
  const dtype = dtypes.find((known) => dtypeWords[known] === word);
  if (dtype === undefined) {
    if (!isChosen) return { name, begin, end };
    const known = dtypes.map((d) => dtypeWords[d]).join(" and ");
    throw new DTypeError(
      op,
      `tensor ${tensor} is ${word}, but only ${known} can be read; convert it before saving, or leave it out: { only: (name) => name !== ${tensor} }`,
      { expected: known, got: word },
    );
  }
  const needed = sizeOf(shape) * bytesPerElement(dtype);
  if (needed !== end - begin) {
    throw new FormatError(
      op,
      `tensor ${tensor}: shape [${shape.join(",")}] of ${word} needs ${needed} bytes but data_offsets [${begin},${end}] give ${end - begin}`,
      { expected: needed, got: end - begin },
    );
  }
  return isChosen ? { name, dtype, shape, begin, end } : { name, begin, end };
}

/** Every byte must belong to exactly one tensor. */
function checkLayout(op: string, spans: readonly Span[], room: number): void {
  let last = "the start";
  let at = 0;
  for (const { name, begin, end } of spans.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    const tensor = JSON.stringify(name);
    if (begin !== at) {
      const what = begin < at ? "overlaps" : "leaves a hole after";
      throw new FormatError(op, `tensor ${tensor} ${what} ${last}: it begins at byte ${begin}, not at ${at}`, {
        expected: at,
        got: begin,
      });
    }
    if (end > room) {
      throw new FormatError(
        op,
        `tensor ${tensor} ends at byte ${end} but the file has only ${room} bytes of elements`,
        {
          expected: end,
          got: room,
        },
      );
    }
    at = end;
    last = tensor;
  }
  if (at !== room) {
    throw new FormatError(op, `the tensors fill ${at} bytes but the file has ${room} bytes of elements`, {
      expected: at,
      got: room,
    });
  }
}

/**
 * Reads the header of a safetensors file and checks all of it, but for the dtypes of tensors that are not chosen.
 * @param only - which tensors are chosen
 * @throws FormatError, DTypeError
 */
export function readHeader(op: string, bytes: Uint8Array, only: (name: string) => boolean): Header {
  const { text, start } = headerText(op, bytes);
  let metadata: Record<string, string> = {};
  const spans: Span[] = [];
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(parse(op, text))) {
    if (name === metadataKey) {
      metadata = readMetadata(op, value);
      continue;
    }
    const found = readEntry(op, name, value, only(name));
    spans.push(found);
    if ("dtype" in found) entries.push(found);
  }
  checkLayout(op, spans, bytes.length - start);
  return { entries, metadata, start };
}
