// The command `pnpm golden` by a forced path. That each path is right is for the whole test suite to say, with SQUALL_TEST_PATH set.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { forcePath } from "../forcePath.ts";

it("golden fixtures run by a path that is named, and the command fails where there are none", () => {
  const args = ["--import", "tsx", "scripts/golden.ts", "no-such-folder", "--path", "exact"];
  const cwd = fileURLToPath(new URL("../..", import.meta.url));
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd, encoding: "utf8" });
  expect([stdout, status]).toEqual(["0 passed, 1 failed\n", 1]);
  expect(stderr).toContain("no-such-folder");
});

it("paths that are not there are refused", () => {
  expect(() => forcePath("fast")).toThrow(
    'there is no path "fast"; there are loops, simd1, simd2, exact, winograd, turbo',
  );
});
