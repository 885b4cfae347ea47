// Every TypeScript example in README.md, docs/ and the packages' READMEs is compiled and run.
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findVulkanDriver, useVulkanDriver } from "../machine.ts";
import { root } from "./workspace.ts";

// Inside the workspace, where @squall/* resolves, and ignored by git.
const folder = join(root, "out", `documents-${process.pid}`);

interface Example {
  readonly name: string;
  readonly file: string;
  readonly code: string;
}

async function documents(): Promise<string[]> {
  const pages = (await readdir(join(root, "docs")))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(root, "docs", name));
  const packages = (await readdir(join(root, "packages"))).map((name) => join(root, "packages", name, "README.md"));
  return [join(root, "README.md"), ...pages, ...packages];
}

async function findExamples(): Promise<Example[]> {
  const found: Example[] = [];
  for (const document of await documents()) {
    const text = await readFile(document, "utf8");
    for (const [k, [, code = ""]] of [...text.matchAll(/^```ts\n(.*?)^```$/gms)].entries()) {
      const name = `${relative(root, document)} ${k + 1}`;
      found.push({ name, file: join(folder, `${name.replaceAll(/\W/g, "-")}.ts`), code });
    }
  }
  return found;
}

const examples = await findExamples();

const driver = findVulkanDriver();
if (driver !== undefined) useVulkanDriver(driver);

describe("examples in the documents", () => {
  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    const config = {
      extends: "../../tsconfig.check.json",
      compilerOptions: { rootDir: "../..", noUnusedLocals: false },
      include: ["*.ts"],
    };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    for (const { file, code } of examples) await writeFile(file, code);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it("are there", () => {
    expect(examples.length).toBeGreaterThan(8);
  });

  it("compile", async () => {
    const compiler = join(root, "node_modules/typescript/bin/tsc");
    await expect(promisify(execFile)(process.execPath, [compiler, "-p", folder])).resolves.toMatchObject({
      stdout: "",
    });
  });

  it.each(examples)("$name runs and prints what its comments say", async ({ file, code }) => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--import", "tsx", file], { cwd: folder });
    // Graphics drivers write there as they like.
    if (!code.includes("@squall/gpu")) expect(stderr).toBe("");
    const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(said));
  });
});
