// WebGL2 textures that are alive, whoever made them: the browser's side of `memory()`.
import type { Device } from "@squall/device";
import { ConvLSTM, mse } from "@squall/nn";
import { Adam } from "@squall/optim";
import { Generator, rand, scope } from "@squall/tensor";
import type { ConformanceCase } from "@squall/testing";

const { createTexture, deleteTexture } = WebGL2RenderingContext.prototype;
const alive = new Set<WebGLTexture>();
WebGL2RenderingContext.prototype.createTexture = function (this: WebGL2RenderingContext) {
  const texture = createTexture.call(this);
  alive.add(texture);
  return texture;
};
WebGL2RenderingContext.prototype.deleteTexture = function (this: WebGL2RenderingContext, texture) {
  if (texture !== null) alive.delete(texture);
  deleteTexture.call(this, texture);
};

/** Training must not pile up textures. @param steps - how many steps are taken; a third of them may still make new ones */
export function textureCases(device: Device, steps: number): ConformanceCase[] {
  return [
    {
      name: `${steps} training steps pile up no textures`,
      run: async () => {
        const generator = new Generator(1);
        const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [2], kernelSize: 3, generator }).to(device);
        const [x, y] = [
          rand([2, 1, 1, 4, 4], { generator }).to(device),
          rand([2, 1, 2, 4, 4], { generator }).to(device),
        ];
        const optimizer = new Adam(model.parameters(), { lr: 0.01 });
        const counts: number[] = [];
        for (let step = 0; step < steps; step++) {
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
          counts.push(alive.size);
        }
        const third = Math.floor(steps / 3);
        const [early = 0, late = 0] = [counts[third - 1], counts[steps - 1]];
        if (late > early) throw new Error(`${early} textures after ${third} steps, ${late} after ${steps}`);
      },
    },
  ];
}
