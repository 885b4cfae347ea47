import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "packages/*/test/**/*.test.ts",
      "examples/*/test/**/*.test.ts",
      "bench/test/**/*.test.ts",
      "scripts/test/**/*.test.ts",
    ],
    setupFiles: ["scripts/testPath.ts"],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
});
