// One device: the CPU. What a long training keeps of memory.

import { EncoderForecaster, mse } from "@squall/nn";
import { Adam } from "@squall/optim";
import { manualSeed, rand } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { workMemory } from "../../../cpu/src/pool/pool.ts";

describe("a training of 1000 steps", () => {
  it("works in the memory that its first steps took, without waiting for the garbage collector", () => {
    manualSeed(1);
    const [past, future] = [rand([3, 2, 1, 8, 8]), rand([2, 2, 1, 8, 8])];
    const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: [4, 3], kernelSize: 3 });
    const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
    const step = (): number => {
      const loss = mse(model.forward(past, 2), future);
      optimizer.zeroGrad();
      loss.backward();
      optimizer.step();
      return loss.itemSync();
    };
    const first = step();
    for (let k = 0; k < 9; k++) step();
    const bytes = workMemory().bytes;
    let last = first;
    for (let k = 10; k < 1000; k++) last = step();
    expect(workMemory().bytes).toBe(bytes);
    expect(last).toBeLessThan(first);
  });
});
