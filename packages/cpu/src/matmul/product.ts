import type { MatmulGeometry } from "@squall/device";
import { emitMatmul, matmulScratch, rowBlock } from "../emit/matmul.ts";
import { depthBlock, type MatmulShape, type MatmulWord, matmulWords } from "../emit/matmulWords.ts";
import { features } from "../features.ts";
import type { HostTask, Task } from "../pool/job.ts";
import type { Memory } from "../pool/memory.ts";
import { runJob, workMemory } from "../pool/pool.ts";
import { programOf } from "../pool/program.ts";
import { type Chunk, chunksOf, type Range } from "./chunks.ts";

/** Multiply-adds that are worth a task of their own. */
const taskWork = 300_000;
/** Pieces that a product is cut into, if it is large enough: some for each thread, so that they end at about the same time. */
const pieces = 12;
/** Floats that vectors may read past the end of an operand. */
const slack = 16;

const lengthOf = ({ from, to }: Range): number => to - from;

/** How a chunk is cut into tasks. */
function cut({ batch, rows, inner, columns }: Chunk, { rows: tileRows, vectors }: MatmulShape) {
  const lanes = 4 * vectors;
  const [count, height, depth, width] = [batch, rows, inner, columns].map(lengthOf);
  const work = count * height * depth * width;
  const blockRows = Math.ceil(height / Math.ceil(height / rowBlock) / tileRows) * tileRows;
  const rowBlocks = Math.ceil(height / blockRows);
  const panelCount = Math.ceil(width / lanes);
  const wanted = Math.min(pieces, work / taskWork);
  const blockPanels = Math.ceil(panelCount / Math.max(1, Math.ceil(wanted / (count * rowBlocks))));
  const columnBlocks = Math.ceil(panelCount / blockPanels);
  const slice = depth < 4 * depthBlock ? 16 : 64;
  const slices = Math.ceil(depth / slice);
  const panelBytes = 4 * lanes * Math.min(depthBlock, Math.ceil(depth / 4) * 4);
  // Small products go several to a task.
  const whole = rowBlocks * columnBlocks === 1;
  return {
    work,
    rows: height,
    inner: depth,
    columns: width,
    blockRows,
    rowBlocks,
    blockPanels,
    columnBlocks,
    panelCount,
    panelBytes,
    matrixBytes: Math.ceil(depth / depthBlock) * panelCount * panelBytes,
    slice,
    slices,
    packPer: Math.ceil((count * slices) / pieces),
    packUnits: count * slices,
    productPer: whole ? Math.max(1, Math.floor((taskWork * count) / work)) : 1,
    productUnits: count * rowBlocks * columnBlocks,
  };
}

/** A rectangle of a matrix somewhere in an array. */
interface Rectangle {
  readonly data: Float32Array;
  /** Its first element. */
  readonly start: number;
  /** From a row of the matrix to the next. */
  readonly step: number;
}

/** Copies a rectangle of so many rows and columns. */
function copyRectangle(from: Rectangle, to: Rectangle, rows: number, columns: number): void {
  const whole = from.step === columns && to.step === columns;
  const [times, length] = whole ? [1, rows * columns] : [rows, columns];
  for (let i = 0; i < times; i++) {
    const first = from.start + i * from.step;
    to.data.set(from.data.subarray(first, first + length), to.start + i * to.step);
  }
}

/** Where a chunk lies in the shared memory. */
interface Places {
  readonly a: number;
  readonly b: number;
  readonly panels: number;
  readonly c: number;
}

function place(memory: Memory, { batch, rows, inner, columns }: Chunk, matrixBytes: number): Places {
  const [count, height, depth, width] = [batch, rows, inner, columns].map(lengthOf);
  return {
    // First, because its place must not depend on the run of the summed axis.
    c: memory.allocate(4 * count * height * width),
    a: memory.allocate(4 * count * height * depth),
    b: memory.allocate(4 * (count * depth * width + slack)),
    panels: memory.allocate(count * matrixBytes),
  };
}

/** Matrix products in emitted code, `[batch, rows, columns]`; no size is 0. */
export function fastMatmul(geometry: MatmulGeometry, a: Float32Array, b: Float32Array): Float32Array {
  const { batch, rows, inner, columns, transposeA, transposeB } = geometry;
  const { fused, wide, rows: tileRows } = features();
  const shape: MatmulShape = { transposeA, transposeB, rows: tileRows, vectors: wide ? 4 : 2, fused };
  const out = new Float32Array(batch * rows * columns);
  const memory = workMemory();
  const program = programOf(`matmul ${transposeA} ${transposeB}`, memory.shared, () => emitMatmul(shape));
  const [pack, product] = [program.names.indexOf("pack"), program.names.indexOf("product")];
  for (const chunk of chunksOf(geometry)) {
    memory.reset();
    const parts = cut(chunk, shape);
    const places = place(memory, chunk, parts.matrixBytes);
    const { floats } = memory;
    const values: Readonly<Record<MatmulWord, number>> = {
      ...parts,
      ...places,
      accumulate: chunk.inner.from === 0 ? 0 : 1,
    };
    const { rowBlocks, columnBlocks, blockRows, productPer } = parts;
    const count = lengthOf(chunk.batch);
    const packs = Math.ceil(parts.packUnits / parts.packPer);
    const products = Math.ceil(parts.productUnits / productPer);
    // Counters: B is there, its panels are, A is, then one for each group of products that fills rows of results.
    const groups = Math.ceil(products / columnBlocks);
    /** Copies the chunk's part of an operand, `[line, along]`, close together. */
    const stage = (data: Float32Array, start: number, line: Range, along: Range, step: number): void => {
      const [height, width] = [lengthOf(line), lengthOf(along)];
      for (let n = 0; n < count; n++) {
        const first = (chunk.batch.from + n) * (data.length / batch) + line.from * step + along.from;
        const to = { data: floats, start: start / 4 + n * height * width, step: width };
        copyRectangle({ data, start: first, step }, to, height, width);
      }
    };
    const before = [
      (): void => {
        if (transposeB) stage(b, places.b, chunk.columns, chunk.inner, inner);
        else stage(b, places.b, chunk.inner, chunk.columns, columns);
      },
      (): void => {
        if (transposeA) stage(a, places.a, chunk.inner, chunk.rows, rows);
        else stage(a, places.a, chunk.rows, chunk.inner, inner);
      },
    ];
    const tasks: Task[] = [];
    for (let index = 0; index < packs; index++) tasks.push({ run: pack, index, waitFor: 0, value: 1, signal: 1 });
    for (let index = 0; index < products; index++) {
      const signal = 3 + Math.floor(index / columnBlocks);
      tasks.push({ run: product, index, waitFor: 1, value: packs, alsoFor: 2, alsoValue: 1, signal });
    }
    /** The first row of a group, with the rows of all matrices counted through. */
    const rowOf = (group: number): number =>
      Math.min(count, Math.floor((group * productPer) / rowBlocks)) * parts.rows + (group % rowBlocks) * blockRows;
    const collect = (group: number): void => {
      const [from, to] = [rowOf(group), rowOf(group + 1)];
      const first = chunk.batch.from * rows + chunk.rows.from + from;
      copyRectangle(
        { data: floats, start: places.c / 4 + from * parts.columns, step: parts.columns },
        { data: out, start: first * columns + chunk.columns.from, step: columns },
        to - from,
        parts.columns,
      );
    };
    const last = chunk.inner.to === inner;
    const after = Array.from({ length: last ? groups : 0 }, (_, group): HostTask => {
      return { waitFor: 3 + group, value: columnBlocks, signal: -1, run: () => collect(group) };
    });
    runJob({
      op: "matmul",
      program,
      parameters: matmulWords.map((word) => values[word]),
      counters: 3 + groups,
      tasks,
      before: before.map((run, k) => ({ waitFor: -1, value: 0, signal: 2 * k, run })),
      after,
      threadBytes: matmulScratch(shape),
      work: parts.work,
    });
  }
  return out;
}
