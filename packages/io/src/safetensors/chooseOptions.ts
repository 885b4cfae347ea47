import { ArgumentError } from "@squall/device";

/** Which tensors of a file are read. */
export interface ChooseOptions {
  /**
   * Whether to read a tensor, by its name; others are left out, and may have any dtype. Default: all. A file of PyTorch without the counters of
   * its batch norms, which are I64, say: `(name) => !name.endsWith("num_batches_tracked")`.
   */
  readonly only?: (name: string) => boolean;
}

/** The choice of some options. @throws ArgumentError unless it is a function */
export function choice(op: string, { only = () => true }: ChooseOptions): (name: string) => boolean {
  if (typeof only === "function") return only;
  throw new ArgumentError(
    op,
    `only must be a function of a tensor's name, got ${only === null ? "null" : typeof only}`,
    {
      got: only,
    },
  );
}
