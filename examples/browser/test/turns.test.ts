import { expect, test } from "vitest";
import { newestOnly, nextTurn } from "../src/turns.ts";

/** A job that ends when told. */
function slowJob() {
  const started: number[] = [];
  const ends: (() => void)[] = [];
  const run = newestOnly(async (n: number): Promise<void> => {
    started.push(n);
    await new Promise<void>((resolve) => ends.push(resolve));
    if (n < 0) throw new Error(`job ${n}`);
  });
  return { started, run, end: () => ends.shift()?.() };
}

test("nextTurn lets what waits have its turn, and every one who waits goes on", async () => {
  const seen: string[] = [];
  setTimeout(() => seen.push("timer"), 0);
  for (let i = 0; i < 100 && seen.length === 0; i++) {
    await nextTurn();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(seen).toEqual(["timer"]);
  await Promise.all([nextTurn(), nextTurn(), nextTurn()]);
});

test("of calls that come in while one runs, only the newest is run, after it", async () => {
  const { started, run, end } = slowJob();
  const calls = [run(1), run(2), run(3)];
  expect(started).toEqual([1]);
  await calls[1];
  end();
  await calls[0];
  await nextTurn();
  expect(started).toEqual([1, 3]);
  end();
  await Promise.all(calls);
  const late = run(4);
  expect(started).toEqual([1, 3, 4]);
  end();
  await late;
});

test("a call that fails tells its caller and stops no other", async () => {
  const { started, run, end } = slowJob();
  const [first, second] = [run(-1), run(2)];
  end();
  await expect(first).rejects.toThrow("job -1");
  await nextTurn();
  expect(started).toEqual([-1, 2]);
  end();
  await second;
});
