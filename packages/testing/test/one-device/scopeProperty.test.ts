// One device: the proxy, which refuses what was disposed, beside the cpu, where nothing ever is.
import { cpu } from "@squall/cpu";
import type { Device } from "@squall/device";
import { cat, checkpoint, grad, maximum, scope, type Tensor, tensor } from "@squall/tensor";
import fc from "fast-check";
import { expect, it } from "vitest";
import { proxyDevice } from "../proxyDevice.ts";

type Step = (a: Tensor, b: Tensor) => Tensor;

const twist: Step = (a, b) => a.tanh().mul(b).add(a.sin());

/** From two tensors `[2,2]` to one: sharing memory, saving inputs and outputs, several outputs, broadcasts, checkpoints, scopes. */
const steps: readonly Step[] = [
  (a, b) => a.add(b),
  (a, b) => a.mul(b),
  (a, b) => a.sub(b).tanh(),
  (a) => a.reshape([4]).reshape([2, 2]),
  (a) => a,
  (a, b) => maximum(a, b.mean(0, true)),
  (a, b) => cat(a.unbind(1).reverse()).reshape([2, 2]).sub(b.sum()),
  (a, b) => a.matmul(b).sigmoid(),
  (a, b) => checkpoint(twist, a, b),
  (a, b) => checkpoint((x, y) => checkpoint(twist, x.mul(y), y).exp().sigmoid(), a, b),
  (a, b) => scope(() => twist(a, b)),
  (a, b) =>
    checkpoint(
      (x, y) =>
        scope(() => twist(x, y))
          .exp()
          .sigmoid(),
      a,
      b,
    ),
  (a, b) => scope(() => checkpoint((x) => twist(x, b.exp().sigmoid()), a).sin()),
  (a, b) => scope(() => scope(() => twist(b, a)).mul(a)),
  (a, b) => {
    const y = a.mul(b);
    y.registerHook((gradient) => gradient.mul(0.5));
    return y.sin();
  },
  (a, b) => {
    const y = a.sub(b);
    if (y.requiresGrad) y.retainGrad();
    return y;
  },
];

/** The steps from here on let others see gradients on their way. */
const firstSeeing = steps.length - 2;

interface Program {
  readonly steps: readonly (readonly [step: number, a: number, b: number])[];
  readonly values: readonly number[];
  readonly manner: "all in a scope" | "forward in a scope" | "twice" | "grad of grad";
}

const index = fc.nat({ max: 9 });
const programs: fc.Arbitrary<Program> = fc.record({
  steps: fc.array(fc.tuple(fc.nat({ max: steps.length - 1 }), index, index), { minLength: 1, maxLength: 8 }),
  values: fc.array(
    fc.integer({ min: -20, max: 20 }).map((n) => n / 10),
    { minLength: 8, maxLength: 8 },
  ),
  manner: fc.constantFrom("all in a scope", "forward in a scope", "twice", "grad of grad"),
});

/** Runs a program; gives the leaves, whose gradients are its results, and the loss. */
function run({ steps: list, values, manner }: Program, device: Device): { x: Tensor; y: Tensor; loss: Tensor } {
  const leaf = (from: number): Tensor =>
    tensor(values.slice(from, from + 4), { shape: [2, 2], device, requiresGrad: true });
  const [x, y] = [leaf(0), leaf(4)];
  const forward = (): Tensor => {
    const pool = [x, y];
    const at = (k: number): Tensor => pool[k % pool.length] ?? x;
    for (const [step, a, b] of list) pool.push(steps[step]?.(at(a), at(b)) ?? x);
    return pool.slice(-3).reduce((sum, each) => sum.add(each.square().mean()), x.mul(y).sum());
  };
  if (manner === "all in a scope") {
    const loss = scope(() => {
      const value = forward();
      value.backward();
      return value;
    });
    return { x, y, loss };
  }
  if (manner === "grad of grad") {
    const loss = scope(() => {
      const [gx, gy] = grad(forward(), [x, y], { createGraph: true, allowUnused: true });
      const value = (gx ?? x)
        .square()
        .sum()
        .add((gy ?? y).sum())
        .add(x.sum());
      value.backward();
      return value;
    });
    return { x, y, loss };
  }
  const loss = scope(forward);
  if (manner === "twice") loss.backward(undefined, { retainGraph: true });
  loss.backward();
  return { x, y, loss };
}

it("scopes and backward passes free exactly what nobody needs any more", async () => {
  await fc.assert(
    fc.asyncProperty(programs, async (program) => {
      const device = proxyDevice();
      const [got, want] = [run(program, device), run(program, cpu)];
      for (const name of ["x", "y"] as const) {
        expect(await got[name].grad?.data()).toEqual(await want[name].grad?.data());
      }
      expect(await got.loss.data()).toEqual(await want.loss.data());
      const alive = [got.x, got.y, got.loss].length + [got.x.grad, got.y.grad].filter((g) => g !== undefined).length;
      // What hooks saw and results retained is the user's; only a scope around the backward pass frees it.
      const isSeen = program.steps.some(([step]) => step >= firstSeeing);
      if (!isSeen || program.manner === "all in a scope" || program.manner === "grad of grad") {
        expect(device.memory().storages).toBe(alive);
      }
      for (const each of [got.loss, got.x, got.y]) each.dispose();
    }),
    { numRuns: 300 },
  );
});
