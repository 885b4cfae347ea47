// Squall on the cpu, as a library to be timed.
import { cpu, setKernelPath } from "@squall/cpu";
import type { Player } from "../child/serve.ts";
import { applySettings, describeSettings } from "../settings.ts";
import { prepareOn } from "./prepare.ts";

/** Squall on the cpu. */
export const ours: Player = {
  start: (settings) => ({
    version: settings.turbo ? "squall, turbo" : "squall",
    threads: applySettings(settings),
    about: describeSettings(),
  }),
  prepare: (task, arrays) => prepareOn(cpu, task, arrays),
  // The pool of threads starts at the first large operation, so at the end there is more to say.
  about: describeSettings,
  setPath: setKernelPath,
};
