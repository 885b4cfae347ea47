// Who is timed beside Squall, and how each is started.
import { fileURLToPath } from "node:url";
import type { Launch } from "../child/child.ts";

/** The peers by the names that `--peers` takes. */
export const PEERS = ["torch", "ort", "tfjs", "jax", "js", "tfjs-cpu"] as const;

/** Name of a peer. */
export type PeerName = (typeof PEERS)[number];

/** Names for tables. */
export const TITLES: Readonly<Record<PeerName, string>> = {
  torch: "PyTorch",
  ort: "onnxruntime-web",
  tfjs: "tfjs-wasm",
  jax: "jax-js",
  js: "plain JS",
  "tfjs-cpu": "tfjs-cpu",
};

/** Those that use as many threads as they are given; the others have one. */
export const THREADED: ReadonlySet<PeerName> = new Set(["torch", "ort"]);

/** Those that npm installs. */
export const INSTALLED: ReadonlySet<PeerName> = new Set(["ort", "tfjs", "tfjs-cpu", "jax"]);

function pathOf(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** A Node process that runs one of the bench's scripts, in TypeScript. */
function node(name: string, script: string, ...args: readonly string[]): Launch {
  return { name, command: process.execPath, args: ["--import", import.meta.resolve("tsx"), pathOf(script), ...args] };
}

/** How Squall is started. */
export function launchOurs(): Launch {
  return node("squall", "../ours/main.ts");
}

/** How Squall is started on the gpu. */
export function launchOursOnGpu(): Launch {
  return node("squall on the gpu", "../ours/mainGpu.ts");
}

/** How a peer is started. @param python - the Python that has PyTorch; needed for `torch` only */
export function launchPeer(peer: PeerName, python: string | undefined): Launch {
  switch (peer) {
    case "torch":
      if (python === undefined) throw new Error("torch: set SQUALL_BENCH_PYTHON to a Python that has PyTorch");
      return { name: TITLES.torch, command: python, args: [pathOf("torch/main.py")] };
    case "tfjs-cpu":
      return node(TITLES[peer], "tfjs/main.ts", "cpu");
    case "tfjs":
      return node(TITLES[peer], "tfjs/main.ts", "wasm");
    default:
      return node(TITLES[peer], `${peer}/main.ts`);
  }
}
