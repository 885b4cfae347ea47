import { ArgumentError } from "@squall/device";

/** Where a number may lie. */
export interface Range {
  /** Smallest number allowed. */
  readonly least?: number;
  /** Largest number allowed. */
  readonly most?: number;
  /** The number must be smaller than this. */
  readonly below?: number;
  /** The number must be larger than this. */
  readonly above?: number;
  /** Whether it must be a whole number. */
  readonly whole?: boolean;
}

function show(value: unknown): string {
  if (typeof value === "string") return `"${value}"`;
  if (Array.isArray(value)) return `[${value.map(show).join(",")}]`;
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

function describe(range: Range): string {
  const { least, most, below, above, whole } = range;
  const bounds = [
    above === undefined ? "" : `> ${above}`,
    least === undefined ? "" : `>= ${least}`,
    most === undefined ? "" : `<= ${most}`,
    below === undefined ? "" : `< ${below}`,
  ].filter((bound) => bound !== "");
  return [whole === true ? "a whole number" : "a finite number", bounds.join(" and ")].join(" ").trim();
}

function fits(value: unknown, range: Range): value is number {
  if (typeof value !== "number" || !Number.isFinite(value)) return false;
  if (range.whole === true && !Number.isSafeInteger(value)) return false;
  return (
    value >= (range.least ?? value) &&
    value <= (range.most ?? value) &&
    value < (range.below ?? Number.POSITIVE_INFINITY) &&
    value > (range.above ?? Number.NEGATIVE_INFINITY)
  );
}

/**
 * Reads options that may come from anywhere: typed code, plain JavaScript, a file. Each method reads one option and throws an
 * ArgumentError that names it and its value; {@link done} refuses names that nobody read.
 */
export class OptionReader {
  private readonly op: string;
  private readonly values: ReadonlyMap<string, unknown>;
  private readonly names = new Set<string>();

  constructor(op: string, values: object) {
    this.op = op;
    if (typeof values !== "object" || values === null) {
      throw new ArgumentError(op, `needs an object, got ${show(values)}`, { got: values });
    }
    this.values = new Map<string, unknown>(Object.entries(values));
  }

  private take(name: string): unknown {
    this.names.add(name);
    return this.values.get(name);
  }

  private refuse(name: string, expected: string, got: unknown): never {
    throw new ArgumentError(this.op, `${name} must be ${expected}, got ${show(got)}`, { expected, got });
  }

  /** A number in a range. */
  number(name: string, range: Range): number {
    const value = this.take(name);
    return fits(value, range) ? value : this.refuse(name, describe(range), value);
  }

  /** A number in a range, or null. */
  numberOrNull(name: string, range: Range): number | null {
    return this.take(name) === null ? null : this.number(name, range);
  }

  /** True or false. */
  flag(name: string): boolean {
    const value = this.take(name);
    return typeof value === "boolean" ? value : this.refuse(name, "true or false", value);
  }

  /** One of some words. */
  choice<W extends string>(name: string, words: readonly W[]): W {
    const value = this.take(name);
    return words.find((word) => word === value) ?? this.refuse(name, words.map(show).join(" or "), value);
  }

  /** Two numbers in a range. */
  pair(name: string, range: Range): readonly [number, number] {
    const value = this.take(name);
    const [first, second, ...rest]: readonly unknown[] = Array.isArray(value) ? value : [];
    if (fits(first, range) && fits(second, range) && rest.length === 0) return [first, second];
    return this.refuse(name, `two numbers, each ${describe(range)}`, value);
  }

  /** Any number of numbers in a range. */
  list(name: string, range: Range): readonly number[] {
    const value = this.take(name);
    const values: readonly unknown[] = Array.isArray(value) ? value : this.refuse(name, "an array", value);
    return values.map((n) =>
      fits(n, range) ? n : this.refuse(name, `an array, each entry ${describe(range)}`, value),
    );
  }

  /** One number for all `count` groups, or one per group. */
  perGroup(name: string, range: Range, count: number): readonly number[] {
    const value = this.take(name);
    if (!Array.isArray(value)) {
      const same = this.number(name, range);
      return Array.from({ length: count }, () => same);
    }
    if (value.length !== count) this.refuse(name, `one number or ${count} (one per parameter group)`, value);
    return this.list(name, range);
  }

  /** Refuses what was given and not read. */
  done(): void {
    for (const name of this.values.keys()) {
      if (this.names.has(name)) continue;
      const known = [...this.names].join(", ");
      throw new ArgumentError(this.op, `there is no option "${name}"; the options are ${known}`, {
        expected: [...this.names],
        got: name,
      });
    }
  }
}
