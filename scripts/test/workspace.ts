// What the workspace consists of, read from its files.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/** Folder of the workspace. */
export const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** A package under packages/. */
export interface Package {
  /** Folder, absolute. */
  readonly folder: string;
  /** Name without the scope. */
  readonly name: string;
  /** Version, as in package.json. */
  readonly version: string;
  /** Names that package.json lists as runtime dependencies, ascending. */
  readonly dependencies: readonly string[];
  /** Its entry points, as package.json's `exports` names them. */
  readonly entryPoints: readonly string[];
  /** Packages whose TypeScript projects its own refers to, ascending. */
  readonly references: readonly string[];
}

/** A module of a package and what it imports. */
export interface Source {
  /** Path below src/, with forward slashes. */
  readonly path: string;
  /** Specifiers of its static, dynamic and type imports and of its re-exports. */
  readonly imports: readonly string[];
}

/** A property of what may be an object. */
function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

/** The packages under packages/, by name. */
export const packages: readonly Package[] = readdirSync(join(root, "packages"))
  .sort()
  .map((name) => {
    const folder = join(root, "packages", name);
    const manifest = readJson(join(folder, "package.json"));
    const references = property(readJson(join(folder, "tsconfig.json")), "references");
    return {
      folder,
      name,
      version: String(property(manifest, "version")),
      dependencies: Object.keys(property(manifest, "dependencies") ?? {}).sort(),
      entryPoints: Object.keys(property(manifest, "exports") ?? {}),
      references: Array.isArray(references)
        ? references.map((each) => String(property(each, "path")).replace("../", "@squall/")).sort()
        : [],
    };
  });

/** The modules of a package. */
export function sourcesOf(folder: string): Source[] {
  return readdirSync(join(folder, "src"), { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => ({
      path: path.replaceAll("\\", "/"),
      imports: ts
        .preProcessFile(readFileSync(join(folder, "src", path), "utf8"), true, true)
        .importedFiles.map(({ fileName }) => fileName),
    }));
}
