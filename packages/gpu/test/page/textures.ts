// WebGL2 textures that are alive, whoever made them: the browser's side of `memory()`.
import type { Device } from "@squall/device";
import { ConvLSTM, mse } from "@squall/nn";
import { Adam } from "@squall/optim";
import { Generator, rand, scope } from "@squall/tensor";
import type { ConformanceCase } from "@squall/testing";

const { createTexture, deleteTexture } = WebGL2RenderingContext.prototype;
let alive = 0;
WebGL2RenderingContext.prototype.createTexture = function (this: WebGL2RenderingContext) {
  alive++;
  return createTexture.call(this);
};
WebGL2RenderingContext.prototype.deleteTexture = function (this: WebGL2RenderingContext, texture) {
  if (texture !== null) alive--;
  deleteTexture.call(this, texture);
};

/** Training must not pile up textures. */
export function textureCases(device: Device): ConformanceCase[] {
  return [
    {
      name: "sixty training steps pile up no textures",
      run: async () => {
        const generator = new Generator(1);
        const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2], kernelSize: 3, generator }).to(device);
        const [x, y] = [
          rand([2, 1, 1, 4, 4], { generator }).to(device),
          rand([2, 1, 2, 4, 4], { generator }).to(device),
        ];
        const optimizer = new Adam(model.parameters(), { lr: 0.01 });
        const counts: number[] = [];
        for (let step = 0; step < 60; step++) {
          const loss = scope(() => {
            optimizer.zeroGrad();
            const [[hidden]] = model.forward(x);
            const value = mse(hidden, y);
            value.backward();
            optimizer.step();
            return value.detach();
          });
          await loss.item();
          loss.dispose();
          counts.push(alive);
        }
        const [early = 0, late = 0] = [counts[9], counts[59]];
        if (late > early) throw new Error(`${early} textures after 10 steps, ${late} after 60`);
      },
    },
  ];
}
