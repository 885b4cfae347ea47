// One device: the CPU, in float64.
import { ConvGRU, ConvGRUCell, type ConvGRUOptions, fromConfig } from "@squall/nn";
import { ArgumentError, cat, Generator, grad, matmul, noGrad, type Tensor, tensor, zeros } from "@squall/tensor";
import { gradcheck, gradgradcheck } from "@squall/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectClose as expectNumbers, ramp } from "../pytorch.ts";
import { refusal } from "../refusal.ts";
import { expectClose } from "./expectClose.ts";
import {
  cases,
  forCell,
  gateParts,
  inputOf,
  layerOutputs,
  leaf,
  loopOutputs,
  randomise,
} from "./recurrentArbitrary.ts";

const variants = fc.record({
  resetAfter: fc.boolean(),
  recurrentActivation: fc.constantFrom("sigmoid" as const, (x: Tensor) => x.mul(0.5).sigmoid()),
});

describe("ConvGRUCell", () => {
  it("is its equations, with a convolution per gate", () => {
    fc.assert(
      fc.property(cases, variants, ({ options, batch }, variant) => {
        const { generator, imageSize } = options;
        const [hiddenChannels] = options.hiddenChannels;
        const cell = new ConvGRUCell({ ...forCell(options), ...variant, hiddenChannels, zoneout: 0 });
        randomise(cell.parameters(), generator);
        const spatial = cell.sizeOfStates("test", imageSize);
        const x = leaf([batch, cell.inputChannels, ...imageSize], generator);
        const h = leaf([batch, hiddenChannels, ...spatial], generator);
        const place = generator.getState();
        const after = cell.forward(x, { h });
        generator.setState(place);
        const { ofInput, ofState, norm, bias, plusBias } = gateParts(
          cell,
          x,
          cell.drawMasks(batch, imageSize, spatial),
        );
        const gate = (k: number): Tensor =>
          cell.recurrentActivation(plusBias(norm(k, ofInput(k).add(ofState(k, h))), bias(k)));
        const [r, z] = [gate(0), gate(1)];
        const inner = (): Tensor => plusBias(norm(3, ofState(2, h)), cell.candidateBias);
        const sum = variant.resetAfter
          ? norm(2, ofInput(2)).add(r.mul(inner()))
          : norm(2, ofInput(2).add(ofState(2, r.mul(h))));
        const n = cell.activation(plusBias(sum, bias(2)));
        const expected = z.neg().add(1).mul(n).add(z.mul(h));
        expectClose([after.h], [expected]);
        const leaves = [x, h, ...cell.parameters().filter((each) => each !== cell.learnedState)];
        const probe = { gradOutputs: [leaf(expected.shape, generator).detach()] };
        expectClose(grad([after.h], leaves, probe), grad([expected], leaves, probe));
      }),
      { numRuns: 30 },
    );
  });

  it("works without input", () => {
    for (const resetAfter of [true, false]) {
      const generator = new Generator(3);
      const options = { inputChannels: 0, hiddenChannels: 2, kernelSize: 3, resetAfter, generator } as const;
      const cell = new ConvGRUCell({ ...options, norm: "group", dtype: "float64" });
      expect(cell.normWeight?.shape).toEqual([6]);
      randomise(cell.parameters(), generator);
      const h = leaf([2, 2, 3, 3], generator);
      gradcheck(() => cell.forward(undefined, { h }).h, [h, ...cell.parameters()]);
    }
  });

  it("has a bias inside the reset gate where there is one to have, filled as the other", () => {
    const options = { inputChannels: 1, hiddenChannels: 2, kernelSize: 3, init: "pytorch" } as const;
    const cell = new ConvGRUCell(options);
    const names = ["bias", "candidateBias", "inputWeight", "stateWeight"];
    expect(
      cell
        .namedParameters()
        .map(([name]) => name)
        .sort(),
    ).toEqual(names);
    expect(cell.candidateBias?.shape).toEqual([2]);
    expect(cell.candidateBias?.abs().max().itemSync()).toBeGreaterThan(0);
    expect(cell.candidateBias?.abs().max().itemSync()).toBeLessThan(1 / Math.sqrt(27));
    expect(new ConvGRUCell({ ...options, init: "lecun" }).candidateBias?.toArray()).toEqual([0, 0]);
    expect(new ConvGRUCell({ ...options, resetAfter: false }).candidateBias).toBeUndefined();
    expect(new ConvGRUCell({ ...options, bias: false }).candidateBias).toBeUndefined();
  });

  it("refuses what does not fit", () => {
    const cell = new ConvGRUCell({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3 });
    expect(() => cell.forward(zeros([1, 2, 4, 4]), { h: zeros([1, 3, 4, 5]) })).toThrow(
      refusal("ShapeError", "ConvGRUCell: state h has shape [1,3,4,5] but [N,H,…] = [1,3,4,4] is needed"),
    );
    expect(() => cell.forward(zeros([1, 1, 4, 4]))).toThrow(
      refusal("ShapeError", "ConvGRUCell: input has 1 channels but the cell expects 2 (input [N,C,…] = [1,1,4,4])"),
    );
    expect(() => cell.stateOf([])).toThrow(ArgumentError);
    expect(() => new ConvGRUCell({ inputChannels: 2, hiddenChannels: 3, kernelSize: 3, zoneout: { c: 0.1 } })).toThrow(
      refusal("ArgumentError", "ConvGRUCell: zoneout names c, but the parts of the state are h"),
    );
  });
});

describe("ConvGRU", () => {
  it("equals a loop of its cells", () => {
    fc.assert(
      fc.property(cases, variants, (problem, variant) => {
        const model = new ConvGRU({ ...problem.options, ...variant });
        randomise(model.parameters(), problem.options.generator);
        const x = inputOf(problem);
        const [layer, loop] = [layerOutputs(model, x, problem.options), loopOutputs(model, x, problem)];
        expectClose(layer(), loop());
      }),
      { numRuns: 25 },
    );
  });

  it("has the gradients of finite differences, of first and second order", () => {
    fc.assert(
      fc.property(cases, variants, (problem, variant) => {
        const model = new ConvGRU({ ...problem.options, ...variant });
        randomise(model.parameters(), problem.options.generator);
        const x = inputOf(problem);
        const outputs = layerOutputs(model, x, problem.options);
        gradcheck(outputs, [x, ...model.parameters()], { mode: "projection" });
        gradgradcheck(outputs, [x, ...model.parameters()], { mode: "projection" });
      }),
      { numRuns: 8 },
    );
  });

  it("takes options for single layers, and has a config", () => {
    const options: ConvGRUOptions = {
      inputChannels: 1,
      hiddenChannels: [2, 3],
      kernelSize: 3,
      layers: [{ stride: 2 }, { resetAfter: false }],
    };
    const model = new ConvGRU(options);
    expect([...model.cells].map(({ resetAfter }) => resetAfter)).toEqual([true, false]);
    expect(model.forward(zeros([2, 1, 1, 6, 4]))[1][0].h.shape).toEqual([1, 3, 3, 2]);
    expect(model.config).toEqual({ type: "ConvGRU", ...options, dtype: "float32" });
    const again = fromConfig(model.config);
    expect(again).toBeInstanceOf(ConvGRU);
    expect(again.config).toEqual(model.config);
  });
});

describe("ConvGRU on a 1x1 grid with a 1x1 kernel", () => {
  it("is a plain GRU", () => {
    const sizes = fc.record({
      inputs: fc.integer({ min: 1, max: 4 }),
      hidden: fc.integer({ min: 1, max: 4 }),
      steps: fc.integer({ min: 1, max: 4 }),
      batch: fc.integer({ min: 1, max: 3 }),
      seed: fc.integer(),
    });
    fc.assert(
      fc.property(sizes, ({ inputs, hidden, steps, batch, seed }) => {
        const generator = new Generator(seed);
        const [weightIh, weightHh] = [leaf([3 * hidden, inputs], generator), leaf([3 * hidden, hidden], generator)];
        const [biasIh, biasHh] = [leaf([3 * hidden], generator), leaf([3 * hidden], generator)];
        const x = leaf([steps, batch, inputs], generator);
        const model = plain(weightIh, weightHh, biasIh, biasHh);
        const [[output]] = model.forward(x.reshape([steps, batch, inputs, 1, 1]));
        let h = zeros([batch, hidden], { dtype: "float64" });
        const expected = x.unbind(0).map((frame) => {
          const [xr, xz, xn] = matmul(frame, weightIh.transpose(0, 1)).add(biasIh).chunk(3, 1);
          const [hr, hz, hn] = matmul(h, weightHh.transpose(0, 1)).add(biasHh).chunk(3, 1);
          const [r, z] = [xr.add(hr).sigmoid(), xz.add(hz).sigmoid()];
          const n = xn.add(r.mul(hn)).tanh();
          h = z.neg().add(1).mul(n).add(z.mul(h));
          return h;
        });
        expectClose([output], [cat(expected).reshape([steps, batch, hidden, 1, 1])]);
      }),
      { numRuns: 20 },
    );
  });

  it("gives PyTorch's numbers", () => {
    // The fixture is of PyTorch 2.13, with `ramp` of ../pytorch.ts:
    //   m = nn.GRU(2, 3)
    //   for i, p in enumerate(m.parameters()): p.copy_(ramp(*p.shape) * (i + 1) / 4)
    //   x = ramp(3, 2, 2).requires_grad_(); h = (ramp(1, 2, 3) / 2).requires_grad_()
    //   y, last = m(x, h)
    //   (y * torch.cos(torch.arange(y.numel()) * 0.9).reshape(y.shape)).sum().backward()
    //   print(y, x.grad, h.grad, m.bias_hh_l0.grad[6:])
    const model = plain(ramp(9, 2).mul(0.25), ramp(9, 3).mul(0.5), ramp(9).mul(0.75), ramp(9));
    const x = ramp(3, 2, 2, 1, 1).requiresGrad_();
    const h = ramp(2, 3, 1, 1).mul(0.5).detach().requiresGrad_();
    const [[y]] = model.forward(x, [{ h }]);
    y.backward(
      tensor(
        Float64Array.from({ length: 18 }, (_, k) => Math.cos(k * 0.9)),
        { shape: y.shape },
      ),
    );
    expectNumbers(
      y,
      [
        -0.69346522472874, 0.26305026020172, -0.067631679642523, -0.69939817763574, 0.15484860386702, 0.4233629585832,
        -0.73121029658096, 0.1092157834264, 0.20655020567798, -0.79284898033595, 0.11307914911949, 0.52376072525001,
        -0.68609668374459, -0.010294763264158, 0.4538979563942, -0.83239583478868, 0.15980145622662, 0.58882457949918,
      ],
    );
    expectNumbers(
      x.grad,
      [
        0.1020620367366, -0.024253252859535, -0.070105424143493, -0.0060292042840169, 0.11738054652429,
        -0.011327854020697, 0.0027470405942904, -0.020889059898109, 0.020866957167213, 0.01467883466273,
        0.014475444034993, -0.01110557565197,
      ],
    );
    expectNumbers(
      h.grad,
      [0.085067647858317, 1.1457848864965, 0.78701419017972, 0.049551629782559, -0.87730312908415, -1.3945691337696],
    );
    expectNumbers(model.cells.at(0).candidateBias?.grad, [0.18915283532944, -0.27718357543004, -0.030514171711623]);
  });
});

/** A ConvGRU with the weights of PyTorch's `GRU`: its two biases of r and z are one. */
function plain(weightIh: Tensor, weightHh: Tensor, biasIh: Tensor, biasHh: Tensor): ConvGRU {
  const [rows, inputs] = weightIh.shape;
  const hidden = rows / 3;
  const model = new ConvGRU({ inputChannels: inputs, hiddenChannels: hidden, kernelSize: 1, dtype: "float64" });
  noGrad(() =>
    model.loadStateDict({
      "cells.0.inputWeight": weightIh.reshape([rows, inputs, 1, 1]),
      "cells.0.stateWeight": weightHh.reshape([rows, hidden, 1, 1]),
      "cells.0.bias": cat([biasIh.add(biasHh).narrow(0, 0, 2 * hidden), biasIh.narrow(0, 2 * hidden, hidden)]),
      "cells.0.candidateBias": biasHh.narrow(0, 2 * hidden, hidden),
    }),
  );
  return model;
}
