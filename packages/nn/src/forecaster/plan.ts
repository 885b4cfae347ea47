import { ArgumentError } from "@squall/device";
import { checkChoice, checkWhole } from "../arguments.ts";
import type { FrameStage } from "../recurrent/frameStage.ts";
import type { LayerOptionsOf, RecurrentCellOptions, SpatialDims } from "../recurrent/options.ts";
import { resolveHidden, resolveKernels } from "../recurrent/resolveOptions.ts";
import type { ForecasterOptions } from "./options.ts";
import { Patches } from "./patches.ts";
import { Scales } from "./scales.ts";

/** One of the two parts: what its recurrent layers are made of. */
export interface PlannedPart {
  /** Options of the layers. */
  readonly options: LayerOptionsOf<RecurrentCellOptions>;
  /** What stands before each of them, if anything. */
  readonly stages: FrameStage[] | undefined;
}

/** A model as its options say, everything resolved. */
export interface ForecasterPlan {
  /** Spatial axes. */
  readonly spatialDims: SpatialDims;
  /** How frames are cut. */
  readonly patches: Patches;
  /** Whether the forecaster's deepest layer comes first. */
  readonly isMirrored: boolean;
  /** Whether the head reads the hidden states of all layers. */
  readonly readsAll: boolean;
  /** Whether the forecaster reads frames. */
  readonly readsFrames: boolean;
  /** Reads frames. */
  readonly encoder: PlannedPart;
  /** Makes frames. */
  readonly forecaster: PlannedPart;
  /** What leads from the forecaster's last layer to the size of frames. */
  readonly lastStage: FrameStage | undefined;
  /** What the head reads and makes. */
  readonly head: { readonly inChannels: number; readonly outChannels: number };
  /** Channels of the forecast. */
  readonly outputChannels: number;
}

/** What options may hold beyond their type: options of single layers of any kind. */
export type PlannedOptions = ForecasterOptions & { readonly cell?: string; readonly layers?: readonly object[] };

/** What `forecasterInput: "previous"` needs. */
function checkFeedback(op: string, options: ForecasterOptions, outputChannels: number): void {
  const { forecasterInput = "none", feedback, inputChannels } = options;
  checkChoice(op, "forecasterInput", forecasterInput, ["none", "previous"]);
  if (forecasterInput === "none") {
    if (feedback === undefined) return;
    throw new ArgumentError(
      op,
      'feedback does nothing without forecasterInput "previous"; set that too, or leave it out',
      { expected: "previous", got: forecasterInput },
    );
  }
  if (feedback === undefined) {
    throw new ArgumentError(
      op,
      'forecasterInput "previous" needs feedback, which makes a frame of the head\'s output: "sigmoid" if the loss is over logits, "linear" if that is a frame already',
      { expected: "an activation", got: feedback },
    );
  }
  if (inputChannels !== outputChannels) {
    throw new ArgumentError(
      op,
      `forecasterInput "previous" reads forecast frames like input frames, so outputChannels (=${outputChannels}) must equal inputChannels (=${inputChannels})`,
      { expected: inputChannels, got: outputChannels },
    );
  }
}

/** Whether the forecaster's deepest layer comes first, and what the head reads. */
function checkOrder(op: string, options: ForecasterOptions): Pick<ForecasterPlan, "isMirrored" | "readsAll"> {
  const hasStages = options.stages !== undefined;
  const { layerOrder = hasStages ? "mirrored" : "same", head = hasStages ? "last" : "all" } = options;
  checkChoice(op, "layerOrder", layerOrder, ["same", "mirrored"]);
  checkChoice(op, "head", head, ["all", "last"]);
  if (hasStages && layerOrder === "same") {
    throw new ArgumentError(
      op,
      'layerOrder "same" and stages exclude each other: the deepest states are the smallest, and frames are made of the largest; use "mirrored"',
      { expected: "mirrored", got: layerOrder },
    );
  }
  if (hasStages && head === "all") {
    throw new ArgumentError(
      op,
      'head "all" and stages exclude each other: the hidden states of the layers have different sizes; use "last"',
      { expected: "last", got: head },
    );
  }
  return { isMirrored: layerOrder === "mirrored", readsAll: head === "all" };
}

/** Sizes of the images that each layer of the encoder reads, which are those of its states; `undefined` if they may change. */
function sizesOf(
  op: string,
  imageSize: readonly number[] | undefined,
  patches: Patches,
  stages: readonly FrameStage[] | undefined,
  count: number,
): (readonly number[])[] | undefined {
  if (imageSize === undefined) return undefined;
  if (imageSize.length !== patches.size.length) {
    throw new ArgumentError(
      op,
      `imageSize [${imageSize.join(",")}] has ${imageSize.length} sizes for ${patches.size.length} spatial axes`,
      { expected: patches.size.length, got: imageSize.length },
    );
  }
  for (const size of imageSize) checkWhole(op, "imageSize", size, 1);
  let size = patches.gridOf(imageSize);
  return Array.from({ length: count }, (_, layer) => {
    size = stages?.[layer]?.sizeOf(size) ?? size;
    return size;
  });
}

/**
 * Resolves the options of a model.
 * @throws ArgumentError if one is out of range or makes no sense beside another; ShapeError if `imageSize` cannot be cut into patches
 */
export function planForecaster(op: string, given: PlannedOptions): ForecasterPlan {
  // What is left are the options of the recurrent layers, those of their kind included.
  const {
    cell,
    outputChannels = given.inputChannels,
    patchSize = 1,
    patchPadding = "error",
    stages,
    layerOrder,
    head,
    forecasterInput,
    feedback,
    layers = [],
    imageSize,
    ...recurrent
  } = given;
  const { inputChannels, spatialDims = 2, dtype, device, generator } = recurrent;
  checkWhole(op, "inputChannels", inputChannels, 1);
  checkWhole(op, "outputChannels", outputChannels, 1);
  checkFeedback(op, given, outputChannels);
  const order = checkOrder(op, given);
  const hidden = resolveHidden(op, recurrent.hiddenChannels, recurrent.numLayers);
  const count = hidden.length;
  if (layers.length > count) {
    throw new ArgumentError(op, `layers has options for ${layers.length} layers, but there are ${count}`, {
      expected: count,
      got: layers.length,
    });
  }
  const kernels = resolveKernels(op, "kernelSize", recurrent.kernelSize, count, spatialDims);
  const stateKernel = recurrent.stateKernelSize ?? recurrent.kernelSize;
  const stateKernels = resolveKernels(op, "stateKernelSize", stateKernel, count, spatialDims);
  const patches = new Patches(op, patchSize, patchPadding, spatialDims);
  const frameChannels = inputChannels * patches.area;

  const home = {
    ...(dtype !== undefined && { dtype }),
    ...(device !== undefined && { device }),
    ...(generator !== undefined && { generator }),
  };
  const scales = stages && new Scales(op, stages, { ...home, frameChannels, hidden, spatialDims });
  const encoderStages = scales?.encoderStages();
  const sizes = sizesOf(op, imageSize, patches, encoderStages, count);
  const perLayer = hidden.map((_, layer) => ({ ...layers[layer], ...(sizes && { imageSize: sizes[layer] ?? [] }) }));
  const inOrder = <T>(list: readonly T[]): readonly T[] => (order.isMirrored ? list.toReversed() : list);
  // The first layer of a forecaster without input has no convolution for options of such to be about.
  const readsFrames = given.forecasterInput === "previous";
  const first = readsFrames ? {} : { dilation: 1, groups: 1, inputDropout: 0 };
  const lastStage = scales?.lastStage();
  const lastChannels = lastStage?.outChannels ?? inOrder(hidden).at(-1) ?? 0;
  return {
    ...order,
    spatialDims,
    patches,
    readsFrames,
    outputChannels,
    encoder: {
      stages: encoderStages,
      options: {
        ...recurrent,
        inputChannels: frameChannels,
        hiddenChannels: hidden,
        kernelSize: kernels,
        stateKernelSize: stateKernels,
        layers: perLayer,
        returnAllLayers: true,
        returnSequences: false,
      },
    },
    forecaster: {
      stages: scales?.forecasterStages(readsFrames),
      options: {
        ...recurrent,
        inputChannels: readsFrames ? frameChannels : 0,
        hiddenChannels: inOrder(hidden),
        kernelSize: inOrder(kernels),
        stateKernelSize: inOrder(stateKernels),
        layers: inOrder(perLayer).map((each, k) => ({ ...each, ...(k === 0 && first), learnedInitialState: false })),
        returnAllLayers: order.readsAll,
      },
    },
    lastStage,
    head: {
      inChannels: order.readsAll ? hidden.reduce((a, b) => a + b, 0) : lastChannels,
      outChannels: outputChannels * patches.area,
    },
  };
}
