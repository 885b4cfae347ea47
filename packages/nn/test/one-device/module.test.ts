import { inspect } from "node:util";
import { cpu } from "@squall/cpu";
import {
  Buffer,
  Conv2d,
  ConvLSTM,
  ConvTranspose2d,
  Dropout,
  Flatten,
  init,
  Linear,
  Module,
  ModuleList,
  Parameter,
  ReLU,
  Sequential,
} from "@squall/nn";
import { Generator, ones, randn, type Tensor, tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { proxyDevice } from "../../../testing/test/proxyDevice.ts";
import { refusal } from "../refusal.ts";

class Block extends Module {
  readonly scale: Parameter = new Parameter(tensor([2]));
  readonly mean: Buffer = new Buffer(tensor([1]));
  readonly layers: ModuleList<Linear>;
  readonly head: Linear;
  readonly name = "block";

  constructor(head = new Linear({ inFeatures: 2, outFeatures: 1 })) {
    super();
    this.layers = new ModuleList([head, new Linear({ inFeatures: 1, outFeatures: 1, bias: false })]);
    this.head = head;
  }

  forward(x: Tensor): Tensor {
    return this.head.forward(x).sub(this.mean).mul(this.scale);
  }
}

const names = (pairs: Iterable<readonly [string, unknown]>): string[] => [...pairs].map(([name]) => name);

describe("finding what belongs to a module", () => {
  it("gives dotted names in order of assignment, each thing once", () => {
    const block = new Block();
    expect(names(block.namedParameters())).toEqual(["scale", "layers.0.weight", "layers.0.bias", "layers.1.weight"]);
    expect(names(block.namedBuffers())).toEqual(["mean"]);
    expect(names(block.namedModules())).toEqual(["", "layers", "layers.0", "layers.1"]);
    expect(names(block.namedChildren())).toEqual(["layers", "head"]);
    expect(block.parameters().length).toBe(4);
    expect(block.parameterCount()).toBe(1 + 2 + 1 + 1);
    expect(block.buffers()).toEqual([block.mean]);
    expect(block.modules()[0]).toBe(block);
  });

  it("counts a parameter that two modules share once, and saves it under both names", () => {
    class Tied extends Module {
      readonly first: Linear = new Linear({ inFeatures: 2, outFeatures: 2, bias: false });
      readonly weight: Parameter = this.first.weight;
    }
    const tied = new Tied();
    expect(tied.parameters().length).toBe(1);
    expect(Object.keys(tied.stateDict()).sort()).toEqual(["first.weight", "weight"]);
  });

  it("refuses an array of modules or parameters, which would be lost", () => {
    class Lost extends Module {
      readonly cells: Module[] = [new ReLU()];
    }
    class LostParameters extends Module {
      readonly weights: unknown[] = [1, new Parameter(zeros([1]))];
    }
    const text = (property: string, name: string): string =>
      `Module: property ${property} of ${name} is an array that holds modules or parameters, which would not be trained or saved; use a ModuleList`;
    for (const use of [
      (module: Module) => module.parameters(),
      (module: Module) => module.stateDict(),
      (module: Module) => module.train(),
    ]) {
      expect(() => use(new Lost())).toThrow(refusal("ArgumentError", text("cells", "Lost")));
      expect(() => use(new Sequential(new Flatten(), new Identified(new LostParameters())))).toThrow(
        refusal("ArgumentError", text("weights", "LostParameters")),
      );
    }
  });

  class Identified extends Module {
    readonly inner: Module;
    constructor(inner: Module) {
      super();
      this.inner = inner;
    }
    forward(x: Tensor): Tensor {
      return x;
    }
  }
});

describe("switching", () => {
  it("train and eval reach everything below and return the module", () => {
    const net = new Sequential(new Sequential(new Dropout()), new ReLU());
    const modes = (): boolean[] => net.modules().map((module) => module.training);
    expect(modes()).toEqual([true, true, true, true]);
    expect(net.eval()).toBe(net);
    expect(modes()).toEqual([false, false, false, false]);
    expect(net.train()).toBe(net);
    expect(modes()).toEqual([true, true, true, true]);
  });

  it("apply calls children in order of assignment, then the module that has them, each once", () => {
    const block = new Block();
    const seen: Module[] = [];
    expect(block.apply((module) => seen.push(module))).toBe(block);
    expect(seen).toEqual([block.head, block.layers.at(1), block.layers, block]);

    const part = (): Sequential =>
      new Sequential(new Sequential(new ReLU(), new Flatten()), new Dropout(), new Sequential(new ReLU()));
    const net = new Sequential(part(), part());
    const names = new Map([...net.namedModules()].map(([name, module]) => [module, name]));
    const order: (string | undefined)[] = [];
    net.apply((module) => order.push(names.get(module)));
    const below = ["0.0", "0.1", "0", "1", "2.0", "2", ""];
    const of = (k: number): string[] => below.map((name) => (name === "" ? `${k}` : `${k}.${name}`));
    expect(order).toEqual([...of(0), ...of(1), ""]);
  });

  it("apply initializes from a seed in that order", () => {
    const layer = (): Linear => new Linear({ inFeatures: 2, outFeatures: 2, bias: false });
    const net = new Sequential(layer(), new Sequential(layer(), layer()), layer());
    const generator = new Generator(7);
    net.apply((module) => {
      if (module instanceof Linear) init.normal_(module.weight, { generator });
    });
    const again = new Generator(7);
    const expected = net.parameters().map(() => init.normal_(zeros([2, 2]), { generator: again }).toArray());
    expect(net.parameters().map((weight) => weight.toArray())).toEqual(expected);
  });

  it("requiresGrad_ freezes and thaws; zeroGrad forgets", () => {
    const block = new Block();
    block.requiresGrad_(false);
    expect(block.forward(zeros([2])).requiresGrad).toBe(false);
    block.requiresGrad_();
    block
      .forward(zeros([2]))
      .sum()
      .backward();
    expect(block.head.bias?.grad?.toArray()).toEqual([2]);
    block.zeroGrad();
    expect(block.parameters().map((parameter) => parameter.grad)).toEqual(block.parameters().map(() => undefined));
  });

  it("to converts values, buffers and gradients in place: whoever holds the parameters still does", () => {
    const block = new Block();
    const before = block.parameters();
    block
      .forward(zeros([2]))
      .sum()
      .backward();
    expect(block.to("float64")).toBe(block);
    expect(block.parameters().every((parameter, k) => parameter === before[k])).toBe(true);
    for (const each of [...block.parameters(), ...block.buffers()]) expect(each.dtype).toBe("float64");
    expect(block.head.bias?.grad?.dtype).toBe("float64");
    expect(block.forward(zeros([2], { dtype: "float64" })).dtype).toBe("float64");
    block
      .forward(zeros([2], { dtype: "float64" }))
      .sum()
      .backward();
    expect(block.head.bias?.grad?.toArray()).toEqual([4]);
  });
});

describe("moving between devices", () => {
  it("goes there and back, with values, buffers and gradients", async () => {
    const block = new Block();
    const [device, before] = [proxyDevice(), block.parameters()];
    block
      .forward(ones([2]))
      .sum()
      .backward();
    const values = block.parameters().map((parameter) => parameter.toArray());
    block.to(device);
    expect(block.parameters().every((parameter, k) => parameter === before[k])).toBe(true);
    for (const each of [...block.parameters(), ...block.buffers()]) expect(each.device).toBe(device);
    expect(() => block.to(cpu)).toThrow("to: a tensor on proxy cannot be moved at once; use `await x.toAsync(cpu)`");
    for (const each of block.parameters()) expect(each.device).toBe(device);
    expect(await block.toAsync(cpu)).toBe(block);
    for (const each of [...block.parameters(), ...block.buffers()]) expect(each.device).toBe(cpu);
    expect(block.parameters().map((parameter) => parameter.toArray())).toEqual(values);
    expect(block.head.bias?.grad?.toArray()).toEqual([2]);
    expect(await block.toAsync(cpu)).toBe(block);
  });

  it("moves nothing if one of its tensors cannot be moved", async () => {
    const block = new Block();
    block.head.to("float64");
    const refusal = 'proxy does not compute in float64; convert first with to("float32")';
    expect(() => block.to(proxyDevice())).toThrow(`to: ${refusal}`);
    await expect(block.toAsync(proxyDevice())).rejects.toThrow(`toAsync: ${refusal}`);
    for (const each of [...block.parameters(), ...block.buffers()]) expect(each.device).toBe(cpu);
  });

  it("asks to detach what has a history", async () => {
    const weight = ones([2], { requiresGrad: true });
    await expect(weight.mul(2).toAsync(proxyDevice())).rejects.toThrow(
      "toAsync: gradients cannot flow back through a move that waits; move Tensor([2], float32, cpu).detach()",
    );
    expect(await (await weight.detach().toAsync(proxyDevice())).data()).toEqual(Float32Array.of(1, 1));
  });
});

describe("state dicts", () => {
  it("hold parameters and buffers, without history, sharing memory", () => {
    const block = new Block();
    const state = block.stateDict();
    expect(Object.keys(state)).toEqual([
      "scale",
      "layers.0.weight",
      "layers.0.bias",
      "layers.1.weight",
      "head.weight",
      "head.bias",
      "mean",
    ]);
    expect(Object.values(state).some((value) => value.requiresGrad)).toBe(false);
    state.scale.fill_(5);
    expect(block.scale.toArray()).toEqual([5]);
  });

  it("load into another module: the same values, copied", () => {
    const [a, b] = [new Block(), new Block()];
    expect(b.loadStateDict(a.stateDict())).toEqual({ missing: [], unexpected: [] });
    const x = randn([3, 2]);
    expect(b.forward(x).toArray()).toEqual(a.forward(x).toArray());
    a.stateDict().scale.fill_(7);
    expect(b.scale.toArray()).toEqual([2]);
    expect(b.scale.requiresGrad && b.scale.isLeaf).toBe(true);
  });

  it("that do not fit change nothing and say everything that is wrong", () => {
    const conv = new Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 1 });
    const before = [...conv.weight.dataSync(), ...(conv.bias?.dataSync() ?? [])];
    const after = (): number[] => [...conv.weight.dataSync(), ...(conv.bias?.dataSync() ?? [])];
    const weight = zeros([2, 1, 1, 1]);

    expect(() => conv.loadStateDict({ weight, biass: zeros([2]) })).toThrow(
      refusal("StateDictError", "loadStateDict: the state dict does not fit Conv2d: missing: bias; unexpected: biass"),
    );
    expect(() => conv.loadStateDict({ weight, bias: zeros([3]) })).toThrow(
      refusal(
        "StateDictError",
        "loadStateDict: the state dict does not fit Conv2d: bias: the module has shape [2], the state dict [3]",
      ),
    );
    const wide = { weight, bias: zeros([2], { dtype: "float64" }) };
    for (const strict of [true, false]) {
      expect(() => conv.loadStateDict(wide, { strict })).toThrow(
        refusal(
          "StateDictError",
          "loadStateDict: the state dict does not fit Conv2d: bias: the module is float32, the state dict float64; convert one with to()",
        ),
      );
    }
    expect(after()).toEqual(before);
  });

  it("without biases ask for a module without", () => {
    const net = new Sequential(
      new Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 1 }),
      new ConvTranspose2d({ inChannels: 2, outChannels: 1, kernelSize: 1 }),
    );
    const plain = Object.fromEntries(Object.entries(net.stateDict()).filter(([name]) => name.endsWith("weight")));
    expect(() => net.loadStateDict(plain)).toThrow(
      refusal(
        "StateDictError",
        "loadStateDict: the state dict does not fit Sequential: missing: 0.bias, 1.bias; build the module with bias: false for weights without biases",
      ),
    );
    const { "0.weight": _, ...less } = plain;
    expect(() => net.loadStateDict(less)).toThrow(/missing: 0.weight, 0.bias, 1.bias$/);
  });

  it("with strict: false load what there is and name the rest", () => {
    const conv = new Conv2d({ inChannels: 1, outChannels: 2, kernelSize: 1 });
    const bias = conv.bias?.toArray();
    expect(conv.loadStateDict({ weight: zeros([2, 1, 1, 1]).add(3), other: zeros([1]) }, { strict: false })).toEqual({
      missing: ["bias"],
      unexpected: ["other"],
    });
    expect([...conv.weight.dataSync()]).toEqual([3, 3]);
    expect(conv.bias?.toArray()).toEqual(bias);
  });
});

describe("containers", () => {
  it("Sequential applies its modules in order, and nests", () => {
    const [first, second] = [
      new Linear({ inFeatures: 4, outFeatures: 3 }),
      new Linear({ inFeatures: 3, outFeatures: 2 }),
    ];
    const net = new Sequential(new Flatten(), new Sequential(first, new ReLU()), second);
    const x = randn([5, 2, 2]);
    expect(net.forward(x).toArray()).toEqual(second.forward(first.forward(x.flatten(1)).relu()).toArray());
    expect(names(net.namedParameters())).toEqual(["1.0.weight", "1.0.bias", "2.weight", "2.bias"]);
    expect(new Sequential().forward(x)).toBe(x);
  });

  it("ModuleList is found by position and can grow", () => {
    const list = new ModuleList([new ReLU()]);
    const last = new ReLU();
    expect(list.append(last)).toBe(list);
    expect(list.length).toBe(2);
    expect([...list].at(-1)).toBe(last);
    expect([list.at(1), list.at(-1)]).toEqual([last, last]);
  });

  it("ModuleList refuses positions that do not exist and items that are no modules", () => {
    const list = new ModuleList([new ReLU()]);
    for (const index of [1, -2, 0.5, Number.NaN]) {
      expect(() => list.at(index)).toThrow(refusal("ShapeError", `ModuleList.at: there is no module ${index} among 1`));
    }
    // @ts-expect-error a function is no module
    expect(() => list.append((x: Tensor) => x)).toThrow(refusal("ArgumentError", "ModuleList: item 1 is not a Module"));
    // @ts-expect-error nor is undefined
    expect(() => new Sequential(new ReLU(), undefined)).toThrow(
      refusal("ArgumentError", "ModuleList: item 1 is not a Module"),
    );
    expect(list.length).toBe(1);
  });

  it("a module that is used twice is trained and saved once", () => {
    const shared = new Linear({ inFeatures: 2, outFeatures: 2 });
    const net = new Sequential(shared, shared);
    expect(net.parameters().length).toBe(2);
    expect(net.loadStateDict(net.stateDict())).toEqual({ missing: [], unexpected: [] });
  });
});

describe("a module as text", () => {
  const lines = (module: Module): string[] => String(module).split("\n");

  it("is a tree of names, classes and shapes, with the number of learned values", () => {
    const model = new ConvLSTM({ inputChannels: 1, hiddenChannels: [8, 4], kernelSize: 3 });
    expect(lines(model)).toEqual([
      "ConvLSTM(",
      "  (cells): ModuleList(",
      "    (0): ConvLSTMCell(inputWeight [32,1,3,3], stateWeight [32,8,3,3], bias [32])",
      "    (1): ConvLSTMCell(inputWeight [16,8,3,3], stateWeight [16,4,3,3], bias [16])",
      "  )",
      ")",
      `${model.parameterCount()} parameters`,
    ]);
  });

  it("shows a module's own tensors before its children, and what is shared wherever it is, but counts it once", () => {
    const block = new Block();
    expect(lines(block)).toEqual([
      "Block(",
      "  scale [1], mean [1]",
      "  (layers): ModuleList(",
      "    (0): Linear(weight [1,2], bias [1])",
      "    (1): Linear(weight [1,1])",
      "  )",
      "  (head): Linear(weight [1,2], bias [1])",
      ")",
      "5 parameters",
    ]);
    expect(block.parameterCount()).toBe(5);
  });

  it("is short without children, and says nothing of parameters where there are none", () => {
    expect(lines(new ReLU())).toEqual(["ReLU()"]);
    expect(lines(new Sequential())).toEqual(["Sequential()"]);
    expect(lines(new Linear({ inFeatures: 1, outFeatures: 1, bias: false }))).toEqual([
      "Linear(weight [1,1])",
      "1 parameter",
    ]);
    expect(lines(new Sequential(new ReLU(), new Sequential(new Flatten())))).toEqual([
      "Sequential(",
      "  (0): ReLU()",
      "  (1): Sequential(",
      "    (0): Flatten()",
      "  )",
      ")",
    ]);
  });

  it("ends, and is given, for what is no proper tree either", () => {
    class Ring extends Module {
      readonly weight: Parameter = new Parameter(zeros([2]));
      next: Module = new ReLU();
      readonly lost: unknown[] = [new ReLU()];
    }
    const [a, b] = [new Ring(), new Ring()];
    a.next = b;
    b.next = a;
    expect(lines(a)).toEqual([
      "Ring(",
      "  weight [2]",
      "  (next): Ring(",
      "    weight [2]",
      "    (next): Ring(…)",
      "  )",
      ")",
      "4 parameters",
    ]);
  });

  it("is what Node's console shows, alone and within other values", () => {
    const layer = new Linear({ inFeatures: 2, outFeatures: 1 });
    expect(inspect(layer)).toBe("Linear(weight [1,2], bias [1])\n3 parameters");
    expect(inspect({ layer })).toContain("layer: Linear(weight [1,2], bias [1])");
  });
});
