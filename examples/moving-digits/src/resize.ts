// Resizes a picture by area averaging: each new pixel is the mean of the old pixels it covers, counted by how much of
// each it covers. The mean brightness is kept exactly, up and down, which nearest-pixel and bilinear sampling do not.

import type { Digit } from "./digits.ts";

/**
 * @param digit the picture to resize, `[n, n]`
 * @param size wanted width and height in pixels
 * @returns a picture `[size, size]` with the same mean brightness
 */
export function resizeDigit(digit: Digit, size: number): Digit {
  if (size === digit.size) return digit;
  const spans = cover(digit.size, size);
  const pixels = new Float32Array(size * size);
  spans.forEach((rows, y) => {
    spans.forEach((columns, x) => {
      let sum = 0;
      for (const row of rows) {
        for (const column of columns) {
          sum += row.weight * column.weight * (digit.pixels[row.index * digit.size + column.index] ?? 0);
        }
      }
      pixels[y * size + x] = sum;
    });
  });
  return { size, pixels };
}

/** For each new pixel of a line, the old pixels it covers and their share of it; the shares add up to 1. */
function cover(from: number, to: number): { index: number; weight: number }[][] {
  const step = from / to;
  return Array.from({ length: to }, (_, i) => {
    const start = i * step;
    const end = Math.min(from, (i + 1) * step);
    const span: { index: number; weight: number }[] = [];
    for (let index = Math.floor(start); index < end; index++) {
      span.push({ index, weight: (Math.min(end, index + 1) - Math.max(start, index)) / step });
    }
    return span;
  });
}
