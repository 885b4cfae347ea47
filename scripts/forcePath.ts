import { setConvAlgorithm, setKernelPath, setThreads } from "@squall/cpu";
import { setLeastWork } from "../packages/cpu/src/pool/pool.ts";
import { forceWinograd } from "../packages/cpu/src/settings.ts";
import { forceTurbo } from "../packages/cpu/src/turbo.ts";

/** What each path switches, from the settings of a fresh process. */
const paths: Readonly<Record<string, () => void>> = {
  loops: () => setKernelPath("loops"),
  simd1: () => setThreads(1),
  simd2: () => {
    setThreads(2);
    setLeastWork(0);
  },
  exact: () => setConvAlgorithm("exact"),
  winograd: forceWinograd,
  turbo: () => {
    const { enabled, reason } = forceTurbo();
    if (!enabled) throw new Error(`the path turbo cannot be taken: ${reason}`);
  },
};

/** Makes the cpu device take one of its paths wherever it can, in this process. @throws Error if there is no such path here */
export function forcePath(name: string): void {
  const force = paths[name];
  if (force === undefined) throw new Error(`there is no path "${name}"; there are ${Object.keys(paths).join(", ")}`);
  force();
}
