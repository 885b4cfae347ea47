import { formatShape, ShapeError, sameShape } from "@squall/device";
import type { Generator } from "@squall/tensor";
import { at } from "../at.ts";
import { Dropout } from "../layers/dropout.ts";
import type { RecurrentCell, RecurrentState } from "./cell.ts";
import { type SequenceMasks, streamOf } from "./noise.ts";
import type { LayerSizes } from "./runLayers.ts";

/** What is random in one layer throughout a sequence. */
export interface LayerNoise {
  /** In its cell. */
  readonly cell: SequenceMasks;
  /** On the way from the layer below. */
  readonly dropout: Dropout | undefined;
}

/**
 * Draws what is random in layers throughout a sequence.
 * @param sizes - that they work with
 * @param p - probability that an element between two of them is dropped
 */
export function drawLayerNoise<State extends RecurrentState>(
  cells: readonly RecurrentCell<State>[],
  batch: number,
  sizes: readonly LayerSizes[],
  p: number,
  generator: Generator | undefined,
): LayerNoise[] {
  return cells.map((cell, layer): LayerNoise => {
    const { image, states } = at(sizes, layer);
    return {
      cell: cell.drawMasks(batch, image, states),
      // A stream of its own: the numbers are the same however the steps are cut into chunks.
      dropout: p > 0 && layer > 0 ? new Dropout({ p, generator: streamOf(generator) }) : undefined,
    };
  });
}

/** @throws ShapeError unless there is noise for every layer, of this batch and these sizes */
export function checkLayerNoise(
  op: string,
  noise: readonly LayerNoise[],
  batch: number,
  sizes: readonly LayerSizes[],
): void {
  const remedy = "; draw it with drawNoise(batch, imageSize) of these layers, for the whole sequence";
  if (noise.length !== sizes.length) {
    throw new ShapeError(op, `noise for ${noise.length} layers was given to ${sizes.length}${remedy}`, {
      expected: sizes.length,
      got: noise.length,
    });
  }
  for (const [layer, { cell }] of noise.entries()) {
    const { image, states } = at(sizes, layer);
    for (const [masks = [], size] of [
      [cell.input, image],
      [cell.state, states],
    ] as const) {
      for (const { shape } of masks) {
        const expected = [batch, shape[1] ?? 0, ...size];
        if (sameShape(shape, expected)) continue;
        throw new ShapeError(
          op,
          `noise of layer ${layer} is ${formatShape(shape)} but this sequence needs ${formatShape(expected)}${remedy}`,
          { expected, got: shape },
        );
      }
    }
  }
}
