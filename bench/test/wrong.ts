// A process for tests: plain JavaScript with one wrong number in every result.
import { serve } from "../src/child/serve.ts";
import { plainJs } from "../src/peers/js/player.ts";

await serve({
  ...plainJs,
  prepare: async (task, arrays) => {
    const runner = await plainJs.prepare(task, arrays);
    return {
      run: () => runner.run(),
      outputs: async () => {
        const outputs = await runner.outputs();
        for (const values of outputs.values()) values[values.length - 1] += 1;
        return outputs;
      },
    };
  },
});
