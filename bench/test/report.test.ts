import { describe, expect, test } from "vitest";
import type { Measured } from "../src/lane.ts";
import { digits, duration, measurementTable, rate, seriesTable, table } from "../src/report/format.ts";
import { goalsTable, jsGoalsTable } from "../src/report/goals.ts";
import { type Conditions, keyOf, merge, type RunRecord, toJson, type WorkloadRecord } from "../src/report/record.ts";
import { resultsPage } from "../src/report/results.ts";

function measured(name: string, median: number, version = name): Measured {
  const numbers = { median, min: median / 2, runs: 3, peak: 100.4, apart: 0, threads: 2 };
  return { name, version, about: `about ${name}`, times: [median], ...numbers };
}

function workload(name: string, ours: number, theirs: Readonly<Record<string, number>>): WorkloadRecord {
  const entrants = [measured("squall", ours), ...Object.entries(theirs).map(([peer, time]) => measured(peer, time))];
  const one = { note: "", work: { unit: "flop", amount: 2e9 }, entrants, absent: [], others: 0 } as const;
  return { name, title: `title of ${name}`, date: "2026-01-02", apart: 1e-6, cases: [one] };
}

function record(node: string, turbo: boolean, workloads: readonly WorkloadRecord[], threads = 2): RunRecord {
  const machine = { v8: "1.2", cpu: "a processor", cores: 2, memory: 8, system: "linux" };
  const conditions: Conditions = { node, turbo, threads, ...machine };
  return { conditions, workloads };
}

describe("numbers", () => {
  test("have three digits and a unit", () => {
    expect([0.0123456, 1.23456, 99.94, 123.4, 12345.6, Number.NaN].map(digits)).toEqual([
      ...["0.0123", "1.23", "99.9", "123", "12346", "?"],
    ]);
    expect([1.5, 9999, 63_600].map(duration)).toEqual(["1.50 ms", "9999 ms", "63.6 s"]);
    expect(rate({ unit: "flop", amount: 2e9 }, 10)).toBe("200 GFLOP/s");
    expect(rate({ unit: "byte", amount: 1e7 }, 1)).toBe("10.0 GB/s");
  });
});

describe("tables", () => {
  test("are aligned, text to the left, numbers to the right", () => {
    expect(table(["", "long title"], [["name", "1"]])).toBe(
      ["|      | long title |", "| ---- | ---------: |", "| name |          1 |"].join("\n"),
    );
  });

  test("put Squall's time by the peer's beside the peer, and who is missing below", () => {
    const [one] = workload("W1", 20, { PyTorch: 10 }).cases;
    const absent = [{ name: "jax-js", reason: "out of memory", mismatch: false }];
    const lines = measurementTable({ ...one, absent, others: 0.5 }).split("\n");
    expect(lines[2].split("|").map((cell) => cell.trim())).toEqual([
      ...["", "squall", "20.0 ms", "10.0 ms", "3", "100 GFLOP/s", "", "2", "100 MiB", ""],
    ]);
    expect(lines[3]).toContain("| 200 GFLOP/s |        2.00 |");
    expect(lines.slice(5)).toEqual([
      "jax-js was not timed: out of memory",
      "",
      "Disturbed: other programs kept 0.500 processors busy meanwhile.",
    ]);
  });

  test("put launches and bytes beside the gpu, and leave its threads out", () => {
    const [one] = workload("G1", 20, { "squall on the cpu": 40 }).cases;
    const [ours, cpu] = one.entrants;
    const gpu = { ...ours, device: { launches: 17, bytes: 3 * 2 ** 20 } };
    const rows = measurementTable({ ...one, entrants: [gpu, cpu] })
      .split("\n")
      .map((line) => line.split("|").map((cell) => cell.trim()));
    expect(rows[0].slice(6)).toEqual(["gpu / it", "threads", "peak memory", "launches per run", "live on device", ""]);
    expect(rows[2].slice(6)).toEqual(["", "", "100 MiB", "17", "3.00 MiB", ""]);
    expect(rows[3].slice(6)).toEqual(["0.500", "2", "100 MiB", "", "", ""]);
  });

  test("say how the time of a series grows", () => {
    const points = [1, 3].map((times) => ({
      label: `B = ${times}`,
      work: 1e9 * times,
      measured: measured("squall", 10 * times ** 2),
    }));
    const cells = seriesTable({ dimension: "batch", points, others: 0 })
      .split("\n")[3]
      .split("|")
      .map((cell) => cell.trim());
    expect(cells.slice(1, 6)).toEqual(["B = 3", "90.0 ms", "9.00", "3.00", "33.3 GFLOP/s"]);
  });
});

describe("goals", () => {
  const old = record("20.1.0", false, [workload("W1", 14, { PyTorch: 10, "onnxruntime-web": 30 })]);
  const turbo = record("26.0.0", true, [workload("W3", 9, { PyTorch: 10, "jax-js": 400 })]);

  test("stand beside the ratio of the run that they are about", () => {
    const text = goalsTable([old, turbo]);
    expect(text).toContain("| 1.40 (goal 1.5, reached) |");
    expect(text).toContain("not measured (goal 1.1)");
    expect(text).toMatch(/W3 .*not measured \(goal 1\.8\).*0\.900 \(goal 0\.8\)/);
    expect(jsGoalsTable([old, turbo])).toMatch(/W1, onnxruntime-web +\| +2\.14 \(goal 2, reached\)/);
    expect(jsGoalsTable([old, turbo])).toMatch(/W3 with batch 1, jax-js .*44\.4 \(goal 50\)/);
  });

  test("are not reached on a machine that was busy with something else", () => {
    const [one] = workload("W1", 14, { PyTorch: 10 }).cases;
    const busy = { ...workload("W1", 14, {}), cases: [{ ...one, others: 0.7 }] };
    expect(goalsTable([record("20.1.0", false, [busy])])).toContain("1.40 (goal 1.5, but disturbed)");
  });

  test("take the newest Node and only runs with two threads", () => {
    const at = (node: string, time: number, threads: number): RunRecord =>
      record(node, false, [workload("W1", time, { PyTorch: 10 })], threads);
    const text = goalsTable([at("24.1.0", 20, 2), at("26.2.0", 30, 2), at("28.0.0", 40, 1)]);
    expect(text).toContain("3.00 (goal 1.1)");
  });

  test("are not about the gpu", () => {
    const { conditions, workloads } = record("26.1.0", false, [workload("W1", 1, { PyTorch: 10 })]);
    const text = goalsTable([{ conditions: { ...conditions, gpu: "gpu: WebGPU on a card" }, workloads }]);
    expect(text).toMatch(/W1 +\| +not measured/);
  });
});

describe("records", () => {
  test("are kept apart by Node, turbo and threads", () => {
    expect(keyOf(record("20.1.0", false, []).conditions)).toBe("node20-2threads");
    expect(keyOf(record("26.1.0", true, [], 1).conditions)).toBe("node26-turbo-1thread");
    const { conditions } = record("26.1.0", false, []);
    expect(keyOf({ ...conditions, gpu: "gpu: WebGPU on a card (v2)" })).toBe("gpu-webgpu-on-a-card-v2");
  });

  test("replace single workloads of the same machine and Node, and everything of another", () => {
    const earlier = record("20.1.0", false, [workload("W1", 1, {}), workload("W3", 2, {})]);
    const later = record("20.1.0", false, [workload("W3", 3, {}), workload("W2", 4, {})]);
    const merged = merge(earlier, later, ["W1", "W2", "W3"]);
    expect(merged.workloads.map(({ name, cases }) => [name, cases[0].entrants[0].median])).toEqual([
      ["W1", 1],
      ["W2", 4],
      ["W3", 3],
    ]);
    const newer = record("20.2.0", false, later.workloads);
    expect(merge(earlier, newer, ["W1", "W2", "W3"])).toEqual(newer);
    expect(merge(undefined, later, [])).toEqual(later);
  });

  test("hold the single times only if asked", () => {
    const one = record("20.1.0", false, [workload("W1", 1, {})]);
    expect(toJson(one, true)).toContain('"times"');
    expect(toJson(one, false)).not.toContain('"times"');
    expect(JSON.parse(toJson(one, true))).toEqual(one);
  });
});

describe("resultsPage", () => {
  test("has goals, machine, versions and every workload of every record", () => {
    const page = resultsPage([
      record("20.1.0", false, [workload("W1", 14, { PyTorch: 10 })]),
      record("26.1.0", true, [workload("W3", 14, { PyTorch: 10 })]),
    ]);
    const headings = page.split("\n").filter((line) => line.startsWith("#"));
    expect(headings).toEqual([
      ...["# Results", "## Goals", "## Node 20, 2 threads", "### W1: title of W1"],
      ...["## Node 26 with turbo, 2 threads", "### W3: title of W3"],
    ]);
    expect(page).toContain("Node 26.1.0 (V8 1.2), 2 threads, turbo; a processor, 2 logical cores, 8 GiB, linux.");
    expect(page).toContain("- PyTorch: about PyTorch");
    expect(page).toContain("Measured 2026-01-02");
  });

  test("has a section for each gpu", () => {
    const { conditions, workloads } = record("20.1.0", false, [workload("G1", 14, { squall: 10 })]);
    const page = resultsPage([{ conditions: { ...conditions, gpu: "gpu: WebGPU on a card" }, workloads }]);
    expect(page).toContain("\n## gpu: WebGPU on a card\n");
    expect(page).toContain("8 GiB, linux; gpu: WebGPU on a card.");
    expect(page).toContain("the gpu and the cpu are 1.0e-6 of the largest value apart");
  });
});
