/**
 * Safetensors files and whole models in them, for Node.
 * @packageDocumentation
 */
export { loadModel } from "./node/loadModel.ts";
export { loadSafetensors } from "./node/loadSafetensors.ts";
export { saveModel } from "./node/saveModel.ts";
export { saveSafetensors } from "./node/saveSafetensors.ts";
export { writeFileAtomic } from "./node/writeFileAtomic.ts";
