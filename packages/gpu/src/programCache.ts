import type { KernelSource } from "./emit/source.ts";
import type { Engine, Program } from "./engine/engine.ts";

/** A compiled kernel with its source. */
export interface CachedProgram {
  readonly source: KernelSource;
  readonly program: Program;
}

/** Compiled kernels by key; those not used for longest are dropped and freed. */
export class ProgramCache {
  private readonly engine: Engine;
  private readonly limit: number;
  private readonly programs = new Map<string, CachedProgram>();

  /** @param limit - most kernels kept */
  constructor(engine: Engine, limit: number) {
    this.engine = engine;
    this.limit = limit;
  }

  /** Number of kernels kept. */
  get size(): number {
    return this.programs.size;
  }

  /** The kernel of a key, compiled from `make()` if it is not there. */
  get(key: string, make: () => KernelSource): CachedProgram {
    const known = this.programs.get(key);
    if (known !== undefined) {
      this.programs.delete(key);
      this.programs.set(key, known);
      return known;
    }
    const source = make();
    const made = { source, program: this.engine.compile(source) };
    this.programs.set(key, made);
    for (const [oldest, { program }] of this.programs) {
      if (this.programs.size <= this.limit) break;
      this.programs.delete(oldest);
      program.destroy();
    }
    return made;
  }

  /** Drops a kernel that failed. */
  drop(key: string): void {
    this.programs.delete(key);
  }
}
