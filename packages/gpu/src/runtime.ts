import { type Device, DeviceError, type DeviceMemory, type Storage, trackStorage } from "@squall/device";
import type { KernelSource } from "./emit/source.ts";
import type { Engine, EngineBuffer } from "./engine/engine.ts";
import { type CachedProgram, ProgramCache } from "./programCache.ts";
import { WorkQueue } from "./queue.ts";
import { type Cell, GpuStorage, own } from "./storage.ts";

/** Compiled kernels that are kept. */
export const programLimit = 1024;
/** Launches after which the GPU is waited for, so that it never falls behind by more than twice as many. */
const launchesBetweenFences = 256;

/** One kernel to run. */
export interface Launch {
  /** The operation, for messages. */
  readonly op: string;
  /** Names the kernel: everything that its source depends on. */
  readonly key: string;
  /** Makes the source. */
  readonly source: () => KernelSource;
  /** Arrays that it reads, in the order of the source. */
  readonly inputs: readonly GpuStorage[];
  /** Numbers for this call. */
  readonly scalars?: readonly number[] | ((source: KernelSource) => readonly number[]);
}

/** What went wrong, without the text of the kernel that gpu.js puts after it. */
function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.split("--- generated")[0]?.trim() ?? message;
}

/** Gives work to an engine, in order, and keeps count of what lives there. */
export class Runtime {
  /** What runs kernels. */
  readonly engine: Engine;
  /** Kernels run so far. */
  launches = 0;
  private readonly device: () => Device;
  private readonly programs: ProgramCache;
  private readonly queue = new WorkQueue();
  private readonly live = { bytes: 0, storages: 0 };
  private fence: Promise<void> | undefined;
  private launchesAtFence = 0;
  /** Frees what nobody holds any more and nobody disposed. */
  private readonly forgotten = new FinalizationRegistry<Cell>((cell) => this.release(cell));

  /**
   * @param device - whose storages these are; asked for later
   * @param programs - most compiled kernels that are kept
   */
  constructor(engine: Engine, device: () => Device, programs: number) {
    this.engine = engine;
    this.device = device;
    this.programs = new ProgramCache(engine, programs);
  }

  /** Live storages. */
  memory(): DeviceMemory {
    return { ...this.live };
  }

  /** Compiled kernels that are kept. */
  get compiled(): number {
    return this.programs.size;
  }

  /**
   * A storage without elements yet.
   * @throws DeviceError if it is larger than a buffer of the GPU may be, or the GPU is gone
   */
  make(op: string, length: number): GpuStorage {
    const { lost, maxLength } = this.engine;
    if (lost !== undefined) throw this.lostError(op, lost);
    if (length > maxLength) {
      throw new DeviceError(
        op,
        `a tensor of ${length} elements is larger than the ${maxLength} that one buffer of this GPU holds (${this.engine.description}); use smaller batches or images`,
        { expected: maxLength, got: length },
      );
    }
    const storage = new GpuStorage(this.device(), length);
    this.live.bytes += 4 * length;
    this.live.storages++;
    this.forgotten.register(storage, storage.cell, storage.cell);
    trackStorage(storage);
    return storage;
  }

  /** The result of one kernel. */
  run(launch: Launch, length: number): GpuStorage {
    if (length > 0) this.prepare(launch);
    return this.produce(launch.op, length, () => this.perform(launch), launch.inputs);
  }

  /** A storage whose elements `act` makes, in order. It is not asked for no elements. */
  produce(
    op: string,
    length: number,
    act: () => EngineBuffer | Promise<EngineBuffer>,
    inputs: readonly GpuStorage[] = [],
  ): GpuStorage {
    const result = this.make(op, length);
    if (length > 0) {
      this.push(op, inputs, [result], act, (buffer) => {
        result.cell.buffer = buffer;
      });
    }
    return result;
  }

  /** Runs kernels that all see the old values, then puts their results in the place of the targets' elements. */
  replace(launches: readonly Launch[], targets: readonly GpuStorage[]): void {
    const fresh: EngineBuffer[] = [];
    for (const launch of launches) this.prepare(launch);
    for (const launch of launches) {
      this.push(
        launch.op,
        launch.inputs,
        targets,
        () => this.perform(launch),
        (buffer) => {
          fresh.push(buffer);
        },
      );
    }
    this.push("update", [], targets, () => {
      targets.forEach(({ cell }, k) => {
        const buffer = fresh[k];
        if (buffer === undefined) return;
        // A disposed target gets its elements all the same: work lined up before it was disposed reads them.
        if (cell.buffer !== undefined) this.engine.free(cell.buffer);
        cell.buffer = buffer;
      });
      return undefined;
    });
    for (const target of targets) target.version++;
  }

  /** Does something with buffers, in order. @param act - gives a buffer, a promise of one, or nothing */
  push(
    op: string,
    inputs: readonly GpuStorage[],
    results: readonly GpuStorage[],
    act: () => EngineBuffer | Promise<EngineBuffer> | undefined,
    take: (buffer: EngineBuffer) => void = () => {},
  ): void {
    const cells = inputs.map(({ cell }) => cell);
    const fail = (error: unknown): void => {
      const known = error instanceof DeviceError ? error : this.failure(op, error);
      for (const { cell } of results) cell.error ??= known;
    };
    this.queue.push(() => {
      const broken = [...cells, ...results.map(({ cell }) => cell)].find(({ error }) => error !== undefined)?.error;
      if (broken !== undefined) {
        fail(broken);
        return undefined;
      }
      try {
        const pending = act();
        if (pending instanceof Promise) return pending.then(take).catch(fail);
        if (pending !== undefined) take(pending);
        return this.bound();
      } catch (error) {
        fail(error);
        return undefined;
      }
    });
  }

  /** Elements on the host. @throws DeviceError naming the operation that failed, if one did */
  async read(op: string, storage: GpuStorage): Promise<Float32Array> {
    const { cell } = storage;
    if (cell.length === 0) return new Float32Array(0);
    const reading = new Promise<Float32Array>((resolve, reject) => {
      this.queue.push(() => {
        const { lost } = this.engine;
        if (cell.error !== undefined || cell.buffer === undefined || lost !== undefined) {
          reject(
            lost === undefined ? (cell.error ?? this.failure(op, "there are no elements")) : this.lostError(op, lost),
          );
          return;
        }
        // Reading waits for the GPU, but work behind it need not: it cannot change a copy that is already on the queue.
        this.engine.read(cell.buffer).then(resolve, (error: unknown) => reject(this.failure(op, error)));
      });
    });
    return reading;
  }

  /** Resolves when all work so far is done. @throws DeviceError if something went wrong in it */
  async sync(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.queue.push(() => {
        this.engine.finish().then(resolve, (error: unknown) => reject(this.failure("sync", error)));
      });
    });
  }

  /** Takes a storage's memory back once the work before is done. */
  dispose(storage: GpuStorage): void {
    if (storage.cell.disposed) return;
    this.forgotten.unregister(storage.cell);
    this.release(storage.cell);
  }

  private release(cell: Cell): void {
    if (cell.disposed) return;
    cell.disposed = true;
    this.live.bytes -= 4 * cell.length;
    this.live.storages--;
    this.queue.push(() => {
      if (cell.buffer !== undefined) this.engine.free(cell.buffer);
      cell.buffer = undefined;
    });
  }

  /**
   * The kernel of a launch. Asked for when the launch is lined up, so that compiling begins then, and again when its turn comes.
   * @throws DeviceError if there can be no such kernel
   */
  private prepare({ op, key, source, inputs }: Launch): CachedProgram & { readonly key: string } {
    const { lost, maxInputs } = this.engine;
    if (lost !== undefined) throw this.lostError(op, lost);
    if (inputs.length > maxInputs) {
      throw new DeviceError(
        op,
        `reads ${inputs.length} tensors at once, but a kernel on this GPU reads at most ${maxInputs}; split the expression`,
        { expected: maxInputs, got: inputs.length },
      );
    }
    // gpu.js fixes the sizes of arguments with the kernel.
    const fullKey = `${key} ${inputs.map(({ length }) => length).join()}`;
    return { ...this.programs.get(fullKey, source), key: fullKey };
  }

  private perform(launch: Launch): EngineBuffer | Promise<EngineBuffer> {
    const { inputs, scalars = [] } = launch;
    const cached = this.prepare(launch);
    const buffers = inputs.map(({ cell }) => {
      if (cell.buffer === undefined) throw new Error(`an input of ${cell.length} elements is not there`);
      return cell.buffer;
    });
    this.launches++;
    const numbers = typeof scalars === "function" ? scalars(cached.source) : scalars;
    const refuse = (error: unknown): never => {
      this.programs.drop(cached.key);
      throw error;
    };
    try {
      const running = cached.program.run(buffers, numbers);
      return running instanceof Promise ? running.catch(refuse) : running;
    } catch (error) {
      return refuse(error);
    }
  }

  /** Now and then, waits for the fence before the last one. */
  private bound(): Promise<void> | undefined {
    if (this.launches - this.launchesAtFence < launchesBetweenFences) return undefined;
    this.launchesAtFence = this.launches;
    const before = this.fence;
    // What went wrong is told by the next read.
    this.fence = this.engine.finish().catch(() => {});
    return before;
  }

  private failure(op: string, error: unknown): DeviceError {
    if (error instanceof DeviceError) return error;
    const { lost } = this.engine;
    return lost === undefined
      ? new DeviceError(op, `failed on the GPU: ${messageOf(error)}`)
      : this.lostError(op, lost);
  }

  private lostError(op: string, reason: string): DeviceError {
    return new DeviceError(
      op,
      `the GPU was lost (${reason}), and its tensors with it; open it again with gpuDevice() and load what was saved`,
    );
  }

  /** An operand as this device's own. @throws DeviceError */
  own(op: string, storage: Storage): GpuStorage {
    return own(op, this.device(), storage);
  }
}
