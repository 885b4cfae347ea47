// What issue 3 wants to be reached, in one run with two threads.

/** Our time by PyTorch's, at most, per workload: on Node 20, on Node 24 or 26, and there with turbo. */
export const GOALS: readonly { readonly workload: string; readonly most: readonly [number, number, number] }[] = [
  { workload: "W1", most: [1.5, 1.1, 0.8] },
  { workload: "W1b", most: [1.5, 1.0, 0.7] },
  { workload: "W2", most: [0.5, 0.35, 0.3] },
  { workload: "W3", most: [1.8, 1.2, 0.8] },
  { workload: "W3b", most: [1.3, 0.9, 0.65] },
];

/** How many times as fast as a JavaScript library Squall has to be. */
export const JS_GOALS: readonly {
  readonly workload: string;
  readonly peer: "ort" | "tfjs" | "jax";
  readonly least: number;
}[] = [
  { workload: "W1", peer: "ort", least: 2 },
  { workload: "W2", peer: "ort", least: 2 },
  { workload: "W1", peer: "tfjs", least: 2.5 },
  { workload: "W3", peer: "jax", least: 50 },
];

/** Threads that the goals are about. */
export const GOAL_THREADS = 2;
