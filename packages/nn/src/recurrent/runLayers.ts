import type { Shape } from "@squall/device";
import { cat, checkpoint, type Tensor } from "@squall/tensor";
import { at } from "../at.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import type { FrameStage } from "./frameStage.ts";
import type { LayerNoise } from "./layerNoise.ts";
import { maskedSequence } from "./maskedSequence.ts";
import { noMasks } from "./noise.ts";
import { type ActiveSamples, zeroInactive } from "./sequenceMask.ts";

/** Spatial sizes that one layer works with. */
export interface LayerSizes {
  /** Of the images that go into the cell. */
  readonly image: readonly number[];
  /** Of the states. */
  readonly states: readonly number[];
}

/** Layers one above the other. */
export interface LayerStack<State extends RecurrentState> {
  /** One per layer. */
  readonly cells: readonly RecurrentCell<State>[];
  /** What every frame goes through before each layer, if anything. */
  readonly stages: readonly FrameStage[] | undefined;
  /** Whether the hidden states of a layer are wanted for all steps. */
  readonly wants: (layer: number) => boolean;
}

/** A sequence, checked and time-first. */
export interface SequenceRun<State> {
  /** `[T, N, C, …]`; `undefined` without input. */
  readonly x: Tensor | undefined;
  /** T. */
  readonly steps: number;
  /** Per layer. */
  readonly sizes: readonly LayerSizes[];
  /** Before the first step, per layer. */
  readonly states: readonly State[];
  /** Which samples are at work in each step; all if left out. */
  readonly active: ActiveSamples | undefined;
}

/** What came of a {@link SequenceRun}. */
export interface SequenceRunResult<State> {
  /** Hidden states of the layers that are wanted, `[T, N, H, …]`, by layer. */
  readonly hidden: ReadonlyMap<number, Tensor>;
  /** After the last step, per layer. */
  readonly states: State[];
}

/** All steps through one layer after the other. */
export function runLayers<State extends RecurrentState>(
  { cells, stages, wants }: LayerStack<State>,
  run: SequenceRun<State>,
  noise: readonly LayerNoise[],
): SequenceRunResult<State> {
  const hidden = new Map<number, Tensor>();
  let sequence = run.active && stages ? run.x && zeroInactive(run.x, run.active) : run.x;
  const states = cells.map((cell, layer) => {
    const state = at(run.states, layer);
    const { cell: masks = noMasks, dropout } = noise[layer] ?? {};
    if (sequence !== undefined) sequence = dropout?.forward(sequence) ?? sequence;
    const stage = stages?.[layer];
    if (stage !== undefined && sequence !== undefined) {
      sequence = frameWise(stage, sequence, at(run.sizes, layer).image);
    }
    const result =
      run.active === undefined
        ? cell.sequence(sequence, run.steps, state, masks)
        : maskedSequence(cell, sequence, run.active, state, masks);
    sequence = result.hidden;
    if (wants(layer)) hidden.set(layer, result.hidden);
    return result.state;
  });
  return { hidden, states };
}

/**
 * The same, `chunkSteps` steps at a time, each chunk computed again in the backward pass: what is kept are the states between chunks, and
 * what the one chunk that is being gone through needs.
 */
export function runLayersInChunks<State extends RecurrentState>(
  stack: LayerStack<State>,
  run: SequenceRun<State>,
  noise: readonly LayerNoise[],
  chunkSteps: number,
): SequenceRunResult<State> {
  const { x, steps, sizes, active } = run;
  const drawn = noise.flatMap(({ cell: { input = [], state = [] } }) => [...input, ...state]);
  const hidden = new Map<number, Tensor[]>();
  let states = [...run.states];
  for (let start = 0; start < steps; start += chunkSteps) {
    const count = Math.min(chunkSteps, steps - start);
    // Frames that need no gradient are cut out when they are needed, and not kept a second time.
    const early = x?.requiresGrad === true ? x.narrow(0, start, count) : undefined;
    const before = states;
    const parts = before.flatMap((state, layer) => at(stack.cells, layer).partsOf(state));
    const inputs = [early ?? x, ...parts, ...drawn].filter((each) => each !== undefined);
    const compute = (..._: readonly Tensor[]): SequenceRunResult<State> => {
      const frames = early ?? x?.narrow(0, start, count);
      const chunk = { x: frames, steps: count, sizes, states: before, active: active?.slice(start, start + count) };
      return runLayers(stack, chunk, noise);
    };
    const result = checkpoint<Tensor[], SequenceRunResult<State>>(compute, ...inputs);
    states = result.states;
    for (const [layer, sequence] of result.hidden) hidden.set(layer, [...(hidden.get(layer) ?? []), sequence]);
  }
  return { hidden: new Map([...hidden].map(([layer, parts]) => [layer, cat(parts)])), states };
}

/** Images of all steps through a stage, `[T, N, …]`. */
function frameWise(stage: FrameStage, x: Tensor, size: Shape): Tensor {
  const [steps = 0, batch = 0, ...frame] = x.shape;
  const y = stage.forward(x.reshape([steps * batch, ...frame]), size);
  return y.reshape([steps, batch, ...y.shape.slice(1)]);
}
