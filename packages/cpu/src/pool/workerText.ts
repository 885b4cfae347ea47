import { open, spins, states, stateWords, taskWords, textLimit, words } from "./control.ts";

/** Most programs that a worker keeps compiled. */
const programLimit = 256;

/**
 * What a worker runs, as text: it needs no file and no import, so that it starts from TypeScript, from packages and from any bundle.
 * It sleeps until the generation changes, goes in at the gate, takes tasks until there are none and leaves; what it has to compile it
 * compiles outside the gate, so that nobody waits for it. It reads a job's words only inside, where they do not change.
 */
export const workerText: string = `"use strict";
(() => {
  const at = ${JSON.stringify(words)};
  const states = ${JSON.stringify(states)};
  function start({ memory, thread, epoch }) {
    let view = new Int32Array(memory.buffer);
    const state = at.states + ${stateWords} * thread;
    const programs = new Map();
    let home = false;

    function announce() {
      if (Atomics.load(view, at.sleepers) === 0) return;
      Atomics.add(view, at.event, 1);
      Atomics.notify(view, at.event);
    }
    function leave() {
      Atomics.sub(view, at.gate, 1);
      announce();
    }
    function die(cause) {
      home = true;
      if (Atomics.load(view, at.epoch) !== epoch) return;
      const text = String(cause).slice(0, ${textLimit});
      if (Atomics.compareExchange(view, at.failed, 0, thread) === 0) {
        for (let i = 0; i < text.length; i++) Atomics.store(view, at.text + 1 + i, text.charCodeAt(i));
        Atomics.store(view, at.text, text.length);
      }
      announce();
    }
    function compile(id, bytes) {
      const module = new WebAssembly.Module(bytes);
      const { exports } = new WebAssembly.Instance(module, { env: { memory } });
      programs.set(id, WebAssembly.Module.exports(module).map(({ name }) => exports[name]));
      if (programs.size > ${programLimit}) programs.delete(programs.keys().next().value);
    }
    // Whether a counter got that far; not if the job failed first.
    function reached(counter, value) {
      for (let i = 0; i < ${spins}; i++) {
        if (Atomics.load(view, counter) >= value) return true;
        if (Atomics.load(view, at.failed) !== 0) return false;
      }
      Atomics.add(view, at.sleepers, 1);
      for (;;) {
        const event = Atomics.load(view, at.event);
        const good = Atomics.load(view, counter) >= value;
        if (good || Atomics.load(view, at.failed) !== 0) {
          Atomics.sub(view, at.sleepers, 1);
          return good;
        }
        Atomics.wait(view, at.event, event, 1000);
      }
    }
    function work(functions) {
      const count = view[at.taskCount], tasks = view[at.tasks], counters = view[at.counters];
      const parameters = view[at.parameters];
      const scratch = view[at.scratch] + thread * view[at.scratchBytes];
      for (;;) {
        const index = Atomics.add(view, at.next, 1);
        if (index >= count || Atomics.load(view, at.failed) !== 0) break;
        Atomics.store(view, state, states.busy + index);
        const task = tasks + ${taskWords} * index;
        const waitFor = view[task + 2], alsoFor = view[task + 4], signal = view[task + 6];
        if (waitFor >= 0 && !reached(counters + waitFor, view[task + 3])) break;
        if (alsoFor >= 0 && !reached(counters + alsoFor, view[task + 5])) break;
        functions[view[task]](parameters, view[task + 1], scratch);
        if (signal >= 0) Atomics.add(view, counters + signal, 1);
        Atomics.add(view, at.progress, 1);
        announce();
      }
      Atomics.store(view, state, states.ready);
    }
    // Takes part in the open job, if there is one.
    function visit() {
      for (;;) {
        const isOpen = (Atomics.add(view, at.gate, 1) & ${open}) !== 0;
        if (Atomics.load(view, at.epoch) !== epoch) home = true;
        if (!isOpen || home) return leave();
        if (view.length < view[at.memoryWords]) {
          // Another thread made the memory grow; growing by nothing shows how far.
          memory.grow(0);
          view = new Int32Array(memory.buffer);
        }
        const id = view[at.program];
        const functions = programs.get(id);
        if (functions !== undefined) {
          work(functions);
          programs.delete(id);
          programs.set(id, functions);
          return leave();
        }
        const bytes = new Uint8Array(view[at.programLength]);
        bytes.set(new Uint8Array(memory.buffer, view[at.programBytes], bytes.length));
        leave();
        compile(id, bytes);
      }
    }
    Atomics.store(view, state, states.ready);
    try {
      for (;;) {
        const generation = Atomics.load(view, at.generation);
        visit();
        if (home) return;
        let left = ${spins};
        while (left > 0 && Atomics.load(view, at.generation) === generation) left--;
        if (left === 0) Atomics.wait(view, at.generation, generation);
      }
    } catch (error) {
      die(error instanceof Error ? error.message : error);
    }
  }
  if (typeof process === "object" && process.getBuiltinModule) {
    start(process.getBuiltinModule("node:worker_threads").workerData);
  } else {
    globalThis.onmessage = ({ data }) => {
      start(data);
      close();
    };
  }
})();
`;
