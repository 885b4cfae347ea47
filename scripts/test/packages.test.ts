// The packages as people get them: packed, installed by npm into a project that knows nothing of this workspace, and used there.
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire, isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Package, packages, root } from "./workspace.ts";

/** What this process got from pnpm and npm would send a child's npm back to this workspace; only what says how to fetch stays. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^p?npm_|^INIT_CWD$|^NODE_OPTIONS$/i.test(name) || /^npm_config_(cache|cafile|registry|userconfig)$/i.test(name),
  ),
);

/** Runs a program. @returns what it printed @throws Error with what it printed if its exit status is not 0 */
async function run(
  program: string,
  args: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  try {
    const env = { ...environment, ...more };
    return (await promisify(execFile)(program, args, { cwd, env, maxBuffer: 2 ** 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = Object.assign({ stdout: "", stderr: "" }, error);
    throw new Error(`${program} ${args.join(" ")} failed: ${String(error)}\n${stdout}\n${stderr}`);
  }
}

const bin = (name: string): string => join(root, "node_modules", ".bin", name);

let folder = "";
let project = "";
const tarball = ({ name, version }: Package): string => join(folder, `squall-${name}-${version}.tgz`);

/** Every Node module that a specifier leads to in the project, by static imports, as `importer: module`. */
function nodeModulesBehind(specifier: string): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const { fileName } of ts.preProcessFile(readFileSync(file, "utf8"), true, true).importedFiles) {
      if (isBuiltin(fileName)) found.push(`${file}: ${fileName}`);
      // gpu.js has another build for browsers, in one of which the gpu device is tested.
      else if (fileName !== "gpu.js") visit(createRequire(file).resolve(fileName));
    }
  };
  visit(createRequire(join(project, "index.js")).resolve(specifier));
  return found;
}

async function write(name: string, text: string): Promise<void> {
  await writeFile(join(project, name), text);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "squall-packages-"));
  project = await mkdtemp(join(tmpdir(), "squall-consumer-"));
  await run(bin("tsc"), ["-b"], root);
  await run("npx", ["--yes", "pnpm@12.21.0", "--filter", "./packages/*", "pack", "--pack-destination", folder], root);
  const dependencies = Object.fromEntries(packages.map((each) => [`@squall/${each.name}`, `file:${tarball(each)}`]));
  // None of these may come from a registry, where they may be others.
  const overrides = Object.fromEntries(Object.keys(dependencies).map((name) => [name, `$${name}`]));
  await write(
    "package.json",
    JSON.stringify({ name: "consumer", private: true, type: "module", dependencies, overrides }),
  );
  // Without the native WebGL that gpu.js would build for Node, which nothing here uses.
  await run("npm", ["install", "--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts"], project);
}, 300_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(project, { recursive: true, force: true });
});

describe.each(packages)("the tarball of $name", (each) => {
  it("passes publint", async () => {
    expect(await run(bin("publint"), ["--strict", tarball(each)], root)).toContain("All good!");
  });

  it("resolves for ESM under attw", async () => {
    expect(await run(bin("attw"), [tarball(each), "--profile", "esm-only"], root)).toContain("🟢 (ESM)");
  });

  it("holds what people need and nothing else", async () => {
    const installed = join(project, "node_modules", "@squall", each.name);
    const entries = await readdir(installed, { recursive: true });
    expect((await readdir(installed)).sort()).toEqual(["LICENSE", "README.md", "dist", "package.json", "src"]);
    expect(entries.filter((path) => /tsbuildinfo|\.test\.|(^|\/)(test|node_modules)(\/|$)/.test(path))).toEqual([]);
    expect(await readFile(join(installed, "LICENSE"), "utf8")).toContain("MIT");
    const require = createRequire(join(project, "index.js"));
    expect(require(`@squall/${each.name}/package.json`)).toMatchObject({ name: `@squall/${each.name}` });
  });

  it("has no link to what is not in it", async () => {
    const installed = join(project, "node_modules", "@squall", each.name);
    const text = await readFile(join(installed, "README.md"), "utf8");
    const links = [...text.matchAll(/\]\(([^)]*)\)/g)].map(([, target = ""]) => target);
    const inside = (await readdir(installed, { recursive: true })).map((path) => path.replaceAll("\\", "/"));
    expect(links.filter((link) => !/^https:|^#/.test(link) && !inside.includes(link.replace(/#.*/, "")))).toEqual([]);
  });
});

describe("a project with the packages", () => {
  it("trains a ConvLSTM, saves it and loads it, in plain JavaScript, without any install script (complaint #18: native installs fail)", async () => {
    await write(
      "train.js",
      `import { ConvLSTM, EncoderForecaster, bceWithLogits } from "@squall/nn";
      import { Adam } from "@squall/optim";
      import { loadSafetensors, saveSafetensors } from "@squall/io/node";
      import { manualSeed, rand } from "@squall/tensor";

      manualSeed(1);
      const options = { inputChannels: 1, hiddenChannels: [4], kernelSize: 3, batchFirst: true };
      const model = new EncoderForecaster(options);
      const optimizer = new Adam(model.parameters(), { lr: 0.01 });
      const [input, target] = [rand([2, 3, 1, 8, 8]), rand([2, 2, 1, 8, 8])];
      const losses = [];
      for (let step = 0; step < 2; step++) {
        optimizer.zeroGrad();
        const loss = bceWithLogits(model.forward(input, 2), target);
        loss.backward();
        optimizer.step();
        losses.push(await loss.item());
      }
      await saveSafetensors("model.safetensors", model.stateDict(), { steps: "2" });
      const { tensors, metadata } = await loadSafetensors("model.safetensors");
      const other = new EncoderForecaster(options);
      const before = bceWithLogits(other.forward(input, 2), target).itemSync();
      other.loadStateDict(tensors);
      const [trained, loaded] = [model, other].map((each) => bceWithLogits(each.forward(input, 2), target).itemSync());
      const [[hidden]] = new ConvLSTM(options).forward(input);
      console.log(JSON.stringify({ losses, metadata, before, trained, loaded, hidden: hidden.shape }));`,
    );
    const report = JSON.parse(await run(process.execPath, ["train.js"], project));
    expect(report).toEqual({
      losses: [expect.closeTo(Math.LN2, 3), expect.any(Number)],
      metadata: { steps: "2" },
      before: expect.any(Number),
      trained: expect.any(Number),
      loaded: report.trained,
      hidden: [2, 3, 4, 8, 8],
    });
    expect(report.losses[1]).toBeLessThan(report.losses[0]);
    expect(report.trained).toBeLessThan(report.losses[1]);
    expect(report.before).not.toBe(report.trained);
  });

  it("reaches no Node module from a portable entry point, not through dependencies either", () => {
    const portable = packages.flatMap(({ name }) => nodeModulesBehind(`@squall/${name}`));
    expect(portable).toEqual([]);
    // The same walk does find them where they are.
    expect(nodeModulesBehind("@squall/io/node").join()).toContain("node:fs");
  });

  it("loads the portable entry points where Node's globals are missing", async () => {
    await write(
      "browser.js",
      `const print = console.log;
      for (const name of ["process", "Buffer", "setImmediate", "global"]) delete globalThis[name];
      const names = ${JSON.stringify(packages.map(({ name }) => `@squall/${name}`))};
      for (const name of names) print(name, Object.keys(await import(name)).length > 0);`,
    );
    const lines = packages.map(({ name }) => `@squall/${name} true`);
    expect((await run(process.execPath, ["browser.js"], project)).trim().split("\n")).toEqual(lines);
  });

  it("says what a GPU in Node needs", async () => {
    await write(
      "gpu.js",
      `import { gpuDevice } from "@squall/gpu";
      try {
        console.log((await gpuDevice()).describe());
      } catch (error) {
        console.log(error.name, error.message);
      }`,
    );
    // gpu.js brings an old webgpu of its own, which may or may not load; its driver certainly is not there.
    const printed = await run(process.execPath, ["gpu.js"], project, {
      VK_ICD_FILENAMES: "/nowhere.json",
      VK_DRIVER_FILES: "",
    });
    expect(printed).toMatch(
      /^DeviceError gpuDevice: there is no GPU to use\. Tried webgpu: .*; webgl2: WebGL2 needs a browser\./s,
    );
    expect(printed).toMatch(/npm install webgpu|VK_DRIVER_FILES can name one/);
  });

  it("compiles against the packed types", async () => {
    await write(
      "consumer.ts",
      `import type { Shape } from "@squall/device";
      import { ConvLSTM, type LSTMState, Module, type Parameter } from "@squall/nn";
      import { Adam, type OptimizerStateDict } from "@squall/optim";
      import { loadSafetensors } from "@squall/io/node";
      import { type Tensor, zeros } from "@squall/tensor";

      class Forecast extends Module {
        readonly layers = new ConvLSTM({ inputChannels: 2, hiddenChannels: [3, 4], kernelSize: 3, peephole: "channel" });
        forward(x: Tensor, states?: readonly LSTMState[]): [Tensor, LSTMState[]] {
          const [[hidden], last] = this.layers.forward(x, states);
          return [hidden, last];
        }
      }
      const model = new Forecast();
      const parameters: Parameter[] = [...model.parameters()];
      const state: OptimizerStateDict = new Adam(parameters, { lr: 1e-3, betas: [0.9, 0.99] }).stateDict();
      const shape: Shape = model.forward(zeros([5, 1, 2, 4, 4]))[0].shape;
      const load: (path: string) => Promise<unknown> = loadSafetensors;
      // @ts-expect-error an option that does not exist
      const build = (): ConvLSTM => new ConvLSTM({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3, kernel_size: 3 });
      console.log(parameters.length, state.groups.length, shape.join(","), typeof load, typeof build);`,
    );
    const compilerOptions = { strict: true, module: "NodeNext", target: "ES2022", skipLibCheck: false, types: [] };
    await write("tsconfig.json", JSON.stringify({ compilerOptions, files: ["consumer.ts"] }));
    await run(bin("tsc"), ["-p", "tsconfig.json"], project);
    expect(await run(process.execPath, ["consumer.js"], project)).toBe("8 1 5,1,4,4,4 function function\n");
  });
});
