// What this machine has of what some tests need: a browser, a Vulkan driver. Where it has none, tests say what they leave out; with
// SQUALL_REQUIRE=chromium,webgpu in the environment they fail instead.
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** Things that tests may need and that a machine may lack. */
export type Facility = "chromium" | "webgpu";

/** Whether the environment says that this must be there. */
export function isRequired(facility: Facility): boolean {
  return (process.env.SQUALL_REQUIRE ?? "").split(",").includes(facility);
}

/** The first of some files that exists. */
function firstOf(files: readonly (string | undefined)[]): string | undefined {
  return files.find((file) => file !== undefined && existsSync(file));
}

/** Path of a Chromium: SQUALL_CHROMIUM, else what the system's packages install. */
export function findChromium(): string | undefined {
  return firstOf([
    process.env.SQUALL_CHROMIUM,
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ]);
}

/** A Vulkan driver: what it is and the file that names it to the Vulkan loader. */
export interface VulkanDriver {
  /** For people. */
  readonly name: string;
  /** Its JSON manifest; `undefined` if the loader finds drivers by itself. */
  readonly manifest: string | undefined;
}

/** Whether there is a graphics device that a driver of the system could drive. */
function hasGraphicsDevice(): boolean {
  return ["/dev/dri", "/dev/nvidiactl", "/dev/dxg"].some((path) => existsSync(path));
}

/**
 * A Vulkan driver for WebGPU in Node: what VK_DRIVER_FILES or VK_ICD_FILENAMES name; else the system's, if it has a graphics device; else
 * the software driver that comes with Chromium; else the system's, such as Mesa's lavapipe (WebGPU refuses those before Mesa 23).
 */
export function findVulkanDriver(): VulkanDriver | undefined {
  const named = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  if (named !== undefined && named !== "") return { name: named, manifest: undefined };
  const folders = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/usr/local/nvidia/share/vulkan/icd.d"];
  const installed = folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)));
  const system =
    installed.length > 0 ? { name: `the system's (${installed.join(", ")})`, manifest: undefined } : undefined;
  const swiftShader = firstOf(
    [findChromium() ?? "", "/usr/lib/chromium/chromium"].map((browser) =>
      join(dirname(browser), "vk_swiftshader_icd.json"),
    ),
  );
  const software =
    swiftShader === undefined ? undefined : { name: "SwiftShader, which comes with Chromium", manifest: swiftShader };
  return hasGraphicsDevice() ? (system ?? software) : (software ?? system);
}

/** Makes the Vulkan loader of this process use a driver. Call it before anything loads the `webgpu` package. */
export function useVulkanDriver({ manifest }: VulkanDriver): void {
  if (manifest !== undefined) process.env.VK_ICD_FILENAMES = manifest;
  process.env.XDG_RUNTIME_DIR ??= "/tmp";
}
