import { defineConfig } from "vite";

/** With these a page may share memory between threads. */
const isolation = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

export default defineConfig({
  // Relative, so that the page works in any folder of any static file server.
  base: "./",
  // gpu.js is one large piece, loaded when a GPU is chosen.
  build: { chunkSizeWarningLimit: 1000 },
  server: { headers: isolation },
  preview: { headers: isolation },
});
