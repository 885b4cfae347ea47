import { ArgumentError } from "@squall/device";
import { show } from "../arguments.ts";
import { checkFormat, checkOptions, checkTogether } from "./checkFormat.ts";
import type { ConvLSTMFormat, ConvLSTMInterchangeOptions, ConvLSTMNames } from "./format.ts";
import { type ConvLSTMFormatName, convLSTMFormats } from "./formats.ts";
import { allGates, type Gate, peepholeGates } from "./gate.ts";

/** Where a tensor of ours lies among theirs: one name, or one per gate in our order. */
export interface Place {
  readonly perGate: boolean;
  readonly names: readonly string[];
}

/** The places of one layer. */
export type LayerPlaces = { readonly [Role in keyof ConvLSTMNames]?: Place };

/** A format and its options, checked and with every default filled in. */
export interface Plan extends Required<Omit<ConvLSTMFormat, "names" | "gateNames" | "gateOrder">> {
  /** The function that was called, for errors. */
  readonly op: string;
  /** What the format is called, for errors. */
  readonly title: string;
  /** Order of the gates in tensors that hold all of them. */
  readonly order: readonly Gate[];
  /** Whether tensors that belong to no layer are left out. */
  readonly ignoresOthers: boolean;
  /** How many layers there must be; `undefined` where names count them. */
  readonly layers: number | undefined;
  /** Where the tensors of a layer lie. */
  readonly places: (layer: number) => LayerPlaces;
}

const roles = ["weight", "inputWeight", "stateWeight", "bias", "stateBias", "peephole"] as const;

/** Those that may be missing among tensors. */
const missable: ReadonlySet<keyof ConvLSTMNames> = new Set(["bias", "stateBias", "peephole"]);

function formatOf(op: string, format: ConvLSTMFormat | ConvLSTMFormatName): ConvLSTMFormat {
  if (typeof format !== "string") {
    checkFormat(op, format);
    return format;
  }
  if (!Object.hasOwn(convLSTMFormats, format)) {
    const known = Object.keys(convLSTMFormats);
    throw new ArgumentError(op, `there is no format ${show(format)}; there are ${known.join(", ")}`, {
      expected: known,
      got: format,
    });
  }
  return convLSTMFormats[format];
}

function orderOf(op: string, given: string): Gate[] {
  const order = allGates.filter((gate) => given.includes(gate)).sort((a, b) => given.indexOf(a) - given.indexOf(b));
  if (order.join("") !== given || order.length !== allGates.length) {
    throw new ArgumentError(
      op,
      `gateOrder must hold i, f, o and g once each, got "${given}"; g is the candidate, which others call c or j`,
      { expected: allGates, got: given },
    );
  }
  return order;
}

/**
 * The names to go by. Those given decide whether names tell the layer; the format's names of parts that may be missing, and that do it the
 * other way, are of no tensor.
 */
function namesFor(theirs: ConvLSTMNames, given: ConvLSTMNames, prefix: string | readonly string[]): ConvLSTMNames {
  const ways = roles.flatMap((role) => given[role]?.includes("{layer}") ?? []);
  const tellsAnyhow = typeof prefix !== "string" || prefix.includes("{layer}");
  const stays = (role: keyof ConvLSTMNames, name: string): boolean =>
    tellsAnyhow || ways.length === 0 || !missable.has(role) || ways.includes(name.includes("{layer}"));
  const kept = roles.flatMap((role) => {
    const name = theirs[role];
    return name !== undefined && stays(role, name) ? [[role, name] as const] : [];
  });
  return { ...Object.fromEntries(kept), ...given };
}

/** How many layers names can tell apart. */
function layersOf(op: string, names: readonly string[], prefix: string | readonly string[]): number | undefined {
  if (typeof prefix !== "string") {
    if (prefix.length > 0) return prefix.length;
    throw new ArgumentError(op, "prefix needs a text for each layer, got an empty list", { got: prefix });
  }
  const without = names.filter((name) => !`${prefix}${name}`.includes("{layer}"));
  if (without.length === 0) return undefined;
  if (without.length === names.length) return 1;
  const told = names.filter((name) => !without.includes(name));
  throw new ArgumentError(
    op,
    `all names or none must tell the {layer}, but ${without.join(", ")} do not and ${told.join(", ")} do; say with names what the others are named, or put {layer} into prefix`,
    { expected: told, got: without },
  );
}

/** What to go by. @throws ArgumentError if format or options contradict themselves, or hold a name that is not known */
export function planOf(
  op: string,
  given: ConvLSTMFormat | ConvLSTMFormatName,
  options: ConvLSTMInterchangeOptions,
): Plan {
  checkOptions(op, options);
  const format = formatOf(op, given);
  const { prefix = "" } = options;
  const names = namesFor(format.names, options.names ?? {}, prefix);
  checkTogether(op, names, format);

  const place = (template: string, gates: readonly Gate[], layer: number): Place => {
    const start = typeof prefix === "string" ? prefix : (prefix[layer] ?? "");
    const name = `${start}${template}`.replaceAll("{layer}", `${layer}`);
    const perGate = name.includes("{gate}");
    const letters = gates.map((gate) => format.gateNames?.[gate] ?? gate);
    return { perGate, names: perGate ? letters.map((letter) => name.replaceAll("{gate}", letter)) : [name] };
  };
  const places = (layer: number): LayerPlaces =>
    Object.fromEntries(
      roles.flatMap((role) => {
        const template = names[role];
        if (template === undefined) return [];
        return [[role, place(template, role === "peephole" ? peepholeGates : allGates, layer)]];
      }),
    );

  const templates = roles.flatMap((role) => names[role] ?? []);
  const layers = layersOf(op, templates, prefix);
  const seen = new Set<string>();
  for (let layer = 0; layer < (layers ?? 1); layer++) {
    for (const name of namesOf(places(layer))) {
      if (seen.has(name)) throw new ArgumentError(op, `two tensors are named ${name}`, { got: name });
      seen.add(name);
    }
  }
  return {
    op,
    title: typeof given === "string" ? `the format "${given}"` : "the format",
    layout: format.layout ?? "torch",
    order: orderOf(op, options.gateOrder ?? format.gateOrder ?? "ifog"),
    forgetOffset: format.forgetOffset ?? 0,
    twoBiases: format.twoBiases ?? false,
    spatialBias: format.spatialBias ?? false,
    batchedPeephole: options.batchedPeephole ?? format.batchedPeephole ?? false,
    oneKernel: format.oneKernel ?? false,
    grouped: format.grouped ?? false,
    ignoresOthers: options.others === "ignore",
    layers,
    places,
  };
}

/** Every name of a layer. */
export function namesOf(places: LayerPlaces): string[] {
  return Object.values(places).flatMap((place) => place.names);
}
