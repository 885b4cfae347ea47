/**
 * Modules, layers, losses and initializers; above all ConvLSTM.
 * @packageDocumentation
 */
export { type LoadResult, Module, type StateDict, type TensorModule } from "./module/module.ts";
export { ModuleList } from "./module/moduleList.ts";
export type { ModuleOptions } from "./module/options.ts";
export { Buffer, Parameter } from "./module/parameter.ts";
export { Sequential } from "./module/sequential.ts";
