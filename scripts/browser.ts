// Pages in Chromium for tests: built by Vite, served as any static file server would, opened without a window.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build, createLogger } from "vite";

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

/** Builds the page of a folder, by its vite.config.ts if it has one, into another. @returns what the build complained about */
export async function buildPage(root: string, folder: string): Promise<string[]> {
  const complaints: string[] = [];
  const note = (message: string): void => {
    complaints.push(message);
  };
  await build({
    root,
    build: { outDir: folder, emptyOutDir: true },
    logLevel: "warn",
    customLogger: { ...createLogger("silent"), warn: note, warnOnce: note, error: note },
  });
  return complaints;
}

/** A running server. */
export interface Site {
  /** Where the page is: in a folder, so that absolute addresses in it would fail. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Serves a folder on localhost. @param isolated - whether to send the headers that let a page share memory between threads */
export async function serve(folder: string, isolated: boolean): Promise<Site> {
  const headers = isolated
    ? { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" }
    : {};
  const server = createServer(async (request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).replace(/\/$/, "/index.html");
    const type = types[extname(path)] ?? "application/octet-stream";
    const content = path.startsWith("/some/folder/")
      ? await readFile(join(folder, path.slice("/some/folder".length))).catch(() => undefined)
      : undefined;
    response.writeHead(content === undefined ? 404 : 200, { ...headers, "Content-Type": type }).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const where = server.address();
  if (where === null || typeof where === "string") throw new Error("the server has no port");
  return {
    address: `http://localhost:${where.port}/some/folder/`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts Chromium. @param webgpu - whether software may stand in for a GPU of WebGPU; of WebGL2 it always may */
export function launch(executablePath: string, webgpu: boolean): Promise<Browser> {
  return chromium.launch({ executablePath, args: webgpu ? [...flags, "--enable-unsafe-webgpu"] : flags });
}

/** Errors in a page and its console, from now on. */
export function errorsOf(page: Page): string[] {
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  return errors;
}
