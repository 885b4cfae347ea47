// How the process of wrong.ts is started.
import { fileURLToPath } from "node:url";
import type { Launch } from "../src/child/child.ts";

/** A library that computes something else. */
export const wrongLaunch: Launch = {
  name: "wrong",
  command: process.execPath,
  args: ["--import", "tsx", fileURLToPath(new URL("wrong.ts", import.meta.url))],
};
