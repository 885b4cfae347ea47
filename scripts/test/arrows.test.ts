// Which package may know which: the arrows between packages never run back.
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { packages, sourcesOf } from "./workspace.ts";

/** The Squall packages that a package may import. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  device: [],
  cpu: ["device"],
  gpu: ["device"],
  tensor: ["device", "cpu"],
  nn: ["device", "tensor"],
  optim: ["device", "tensor", "nn"],
  io: ["device", "tensor"],
  testing: ["device", "cpu", "tensor", "nn", "optim", "io"],
};

/** The modules that only run in Node; everything else runs in browsers too. */
const nodeOnly: Readonly<Record<string, RegExp>> = {
  io: /^node(\.ts$|\/)/,
  testing: /^(node\.ts|golden\/folder\.ts)$/,
};

/** `@squall/io/node` → `@squall/io`, `fast-check/x` → `fast-check`. */
function packageOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

describe.each(packages)("$name", ({ folder, name, dependencies, entryPoints, references }) => {
  const sources = sourcesOf(folder);
  const imports = sources.flatMap(({ path, imports }) => imports.map((specifier) => ({ path, specifier })));
  const relatives = imports.filter(({ specifier }) => specifier.startsWith("."));
  const builtins = imports.filter(({ specifier }) => specifier.startsWith("node:"));
  const foreign = imports.filter((each) => !relatives.includes(each) && !builtins.includes(each));

  it("imports only packages below it", () => {
    const scoped = (names: readonly string[] = []): string[] => names.map((each) => `@squall/${each}`);
    expect(Object.keys(allowed)).toContain(name);
    const squall = foreign.filter(({ specifier }) => specifier.startsWith("@squall/"));
    expect(squall.filter(({ specifier }) => !scoped(allowed[name]).includes(packageOf(specifier)))).toEqual([]);
  });

  it("depends on exactly what it imports", () => {
    expect(dependencies).toEqual([...new Set(foreign.map(({ specifier }) => packageOf(specifier)))].sort());
  });

  it("references the TypeScript projects of the packages it depends on", () => {
    expect(references).toEqual(dependencies.filter((each) => each.startsWith("@squall/")));
  });

  it("has no relative import that leaves src/ or hides its file ending", () => {
    const leaves = ({ path, specifier }: (typeof imports)[number]): boolean =>
      relative("src", join("src", dirname(path), specifier)).startsWith("..");
    expect(relatives.filter((each) => leaves(each) || !each.specifier.endsWith(".ts"))).toEqual([]);
  });

  it("needs Node only where it says so", () => {
    expect(builtins.filter(({ path }) => !nodeOnly[name]?.test(path))).toEqual([]);
  });

  it("reaches no Node module from its portable entry point", () => {
    const importsOf = new Map(sources.map((source) => [source.path, source.imports]));
    const reached = new Set<string>();
    const visit = (path: string): void => {
      if (reached.has(path)) return;
      reached.add(path);
      for (const specifier of importsOf.get(path) ?? []) {
        if (specifier.startsWith(".")) visit(join(dirname(path), specifier).replaceAll("\\", "/"));
      }
    };
    visit("index.ts");
    expect(entryPoints).toContain(".");
    expect([...reached].filter((path) => !importsOf.has(path))).toEqual([]);
    expect(builtins.filter(({ path }) => reached.has(path))).toEqual([]);
    const onlyNode = foreign.filter(({ path, specifier }) => reached.has(path) && specifier.endsWith("/node"));
    expect(onlyNode).toEqual([]);
  });
});
