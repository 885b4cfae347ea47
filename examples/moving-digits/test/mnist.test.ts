import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IdxError, mnistSource, parseDigitImages, readDigitImages, sliceImages } from "../src/mnist.ts";
import { seeded } from "./seeded.ts";

function idx(magic: number, counts: readonly number[], body: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * counts.length + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, magic);
  counts.forEach((count, i) => {
    view.setUint32(4 + 4 * i, count);
  });
  bytes.set(body, 4 + 4 * counts.length);
  return bytes;
}

const twoDigits = idx(0x0803, [2, 2, 2], [0, 51, 102, 255, 255, 0, 0, 0]);

describe("parseDigitImages", () => {
  test("gives brightness 0 to 1, plain and gzipped", () => {
    for (const bytes of [twoDigits, new Uint8Array(gzipSync(twoDigits))]) {
      const images = parseDigitImages(bytes, "two");
      expect([images.count, images.size]).toEqual([2, 2]);
      expect(images.image(0)).toEqual({ size: 2, pixels: new Float32Array([0, 0.2, 0.4, 1]) });
      expect(images.image(1).pixels).toEqual(new Float32Array([1, 0, 0, 0]));
    }
  });

  test("reads bytes that sit inside a larger buffer", () => {
    const larger = new Uint8Array(twoDigits.length + 7);
    larger.set(twoDigits, 5);
    expect(parseDigitImages(larger.subarray(5, 5 + twoDigits.length), "part").image(1).pixels[0]).toBe(1);
  });

  test("gives back any pictures", () => {
    const file = fc
      .record({ count: fc.integer({ min: 1, max: 4 }), size: fc.integer({ min: 1, max: 5 }) })
      .chain(({ count, size }) => {
        const length = count * size * size;
        const body = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: length, maxLength: length });
        return body.map((values) => ({ count, size, values }));
      });
    fc.assert(
      fc.property(file, ({ count, size, values }) => {
        const images = parseDigitImages(idx(0x0803, [count, size, size], values), "any");
        const read = Array.from({ length: count }, (_, i) => [...images.image(i).pixels]).flat();
        expect(read.map((v) => Math.round(v * 255))).toEqual(values);
      }),
    );
  });

  test.each([
    ["a label file", idx(0x0801, [9], [1, 2, 3, 4, 5, 6, 7, 8, 9]), "is a label file; give the image file beside it"],
    ["another format", new Uint8Array(32).fill(0x50), "is not an IDX image file: it starts with 0x50505050"],
    ["an empty file", new Uint8Array(0), "has 0 bytes, too few for the 16-byte header"],
    ["a cut header", twoDigits.slice(0, 10), "has 10 bytes, too few for the 16-byte header"],
    ["a cut body", twoDigits.slice(0, 20), "is cut short: 2 pictures of 2 x 2 take 24 bytes, the file has 20"],
    ["extra bytes", idx(0x0803, [1, 1, 1], [1, 2]), "has bytes after its end: 1 pictures of 1 x 1 take 17 bytes"],
    ["no pictures", idx(0x0803, [0, 28, 28], []), "holds no pictures (0 of 28 x 28 pixels)"],
    ["oblong pictures", idx(0x0803, [1, 1, 2], [1, 2]), "holds pictures of 1 x 2 pixels, but only square ones"],
    ["a cut gzip", new Uint8Array(gzipSync(twoDigits)).slice(0, 15), "is gzipped but cannot be unpacked"],
  ])("refuses %s", (_, bytes, problem) => {
    const read = () => parseDigitImages(bytes, "digits.gz");
    expect(read).toThrow(IdxError);
    expect(read).toThrow(`digits.gz: ${problem}`);
  });

  test("refuses a picture that is not there", () => {
    const images = parseDigitImages(twoDigits, "two");
    for (const index of [-1, 2, 0.5]) expect(() => images.image(index)).toThrow(RangeError);
  });
});

test("readDigitImages reads a file", async () => {
  const folder = await mkdtemp(join(tmpdir(), "moving-digits-"));
  try {
    const file = join(folder, "images");
    await writeFile(file, gzipSync(twoDigits));
    expect((await readDigitImages(file)).count).toBe(2);
    await expect(readDigitImages(join(folder, "nothing"))).rejects.toThrow("ENOENT");
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe("sliceImages", () => {
  const images = parseDigitImages(twoDigits, "two");

  test("takes a part and keeps to it", () => {
    const second = sliceImages(images, 1, 2);
    expect([second.count, second.size]).toEqual([1, 2]);
    expect(second.image(0)).toEqual(images.image(1));
    expect(() => second.image(-1)).toThrow(RangeError);
    expect(() => sliceImages(images, 0, 1).image(1)).toThrow(RangeError);
  });

  test.each([
    [0, 3],
    [1, 1],
    [-1, 1],
    [0.5, 2],
  ])("refuses %d to %d", (from, to) => {
    expect(() => sliceImages(images, from, to)).toThrow("need 0 <= from < to <= 2");
  });
});

test("mnistSource draws pictures of the wanted size", () => {
  const source = mnistSource(parseDigitImages(twoDigits, "two"), 1);
  const random = seeded(1);
  const means = new Set(Array.from({ length: 20 }, () => source.draw(random).pixels[0]?.toFixed(4)));
  expect(means).toEqual(new Set(["0.4000", "0.2500"]));
});
