// The command `pnpm golden` by a forced path. That each path is right is for the whole test suite to say, with SQUALL_TEST_PATH set.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function golden(...args: string[]) {
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--import", "tsx", "scripts/golden.ts", ...args], {
    cwd: root,
    encoding: "utf8",
  });
  return { last: stdout.trim().split("\n").at(-1), stderr: stderr.trim(), status };
}

it("runs golden fixtures by a path that is named, before or after the folder", () => {
  const none = { last: "0 passed, 1 failed", status: 1 };
  const stderr = expect.stringContaining("no-such-folder");
  expect(golden("--path", "loops", "no-such-folder")).toEqual({ ...none, stderr });
  expect(golden("no-such-folder", "--path", "exact")).toEqual({ ...none, stderr });
});

it("knows its paths", () => {
  expect(golden("--path", "fast")).toEqual({
    last: "0 passed, 1 failed",
    status: 1,
    stderr: 'there is no path "fast"; there are loops, simd1, simd2, exact, winograd, turbo',
  });
});
