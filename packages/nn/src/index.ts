/**
 * Modules, layers, losses and initializers; above all ConvLSTM.
 * @packageDocumentation
 */
export * as init from "./init/index.ts";
export { Conv1d } from "./layers/conv1d.ts";
export { Conv2d } from "./layers/conv2d.ts";
export { Conv3d } from "./layers/conv3d.ts";
export { ConvNd, type ConvNdOptions } from "./layers/convNd.ts";
export { BCELoss, bce } from "./loss/bce.ts";
export { BCEWithLogitsLoss, type BCEWithLogitsOptions, bceWithLogits } from "./loss/bceWithLogits.ts";
export { HuberLoss, type HuberOptions, huber } from "./loss/huber.ts";
export { L1Loss, l1 } from "./loss/l1.ts";
export { MSELoss, mse } from "./loss/mse.ts";
export type { LossOptions, LossReduction } from "./loss/reduction.ts";
export { type LoadResult, Module, type StateDict, type TensorModule } from "./module/module.ts";
export { ModuleList } from "./module/moduleList.ts";
export type { ModuleOptions } from "./module/options.ts";
export { Buffer, Parameter } from "./module/parameter.ts";
export { Sequential } from "./module/sequential.ts";
