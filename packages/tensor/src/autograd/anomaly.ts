import { AutogradError } from "@squall/device";
import type { Tensor } from "../tensor.ts";
import { refusePromise } from "./mode.ts";

let enabled = false;

/** Whether {@link detectAnomaly} is at work. */
export function isAnomalyModeEnabled(): boolean {
  return enabled;
}

/**
 * Runs `fn` (forward, backward or both) and checks every value that any operation produces, forward and backward. Slow: for finding out
 * where a NaN comes from.
 * @throws AutogradError naming the first operation that produced a NaN or an infinity from finite inputs, or if `fn` is asynchronous. DeviceError on a device
 * that cannot be read synchronously.
 */
export function detectAnomaly<R>(fn: () => R): R {
  const before = enabled;
  enabled = true;
  try {
    return refusePromise("detectAnomaly", fn());
  } finally {
    enabled = before;
  }
}

/** Runs a gradient rule without looking inside: the engine checks its results and names the op that they belong to. */
export function withoutAnomalyChecks<R>(fn: () => R): R {
  const before = enabled;
  enabled = false;
  try {
    return fn();
  } finally {
    enabled = before;
  }
}

function firstNonFinite(tensor: Tensor): number | undefined {
  return tensor.device.readSync(tensor.storage).find((value) => !Number.isFinite(value));
}

/** @throws AutogradError if an output holds a NaN or an infinity. */
export function checkFinite(op: string, inputs: readonly Tensor[], outputs: readonly Tensor[]): void {
  for (const output of outputs) {
    const bad = firstNonFinite(output);
    if (bad === undefined) continue;
    const from = inputs.findIndex((input) => firstNonFinite(input) !== undefined);
    const whence = from < 0 ? "from finite inputs" : `input ${from} was not finite either`;
    throw new AutogradError(op, `produced ${bad} in its output ${output}; ${whence}`, {
      expected: "finite values",
      got: bad,
    });
  }
}
