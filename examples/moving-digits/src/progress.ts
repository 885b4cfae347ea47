// Tells a person how training goes: a bar on a terminal, a plain line now and then everywhere else (a file, a pipe, a
// build server), where a bar would be a mess of control codes.

import { MultiBar } from "cli-progress";

/** Reports progress. After `stop` the other methods do nothing. */
export interface Progress {
  /** Says that `step` steps are done and what the last loss was. */
  update(step: number, loss: number): void;
  /** Prints a line of its own without disturbing the bar. */
  note(text: string): void;
  /** Ends the report and gives the terminal back as it was. May be called more than once. */
  stop(): void;
}

/** Where and how to report. */
export interface ProgressOptions {
  /** Steps to do in all. */
  readonly total: number;
  /** Default `process.stdout`; its `isTTY` decides between bar and lines. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Part of all steps between two plain lines, default 0.05. */
  readonly every?: number;
  /** Time in milliseconds, default `performance.now`. */
  readonly now?: () => number;
}

/**
 * Starts reporting; the clock for speed and remaining time starts too. Call `stop` whatever happens: until then a bar
 * hides the cursor and keeps the process alive.
 */
export function startProgress(options: ProgressOptions): Progress {
  const { total, stream = process.stdout, every = 0.05, now = () => performance.now() } = options;
  const started = now();
  const pace = (step: number): { speed: string; left: string } => {
    const seconds = (now() - started) / 1000;
    if (step === 0 || seconds <= 0) return { speed: "-", left: "-" };
    return { speed: (step / seconds).toPrecision(3), left: formatDuration((seconds / step) * (total - step)) };
  };
  return stream.isTTY === true ? barProgress(total, stream, pace) : lineProgress(total, stream, every, pace);
}

/** A time span as people say it: `42 s`, `3 min 05 s`, `2 h 07 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  // Rounded to minutes before it is split, so that no hour has 60 of them.
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
}

const REDRAW_MILLISECONDS = 100;

type Pace = (step: number) => { speed: string; left: string };

function barProgress(total: number, stream: NodeJS.WritableStream, pace: Pace): Progress {
  // A MultiBar of one: only that kind can print a line above the bar.
  const screen = new MultiBar({
    stream,
    format: "{bar} {value}/{total}  loss {loss}  {speed} steps/s  {left} left",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    barsize: 28,
    hideCursor: true,
    // So that the bar comes back below a note even if it has not changed.
    forceRedraw: true,
  });
  const bar = screen.create(total, 0, { loss: "-", ...pace(0) });
  let running = true;
  let drawn = Number.NEGATIVE_INFINITY;
  return {
    update(step, loss) {
      if (!running) return;
      bar.update(step, { loss: formatLoss(loss), ...pace(step) });
      // The library draws from a timer, which a training loop that never waits would starve.
      if (Date.now() - drawn < REDRAW_MILLISECONDS) return;
      drawn = Date.now();
      screen.update();
    },
    note(text) {
      if (!running) return;
      screen.log(`${text}\n`);
      screen.update();
    },
    stop() {
      if (running) screen.stop();
      running = false;
    },
  };
}

function lineProgress(total: number, stream: NodeJS.WritableStream, every: number, pace: Pace): Progress {
  const stride = Math.max(1, Math.round(total * every));
  let running = true;
  let printed = 0;
  return {
    update(step, loss) {
      const due = step >= printed + stride || step >= total;
      if (!running || step <= printed || !due) return;
      printed = step;
      const { speed, left } = pace(step);
      stream.write(`step ${step}/${total}  loss ${formatLoss(loss)}  ${speed} steps/s  ${left} left\n`);
    },
    note(text) {
      if (running) stream.write(`${text}\n`);
    },
    stop() {
      running = false;
    },
  };
}

function formatLoss(loss: number): string {
  return loss.toPrecision(4);
}
