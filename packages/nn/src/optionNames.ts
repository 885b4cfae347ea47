import { ArgumentError } from "@squall/device";

/** Names of all options of a type; the compiler sees to it that none is missing and none too many. */
export type Names<Options> = Readonly<Record<keyof Options, true>>;

/** Single letters to change, add or leave out from one word to another. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, k) => k);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [k, other] of [...b].entries()) {
      next.push(Math.min((row[k] ?? 0) + (letter === other ? 0 : 1), (row[k + 1] ?? 0) + 1, (next[k] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The name that was probably meant: the same letters in another spelling, or all but one in three and two at most. */
function nearest(name: string, names: readonly string[]): string | undefined {
  const plain = (word: string): string => word.replaceAll(/[_-]/g, "").toLowerCase();
  const far = (each: string): number => distance(plain(name), plain(each));
  const [best] = names.toSorted((a, b) => far(a) - far(b));
  return best !== undefined && far(best) <= Math.min(2, Math.floor(name.length / 3)) ? best : undefined;
}

/**
 * Refuses what would be ignored: plain JavaScript, spread objects and files bring options that no compiler has seen.
 * @param op - whose options they are, for messages; `ConvLSTM.layers[1]` for options within options
 * @throws ArgumentError if there is no object, it has a name that is not known, or holds null
 */
export function checkNames(op: string, options: object, names: Readonly<Record<string, true>>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const got = options === null ? "null" : Array.isArray(options) ? "an array" : String(options);
    throw new ArgumentError(op, `options must be an object, got ${got}`, { got: options });
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(names, name)) {
      const known = Object.keys(names);
      const meant = nearest(name, known);
      const remedy = meant === undefined ? `the options are ${known.join(", ")}` : `did you mean ${meant}?`;
      throw new ArgumentError(op, `there is no option "${name}"; ${remedy}`, { expected: known, got: name });
    }
    if (value === null) {
      throw new ArgumentError(op, `${name} is null; leave it out for the default`, { got: value });
    }
  }
}
