// What the address of the page says after `#`, so that a film and a device can be linked to.

/** Where the page can compute. */
export const DEVICE_CHOICES = ["cpu", "webgpu", "webgl2"] as const;
export type DeviceChoice = (typeof DEVICE_CHOICES)[number];

/** What the page shows. */
export interface PageState {
  /** Decides the generated film. */
  readonly seed: number;
  readonly device: DeviceChoice;
}

/** Seeds are below this, so that they are short to read. */
export const SEEDS = 100_000;

const DEFAULT: PageState = { seed: 1, device: "cpu" };

/** Whether text names a device. */
export function isDeviceChoice(text: string | null): text is DeviceChoice {
  return DEVICE_CHOICES.some((choice) => choice === text);
}

/** Reads an address's `#seed=7&device=webgpu`. What is missing or makes no sense is as by default: addresses are typed by hand. */
export function parseState(hash: string): PageState {
  const values = new URLSearchParams(hash.replace(/^#/, ""));
  const [seed, device] = [values.get("seed"), values.get("device")];
  return {
    seed: seed !== null && /^\d+$/.test(seed) && Number(seed) < SEEDS ? Number(seed) : DEFAULT.seed,
    device: isDeviceChoice(device) ? device : DEFAULT.device,
  };
}

/** The text that {@link parseState} reads, with `#`. */
export function formatState({ seed, device }: PageState): string {
  return `#${new URLSearchParams({ seed: String(seed), device })}`;
}
