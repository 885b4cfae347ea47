// Chromium for tests: builds a page, serves it on localhost and opens it.
import { createReadStream, existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";

/** What the browser is started with: software WebGPU is off by default, and nothing may call home. */
const flags = [
  "--no-sandbox",
  "--no-first-run",
  "--enable-unsafe-webgpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".json": "application/json",
  ".svg": "image/svg+xml",
};

/** A page in a browser. */
export interface OpenPage {
  /** The page. */
  readonly page: Page;
  /** Errors that it has told so far: uncaught ones, and those in its console. */
  readonly errors: readonly string[];
  /** Ends browser and server and removes what was built. */
  readonly close: () => Promise<void>;
}

/** Serves a folder's files and nothing else. */
function serve(folder: string): Promise<{ readonly server: Server; readonly address: string }> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    if (!file.startsWith(folder) || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" });
    createReadStream(file).pipe(response);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      resolve({ server, address: `http://127.0.0.1:${port}/` });
    });
  });
}

/** Builds the page in a folder with Vite and opens it. @param executablePath - a Chromium */
export async function openPage(root: string, executablePath: string): Promise<OpenPage> {
  const folder = await mkdtemp(join(tmpdir(), "squall-page-"));
  const options = { outDir: folder, emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 4096 };
  await build({ root, base: "./", logLevel: "warn", build: options });
  const { server, address } = await serve(folder);
  const browser: Browser = await chromium.launch({ executablePath, args: flags });
  const page = await browser.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  await page.goto(address);
  return {
    page,
    errors,
    close: async () => {
      await browser.close();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
