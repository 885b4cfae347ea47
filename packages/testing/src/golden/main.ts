// Node only: the command `pnpm golden [DIR]`.
import { cpu } from "@squall/cpu";
import { runGoldenFolder } from "./folder.ts";

const folder = process.argv[2] ?? "../shared/golden";
try {
  const { passed, failed, skipped } = await runGoldenFolder(folder, cpu, (line) => console.log(line));
  for (const name of skipped) console.log(`skipped ${name}: a layer of another framework`);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  console.log("0 passed, 1 failed");
  process.exitCode = 1;
}
