/** `C[b] = op(A[b]) · op(B[b])` with `C[b]` of `[rows, columns]`, all contiguous. */
export interface MatmulGeometry {
  /** Number of matrix pairs. */
  readonly batch: number;
  /** Rows of the result. */
  readonly rows: number;
  /** Length of the summed axis. */
  readonly inner: number;
  /** Columns of the result. */
  readonly columns: number;
  /** Whether `A` is stored `[inner, rows]` instead of `[rows, inner]`. */
  readonly transposeA: boolean;
  /** Whether `B` is stored `[columns, inner]` instead of `[inner, columns]`. */
  readonly transposeB: boolean;
}
