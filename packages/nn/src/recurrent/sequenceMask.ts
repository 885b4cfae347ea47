import { ArgumentError, ShapeError } from "@squall/device";
import { Tensor, tensor, where } from "@squall/tensor";
import { show } from "../arguments.ts";

/** Which frames of a batch of sequences count. Give at most one of the two. */
export interface SequenceOptions {
  /** Number of frames of each sample, 0 to T; frames beyond are ignored, whatever they hold. */
  readonly lengths?: readonly number[];
  /** Whether each frame counts, in the layout of the input: `[T][N]`, or `[N][T]` with `batchFirst`. */
  readonly mask?: readonly (readonly (boolean | number)[])[];
}

/** The part of a call's options that says which frames count. */
export function sequenceOf({ lengths, mask }: SequenceOptions): SequenceOptions {
  return { ...(lengths !== undefined && { lengths }), ...(mask !== undefined && { mask }) };
}

/** For every step, which samples are at work in it. */
export type ActiveSamples = readonly (readonly boolean[])[];

/** Steps in a row in which the same samples are at work. */
export interface ActiveRun {
  /** First of the steps. */
  readonly start: number;
  /** Number of steps. */
  readonly steps: number;
  /** Which samples are at work in all of them. */
  readonly active: readonly boolean[];
}

/** @throws ArgumentError unless it is a list */
function checkList(op: string, name: string, value: unknown): void {
  if (Array.isArray(value)) return;
  const remedy = value instanceof Tensor ? "; read it first, with toArray()" : "";
  throw new ArgumentError(op, `${name} must be an array, got ${show(value)}${remedy}`, { got: value });
}

/** @throws ArgumentError unless it is true, false, 1 or 0 */
function flagOf(op: string, value: unknown): boolean {
  if (value === true || value === 1) return true;
  if (value === false || value === 0) return false;
  throw new ArgumentError(op, `the mask must hold true, false, 1 or 0, got ${show(value)}`, { got: value });
}

function fromLengths(op: string, lengths: readonly number[], steps: number, batch: number): boolean[][] {
  checkList(op, "lengths", lengths);
  if (lengths.length !== batch) {
    throw new ShapeError(op, `lengths has ${lengths.length} values for a batch of ${batch}`, {
      expected: batch,
      got: lengths.length,
    });
  }
  for (const length of lengths) {
    if (!Number.isSafeInteger(length) || length < 0 || length > steps) {
      throw new ArgumentError(
        op,
        `lengths must be whole numbers from 0 to the number of steps, ${steps}, got [${lengths.join(",")}]`,
        { expected: steps, got: lengths },
      );
    }
  }
  return Array.from({ length: steps }, (_, t) => lengths.map((length) => t < length));
}

function fromMask(
  op: string,
  mask: readonly (readonly (boolean | number)[])[],
  steps: number,
  batch: number,
  batchFirst: boolean,
): boolean[][] {
  checkList(op, "mask", mask);
  for (const row of mask) checkList(op, "each row of the mask", row);
  const [rows, columns, layout] = batchFirst ? [batch, steps, "[N][T]"] : [steps, batch, "[T][N]"];
  const odd = mask.find((row) => row.length !== columns);
  if (mask.length !== rows || odd !== undefined) {
    const got = `[${mask.length}][${(odd ?? mask[0])?.length ?? 0}]`;
    throw new ShapeError(op, `the mask must be ${layout} = [${rows}][${columns}], as the input is, got ${got}`, {
      expected: [rows, columns],
      got: [mask.length, (odd ?? mask[0])?.length ?? 0],
    });
  }
  const at = (t: number, n: number): boolean | number | undefined => (batchFirst ? mask[n]?.[t] : mask[t]?.[n]);
  return Array.from({ length: steps }, (_, t) => Array.from({ length: batch }, (_, n) => flagOf(op, at(t, n))));
}

/**
 * Which samples are at work in each step; `undefined` if all are in all.
 * @throws ShapeError, ArgumentError if lengths or mask do not fit the batch, or both are given
 */
export function activeSamples(
  op: string,
  { lengths, mask }: SequenceOptions,
  steps: number,
  batch: number,
  batchFirst: boolean,
): ActiveSamples | undefined {
  if (lengths !== undefined && mask !== undefined) {
    throw new ArgumentError(op, "give lengths or a mask, not both: a mask says all that lengths say");
  }
  let active: ActiveSamples | undefined;
  if (lengths !== undefined) active = fromLengths(op, lengths, steps, batch);
  if (mask !== undefined) active = fromMask(op, mask, steps, batch, batchFirst);
  return active?.every((row) => row.every((each) => each)) ? undefined : active;
}

/** A flag per sample. @throws ArgumentError unless it is a list of true, false, 1 or 0 */
export function flagsOf(op: string, name: string, flags: readonly boolean[]): boolean[] {
  checkList(op, name, flags);
  return flags.map((each) => flagOf(op, each));
}

/** The same for a single step; `undefined` if all are. @throws ShapeError, ArgumentError unless there is a flag per sample */
export function activeInStep(op: string, active: readonly boolean[], batch: number): ActiveSamples | undefined {
  const flags = flagsOf(op, "active", active);
  if (active.length !== batch) {
    throw new ShapeError(op, `active has ${active.length} values for a batch of ${batch}`, {
      expected: batch,
      got: active.length,
    });
  }
  return flags.every((each) => each) ? undefined : [flags];
}

/** Cuts steps into runs in which the same samples are at work. */
export function runsOf(active: ActiveSamples): ActiveRun[] {
  const runs: ActiveRun[] = [];
  for (const [t, row] of active.entries()) {
    const last = runs.at(-1);
    if (last?.active.every((each, n) => each === row[n])) runs[runs.length - 1] = { ...last, steps: last.steps + 1 };
    else runs.push({ start: t, steps: 1, active: row });
  }
  return runs;
}

/** Frames `[T, N, …]` with 0 where a sample is not at work, whatever it holds there: NaN times a gradient of 0 would still be NaN. */
export function zeroInactive(x: Tensor, active: ActiveSamples): Tensor {
  const { dtype, device } = x;
  const shape = x.shape.map((n, axis) => (axis < 2 ? n : 1));
  const mask = tensor(
    active.flatMap((row) => row.map((each) => (each ? 1 : 0))),
    { dtype, device, shape },
  );
  return where(mask, x, 0);
}
