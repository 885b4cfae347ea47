import { randomUUID } from "node:crypto";
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What `found` gives, or `otherwise` if there is no such file. */
async function orMissing<T>(found: Promise<T>, otherwise: T): Promise<T> {
  try {
    return await found;
  } catch (error) {
    if (isMissing(error)) return otherwise;
    throw error;
  }
}

/** Makes a rename last through a power cut, where folders can be synced; elsewhere the file system sees to it. */
async function syncFolder(path: string): Promise<void> {
  try {
    const folder = await open(path, "r");
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  } catch {
    // Windows and some network file systems refuse; the file itself is in place by now.
  }
}

/**
 * Writes a file so that there is always a whole one at `path`: the old one until all bytes of the new one are on the disk, then the new
 * one. A file that was there keeps its permissions, and a link keeps pointing to it. The temporary file beside it is removed on failure.
 * @throws the file system's error (with its `code`) if it cannot be written; the old file is untouched then.
 */
export async function writeFileAtomic(path: string, bytes: Uint8Array): Promise<void> {
  const target = await orMissing(realpath(path), path);
  const old = await orMissing(stat(target), undefined);
  // In the same folder, because a rename is only atomic within a file system.
  const temporary = `${target}.${randomUUID()}.tmp`;
  try {
    const file = await open(temporary, "wx");
    try {
      if (old !== undefined) await file.chmod(old.mode & 0o777);
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(target));
}
