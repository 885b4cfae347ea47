import type { FloatArray } from "@squall/device";

/** Part of an operand that is packed: lanes (rows of A or columns of B) along a run of the summed axis. */
export interface Lanes {
  /** Where the elements are; element (lane, k) is `data[offset + lanes[lane] + inner[k]]`. */
  readonly data: FloatArray;
  /** Added to every place. */
  readonly offset: number;
  /** Place of each lane. */
  readonly lanes: Int32Array;
  /** First lane. */
  readonly from: number;
  /** Lane after the last. */
  readonly to: number;
  /** Place of each element of the summed axis. */
  readonly inner: Int32Array;
  /** First element of the run. */
  readonly innerFrom: number;
  /** Element after the last. */
  readonly innerTo: number;
}

/** Sums tiles of a matrix product over packed operands. What it packs to is its own business. */
export interface TileEngine {
  /** Rows of a tile. */
  readonly rows: number;
  /** Columns of a tile. */
  readonly columns: number;
  /** Makes room for so many packed elements of each operand, and so many row panels. */
  reserve(a: number, b: number, panels: number): void;
  /** Packs rows of A. Lanes that fill up the last panel are never read as results. */
  packRows(part: Lanes): void;
  /** Packs columns of B, likewise. */
  packColumns(part: Lanes): void;
  /**
   * Multiplies the first `panels` row panels by one column panel.
   * @returns one row-major tile per row panel, one after the other; valid until the next call
   */
  multiply(panels: number, columnPanel: number, depth: number): FloatArray;
}
