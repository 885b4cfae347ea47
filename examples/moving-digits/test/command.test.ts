import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadModel } from "@squall/io/node";
import { EncoderForecaster, fromConfig } from "@squall/nn";
import { zeros } from "@squall/tensor";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const small = "--size 12 --digit-size 8 --hidden 4 --input-frames 3 --output-frames 2 --batch 1".split(" ");

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs the command; `interrupt` sends Ctrl-C once its output holds that text. */
function command(args: string[], interrupt?: string): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let sent = false;
    const take = (chunk: Buffer): void => {
      output += chunk.toString();
      if (interrupt !== undefined && !sent && output.includes(interrupt)) {
        sent = true;
        child.kill("SIGINT");
      }
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** Runs the command in this process, which spares starting one: for what ends at once. */
async function here(args: string[]): Promise<{ readonly code: typeof process.exitCode; readonly output: string }> {
  const { argv, exitCode } = process;
  const printed: unknown[] = [];
  for (const name of ["log", "error"] as const) {
    vi.spyOn(console, name).mockImplementation((text) => void printed.push(text));
  }
  try {
    process.argv = [process.execPath, main, ...args];
    process.exitCode = undefined;
    vi.resetModules();
    await import(main);
    return { code: process.exitCode, output: printed.join("\n") };
  } finally {
    process.argv = argv;
    process.exitCode = exitCode;
  }
}

describe("the command", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "squall-digits-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("trains, prints scores and writes all four files", async () => {
    const out = join(folder, "run");
    const { code, output } = await command([...small, "--steps", "3", "--threads", "1", "--turbo", "--out", out]);
    expect(output).toMatch(/^(--experimental-wasm-|no |only )/);
    expect(output).toContain(", 1 thread");
    expect(output).toContain("On 64 held-out sequences:");
    expect(output).toContain("step 3/3");
    expect(code).toBe(0);
    expect((await readFile(join(out, "forecast.gif"))).subarray(0, 6).toString()).toBe("GIF89a");
    expect(await readFile(join(out, "loss.svg"), "utf8")).toMatch(/^<svg/);
    const report = await readFile(join(out, "report.html"), "utf8");
    expect(report).toContain("<svg");
    expect(report).not.toMatch(/(src|href)="https?:/);
    const model = await loadModel(join(out, "model.safetensors"), fromConfig);
    if (!(model instanceof EncoderForecaster)) throw new Error(`saved a ${model.config.type}`);
    expect(model.config).toMatchObject({ patchSize: 2, hiddenChannels: [4], imageSize: [12, 12] });
    expect(model.forward(zeros([1, 3, 1, 12, 12]), 2).shape).toEqual([1, 2, 1, 12, 12]);
  });

  it("stops on Ctrl-C and still writes what it has", async () => {
    const out = join(folder, "stopped");
    const { code, output } = await command(
      [...small, "--steps", "100000", "--eval-every", "5", "--out", out],
      "held-out cross-entropy",
    );
    expect(output).toMatch(/Training ended early: stopped after \d+ steps\. Going on with the best weights so far\./);
    expect(code).toBe(0);
    expect(existsSync(join(out, "model.safetensors"))).toBe(true);
  });

  it("says what is wrong with an option, with status 2", async () => {
    const { code, output } = await here(["--steps", "-3"]);
    expect(output).toBe('--steps: needs a whole number of at least 1, got "-3"');
    expect(code).toBe(2);
  });

  it("prints its help", async () => {
    const { code, output } = await here(["--help"]);
    expect(output).toContain("--mnist FILE");
    expect(code ?? 0).toBe(0);
  });
});
