import { describe, expect, test } from "vitest";
import type { Launch } from "../src/child/child.ts";
import type { Entrant } from "../src/lane.ts";
import { measure } from "../src/measure.ts";
import { launchOurs, launchPeer } from "../src/peers/peers.ts";
import { checkAgainstLoops, checkThreads } from "../src/selfCheck.ts";
import type { Effort } from "../src/statistics.ts";
import type { Task } from "../src/tasks/task.ts";
import { wrongLaunch } from "./wrongLaunch.ts";

const tiny: Effort = { budget: 5, most: 2, warmUp: 0 };
const sizes = { batch: 1, channels: 2, height: 6, width: 7, kernel: 3 };

function entrant(launch: Launch): Entrant {
  return { launch, threads: 1, turbo: false };
}

describe("measure", () => {
  test("times everybody who agrees, and says who does not, who cannot, and who died", async () => {
    const task: Task = { kind: "conv", outChannels: 3, ...sizes };
    const dying = {
      name: "dying",
      command: process.execPath,
      args: ["-e", "console.error('no air'); process.exit(3)"],
    };
    const launches = [launchOurs(), launchPeer("js", undefined), wrongLaunch, dying];
    const { work, entrants, absent } = await measure(task, launches.map(entrant), tiny);
    expect(work).toEqual({ unit: "flop", amount: 2 * 6 * 7 * 2 * 3 * 9 });
    expect(entrants.map(({ name }) => name)).toEqual(["squall", "plain JS"]);
    for (const { median, min, runs, times, peak } of entrants) {
      expect(times).toHaveLength(runs);
      expect(min).toBeGreaterThan(0);
      expect(median).toBeGreaterThanOrEqual(min);
      expect(peak).toBeGreaterThan(20);
    }
    expect(absent.map(({ name, mismatch }) => [name, mismatch])).toEqual([
      ["wrong", true],
      ["dying", false],
    ]);
    expect(absent[0].reason).toMatch(/^wrong and squall do not agree on y \[1,3,6,7\]/);
    expect(absent[1].reason).toMatch(/^dying ended \(exit code 3\)\n {2}no air/);
  });

  test("says what a peer cannot do", async () => {
    const task: Task = {
      ...{ kind: "train", ...sizes, steps: 2, hidden: [2], outChannels: 1, learningRate: 0.1 },
      kind: "train",
    };
    const { entrants, absent } = await measure(task, [launchOurs(), launchPeer("js", undefined)].map(entrant), tiny);
    expect(entrants).toHaveLength(1);
    expect(absent).toEqual([
      { name: "plain JS", reason: "plain JS: plain JavaScript has no gradients of its own", mismatch: false },
    ]);
  });
});

describe("Squall agrees with itself", () => {
  const task: Task = { kind: "convBackward", outChannels: 4, ...sizes };

  test("on the fast path and in the loops, backward, too", async () => {
    expect(await checkAgainstLoops(task, entrant(launchOurs()))).toBeLessThan(1e-4);
  });

  test("to the bit with one thread and with several", async () => {
    await expect(checkThreads(task, { ...entrant(launchOurs()), threads: 2 })).resolves.toBeUndefined();
    await expect(checkThreads(task, { ...entrant(launchOurs()), threads: 1 })).resolves.toBeUndefined();
  });
});
