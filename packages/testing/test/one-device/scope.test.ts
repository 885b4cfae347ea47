// One device: the proxy, which counts its storages and refuses those that were disposed.
import { EncoderForecaster, Linear, Module, mse, Parameter } from "@squall/nn";
import {
  type CreateOptions,
  checkpoint,
  defineOp,
  grad,
  keep,
  noGrad,
  rand,
  scope,
  type Tensor,
  tensor,
  zeros,
} from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../proxyDevice.ts";
import { refusal } from "../refusal.ts";

/** A fresh proxy, what goes with it, and how many storages it holds. */
function home(): { on: CreateOptions; live: () => number | undefined; leaf: (...values: number[]) => Tensor } {
  const device = proxyDevice();
  return {
    on: { device },
    live: () => device.memory().storages,
    leaf: (...values) => tensor(values, { device, requiresGrad: true }),
  };
}

const numbers = async (x: Tensor | undefined): Promise<number[]> => [...((await x?.data()) ?? [])];

const gone = refusal(
  "DeviceError",
  "read: this tensor was disposed; return it from the scope that it was made in, or keep() it",
);

describe("a scope", () => {
  it("frees everything made in it but what it returns", async () => {
    const { on, live } = home();
    const x = tensor([1, 2], on);
    let inside: Tensor | undefined;
    const y = scope(() => {
      inside = x.mul(2);
      return inside.add(1).exp().log().sub(1);
    });
    expect(live()).toBe(2);
    expect((await numbers(y))[1]).toBeCloseTo(4, 5);
    await expect(inside?.data()).rejects.toThrow(gone);
  });

  it("finds tensors in arrays, maps, sets, objects, modules and circles, without calling getters", () => {
    const { on, live } = home();
    class Pair {
      readonly left: Tensor;
      private readonly right: Tensor;
      constructor(left: Tensor, right: Tensor) {
        this.left = left;
        this.right = right;
      }
      get sum(): Tensor {
        return this.left.add(this.right);
      }
    }
    class Model extends Module {
      readonly inner = new Linear({ inFeatures: 2, outFeatures: 3, ...on });
      readonly scale = new Parameter(zeros([1], on));
    }
    const made = (): Tensor => zeros([2], on).add(1);
    const found = scope(() => {
      const circle: Record<string, unknown> = {
        list: [made(), [made()]],
        map: new Map([[made(), { deep: made() }]]),
        set: new Set([made()]),
        pair: new Pair(made(), made()),
        model: new Model(),
        get never() {
          throw new Error("a getter was called");
        },
        text: "a",
        nothing: null,
        bytes: new Float32Array(3),
      };
      circle.self = circle;
      return circle;
    });
    expect(Object.keys(found)).toHaveLength(10);
    expect(live()).toBe(10);
  });

  it("hands what it returns to the scope around it", () => {
    const { on, live } = home();
    scope(() => {
      scope(() => zeros([1], on));
      expect(live()).toBe(1);
    });
    expect(live()).toBe(0);
  });

  it("frees all if its function throws, and refuses promises", () => {
    const { on, live } = home();
    const failing = (): void => {
      zeros([1], on);
      throw new RangeError("no");
    };
    expect(() => scope(failing)).toThrow(RangeError);
    expect(() => scope(async () => zeros([1], on))).toThrow(
      refusal(
        "AutogradError",
        "scope: the function returned a promise, but it must be synchronous: what happens after its first await would be missed; read tensors outside",
      ),
    );
    expect(live()).toBe(0);
  });

  it("leaves alone what was made before, and what is kept", async () => {
    const { on, live } = home();
    const before = zeros([1], on);
    const cache: Tensor[] = [];
    scope(() => {
      before.add(1);
      cache.push(keep(zeros([2], on)));
    });
    expect(live()).toBe(2);
    expect(await numbers(cache[0])).toEqual([0, 0]);
    cache[0]?.dispose();
    expect(live()).toBe(1);
  });

  it("may be read after it began and before it ended", async () => {
    const { on } = home();
    const read = scope(() => ({ value: zeros([1], on).add(3).item() }));
    expect(await read.value).toBe(3);
  });

  it("lets a returned loss go backward, which frees what it saved", async () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    const loss = scope(() => x.exp().square().sum());
    expect(live()).toBeGreaterThan(2);
    loss.backward();
    // x, its gradient, the loss
    expect(live()).toBe(3);
    expect((await numbers(x.grad))[0]).toBeCloseTo(2 * Math.exp(2), 4);
  });

  it("frees what a returned tensor's graph saved when that is disposed, but not before all that share it are", () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    {
      using y = scope(() => x.exp().square());
      expect(y.shape).toEqual([2]);
      expect(live()).toBeGreaterThan(2);
    }
    expect(live()).toBe(1);
    const [a, b] = scope(() => {
      const shared = x.exp().square().exp();
      return [shared.mul(2), shared.mul(3)] as const;
    });
    a.dispose();
    b.sum().backward();
    a.dispose();
    b.dispose();
    expect(x.grad).toBeDefined();
  });

  it("in a scope in a scope keeps what the graph saved as long as needed", async () => {
    const { live, leaf } = home();
    const x = leaf(0.5);
    const loss = scope(() => {
      const first = scope(() => x.exp().exp());
      return scope(() => first.exp().mul(first)).sum();
    });
    loss.backward(undefined, { retainGraph: true });
    const once = (await numbers(x.grad))[0] ?? 0;
    loss.backward();
    const y = Math.exp(Math.exp(0.5));
    expect(once).toBeCloseTo(Math.exp(y) * (1 + y) * y * Math.exp(0.5), 1);
    expect((await numbers(x.grad))[0]).toBeCloseTo(2 * once, 1);
    expect(live()).toBe(3);
  });

  it("keeps second derivatives possible", async () => {
    const { leaf } = home();
    const x = leaf(0.3);
    const [g] = scope(() => grad(x.exp().square().sum(), [x], { createGraph: true }));
    g?.sum().backward();
    expect((await numbers(x.grad))[0]).toBeCloseTo(4 * Math.exp(0.6), 4);
  });
});

describe("dispose", () => {
  it("frees the elements, the gradient that backward made, and is harmless twice", async () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    scope(() => x.square().sum().backward());
    expect(live()).toBe(2);
    x.dispose();
    x.dispose();
    expect(live()).toBe(0);
    await expect(x.data()).rejects.toThrow(gone);
    expect(() => x.add(1)).toThrow(
      refusal(
        "DeviceError",
        "map: this tensor was disposed; return it from the scope that it was made in, or keep() it",
      ),
    );
  });

  it("does nothing on the cpu", () => {
    const x = tensor([1, 2], { requiresGrad: true });
    x.sum().backward();
    x.dispose();
    expect([x.toArray(), x.grad?.toArray()]).toEqual([
      [1, 2],
      [1, 1],
    ]);
  });
});

describe("an operation", () => {
  it("frees what it makes on its way", () => {
    const { on, live } = home();
    const cube = defineOp<undefined, [Tensor]>({
      name: "cube",
      shape: ([x]) => x.shape,
      run: ([x]) => x.mul(x).add(0).mul(x).storage,
    });
    const x = zeros([2], on);
    cube([x], undefined);
    expect(live()).toBe(2);
  });

  it("gives an input's storage back without losing it", async () => {
    const { on } = home();
    const x = tensor([1, 2], on);
    const y = scope(() => x.reshape([2, 1]));
    expect(await numbers(x)).toEqual(await numbers(y));
  });

  it("whose gradient rule gives back a saved value does not lose that", async () => {
    const { leaf } = home();
    const inject = defineOp<undefined, [Tensor, Tensor]>({
      name: "inject",
      shape: () => [],
      run: ([x]) => x.sum().storage,
      gradient: (context) => [context.input(1), undefined],
    });
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    scope(() => inject([x.mul(1), y.mul(2)], undefined).backward());
    expect(await numbers(x.grad)).toEqual([6, 8]);
    const loss = scope(() => inject([x.mul(1), y.mul(2)], undefined));
    loss.backward();
    expect(await numbers(x.grad)).toEqual([12, 16]);
  });
});

describe("backward without a scope", () => {
  it("leaves nothing of its own behind", () => {
    const { live, leaf } = home();
    const [x, w] = [leaf(1, 2, 3, 4), leaf(1, 1, 2, 2)];
    const y = x.mul(w).tanh().add(x).reshape([2, 2]).sum(0).square().sum();
    const before = live() ?? 0;
    y.backward();
    expect(live()).toBe(before + 2);
  });

  it("adds to an existing gradient in place", async () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    scope(() => x.square().sum().backward());
    const { grad: first } = x;
    scope(() => x.square().sum().backward());
    expect(x.grad).toBe(first);
    expect(await numbers(first)).toEqual([4, 8]);
    expect(live()).toBe(2);
  });

  it("does not touch a gradient that the user assigned, nor the gradient that it starts with", async () => {
    const { on, live, leaf } = home();
    const [x, start, mine] = [leaf(1, 2), tensor([10, 20], on), tensor([1, 1], on)];
    x.grad = mine;
    x.backward(start);
    expect(await numbers(x.grad)).toEqual([11, 21]);
    expect(await numbers(mine)).toEqual([1, 1]);
    scope(() => x.backward(x.grad));
    expect(await numbers(x.grad)).toEqual([22, 42]);
    x.zeroGrad();
    x.backward(start);
    expect(await numbers(start)).toEqual([10, 20]);
    expect(live()).toBe(4);
  });

  it("does not free a gradient that it adds to when that has a graph, or started the pass", async () => {
    const { leaf } = home();
    const x = leaf(2);
    x.pow(3).backward(undefined, { createGraph: true });
    const first = x.grad;
    x.square().backward();
    expect([await numbers(first), await numbers(x.grad)]).toEqual([[12], [16]]);
    const second = x.grad;
    x.backward(second);
    expect([await numbers(second), await numbers(x.grad)]).toEqual([[16], [32]]);
  });

  it("gives hooks gradients that stay, until the scope around ends", async () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    const seen: Tensor[] = [];
    const run = (): void => {
      const y = x.mul(3);
      y.registerHook((gradient) => {
        seen.push(gradient, gradient.add(1));
        return gradient.mul(10);
      });
      y.sum().backward();
    };
    run();
    expect(await numbers(x.grad)).toEqual([30, 30]);
    expect(await Promise.all(seen.map(numbers))).toEqual([
      [1, 1],
      [2, 2],
    ]);
    const held = live();
    scope(run);
    expect(live()).toBe(held);
  });

  it("gives what grad returns to the caller, whatever it shares", async () => {
    const { live, leaf } = home();
    const [x, y] = [leaf(1, 2), leaf(3, 4)];
    const sum = x.add(y);
    const total = sum.sum();
    const before = live() ?? 0;
    const [gx, gy, gs, gt] = grad(total, [x, y, sum, total]);
    expect(await Promise.all([gx, gy, gs, gt].map(numbers))).toEqual([[1, 1], [1, 1], [1, 1], [1]]);
    expect((live() ?? 0) - before).toBeLessThanOrEqual(4);
  });

  it("keeps the gradient of a result that asked for it", async () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    const y = scope(() => {
      const z = x.mul(3);
      z.retainGrad();
      z.square().sum().backward();
      return z;
    });
    expect(await numbers(y.grad)).toEqual([6, 12]);
    expect(live()).toBe(4);
  });
});

describe("zeroGrad", () => {
  it("frees what backward made; assigning undefined leaves it to the scope", () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    const step = (): void => x.square().sum().backward();
    scope(step);
    x.zeroGrad();
    expect([x.grad, live()]).toEqual([undefined, 1]);
    scope(step);
    scope(() => {
      const { grad: held } = x;
      x.grad = undefined;
      expect(held?.add(1).shape).toEqual([2]);
    });
    expect(live()).toBe(1);
  });

  it("leaves a gradient with a graph, and the user's own, alone", async () => {
    const { on, live, leaf } = home();
    const x = leaf(2);
    x.pow(3).backward(undefined, { createGraph: true });
    const first = x.grad;
    x.zeroGrad();
    first?.backward();
    expect(await numbers(x.grad)).toEqual([12]);
    const own = tensor([1], on);
    x.grad = own;
    const before = live();
    x.zeroGrad();
    expect(live()).toBe(before);
    expect(await numbers(own)).toEqual([1]);
  });

  it("lets a gradient assigned inside a scope live as long as its leaf", async () => {
    const { live, leaf } = home();
    const x = leaf(1, 2);
    for (let k = 0; k < 3; k++) {
      scope(() => {
        x.zeroGrad();
        x.grad = x.detach().mul(2);
      });
      expect(live()).toBe(2);
    }
    expect(await numbers(x.grad)).toEqual([2, 4]);
  });
});

describe("checkpoint", () => {
  const block = (v: Tensor, w: Tensor): Tensor =>
    v
      .mul(w)
      .tanh()
      .exp()
      .mul(rand([2], v))
      .sin();

  it("drops what its function makes, and what it computes again", async () => {
    const { live, leaf } = home();
    const [x, w] = [leaf(0.1, 0.2), leaf(0.3, 0.4)];
    const y = checkpoint(block, checkpoint(block, x, w), w);
    // x, w, both results, both masks
    expect(live()).toBe(6);
    y.sum().backward();
    expect(x.grad).toBeDefined();
    // x, w, gradients, both results, the sum
    expect(live()).toBe(7);
    expect((await numbers(w.grad)).every(Number.isFinite)).toBe(true);
  });

  it("inside another, twice and inside scopes, comes to the same gradients as without", async () => {
    const { live, leaf } = home();
    const run = async (through: boolean): Promise<number[]> => {
      const [x, w] = [leaf(0.1, 0.2), leaf(0.3, 0.4)];
      const inner = (v: Tensor): Tensor => v.exp().sin().mul(v);
      const outer = (v: Tensor, u: Tensor): Tensor =>
        (through ? checkpoint(inner, v.mul(u).cos()) : inner(v.mul(u).cos())).tanh().mul(u.exp());
      const loss = scope(() => (through ? checkpoint(outer, x, w) : outer(x, w)).square().sum());
      loss.backward(undefined, { retainGraph: true });
      loss.backward();
      const result = [...(await numbers(x.grad)), ...(await numbers(w.grad))];
      for (const each of [x, w, loss]) each.dispose();
      return result;
    };
    const plain = await run(false);
    const before = live();
    expect(await run(true)).toEqual(plain);
    expect(live()).toBe(before);
    expect(before).toBe(0);
  });

  it("has second derivatives, in scopes too", async () => {
    const { leaf } = home();
    const run = async (through: boolean): Promise<number[]> => {
      const x = leaf(0.1, 0.2);
      const fn = (v: Tensor): Tensor => v.exp().sin().mul(v);
      const [g] = scope(() => grad((through ? checkpoint(fn, x) : fn(x)).square().sum(), [x], { createGraph: true }));
      g?.square().sum().backward();
      return numbers(x.grad);
    };
    expect(await run(true)).toEqual(await run(false));
  });
});

it("a whole network without recording leaves only its output", () => {
  const { on, live } = home();
  const model = new EncoderForecaster({ inputChannels: 1, hiddenChannels: [3, 2], kernelSize: 3, ...on });
  const x = rand([3, 2, 1, 4, 4], on);
  const before = live() ?? 0;
  const y = scope(() => noGrad(() => model.forward(x, 2).sigmoid()));
  expect(live()).toBe(before + 1);
  scope(() => mse(model.forward(x, 2), y).backward());
  expect(live()).toBe(before + 1 + model.parameters().length);
});
