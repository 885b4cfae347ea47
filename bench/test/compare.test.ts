import { describe, expect, test } from "vitest";
import { compare, distance, MismatchError } from "../src/compare.ts";
import { subfolder, withFolder } from "../src/folder.ts";
import { writeArray } from "../src/tasks/files.ts";
import type { Task } from "../src/tasks/task.ts";

describe("distance", () => {
  test("is a share of the largest value that is expected", () => {
    expect(distance(Float32Array.of(1, 2.5, 8), Float32Array.of(1, 2, 8))).toEqual({ relative: 0.5 / 8, index: 1 });
    expect(distance(Float32Array.of(0, 0), Float32Array.of(0, 0)).relative).toBe(0);
    expect(distance(Float32Array.of(0, 1), Float32Array.of(0, 0)).relative).toBe(Number.POSITIVE_INFINITY);
  });

  test("of updates is a share of the largest change, however large the values are", () => {
    const base = Float32Array.of(1, 2, 3);
    expect(distance(Float32Array.of(1, 2, 3), Float32Array.of(1, 2.5, 3), base)).toEqual({ relative: 1, index: 1 });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("is infinite for %d on either side", (odd) => {
    expect(distance(Float32Array.of(1, odd), Float32Array.of(1, 2)).relative).toBe(Number.POSITIVE_INFINITY);
    expect(distance(Float32Array.of(1, 2), Float32Array.of(1, odd)).relative).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("compare", () => {
  const task: Task = { kind: "add", count: 3 };

  function files(got: readonly number[], expected: readonly number[]): Promise<number> {
    return withFolder(async (folder) => {
      const folders = {
        inputs: folder,
        got: await subfolder(folder, "got"),
        expected: await subfolder(folder, "expected"),
      };
      await writeArray(folders.got, "y", Float32Array.from(got));
      await writeArray(folders.expected, "y", Float32Array.from(expected));
      return await compare(task, ["one", "another"], folders);
    });
  }

  test("says how far results are apart", async () => {
    expect(await files([1, 2, 3], [1, 2, 3])).toBe(0);
    expect(await files([1, 2, 3], [1, 2, 3.00001])).toBeGreaterThan(0);
  });

  test("refuses results that differ, with names, place and both values", async () => {
    await expect(files([1, 5, 4], [1, 2, 4])).rejects.toThrow(
      new MismatchError(
        "one and another do not agree on y [3]: they are 7.5e-1 of the largest value apart, 0.00001 is allowed; at index 1 5 against 2",
      ),
    );
  });

  test("refuses a file of another length", async () => {
    await expect(files([1, 2], [1, 2, 3])).rejects.toThrow("holds 2 numbers, 3 are expected");
  });
});
