/** A thread of `node:worker_threads`. */
export interface NodeWorker {
  unref(): void;
  terminate(): unknown;
  on(event: "error", listener: (error: unknown) => void): unknown;
  on(event: "exit", listener: (code: number) => void): unknown;
}

/** What is used of Node where there is Node. */
interface Builtins {
  readonly "node:worker_threads": { readonly Worker: new (text: string, options: object) => NodeWorker };
  readonly "node:os": { availableParallelism(): number };
  readonly "node:v8": { setFlagsFromString(flag: string): void };
}

declare const process:
  | {
      readonly arch?: string;
      getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined;
    }
  | undefined;

/** A module of Node, or nothing elsewhere. Asked for at run time, so that browsers and bundlers find no import of it. */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] | undefined {
  return typeof process === "object" ? process.getBuiltinModule?.(name) : undefined;
}

/** The processor's architecture as Node calls it, empty elsewhere. */
export function processor(): string {
  return (typeof process === "object" && process.arch) || "";
}
