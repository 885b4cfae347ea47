import type { Lanes, TileEngine } from "../tileEngine.ts";
import { emitGemm, tileColumns, tileRows } from "./gemm.ts";

const floatBytes = 4;
const pageBytes = 65536;

/** Packs rows of A, six to a panel. Lanes past the end repeat the last one. */
function packSix({ data, offset, lanes, from, to, inner, innerFrom, innerTo }: Lanes, out: Float32Array): void {
  let at = 0;
  const last = to - 1;
  for (let lane = from; lane < to; lane += 6) {
    const p0 = offset + lanes[lane];
    const p1 = offset + lanes[Math.min(lane + 1, last)];
    const p2 = offset + lanes[Math.min(lane + 2, last)];
    const p3 = offset + lanes[Math.min(lane + 3, last)];
    const p4 = offset + lanes[Math.min(lane + 4, last)];
    const p5 = offset + lanes[Math.min(lane + 5, last)];
    for (let k = innerFrom; k < innerTo; k++) {
      const q = inner[k];
      out[at] = data[p0 + q];
      out[at + 1] = data[p1 + q];
      out[at + 2] = data[p2 + q];
      out[at + 3] = data[p3 + q];
      out[at + 4] = data[p4 + q];
      out[at + 5] = data[p5 + q];
      at += 6;
    }
  }
}

/** Packs columns of B, eight to a panel. Lanes past the end repeat the last one. */
function packEight({ data, offset, lanes, from, to, inner, innerFrom, innerTo }: Lanes, out: Float32Array): void {
  let at = 0;
  const last = to - 1;
  for (let lane = from; lane < to; lane += 8) {
    const p0 = offset + lanes[lane];
    const p1 = offset + lanes[Math.min(lane + 1, last)];
    const p2 = offset + lanes[Math.min(lane + 2, last)];
    const p3 = offset + lanes[Math.min(lane + 3, last)];
    const p4 = offset + lanes[Math.min(lane + 4, last)];
    const p5 = offset + lanes[Math.min(lane + 5, last)];
    const p6 = offset + lanes[Math.min(lane + 6, last)];
    const p7 = offset + lanes[Math.min(lane + 7, last)];
    for (let k = innerFrom; k < innerTo; k++) {
      const q = inner[k];
      out[at] = data[p0 + q];
      out[at + 1] = data[p1 + q];
      out[at + 2] = data[p2 + q];
      out[at + 3] = data[p3 + q];
      out[at + 4] = data[p4 + q];
      out[at + 5] = data[p5 + q];
      out[at + 6] = data[p6 + q];
      out[at + 7] = data[p7 + q];
      at += 8;
    }
  }
}

/** Compiles the kernel and gives it its memory: packed A, packed B, tiles, one after the other. @throws WebAssembly.CompileError */
export function wasmTiles(fused: boolean): TileEngine {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(emitGemm(fused)), { env: { memory } });
  const { run } = instance.exports;
  if (typeof run !== "function") throw new TypeError("the kernel exports no function");
  let room = { a: 0, b: 0, panels: 0 };
  let packedA = new Float32Array(0);
  let packedB = new Float32Array(0);
  let tiles = new Float32Array(0);
  return {
    rows: tileRows,
    columns: tileColumns,
    reserve: (a, b, panels) => {
      if (a <= room.a && b <= room.b && panels <= room.panels) return;
      room = { a: Math.max(a, room.a), b: Math.max(b, room.b), panels: Math.max(panels, room.panels) };
      const tileFloats = room.panels * tileRows * tileColumns;
      const bytes = (room.a + room.b + tileFloats) * floatBytes;
      const lacking = Math.ceil(bytes / pageBytes) - memory.buffer.byteLength / pageBytes;
      if (lacking > 0) memory.grow(lacking);
      // Growing detaches earlier views.
      packedA = new Float32Array(memory.buffer, 0, room.a);
      packedB = new Float32Array(memory.buffer, room.a * floatBytes, room.b);
      tiles = new Float32Array(memory.buffer, (room.a + room.b) * floatBytes, tileFloats);
    },
    packRows: (part) => packSix(part, packedA),
    packColumns: (part) => packEight(part, packedB),
    multiply: (panels, columnPanel, depth) => {
      const b = packedB.byteOffset + columnPanel * depth * tileColumns * floatBytes;
      run(0, b, tiles.byteOffset, panels, depth);
      return tiles;
    },
  };
}
