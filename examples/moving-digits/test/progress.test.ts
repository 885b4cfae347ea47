import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { formatDuration, startProgress } from "../src/progress.ts";

function collect(isTTY: boolean): { stream: PassThrough & { isTTY: boolean }; text: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 200 });
  let text = "";
  stream.on("data", (chunk) => {
    text += String(chunk);
  });
  return { stream, text: () => text };
}

describe("plain lines", () => {
  test("come every twentieth, with loss, speed and remaining time", () => {
    const { stream, text } = collect(false);
    let now = 0;
    const progress = startProgress({ total: 200, stream, now: () => now });
    for (let step = 1; step <= 200; step++) {
      now += 500;
      progress.update(step, 1 / step);
    }
    progress.stop();
    const lines = text().trimEnd().split("\n");
    expect(lines).toHaveLength(20);
    expect(lines[0]).toBe("step 10/200  loss 0.1000  2.00 steps/s  1 min 35 s left");
    expect(lines[19]).toBe("step 200/200  loss 0.005000  2.00 steps/s  0 s left");
  });

  test("always tell of the last step, and of each in a short run", () => {
    const { stream, text } = collect(false);
    const progress = startProgress({ total: 3, stream });
    for (const step of [1, 2, 3, 3]) progress.update(step, 0.5);
    expect(text().match(/step \d\/3/g)).toEqual(["step 1/3", "step 2/3", "step 3/3"]);
  });

  test("hold notes, no control codes, and nothing after stop", () => {
    const { stream, text } = collect(false);
    const progress = startProgress({ total: 2, stream });
    progress.note("saved");
    progress.update(1, Number.NaN);
    progress.stop();
    progress.stop();
    progress.note("late");
    progress.update(2, 1);
    expect(text()).toMatch(/^saved\nstep 1\/2 {2}loss NaN .*\n$/);
    expect(text().includes("\u001b")).toBe(false);
  });
});

describe("a bar on a terminal", () => {
  test("is drawn without waiting, keeps notes whole and gives the cursor back", () => {
    const { stream, text } = collect(true);
    const progress = startProgress({ total: 4, stream });
    progress.update(1, 0.25);
    expect(text()).toContain("1/4  loss 0.2500");
    progress.note("saved");
    expect(text()).toContain("\u001b[2Ksaved\n");
    expect(text().lastIndexOf("1/4")).toBeGreaterThan(text().indexOf("saved"));
    progress.update(4, 0.125);
    progress.stop();
    expect(text().includes("4/4  loss 0.1250")).toBe(true);
    expect(text()).toContain("\u001b[?25h");
    expect(text().endsWith("\n")).toBe(true);
    const length = text().length;
    progress.stop();
    progress.note("late");
    progress.update(4, 1);
    expect(text()).toHaveLength(length);
  });
});

test.each([
  [0, "0 s"],
  [-3, "0 s"],
  [59.4, "59 s"],
  [59.6, "1 min 00 s"],
  [185, "3 min 05 s"],
  [3599.7, "1 h 00 min"],
  [7199, "2 h 00 min"],
  [7620, "2 h 07 min"],
])("formatDuration(%d) is %s", (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
