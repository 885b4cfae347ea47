import type { Code, Local } from "../assembler/code.ts";

/** Longest run of the summed axis at a time: a panel of B of this depth stays in the first-level cache. */
export const depthBlock = 256;
/** How a matrix product is emitted; sizes are parameters, so that there are few such modules. */
export interface MatmulShape {
  /** Whether A is stored `[inner, rows]`. */
  readonly transposeA: boolean;
  /** Whether B is stored `[columns, inner]`. */
  readonly transposeB: boolean;
  /** Rows of a tile at most. */
  readonly rows: number;
  /** Vectors of four floats per panel of columns: 2, or 4 where the engine fuses pairs to 256 bits. */
  readonly vectors: number;
  /** Multiply and add in one rounding. */
  readonly fused: boolean;
}

/** Parameters of the task functions, in their order. All sizes are those of what is staged; bytes where it says so. */
export const matmulWords = [
  /** Addresses: stacks of A and B as they are stored, panels of B, results `[matrix, row, column]`. */
  "a",
  "b",
  "panels",
  "c",
  /** Sizes of a product. */
  "rows",
  "inner",
  "columns",
  /** Rows of a block of results, and how many blocks there are. */
  "blockRows",
  "rowBlocks",
  /** Panels of a block of results, and how many blocks there are. */
  "blockPanels",
  "columnBlocks",
  /** Panels of a matrix, bytes from one to the next, and bytes of all panels of a matrix. */
  "panelCount",
  "panelBytes",
  "matrixBytes",
  /** Rows of B that are packed at a time, a divisor of {@link depthBlock}, and how many such slices a matrix has. */
  "slice",
  "slices",
  /** Slices that a task packs, and slices in all. */
  "packPer",
  "packUnits",
  /** Blocks that a task multiplies, and blocks in all. */
  "productPer",
  "productUnits",
  /** 1 if results are added to what is there. */
  "accumulate",
] as const;

/** A parameter. */
export type MatmulWord = (typeof matmulWords)[number];

/** Loads a parameter into a new variable. */
export function loadWord(code: Code, parameters: Local, word: MatmulWord): Local {
  const local = code.local("i32");
  code.loadNumber(parameters, 4 * matmulWords.indexOf(word)).set(local);
  return local;
}

/** Runs `body` with every unit of a task: `index · per` up to `(index + 1) · per`, but not beyond `units`. */
export function forUnits(code: Code, index: Local, per: Local, units: Local, body: (unit: Local) => void): void {
  const [unit, end] = code.localList("i32", 2);
  code.get(index).get(per).op("i32.mul").tee(unit).get(per).op("i32.add").set(end);
  lower(code, end, units);
  code.while(
    () => code.get(unit).get(end).op("i32.lt_u"),
    () => {
      body(unit);
      code.advance(unit, 1);
    },
  );
}

/** Sets a variable to another one if that is less. */
export function lower(code: Code, local: Local, most: Local): void {
  code.get(local).get(most).get(local).get(most).op("i32.lt_s").op("select").set(local);
}
