// The command `pnpm golden [DIR] [--path NAME]`: the golden runner, by a path of the cpu device that is forced.
import { forcePath } from "./forcePath.ts";

const at = process.argv.indexOf("--path");
try {
  if (at >= 0) {
    const [, name = ""] = process.argv.splice(at, 2);
    forcePath(name);
  }
  await import("../packages/testing/src/golden/main.ts");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
