// Taking turns with the rest of the page.

const waiting: (() => void)[] = [];
let port: MessagePort | undefined;

/**
 * Lets clicks, timers and drawing have their turn. A message does that at once, where a timer of 0 ms waits for 4.
 */
export function nextTurn(): Promise<void> {
  if (port === undefined) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => waiting.shift()?.();
    port = port2;
  }
  port.postMessage(undefined);
  return new Promise((resolve) => waiting.push(resolve));
}

/**
 * Makes calls of an asynchronous function take turns: while one runs, only the newest of those that came in meanwhile is kept. For work
 * that follows the pointer.
 *
 * @returns a function whose promise settles when its own call is done, or when it is clear that a newer one comes instead
 */
export function newestOnly<A extends readonly unknown[]>(
  run: (...args: A) => Promise<void>,
): (...args: A) => Promise<void> {
  let running = false;
  let answerNext: ((goOn: boolean) => void) | undefined;
  return async (...args) => {
    if (running) {
      answerNext?.(false);
      const goOn = await new Promise<boolean>((resolve) => {
        answerNext = resolve;
      });
      if (!goOn) return;
    }
    running = true;
    try {
      await run(...args);
    } finally {
      const answer = answerNext;
      answerNext = undefined;
      // The next one goes on later; nobody may come in between.
      if (answer === undefined) running = false;
      else answer(true);
    }
  };
}
