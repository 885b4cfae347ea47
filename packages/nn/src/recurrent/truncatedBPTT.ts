import { ArgumentError, keepStorage, ShapeError, trackStorage } from "@squall/device";
import { scope, type Tensor } from "@squall/tensor";
import { checkWhole, show } from "../arguments.ts";
import { at } from "../at.ts";
import { checkNames, type Names } from "../optionNames.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import { checkSequence } from "./cellChecks.ts";
import { RecurrentLayer, type RecurrentOutput } from "./layer.ts";
import { sequenceNames } from "./names.ts";
import { activeSamples, type SequenceOptions, sequenceOf } from "./sequenceMask.ts";

/** Options of {@link truncatedBPTT}. */
export interface TruncatedBPTTOptions<State> extends SequenceOptions {
  /** Steps of one chunk: as far as gradients go back. */
  readonly chunkSteps: number;
  /** States before the first step, of all layers. Left out: as in the layers' `forward`. */
  readonly states?: readonly State[];
}

const names: Names<TruncatedBPTTOptions<unknown>> = { ...sequenceNames, chunkSteps: true, states: true };

/** One chunk of a sequence, after its forward pass. */
export interface SequenceChunk<State> {
  /** As the layers' `forward` gives them, for the steps of this chunk. */
  readonly outputs: RecurrentOutput<State>[0];
  /** States of all layers after the chunk, with their graph. */
  readonly states: RecurrentOutput<State>[1];
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
 * chunk runs in a `scope`. Dropout masks hold for the whole sequence.
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
 * @param train - does the backward pass and the optimizer's step, before it returns: not an async function. What it returns is collected
 * @throws ArgumentError if `chunkSteps` is not a whole number >= 1, the layer reads backwards, or lengths or mask do not fit the sequence,
 * before anything is trained; else as the layers' `forward`
 */
export function truncatedBPTT<State extends RecurrentState, R>(
  layer: RecurrentLayer<State, RecurrentCell<State>>,
  x: Tensor,
  options: TruncatedBPTTOptions<State>,
  train: (chunk: SequenceChunk<State>) => R,
): TruncatedBPTTResult<State, R> {
  const op = "truncatedBPTT";
  if (!(layer instanceof RecurrentLayer)) {
    throw new ArgumentError(op, `takes recurrent layers, such as a ConvLSTM, got ${show(layer)}`, { got: layer });
  }
  checkNames(op, options, names);
  const { chunkSteps } = options;
  checkWhole(op, "chunkSteps", chunkSteps, 1);
  if (Object.prototype.toString.call(train) === "[object AsyncFunction]") {
    throw new ArgumentError(
      op,
      "train must not be async: the next chunk would begin before its step; return a promise of what is to be read, such as loss.item()",
    );
  }
  if (layer.goBackwards) {
    throw new ArgumentError(
      op,
      "goBackwards reads the last frame first, so states cannot be carried from chunk to chunk",
    );
  }
  const { batchFirst, spatialDims, inputChannels: channels } = layer;
  const layout = batchFirst ? "[N,T,C,…]" : "[T,N,C,…]";
  checkSequence(op, x, { rank: spatialDims + 3, layout, spatialDims, channels });
  const time = batchFirst ? 1 : 0;
  const [total, batch, imageSize] = [at(x.shape, time), at(x.shape, 1 - time), x.shape.slice(3)];
  if (total < 1) throw new ShapeError(op, "the sequence has no steps", { expected: 1, got: total });
  // Before anything is trained on: all of the lengths or the mask, not chunk by chunk.
  activeSamples(op, sequenceOf(options), total, batch, batchFirst);
  const noise = layer.drawNoise(batch, imageSize, options.states);
  const masks = noise.flatMap(({ cell: { input = [], state = [] } }) => [...input, ...state]);
  const results: R[] = [];
  let { states } = options;
  let own: readonly Tensor[] = [];
  for (let start = 0; start < total; start += chunkSteps) {
    const steps = Math.min(chunkSteps, total - start);
    const after = scope(() => {
      // The states that a chunk starts from end with it, and masks with the last, unless a graph that it returns needs them.
      for (const { storage } of start + steps < total ? own : [...own, ...masks]) {
        keepStorage(storage);
        trackStorage(storage);
      }
      const part = { ...partOf(options, batchFirst, start, steps), noise };
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
