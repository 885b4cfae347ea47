import { AutogradError } from "@squall/device";

let enabled = true;

/** Whether operations are being recorded for differentiation. */
export function isGradEnabled(): boolean {
  return enabled;
}

/**
 * Gives back what a function returned. A mode ends when its function returns, which for an asynchronous one is at its first await.
 * @throws AutogradError if it is a promise
 */
export function refusePromise<R>(op: string, result: R): R {
  if (result instanceof Promise) {
    throw new AutogradError(
      op,
      "the function returned a promise, but it must be synchronous: what happens after its first await would be missed; read tensors outside",
    );
  }
  return result;
}

/** Runs `fn` with recording set to `value`, and puts it back whatever happens. */
function withMode<R>(op: string, value: boolean, fn: () => R): R {
  const before = enabled;
  enabled = value;
  try {
    return refusePromise(op, fn());
  } finally {
    enabled = before;
  }
}

/**
 * Runs `fn` without recording: results do not require gradients.
 * @throws AutogradError if `fn` is asynchronous.
 */
export function noGrad<R>(fn: () => R): R {
  return withMode("noGrad", false, fn);
}

/**
 * Runs `fn` with recording, inside {@link noGrad} too.
 * @throws AutogradError if `fn` is asynchronous.
 */
export function enableGrad<R>(fn: () => R): R {
  return withMode("enableGrad", true, fn);
}
