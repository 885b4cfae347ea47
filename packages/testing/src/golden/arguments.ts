import { ArgumentError } from "@squall/device";

/** The arguments of a fixture, read one by one; what is left unread was not understood. */
export class FixtureArguments {
  private readonly values: Readonly<Record<string, unknown>>;
  private readonly read = new Set<string>();

  constructor(values: Readonly<Record<string, unknown>>) {
    this.values = values;
  }

  private take(name: string): unknown {
    this.read.add(name);
    return this.values[name];
  }

  private fail(name: string, expected: string): never {
    throw new ArgumentError(
      "golden",
      `argument ${name} should be ${expected}, got ${JSON.stringify(this.values[name])}`,
      {
        expected,
        got: this.values[name],
      },
    );
  }

  /** A number, or `fallback` if there is none. */
  number(name: string, fallback?: number): number {
    const value = this.take(name) ?? fallback;
    return typeof value === "number" ? value : this.fail(name, "a number");
  }

  /** A boolean, or `fallback` if there is none. */
  boolean(name: string, fallback?: boolean): boolean {
    const value = this.take(name) ?? fallback;
    return typeof value === "boolean" ? value : this.fail(name, "a boolean");
  }

  /** A list of numbers; `undefined` for null. */
  numbers(name: string): number[] | undefined {
    const value = this.take(name);
    if (value === null || value === undefined) return undefined;
    return Array.isArray(value) && value.every((item) => typeof item === "number")
      ? value
      : this.fail(name, "a list of numbers");
  }

  /** A number for all axes or one per axis, or `fallback` if there is none. */
  perAxis(name: string, fallback?: number): number | number[] {
    const value = this.take(name) ?? fallback;
    return typeof value === "number" ? value : (this.numbers(name) ?? this.fail(name, "a number or a list of numbers"));
  }

  /** A list of lists of numbers. */
  lists(name: string): number[][] {
    const value = this.take(name);
    const fits =
      Array.isArray(value) && value.every((item) => Array.isArray(item) && item.every((n) => typeof n === "number"));
    return fits ? value : this.fail(name, "a list of lists of numbers");
  }

  /** One of some words. */
  oneOf<T extends string>(name: string, words: readonly T[]): T {
    const value = this.take(name);
    return words.find((word) => word === value) ?? this.fail(name, words.join(" or "));
  }

  /** Prose for people that changes nothing. */
  ignore(name: string): void {
    this.read.add(name);
  }

  /** @throws ArgumentError if an argument was not read */
  finish(): void {
    const left = Object.keys(this.values).filter((name) => !this.read.has(name));
    if (left.length > 0)
      throw new ArgumentError("golden", `arguments ${left.join(", ")} are not understood`, { got: left });
  }
}
