import { defineConfig } from "vite";

// gpu.js alone is larger than what Vite warns of.
export default defineConfig({ base: "./", build: { chunkSizeWarningLimit: 4096 } });
