/**
 * Safetensors files, for Node.
 * @packageDocumentation
 */
export { loadSafetensors } from "./node/loadSafetensors.ts";
export { saveSafetensors } from "./node/saveSafetensors.ts";
export { writeFileAtomic } from "./node/writeFileAtomic.ts";
