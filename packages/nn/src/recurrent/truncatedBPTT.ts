import { ArgumentError, keepStorage, trackStorage } from "@squall/device";
import { scope, type Tensor } from "@squall/tensor";
import { checkWhole } from "../arguments.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import type { RecurrentLayer } from "./layer.ts";
import type { SequenceOptions } from "./sequenceMask.ts";

/** Options of {@link truncatedBPTT}. */
export interface TruncatedBPTTOptions<State> extends SequenceOptions {
  /** Steps of one chunk: as far as gradients go back. */
  readonly chunkSteps: number;
  /** States before the first step, of all layers. Left out: as in the layers' `forward`. */
  readonly states?: readonly State[];
}

/** One chunk of a sequence, after its forward pass. */
export interface SequenceChunk<State> {
  /** As the layers' `forward` gives them, for the steps of this chunk. */
  readonly outputs: Tensor[];
  /** States of all layers after the chunk, with their graph. */
  readonly states: State[];
  /** First step of the chunk. */
  readonly start: number;
  /** Number of its steps; the last chunk may have fewer than the others. */
  readonly steps: number;
}

/** What {@link truncatedBPTT} returns. */
export interface TruncatedBPTTResult<State, R> {
  /** What the callback returned for each chunk. */
  readonly results: R[];
  /** States of all layers after the last step, detached: those to go on with. */
  readonly states: State[];
}

/**
 * Truncated backpropagation through time (Williams and Peng 1990): cuts a long sequence into chunks, runs the layers over one after the other
 * with the states carried on and detached in between, and leaves the backward pass of each to `train`. Memory is that of one chunk, and each
 * chunk runs in a `scope`.
 *
 * ```ts
 * const { results, states } = truncatedBPTT(model, x, { chunkSteps: 10 }, ({ outputs: [hidden], start, steps }) => {
 *   const loss = mse(head(hidden), target.narrow(0, start, steps));
 *   optimizer.zeroGrad();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * ```
 * @param layer - `ConvLSTM`, `ConvGRU` or `ConvRNN`
 * @param x - a whole sequence, in the layer's layout
 * @param train - does the backward pass and the optimizer's step; what it returns is collected
 * @throws ArgumentError if `chunkSteps` is not a whole number >= 1, or the layer reads backwards; else as the layers' `forward`
 */
export function truncatedBPTT<State extends RecurrentState, R>(
  layer: RecurrentLayer<State, RecurrentCell<State>>,
  x: Tensor,
  options: TruncatedBPTTOptions<State>,
  train: (chunk: SequenceChunk<State>) => R,
): TruncatedBPTTResult<State, R> {
  const op = "truncatedBPTT";
  const { chunkSteps } = options;
  checkWhole(op, "chunkSteps", chunkSteps, 1);
  if (layer.goBackwards) {
    throw new ArgumentError(
      op,
      "goBackwards reads the last frame first, so states cannot be carried from chunk to chunk",
    );
  }
  const time = layer.batchFirst ? 1 : 0;
  const total = x.shape[time] ?? 0;
  const results: R[] = [];
  let { states } = options;
  let own: readonly Tensor[] = [];
  for (let start = 0; start < total || start === 0; start += chunkSteps) {
    const steps = Math.min(chunkSteps, total - start);
    const after = scope(() => {
      // The states that a chunk starts from end with it, unless a graph that it returns needs them.
      for (const { storage } of own) {
        keepStorage(storage);
        trackStorage(storage);
      }
      const part = partOf(options, layer.batchFirst, start, steps);
      const [outputs, reached] = layer.forwardAll(x.narrow(time, start, steps), states, part);
      results.push(train({ outputs, states: reached, start, steps }));
      const detached = reached.map((state, k) => {
        const cell = layer.cells.at(k);
        // Copies: what the callback was shown is the caller's.
        return cell.stateOf(cell.partsOf(state).map((each) => each.detach().clone()));
      });
      return { detached, result: results.at(-1) };
    });
    states = after.detached;
    own = states.flatMap((state, k) => layer.cells.at(k).partsOf(state));
  }
  return { results, states: [...(states ?? [])] };
}

/** Lengths or mask of some steps. */
function partOf(
  { lengths, mask }: SequenceOptions,
  batchFirst: boolean,
  start: number,
  steps: number,
): SequenceOptions {
  const end = start + steps;
  return {
    ...(lengths && { lengths: lengths.map((length) => Math.max(0, Math.min(length - start, steps))) }),
    ...(mask && { mask: batchFirst ? mask.map((row) => row.slice(start, end)) : mask.slice(start, end) }),
  };
}
