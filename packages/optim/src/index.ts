/**
 * Optimizers with PyTorch's update rules, learning-rate schedules, gradient clipping and early stopping.
 * @packageDocumentation
 */
export { Adam } from "./adam.ts";
export type { AdamHyperparameters, AdamOptions } from "./adamRule.ts";
export { AdamW } from "./adamW.ts";
export { type ClipGradNormOptions, clipGradNorm } from "./clipGradNorm.ts";
export { clipGradValue } from "./clipGradValue.ts";
export { EarlyStopping, type EarlyStoppingOptions, type EarlyStoppingState } from "./earlyStopping.ts";
export { Optimizer } from "./optimizer.ts";
export type { Hyperparameters, ParameterState, ParamGroup, ParamGroupOptions, Params } from "./paramGroup.ts";
export { RMSprop, type RMSpropHyperparameters, type RMSpropOptions } from "./rmsprop.ts";
export { CosineAnnealingLR, type CosineAnnealingLROptions } from "./schedules/cosineAnnealingLR.ts";
export { ExponentialLR, type ExponentialLROptions } from "./schedules/exponentialLR.ts";
export { LRScheduler, type LRSchedulerState } from "./schedules/lrScheduler.ts";
export { MultiStepLR, type MultiStepLROptions } from "./schedules/multiStepLR.ts";
export { OneCycleLR, type OneCycleLROptions } from "./schedules/oneCycleLR.ts";
export {
  ReduceLROnPlateau,
  type ReduceLROnPlateauOptions,
  type ReduceLROnPlateauState,
} from "./schedules/reduceLROnPlateau.ts";
export { StepLR, type StepLROptions } from "./schedules/stepLR.ts";
export { SGD, type SGDHyperparameters, type SGDOptions } from "./sgd.ts";
export type {
  BufferNames,
  OptimizerGroupState,
  OptimizerStateDict,
  OptionValue,
  ParameterProgress,
} from "./stateDict.ts";
