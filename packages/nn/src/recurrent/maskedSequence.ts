import type { Shape } from "@squall/device";
import { cat, isGradEnabled, type Tensor, tensor, where, zeros } from "@squall/tensor";
import type { RecurrentCell, RecurrentState, SequenceResult } from "./cell.ts";
import type { SequenceMasks } from "./noise.ts";
import { type ActiveSamples, runsOf } from "./sequenceMask.ts";

/** 1 where a sample is chosen, `[N, 1…]`, fit to broadcast with `like`. */
function column(chosen: readonly boolean[], like: Tensor, rank: number): Tensor {
  const { dtype, device } = like;
  const shape = [chosen.length, ...Array.from({ length: rank - 1 }, () => 1)];
  return tensor(
    chosen.map((each) => (each ? 1 : 0)),
    { dtype, device, shape },
  );
}

/** One tensor for the chosen samples, `[N, …]`, the other for the rest. */
export function chosen(mask: readonly boolean[], whenChosen: Tensor, otherwise: Tensor): Tensor {
  return where(column(mask, otherwise, otherwise.rank), whenChosen, otherwise);
}

/** Zeros that depend on tensors, with gradients of 0: what comes of frames that do not count can be trained on as the rest. */
function zerosOf(shape: Shape, like: Tensor, origins: readonly Tensor[]): Tensor {
  const zero = zeros(shape, like);
  const links = (isGradEnabled() ? origins : []).filter((origin) => origin.requiresGrad && origin.size > 0);
  if (links.length === 0) return zero;
  const first = links.map((origin) => origin.reshape([-1]).narrow(0, 0, 1));
  return where(zero, cat(first).sum(), zero);
}

/**
 * A sequence of which not all samples are at work in all steps. Runs of steps in which the same ones are go through the cell together;
 * for the others the states stay, outputs are 0, and neither their frames nor their gradients count.
 */
export function maskedSequence<State extends RecurrentState>(
  cell: RecurrentCell<State>,
  x: Tensor | undefined,
  active: ActiveSamples,
  before: State,
  masks: SequenceMasks,
): SequenceResult<State> {
  let state = before;
  const hidden = runsOf(active).map((run) => {
    const { h } = state;
    const part = x?.narrow(0, run.start, run.steps);
    if (!run.active.some((each) => each)) {
      const origins = [...(part ? [part] : []), ...cell.partsOf(state), ...cell.parameters()];
      return zerosOf([run.steps, ...h.shape], h, origins);
    }
    if (run.active.every((each) => each)) {
      const result = cell.sequence(part, run.steps, state, masks);
      state = result.state;
      return result.hidden;
    }
    const mask = column(run.active, h, h.rank);
    // Padding may hold anything; NaN times a gradient of 0 would still be NaN.
    const result = cell.sequence(part && where(mask, part, 0), run.steps, state, masks);
    const old = cell.partsOf(state);
    state = cell.stateOf(cell.partsOf(result.state).map((after, k) => where(mask, after, old[k] ?? after)));
    return where(mask, result.hidden, 0);
  });
  return { hidden: hidden.length === 1 && hidden[0] !== undefined ? hidden[0] : cat(hidden), state };
}
