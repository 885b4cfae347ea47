// A module inside gpu.js that the tests reach for: what all its WebGPU kernels share.
declare module "gpu.js/src/backend/web-gpu/context.js" {
  export const WebGPUContext: {
    acquire(): Promise<{
      readonly device: { destroy(): void; createBuffer(options: { size: number; usage: number }): unknown };
    }>;
  };
}
