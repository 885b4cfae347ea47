import { type ConvLSTMFormat, type ConvLSTMFormatName, convLSTMFormats, type GateOrder } from "@squall/nn";
import { Generator, randn, type Tensor } from "@squall/tensor";
import fc from "fast-check";

/** Every order of the four gates. */
export const gateOrders: readonly GateOrder[] = [
  ...(["ifog", "ifgo", "iofg", "iogf", "igfo", "igof"] as const),
  ...(["fiog", "figo", "foig", "fogi", "fgio", "fgoi"] as const),
  ...(["oifg", "oigf", "ofig", "ofgi", "ogif", "ogfi"] as const),
  ...(["gifo", "giof", "gfio", "gfoi", "goif", "gofi"] as const),
];

/** Formats of one's own, which turn what no known one turns. */
const ownFormats: Readonly<Record<string, ConvLSTMFormat>> = {
  "cat(x, h) per gate, biases apart": {
    gateNames: { i: "input", f: "forget", o: "output", g: "candidate" },
    names: { weight: "{layer}.{gate}.w", bias: "{layer}.{gate}.b", peephole: "{layer}.{gate}.c" },
  },
  "channels last, peepholes too, an axis of 1 before them": {
    layout: "channelsLast",
    batchedPeephole: true,
    names: { weight: "{layer}.w", bias: "{layer}.b", peephole: "{layer}.{gate}" },
  },
  "channels last, all peepholes in one": {
    layout: "channelsLast",
    forgetOffset: -0.5,
    spatialBias: true,
    names: { inputWeight: "{layer}x", stateWeight: "{layer}h", bias: "{layer}b", peephole: "{layer}p" },
  },
};

/** A format and what to call it with. */
export interface FormatCase {
  readonly title: string;
  readonly format: ConvLSTMFormat | ConvLSTMFormatName;
  readonly row: ConvLSTMFormat;
}

const known: readonly ConvLSTMFormatName[] = ["fused", "separate", "perGate", "keras", "flax", "haiku", "brainpy"];

/** All formats: the known ones by name, and others. */
export const formatCases: readonly FormatCase[] = [
  ...known.map((title) => ({ title, format: title, row: convLSTMFormats[title] })),
  ...Object.entries(ownFormats).map(([title, row]) => ({ title, format: row, row })),
];

/** Where names of several layers begin, for formats that name one: by number, or each its own. */
export const prefixes = {
  number: "layer{layer}/",
  list: ["conv_lstm/", "conv_lstm_1/", "conv_lstm_2/"],
} as const;

/** A source of random float64 leaves that sums and differences with small numbers do not round: multiples of 1/64. */
export function exactLeaves(seed: number): (...shape: number[]) => Tensor {
  const generator = new Generator(seed);
  return (...shape) => {
    const values = randn(shape, { dtype: "float64", generator });
    // Added to zero, -0 becomes the 0 that it is anyhow.
    return values.mul(64).round().div(64).add(0).requiresGrad_();
  };
}

/** One to three sizes of a kernel or an image, small enough to be quick. */
export function sizes(dims: number): fc.Arbitrary<number[]> {
  return fc.array(fc.integer({ min: 1, max: dims === 3 ? 2 : 4 }), { minLength: dims, maxLength: dims });
}
