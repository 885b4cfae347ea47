import { disposeStorage, type Storage } from "@squall/device";

/** What a scope left alive for the backward pass of the tensors that it returned. Backward frees it, or the disposal of them all. */
export class GraphMemory {
  private readonly storages: readonly Storage[];
  private tensors = 0;

  constructor(storages: readonly Storage[]) {
    this.storages = storages;
  }

  /** One more tensor whose graph needs it. */
  join(): void {
    this.tensors++;
  }

  /** One tensor less. */
  leave(): void {
    this.tensors--;
    if (this.tensors === 0) for (const storage of this.storages) disposeStorage(storage);
  }
}
