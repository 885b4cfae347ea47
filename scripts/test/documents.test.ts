// Every TypeScript example in README.md, docs/ and the packages' READMEs is compiled and run.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { format } from "node:util";
import ts from "typescript";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
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

/** The examples as one program, by the compiler options of whoever is strictest. */
function compile(): ts.Program {
  const config = {
    extends: "./tsconfig.check.json",
    compilerOptions: { noUnusedLocals: false, noUncheckedIndexedAccess: true },
    files: examples.map(({ file }) => file),
  };
  const { options, fileNames, errors } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  expect(errors).toEqual([]);
  return ts.createProgram(fileNames, options);
}

describe("examples in the documents", () => {
  let program: ts.Program | undefined;
  const before = process.cwd();
  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    for (const { file, code } of examples) await writeFile(file, code);
    // What they write by relative paths goes away with them.
    process.chdir(folder);
  });
  afterAll(() => {
    process.chdir(before);
    return rm(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it("are there", () => {
    expect(examples.length).toBeGreaterThan(8);
  });

  it.each(examples)("$name compiles", ({ file }) => {
    program ??= compile();
    const source = program.getSourceFile(file);
    expect(source).toBeDefined();
    const errors = ts
      .getPreEmitDiagnostics(program, source)
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"));
    expect(errors).toEqual([]);
  });

  it.each(examples)("$name runs and prints what its comments say", async ({ file, code }) => {
    const printed: string[] = [];
    const complaints: string[] = [];
    for (const name of ["log", "info"] as const) {
      vi.spyOn(console, name).mockImplementation((...values) => void printed.push(...format(...values).split("\n")));
    }
    for (const name of ["warn", "error"] as const) {
      vi.spyOn(console, name).mockImplementation((...values) => void complaints.push(format(...values)));
    }
    // Each gets packages of its own, in the state of a fresh process.
    vi.resetModules();
    await import(file);
    // Graphics drivers write there as they like.
    if (!code.includes("@squall/gpu")) expect(complaints).toEqual([]);
    const said = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map(([, comment]) => comment);
    expect(printed).toEqual(expect.arrayContaining(said));
  });
});
