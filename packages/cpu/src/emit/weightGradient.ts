import type { Module } from "../assembler/module.ts";
import { addDirectGradient } from "./gradientDirect.ts";
import type { GradientShape } from "./gradientLayout.ts";
import { addWinogradGradient } from "./gradientWinograd.ts";

/**
 * Adds the task functions of a weight gradient. From parameter word `word` on they read: input frames, frames of output gradients, number of
 * frames, sums (zero at first), points, finished.
 *
 * - `gradient.points` (Winograd only): index (frame, row of tiles).
 * - `gradient.product`: index (group of frames, matrix, block); adds to the sums.
 * - `gradient.finish` (Winograd only): index (part), after all products.
 */
export function addWeightGradient(module: Module, shape: GradientShape, word: number): void {
  if (shape.winograd === undefined) addDirectGradient(module, shape, word);
  else addWinogradGradient(module, shape, shape.winograd, word);
}
