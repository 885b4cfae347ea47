/** Something to do now, or to finish later. It must not throw or reject: whoever makes it handles its errors. */
export type Job = () => void | Promise<void>;

/**
 * Work in order. A job starts at once if nothing is under way, so calls go straight to the GPU once their kernels are compiled; behind a
 * job that has to wait, others line up.
 */
export class WorkQueue {
  private waiting: Job[] = [];
  private next = 0;
  private busy = false;

  /** Does a job now, or after those before it. */
  push(job: Job): void {
    if (this.busy) this.waiting.push(job);
    else this.start(job);
  }

  private start(job: Job): void {
    const pending = job();
    if (pending === undefined) return;
    this.busy = true;
    void pending.then(() => {
      this.busy = false;
      this.drain();
    });
  }

  private drain(): void {
    while (!this.busy) {
      const job = this.waiting[this.next];
      if (job === undefined) break;
      this.next++;
      this.start(job);
    }
    if (this.next === this.waiting.length) {
      this.waiting = [];
      this.next = 0;
    }
  }
}
