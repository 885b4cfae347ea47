import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cpu } from "@squall/cpu";
import type { DType } from "@squall/device";
import { encodeSafetensors, type HostTensor } from "@squall/io";
import {
  type Fixture,
  type GoldenResult,
  type HostTensors,
  readFixture,
  runGolden,
  runGoldenFolder,
} from "@squall/testing/node";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../..", import.meta.url));
/** The project's own fixtures, made by generate.py beside them. */
const own = fileURLToPath(new URL("../golden", import.meta.url));
/** More of them, where this checkout lies beside a folder of them. */
const shared = join(root, "../shared/golden");

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "squall-golden-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function fixture(name: string): Promise<Fixture> {
  return readFixture(await readFile(join(own, `${name}.safetensors`)));
}

function run(changed: Fixture, dtype: DType = "float64"): Promise<GoldenResult> {
  return runGolden(changed, { device: cpu, dtype });
}

/** The tensors with one element of one of them changed. */
function spoilt(tensors: HostTensors, name: string, index: number, change: (value: number) => number): HostTensors {
  const { shape, dtype, data } = tensors[name] ?? { shape: [0], dtype: "float32", data: new Float32Array() };
  const changed = data.slice();
  changed[index] = change(changed[index]);
  return { ...tensors, [name]: { shape, dtype, data: changed } };
}

const scalar: HostTensor = { dtype: "float32", shape: [], data: new Float32Array(1) };

/** Writes a file that is a fixture of `op` in name only. */
async function writeStub(name: string, op: string): Promise<void> {
  await writeFile(join(folder, name), encodeSafetensors({ "in.input": scalar }, { op, args: "{}" }));
}

describe("runGoldenFolder", () => {
  it.each([own, ...(existsSync(shared) ? [shared] : [])])(
    "finds that Squall agrees with PyTorch, Keras and Flax in %s",
    async (path) => {
      const files = (await readdir(path)).filter((name) => name.endsWith(".safetensors"));
      const lines: string[] = [];
      const { passed, failed } = await runGoldenFolder(path, cpu, (line) => lines.push(line));
      expect(lines).toEqual([]);
      expect(failed).toBe(0);
      expect(passed).toBe(2 * files.length);
      expect(passed).toBeGreaterThanOrEqual(42);
    },
  );

  it("reports by name what fails, and goes on", async () => {
    await copyFile(join(own, "matmul.safetensors"), join(folder, "matmul.safetensors"));
    await writeStub("strange.safetensors", "fold");
    await writeFile(join(folder, "broken.safetensors"), "not a fixture");
    await writeFile(join(folder, "notes.txt"), "not a fixture either");
    const lines: string[] = [];
    const summary = await runGoldenFolder(folder, cpu, (line) => lines.push(line));
    expect(summary).toEqual({ passed: 2, failed: 3, worst: expect.any(Number) });
    expect(lines).toEqual([
      expect.stringMatching(/^FAILED broken\.safetensors: /),
      "FAILED strange.safetensors float32: largest error NaN at ArgumentError: golden: op fold is not understood",
      "FAILED strange.safetensors float64: largest error NaN at ArgumentError: golden: op fold is not understood",
    ]);
  });

  it("tells the largest error, and holds to the tolerance that it is given", async () => {
    await copyFile(join(own, "matmul.safetensors"), join(folder, "matmul.safetensors"));
    const { worst } = await runGoldenFolder(folder, cpu, () => {});
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(1e-5);
    expect(await runGoldenFolder(folder, cpu, () => {}, worst)).toMatchObject({ passed: 2, failed: 0, worst });
    expect(await runGoldenFolder(folder, cpu, () => {}, worst / 2)).toMatchObject({ failed: 1 });
  });

  it("refuses a folder without fixtures", async () => {
    await expect(runGoldenFolder(folder, cpu, () => {})).rejects.toThrow(`there is no .safetensors file in ${folder}`);
  });
});

describe("runGolden fails a fixture", () => {
  it("with a wrong number in an output or a gradient", async () => {
    const right = await fixture("conv2d-groups");
    const results = await Promise.all([
      run(right),
      run({ ...right, outputs: spoilt(right.outputs, "output", 3, (value) => value + 1e-3) }),
      run({ ...right, grads: spoilt(right.grads, "weight", 0, (value) => value - 1e-3) }),
      run({ ...right, grads: spoilt(right.grads, "bias", 5, (value) => value + 1e-3) }, "float32"),
    ]);
    expect(results.map(({ passed, where }) => [passed, where])).toEqual([
      [true, expect.any(String)],
      [false, "out.output"],
      [false, "grad.weight"],
      [false, "grad.bias"],
    ]);
    for (const { error } of results.slice(1)) expect(error).toBeLessThan(1.1e-3);
  });

  it("with a NaN anywhere, even before numbers that agree", async () => {
    const right = await fixture("softmax");
    for (const index of [0, 23]) {
      const { passed, error } = await run({
        ...right,
        outputs: spoilt(right.outputs, "output", index, () => Number.NaN),
      });
      expect([passed, error]).toEqual([false, Number.NaN]);
    }
  });

  it("with another weight, state or peephole than the expected numbers came from", async () => {
    const right = await fixture("convlstm2d-all-layers");
    for (const name of ["cells.0.weight", "cells.1.bias", "cells.0.peephole_i", "cells.1.peephole_o"]) {
      expect(await run({ ...right, params: spoilt(right.params, name, 0, (value) => value + 0.1) })).toMatchObject({
        passed: false,
      });
    }
    for (const name of ["x", "h0", "c1"]) {
      expect(await run({ ...right, inputs: spoilt(right.inputs, name, 2, (value) => value + 0.1) })).toMatchObject({
        passed: false,
      });
    }
  });

  it("of another framework with other weights, one by one, or with weights that it does not have", async () => {
    for (const name of ["flax_convlstm_cell", "keras_convlstm2d-valid", "keras_convlstm2d-strides"]) {
      const right = await fixture(name);
      expect(await run(right)).toMatchObject({ passed: true });
      for (const param of Object.keys(right.params)) {
        const other = { ...right, params: spoilt(right.params, param, 1, (value) => value + 0.1) };
        expect(await run(other)).toMatchObject({ passed: false });
        const grads = spoilt(right.grads, param, 1, (value) => value + 0.1);
        expect(await run({ ...right, grads })).toMatchObject({ passed: false, where: `grad.${param}` });
      }
      const more = await run({ ...right, params: { ...right.params, peephole: scalar } });
      expect(more.where).toContain("peephole belong to none of the 1 layers found");
    }
  });

  it("of a training run with another learning rate", async () => {
    const right = await fixture("adam");
    expect(await run({ ...right, args: { ...right.args, lr: 0.0201 } })).toMatchObject({ passed: false });
  });

  it.each<[name: string, change: (right: Fixture) => Fixture, message: string]>([
    ["of an unknown op", (right) => ({ ...right, op: "fold" }), "op fold is not understood"],
    [
      "of an op that only every object has",
      (right) => ({ ...right, op: "constructor" }),
      "op constructor is not understood",
    ],
    [
      "with an argument that nobody reads",
      (right) => ({ ...right, args: { ...right.args, output_size: 3 } }),
      "arguments output_size are not understood",
    ],
    [
      "with an argument of the wrong type",
      (right) => ({ ...right, args: { ...right.args, groups: "two" } }),
      'argument groups should be a number, got "two"',
    ],
    ["without an input", (right) => ({ ...right, inputs: {} }), "the fixture has no input"],
    [
      "that expects an output we do not have",
      (right) => ({ ...right, outputs: { ...right.outputs, mean: scalar } }),
      "the fixture has no mean",
    ],
    ["that expects nothing", (right) => ({ ...right, outputs: {}, grads: {} }), "the fixture expects no output"],
    [
      "that expects another shape",
      (right) => ({ ...right, outputs: { output: scalar } }),
      "shape [1,6,3,2] instead of []",
    ],
  ])("%s", async (_, change, message) => {
    const result = await run(change(await fixture("conv2d-groups")));
    expect(result.passed).toBe(false);
    expect(result.where).toContain(message);
  });
});

describe("readFixture refuses", () => {
  it.each<[name: string, tensors: HostTensors, metadata: Record<string, string>, message: string]>([
    ["a file without an op", { "in.input": scalar }, { args: "{}" }, "the metadata has no op"],
    [
      "arguments that are no object",
      { "in.input": scalar },
      { op: "exp", args: "[1]" },
      "args is not a JSON object: [1]",
    ],
    ["arguments that are no JSON", { "in.input": scalar }, { op: "exp", args: "{" }, "args is not a JSON object: {"],
    [
      "a tensor of no part",
      { "extra.input": scalar },
      { op: "exp" },
      "tensor extra.input is none of in, param, out, seed, grad",
    ],
  ])("%s", (_, tensors, metadata, message) => {
    expect(() => readFixture(encodeSafetensors(tensors, metadata))).toThrow(`golden: ${message}`);
  });
});

describe("the command", () => {
  function command(path: string): Promise<{ status: number; lines: string[] }> {
    const main = join(root, "scripts/golden.ts");
    return new Promise((done) => {
      const child = execFile(process.execPath, ["--import", "tsx", main, path], { cwd: root }, (_, stdout) => {
        done({ status: child.exitCode ?? -1, lines: stdout.trim().split("\n") });
      });
    });
  }

  it("exits 0 after a folder that agrees", async () => {
    await copyFile(join(own, "adam.safetensors"), join(folder, "adam.safetensors"));
    expect(await command(folder)).toEqual({ status: 0, lines: ["2 passed, 0 failed"] });
  });

  it("exits 1 after a folder that does not, and names the cases", async () => {
    await copyFile(join(own, "adam.safetensors"), join(folder, "adam.safetensors"));
    await writeStub("strange.safetensors", "fold");
    const { status, lines } = await command(folder);
    expect(status).toBe(1);
    expect(lines.slice(0, 2)).toEqual([expect.stringContaining("strange"), expect.stringContaining("strange")]);
    expect(lines.slice(2)).toEqual(["2 passed, 2 failed"]);
  });
});
