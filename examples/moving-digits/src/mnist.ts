// Reads handwritten digits from an IDX image file, the format MNIST comes in: a magic number, the counts and sizes as
// big-endian 32-bit numbers, then one byte per pixel. Format: http://yann.lecun.com/exdb/mnist/

import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import type { Digit, DigitSource } from "./digits.ts";
import { pick } from "./random.ts";
import { resizeDigit } from "./resize.ts";

const IMAGES_MAGIC = 0x0803;
const LABELS_MAGIC = 0x0801;
const HEADER_BYTES = 16;

/** A file that is not a whole IDX image file. The message names the file, what is wrong and what to do. */
export class IdxError extends Error {
  override readonly name = "IdxError";
  readonly file: string;

  constructor(file: string, problem: string) {
    super(`${file}: ${problem}`);
    this.file = file;
  }
}

/** The pictures of an IDX file. Kept as bytes; one picture at a time is turned into numbers. */
export interface DigitImages {
  readonly count: number;
  /** Width and height of each picture in pixels. */
  readonly size: number;
  /** Picture `index` (0 … count − 1) with brightness 0 to 1. */
  image(index: number): Digit;
}

/**
 * Reads an IDX image file, gzipped or not (told apart by its first bytes, not its name).
 *
 * @throws IdxError for anything but a whole image file; the file system's own error if it cannot be read
 */
export async function readDigitImages(file: string): Promise<DigitImages> {
  return parseDigitImages(await readFile(file), file);
}

/**
 * Reads the bytes of an IDX image file, gzipped or not.
 *
 * @param bytes the whole file
 * @param file its name, for messages
 * @throws IdxError for anything but a whole image file with square pictures
 */
export function parseDigitImages(bytes: Uint8Array, file: string): DigitImages {
  const raw = unzip(bytes, file);
  if (raw.length < HEADER_BYTES) {
    throw new IdxError(
      file,
      `has ${raw.length} bytes, too few for the ${HEADER_BYTES}-byte header of an IDX image file`,
    );
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const magic = view.getUint32(0);
  if (magic === LABELS_MAGIC) {
    throw new IdxError(file, "is a label file; give the image file beside it (…-images-idx3-ubyte)");
  }
  if (magic !== IMAGES_MAGIC) {
    const hex = `0x${magic.toString(16).padStart(8, "0")}`;
    throw new IdxError(file, `is not an IDX image file: it starts with ${hex}, expected 0x00000803`);
  }
  const count = view.getUint32(4);
  const rows = view.getUint32(8);
  const columns = view.getUint32(12);
  if (count === 0 || rows === 0 || columns === 0) {
    throw new IdxError(file, `holds no pictures (${count} of ${rows} x ${columns} pixels)`);
  }
  if (rows !== columns) {
    throw new IdxError(file, `holds pictures of ${rows} x ${columns} pixels, but only square ones can be used`);
  }
  const expected = HEADER_BYTES + count * rows * columns;
  if (raw.length !== expected) {
    const what = raw.length < expected ? "is cut short" : "has bytes after its end";
    const promise = `${count} pictures of ${rows} x ${columns} take ${expected} bytes`;
    throw new IdxError(file, `${what}: ${promise}, the file has ${raw.length}; fetch it again`);
  }
  return { count, size: rows, image: (index) => imageAt(raw, index, count, rows) };
}

/**
 * A supply of handwritten digits, each picture equally likely, resized by area averaging.
 *
 * @param images the pictures to draw from
 * @param size wanted width and height in pixels
 */
export function mnistSource(images: DigitImages, size: number): DigitSource {
  return { size, draw: (random) => resizeDigit(images.image(pick(random, images.count)), size) };
}

/**
 * A part of the pictures, for keeping training and test digits apart.
 *
 * @param from first picture, @param to one past the last, 0 ≤ from < to ≤ count
 * @throws RangeError for an empty part or one outside the file
 */
export function sliceImages(images: DigitImages, from: number, to: number): DigitImages {
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= images.count)) {
    throw new RangeError(`sliceImages: need 0 <= from < to <= ${images.count}, got from ${from}, to ${to}`);
  }
  const count = to - from;
  const image = (index: number): Digit => {
    checkIndex(index, count);
    return images.image(from + index);
  };
  return { count, size: images.size, image };
}

function imageAt(raw: Uint8Array, index: number, count: number, size: number): Digit {
  checkIndex(index, count);
  const start = HEADER_BYTES + index * size * size;
  return { size, pixels: Float32Array.from(raw.subarray(start, start + size * size), (byte) => byte / 255) };
}

function checkIndex(index: number, count: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= count) {
    throw new RangeError(`digit images: index must be 0 to ${count - 1}, got ${index}`);
  }
}

function unzip(bytes: Uint8Array, file: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new IdxError(file, `is gzipped but cannot be unpacked (${reason}); fetch it again`);
  }
}
