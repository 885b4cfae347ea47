// The libraries in bench/peers/node_modules: installed when first asked for, imported without their types.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = fileURLToPath(new URL("../../peers", import.meta.url));

/** Imports a peer's library. TypeScript does not see it, so the caller says what it uses of it. */
export async function load<T>(name: string): Promise<T> {
  const script: string = pathToFileURL(join(folder, "load.mjs")).href;
  const { load }: { load(name: string): Promise<T> } = await import(script);
  return load(name);
}

/** Version of a peer's library. */
export async function versionOf(name: string): Promise<string> {
  const manifest: { version: string } = JSON.parse(
    await readFile(join(folder, "node_modules", name, "package.json"), "utf8"),
  );
  return manifest.version;
}

/** Whether what is installed is what the lock file says. */
async function isInstalled(): Promise<boolean> {
  const installed = join(folder, "node_modules", ".package-lock.json");
  if (!existsSync(installed)) return false;
  interface Lock {
    readonly packages: Readonly<Record<string, { readonly version: string; readonly optional?: boolean }>>;
  }
  const [have, want]: Lock[] = await Promise.all(
    [installed, join(folder, "package-lock.json")].map(async (path) => JSON.parse(await readFile(path, "utf8"))),
  );
  return Object.entries(want.packages).every(
    ([path, { version, optional }]) => path === "" || optional === true || have.packages[path]?.version === version,
  );
}

/** Installs the peers if they are not there. @throws Error if npm fails */
export async function installPeers(): Promise<void> {
  if (await isInstalled()) return;
  console.log("Installing the peers into bench/peers/node_modules (about 450 MB) …");
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
  const child = spawn("npm", args, { cwd: folder, stdio: "inherit", shell: process.platform === "win32" });
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0)
    throw new Error(`npm ${args.join(" ")} in bench/peers ended with ${String(code)}; --peers none goes without`);
}
