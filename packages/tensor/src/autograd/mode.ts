import { AutogradError } from "@squall/device";

let enabled = true;

/** Whether operations are being recorded for differentiation. */
export function isGradEnabled(): boolean {
  return enabled;
}

/** Runs `fn` with recording set to `value`, and puts it back whatever happens. */
function withMode<R>(op: string, value: boolean, fn: () => R): R {
  const before = enabled;
  enabled = value;
  try {
    const result = fn();
    // Recording is switched back when fn returns, which for an async function is at its first await.
    if (result instanceof Promise) {
      throw new AutogradError(
        op,
        "the function returned a promise, but recording can only be switched for synchronous code; read tensors outside",
      );
    }
    return result;
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
