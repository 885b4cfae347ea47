import { ArgumentError, type Device, type DType, formatShape, sameShape } from "@squall/device";
import type { HostTensor } from "@squall/io";
import { grad, type Tensor } from "@squall/tensor";
import { FixtureArguments } from "./arguments.ts";
import { type CaseResult, type GoldenCase, type NamedTensors, need } from "./case.ts";
import { convlstmCases } from "./convlstm.ts";
import { type Fixture, materialise } from "./fixture.ts";
import { frameworkCases } from "./frameworks.ts";
import { lossCases } from "./losses.ts";
import { opCases } from "./ops.ts";
import { optimizerCases } from "./optimizers.ts";

const cases: Readonly<Record<string, GoldenCase>> = {
  ...opCases,
  ...lossCases,
  ...optimizerCases,
  ...convlstmCases,
  ...frameworkCases,
};

/** How a fixture is run. */
export interface GoldenOptions {
  /** Device under test. */
  readonly device: Device;
  /** Dtype under test. */
  readonly dtype: DType;
  /** Largest error allowed, relative to max(1, largest expected magnitude). Default 1e-6 in float64, 1e-5 in float32. */
  readonly tolerance?: number;
}

/** Outcome of one fixture in one dtype. */
export interface GoldenResult {
  /** Whether every output and gradient agrees. */
  readonly passed: boolean;
  /** Largest error found, relative to max(1, largest expected magnitude); NaN if something could not be compared. */
  readonly error: number;
  /** Where: `out.y0`, `grad.weight`; or why it could not be run. */
  readonly where: string;
}

async function errorOf(ours: Tensor, theirs: HostTensor): Promise<number> {
  if (!sameShape(ours.shape, theirs.shape)) {
    throw new ArgumentError("golden", `shape ${formatShape(ours.shape)} instead of ${formatShape(theirs.shape)}`, {
      expected: theirs.shape,
      got: ours.shape,
    });
  }
  const data = await ours.data();
  let largest = 0;
  let scale = 1;
  for (const [k, expected] of theirs.data.entries()) {
    // Unlike a comparison, Math.max keeps a NaN once there is one.
    largest = Math.max(largest, Math.abs((data[k] ?? Number.NaN) - expected));
    scale = Math.max(scale, Math.abs(expected));
  }
  return largest / scale;
}

/** Gradients by the fixture's names. Where a module computed, they are pulled back through what made its parameters. */
function gradientsOf(
  fixture: Fixture,
  result: CaseResult,
  tensors: NamedTensors,
  options: GoldenOptions,
): NamedTensors {
  const names = Object.keys(fixture.grads);
  if (names.length === 0) return {};
  const loaded = (result.loaded ?? []).filter(({ source }) => source.requiresGrad);
  // Where parameters were loaded, outputs depend on what the fixture calls its parameters through them only.
  const isLearned = (name: string): boolean => result.loaded !== undefined && Object.hasOwn(fixture.params, name);
  const learned = names.filter(isLearned);
  const direct = names.filter((name) => !isLearned(name));
  const seeds = Object.entries(fixture.seeds);
  const found = grad(
    seeds.map(([name]) => need(result.outputs, name)),
    [...direct.map((name) => need(tensors, name)), ...loaded.map(({ parameter }) => parameter)],
    { gradOutputs: seeds.map(([, seed]) => materialise(seed, options.device, options.dtype)) },
  );
  const pulledBack = grad(
    loaded.map(({ source }) => source),
    learned.map((name) => need(tensors, name)),
    { gradOutputs: found.slice(direct.length) },
  );
  const all = [...found.slice(0, direct.length), ...pulledBack];
  return Object.fromEntries(
    [...direct, ...learned].flatMap((name, k) => (all[k] === undefined ? [] : [[name, all[k]]])),
  );
}

async function compare(fixture: Fixture, options: GoldenOptions, tolerance: number): Promise<GoldenResult> {
  const run = Object.hasOwn(cases, fixture.op) ? cases[fixture.op] : undefined;
  if (run === undefined) throw new ArgumentError("golden", `op ${fixture.op} is not understood`, { got: fixture.op });
  const tensors: NamedTensors = {};
  for (const [name, host] of Object.entries({ ...fixture.inputs, ...fixture.params })) {
    tensors[name] = materialise(host, options.device, options.dtype, fixture.grads[name] !== undefined);
  }
  const args = new FixtureArguments(fixture.args);
  const parameters = Object.fromEntries(Object.keys(fixture.params).map((name) => [name, need(tensors, name)]));
  const result = run({ tensors, parameters, args });
  args.finish();
  const gradients = gradientsOf(fixture, result, tensors, options);
  if (Object.keys(fixture.outputs).length === 0)
    throw new ArgumentError("golden", "the fixture expects no output", { expected: "out.*" });
  let worst = { error: 0, where: "" };
  for (const [prefix, theirs, ours] of [
    ["out", fixture.outputs, result.outputs],
    ["grad", fixture.grads, gradients],
  ] as const) {
    for (const [name, expected] of Object.entries(theirs)) {
      const error = await errorOf(need(ours, name), expected);
      if (Number.isNaN(error) || error > worst.error) worst = { error, where: `${prefix}.${name}` };
    }
  }
  return { passed: worst.error <= tolerance, ...worst };
}

/** Computes a fixture with Squall and compares every output and gradient. Never throws: what cannot be run has failed. */
export async function runGolden(fixture: Fixture, options: GoldenOptions): Promise<GoldenResult> {
  const tolerance = options.tolerance ?? (options.dtype === "float64" ? 1e-6 : 1e-5);
  try {
    return await compare(fixture, options, tolerance);
  } catch (error) {
    return {
      passed: false,
      error: Number.NaN,
      where: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    };
  }
}
