// Temporary folders: the arrays of large workloads are no small thing to leave behind.
import { rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `body` with an empty folder that is gone afterwards, also when the process exits before. */
export async function withFolder<R>(body: (folder: string) => Promise<R>): Promise<R> {
  const folder = await mkdtemp(join(tmpdir(), "squall-bench-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once("exit", remove);
  try {
    return await body(folder);
  } finally {
    process.off("exit", remove);
    remove();
  }
}

/** Makes an empty folder in another. @returns its path */
export async function subfolder(parent: string, name: string): Promise<string> {
  const folder = join(parent, name);
  await mkdir(folder);
  return folder;
}
