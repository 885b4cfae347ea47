/**
 * How good forecasts are: scores of radar meteorology and of images. Each makes a tensor on the device of the forecast, without gradient; reading it
 * (`await score.item()`) is the caller's. Frames are `[…, C, H, W]`.
 */
export { addCounts } from "./addCounts.ts";
export { type ContingencyCounts, type ContingencyOptions, contingency } from "./contingency.ts";
export { correlation } from "./correlation.ts";
export { csi } from "./csi.ts";
export { dBZToRainfall, type RainfallOptions } from "./dBZToRainfall.ts";
export { far } from "./far.ts";
export type { FrameOptions } from "./frames.ts";
export { hss } from "./hss.ts";
export { mae } from "./mae.ts";
export { mse } from "./mse.ts";
export { pod } from "./pod.ts";
export { type PsnrOptions, psnr } from "./psnr.ts";
export { type RainfallMseOptions, rainfallMse } from "./rainfallMse.ts";
export { rmse } from "./rmse.ts";
export { snr } from "./snr.ts";
export { type SsimOptions, ssim } from "./ssim.ts";
