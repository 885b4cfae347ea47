import type { Code, Local } from "../assembler/code.ts";
import type { GradientShape } from "./gradientLayout.ts";

/** Names of the functions that {@link addWeightGradient} adds, and words of parameters that they read. */
export const gradientFunctions = { points: "gradient.points", product: "gradient.product", finish: "gradient.finish" };

/** Reads a word of parameters into a variable. */
export function parameter(code: Code, word: number): Local {
  const local = code.local("i32");
  code.loadNumber(code.parameter(0), 4 * word).set(local);
  return local;
}

/** Runs `body` for each frame of a group. */
export function forFramesOf(
  code: Code,
  group: Local,
  frames: number,
  count: Local,
  body: (frame: Local, place: Local) => void,
): void {
  const [frame, place] = code.localList("i32", 2);
  code.get(group).number(frames).op("i32.mul").set(frame).number(0).set(place);
  code.while(
    () => code.get(place).number(frames).op("i32.lt_u").get(frame).get(count).op("i32.lt_u").op("i32.and"),
    () => {
      body(frame, place);
      code.advance(frame, 1).advance(place, 1);
    },
  );
}

/** A run cut into equal pieces of at most `limit`, and the last one. */
export function runs(length: number, limit: number): { pieces: number; piece: number; last: number } {
  const pieces = Math.ceil(length / limit);
  const piece = Math.ceil(length / pieces);
  const whole = Math.ceil(length / piece);
  return { pieces: whole, piece, last: length - (whole - 1) * piece };
}

/** Rows (output channels) of each block: the same number, the last one perhaps fewer. */
export function blockRows({ outputs }: GradientShape, blocks: number): { rows: number; last: number } {
  const rows = Math.ceil(outputs / blocks);
  return { rows, last: outputs - (blocks - 1) * rows };
}
