/*
 * The only module that touches gpu.js. What Squall needs of it goes beyond its published types in a few plain fields, so values are looked
 * at before they are believed; the version is pinned and tests cover what is used.
 */
import { DeviceError } from "@squall/device";
import * as gpujs from "gpu.js";
import { type KernelSource, textOf } from "../emit/source.ts";
import type { EngineMode } from "./engine.ts";

/** The parts of a kernel of gpu.js that Squall sets or reads. */
export interface KernelInternals {
  /** Mode that it really runs in: `webgpu`, `webasm`, `gpu` for WebGL, `cpu`. */
  readonly mode: string;
  /** In WebGPU mode, where the next call writes: a buffer that is large enough is kept. */
  outputBuffer?: unknown;
}

/** A kernel as gpu.js gives it. */
export interface CompiledKernel {
  /** Runs it. */
  readonly run: (args: readonly unknown[]) => unknown;
  /** Compiles it without running it, for arguments of these types. */
  readonly build: (args: readonly unknown[]) => unknown;
  /** Its fields. */
  readonly internals: KernelInternals;
  /** Frees it. */
  readonly destroy: () => void;
}

/** An instance of gpu.js in one mode. */
export interface GpuJs {
  /** @param arrayType - type of its array arguments, as gpu.js calls it */
  createKernel(source: KernelSource, arrayType: string, settings: Readonly<Record<string, unknown>>): CompiledKernel;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null;
}

type Constructor = new (settings: { mode: string }) => unknown;

function isConstructor(value: unknown): value is Constructor {
  return typeof value === "function";
}

function isFunction(value: unknown): value is (...args: unknown[]) => unknown {
  return typeof value === "function";
}

/** A field of an object that may be anything. */
export function field(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

function unknownVersion(what: string): DeviceError {
  return new DeviceError("gpuDevice", `gpu.js has no ${what}; Squall needs gpu.js 2.24.1`, { expected: "2.24.1" });
}

/** The class GPU, wherever a bundler puts the exports of a CommonJS module. */
function gpuClass(): Constructor {
  const outer = field(gpujs, "default");
  for (const found of [field(gpujs, "GPU"), field(outer, "GPU"), outer]) {
    if (isConstructor(found) && field(found, "isWebGPUAvailable") !== undefined) return found;
  }
  throw unknownVersion("class GPU");
}

function isInternals(value: unknown): value is Omit<KernelInternals, "mode"> {
  return isObject(value) && "built" in value && "build" in value;
}

/** gpu.js in a mode. */
export function openGpuJs(mode: EngineMode): GpuJs {
  const gpu = new (gpuClass())({ mode });
  const create = field(gpu, "createKernel");
  if (!isFunction(create)) throw unknownVersion("createKernel");
  return {
    createKernel: (source, arrayType, settings) => {
      const argumentTypes = [...source.inputs.map(() => arrayType), ...source.scalars.map(({ type }) => type)];
      const made = create.call(gpu, textOf(source), {
        argumentTypes,
        output: source.threads,
        functions: source.helpers,
        precision: "single",
        ...settings,
      });
      const [inner, destroy] = [field(made, "kernel"), field(made, "destroy")];
      if (!isFunction(made) || !isInternals(inner) || !isFunction(destroy)) throw unknownVersion("such kernels");
      const innerMode = field(field(inner, "constructor"), "mode");
      const internals: KernelInternals = Object.assign(inner, { mode: String(innerMode) });
      return {
        run: (args) => made(...args),
        build: (args) => {
          const build = field(inner, "build");
          return isFunction(build) ? build.apply(inner, [...args]) : undefined;
        },
        internals,
        destroy: () => {
          destroy.call(made);
        },
      };
    },
  };
}
