/**
 * Modules, layers, losses, metrics and initializers; above all ConvLSTM.
 * @packageDocumentation
 */

export * as constrain from "./constrain/index.ts";
export { ConvGRUCell, type ConvGRUCellOptions, type GRUState } from "./convgru/cell.ts";
export { ConvGRU, type ConvGRUOptions } from "./convgru/convGRU.ts";
export { ConvLSTMCell, type ConvLSTMCellOptions, type PeepholeKind } from "./convlstm/cell.ts";
export { ConvLSTM, type ConvLSTMOptions } from "./convlstm/convLSTM.ts";
export type { LSTMState } from "./convlstm/gates.ts";
export { ConvRNNCell, type ConvRNNCellOptions, type RNNState } from "./convrnn/cell.ts";
export { ConvRNN, type ConvRNNOptions } from "./convrnn/convRNN.ts";
export type { ForecasterCell, ForecasterCells, ForecasterLayers } from "./forecaster/cells.ts";
export { ConvStage, type ConvStageOptions } from "./forecaster/convStage.ts";
export { DownStage } from "./forecaster/downStage.ts";
export { type EncodedFrames, EncoderForecaster } from "./forecaster/encoderForecaster.ts";
export type { ForecastOptions } from "./forecaster/forecastOptions.ts";
export type {
  DecidedOptions,
  EncoderForecasterOptions,
  ForecasterLayer,
  ForecasterOptions,
  StageOptions,
} from "./forecaster/options.ts";
export { ResizeStage } from "./forecaster/resizeStage.ts";
export { type SamplingScheduleOptions, samplingSchedule } from "./forecaster/samplingSchedule.ts";
export { StageChain } from "./forecaster/stageChain.ts";
export { UpStage } from "./forecaster/upStage.ts";
export { type ConfiguredModel, type FromConfigOptions, fromConfig } from "./fromConfig.ts";
export * as init from "./init/index.ts";
export { exportConvLSTM } from "./interchange/exportConvLSTM.ts";
export type { ConvLSTMFormat, ConvLSTMInterchangeOptions, ConvLSTMNames } from "./interchange/format.ts";
export { type ConvLSTMFormatName, convLSTMFormats } from "./interchange/formats.ts";
export type { Gate, GateOrder } from "./interchange/gate.ts";
export { importConvLSTM } from "./interchange/importConvLSTM.ts";
export { Conv1d } from "./layers/conv1d.ts";
export { Conv2d } from "./layers/conv2d.ts";
export { Conv3d } from "./layers/conv3d.ts";
export { ConvNd, type ConvNdOptions } from "./layers/convNd.ts";
export { ConvTranspose1d } from "./layers/convTranspose1d.ts";
export { ConvTranspose2d } from "./layers/convTranspose2d.ts";
export { ConvTranspose3d } from "./layers/convTranspose3d.ts";
export { ConvTransposeNd, type ConvTransposeNdOptions } from "./layers/convTransposeNd.ts";
export { Dropout, type DropoutOptions } from "./layers/dropout.ts";
export { ELU, type ELUOptions } from "./layers/elu.ts";
export { Flatten, type FlattenOptions } from "./layers/flatten.ts";
export { GroupNorm, type GroupNormOptions } from "./layers/groupNorm.ts";
export { Identity } from "./layers/identity.ts";
export { LayerNorm, type LayerNormOptions } from "./layers/layerNorm.ts";
export { LeakyReLU, type LeakyReLUOptions } from "./layers/leakyRelu.ts";
export { Linear, type LinearOptions } from "./layers/linear.ts";
export { PixelShuffle, type PixelShuffleOptions } from "./layers/pixelShuffle.ts";
export { PixelUnshuffle, type PixelUnshuffleOptions } from "./layers/pixelUnshuffle.ts";
export { ReLU } from "./layers/relu.ts";
export { Sigmoid } from "./layers/sigmoid.ts";
export { SiLU } from "./layers/silu.ts";
export { Softmax, type SoftmaxOptions } from "./layers/softmax.ts";
export { Softplus, type SoftplusOptions } from "./layers/softplus.ts";
export { Tanh } from "./layers/tanh.ts";
export { TimeDistributed } from "./layers/timeDistributed.ts";
export { type BalancedWeightsOptions, balancedWeights } from "./loss/balancedWeights.ts";
export { BCELoss, bce } from "./loss/bce.ts";
export { BCEWithLogitsLoss, type BCEWithLogitsOptions, bceWithLogits } from "./loss/bceWithLogits.ts";
export type { ClassTarget } from "./loss/classTarget.ts";
export { CrossEntropyLoss, type CrossEntropyOptions, crossEntropy } from "./loss/crossEntropy.ts";
export { GDLLoss, type GDLOptions, gdl } from "./loss/gdl.ts";
export { HuberLoss, type HuberOptions, huber } from "./loss/huber.ts";
export { L1Loss, l1 } from "./loss/l1.ts";
export { l1Penalty } from "./loss/l1Penalty.ts";
export { l2Penalty } from "./loss/l2Penalty.ts";
export { MSELoss, mse } from "./loss/mse.ts";
export type { LossOptions, LossReduction } from "./loss/reduction.ts";
export { WeightedL1Loss, weightedL1 } from "./loss/weightedL1.ts";
export { WeightedMSELoss, weightedMse } from "./loss/weightedMse.ts";
export * as metrics from "./metrics/index.ts";
export type { JsonValue, ModelConfig } from "./module/config.ts";
export { type CarriedTensor, type LoadResult, Module, type StateDict, type TensorModule } from "./module/module.ts";
export { ModuleList } from "./module/moduleList.ts";
export type { ModuleOptions } from "./module/options.ts";
export { Buffer, Parameter } from "./module/parameter.ts";
export { Sequential } from "./module/sequential.ts";
export type { Activation, ActivationName } from "./recurrent/activation.ts";
export {
  Bidirectional,
  type BidirectionalOptions,
  type BidirectionalOutput,
  type BidirectionalStates,
  type Direction,
  type MergeMode,
} from "./recurrent/bidirectional.ts";
export {
  type CellKind,
  type ForgetBias,
  type PerPosition,
  RecurrentCell,
  type RecurrentState,
  type SequenceResult,
} from "./recurrent/cell.ts";
export type { CellInit, CellInitializers, CellInitPreset, Initializer } from "./recurrent/cellInit.ts";
export { FrameStage } from "./recurrent/frameStage.ts";
export { RecurrentLayer, type RecurrentOutput } from "./recurrent/layer.ts";
export type { LayerNoise } from "./recurrent/layerNoise.ts";
export type { LayerKind } from "./recurrent/layerSettings.ts";
export type { SequenceMasks } from "./recurrent/noise.ts";
export type {
  CellNorm,
  CellPlan,
  CommonOptions,
  KernelSize,
  LayerOptionsOf,
  RecurrentCellOptions,
  RecurrentLayerOptions,
  SpatialDims,
  Zoneout,
} from "./recurrent/options.ts";
export type { SequenceOptions } from "./recurrent/sequenceMask.ts";
export type { RunOptions, StepOptions } from "./recurrent/stepOptions.ts";
export {
  type SequenceChunk,
  type TruncatedBPTTOptions,
  type TruncatedBPTTResult,
  truncatedBPTT,
} from "./recurrent/truncatedBPTT.ts";
export { STLSTMCell, type STLSTMCellOptions, type STLSTMState } from "./stlstm/cell.ts";
