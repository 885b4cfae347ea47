import { cpu } from "@squall/cpu";
import { convGeometry, functions } from "@squall/device";
import * as ops from "@squall/tensor";
import { ones, type Tensor, tensor, zeros } from "@squall/tensor";
import { describe, expect, it } from "vitest";
import { refusal } from "../refusal.ts";

const { NaN: nan } = Number;
const x = ones([2, 3]);

type Row = readonly [message: string, call: () => unknown];

describe.each<Row>([
  // elementwise
  [
    "add: shapes [2,3] and [2] do not broadcast: sizes 3 and 2 of axis 1 differ and neither is 1",
    () => x.add(ones([2])),
  ],
  [
    "maximum: shapes [3] and [2] do not broadcast: sizes 3 and 2 of axis 0 differ and neither is 1",
    () => ones([3]).maximum(ones([2])),
  ],
  [
    "minimum: shapes [0] and [2] do not broadcast: sizes 0 and 2 of axis 0 differ and neither is 1",
    () => ones([0]).minimum(ones([2])),
  ],
  ["lt: shapes [4] and [2,3] do not broadcast: sizes 4 and 3 of axis 1 differ and neither is 1", () => ones([4]).lt(x)],
  [
    "where: shapes [2] and [] and [3] do not broadcast: sizes 2 and 3 of axis 0 differ and neither is 1",
    () => ops.where(ones([2]), 1, ones([3])),
  ],
  // reductions
  ["sum: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.sum(2)],
  ["sum: there is no axis -3 in shape [2,3]; axes go from -2 to 1", () => x.sum([0, -3])],
  ["sum: there is no axis 0.5 in shape [2,3]; axes go from -2 to 1", () => x.sum(0.5)],
  ["sum: there is no axis 0 in shape []; a scalar has no axes", () => tensor(1).sum(0)],
  ["sum: an axis is named twice in [0,-2]", () => x.sum([0, -2])],
  ["mean: there is no axis NaN in shape [2,3]; axes go from -2 to 1", () => x.mean(nan)],
  ["max: there is no axis 5 in shape [2,3]; axes go from -2 to 1", () => x.max(5)],
  ["max: there is no max of nothing: shape [0], axes [0]", () => zeros([0]).max()],
  ["min: there is no min of nothing: shape [2,0], axes [1]", () => zeros([2, 0]).min(1)],
  ["argmax: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.argmax(2)],
  ["argmax: there is nothing along axis 1 of shape [2,0]", () => zeros([2, 0]).argmax(1)],
  ["argmax: there is nothing along axis 0 of shape [0]", () => zeros([2, 0]).argmax()],
  ["var: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.var(2)],
  ["logsumexp: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.logsumexp(2)],
  ["logsumexp: there is nothing along axes [0] of shape [0]", () => zeros([0]).logsumexp()],
  ["softmax: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.softmax(2)],
  ["softmax: there is nothing along axes [1] of shape [2,0]", () => zeros([2, 0]).softmax(1)],
  ["logSoftmax: there is no axis -3 in shape [2,3]; axes go from -2 to 1", () => x.logSoftmax(-3)],
  // matmul
  ["matmul: inner sizes differ: 3 and 2 ([2,3] and [2,3])", () => x.matmul(x)],
  ["matmul: inner sizes differ: 3 and 4 ([2,3] and [4])", () => x.matmul(ones([4]))],
  ["matmul: needs at least one axis on both sides, got [] and [2,3]", () => tensor(1).matmul(x)],
  [
    "matmul: shapes [2] and [3] do not broadcast: sizes 2 and 3 of axis 0 differ and neither is 1",
    () => ones([2, 1, 4]).matmul(ones([3, 4, 1])),
  ],
  // renaming axes
  ["reshape: shape [5] has 5 elements but the tensor [2,3] has 6", () => x.reshape([5])],
  ["reshape: cannot fill -1: 6 elements of shape [2,3] do not divide into [4,-1]", () => x.reshape([4, -1])],
  ["reshape: cannot fill -1: 0 elements of shape [0] do not divide into [0,-1]", () => zeros([0]).reshape([0, -1])],
  ["reshape: sizes must be whole numbers >= 0, got [-1]", () => x.reshape([-1, -1])],
  ["reshape: sizes must be whole numbers >= 0, got [-2,-3]", () => x.reshape([-2, -3])],
  ["reshape: sizes must be whole numbers >= 0, got [1.5,4]", () => x.reshape([1.5, 4])],
  ["flatten: startDim 1 comes after endDim 0 in shape [2,3]", () => x.flatten(1, 0)],
  ["flatten: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.flatten(2)],
  ["squeeze: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.squeeze(2)],
  ["unsqueeze: there is no axis 3 in shape [2,3,1]; axes go from -3 to 2", () => x.unsqueeze(3)],
  // moving
  ["permute: dims must name each of the 2 axes of [2,3] once, got [0,0]", () => x.permute([0, 0])],
  ["permute: dims must name each of the 2 axes of [2,3] once, got [1]", () => x.permute([1])],
  ["permute: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.permute([0, 2])],
  ["transpose: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.transpose(0, 2)],
  ["expand: [2,3] cannot be expanded to [4,3]: only axes of size 1 repeat", () => x.expand([4, 3])],
  ["expand: [2,3] cannot be expanded to [3]: only axes of size 1 repeat", () => x.expand([3])],
  ["expand: sizes must be whole numbers >= 0, got [-1,2,3]", () => x.expand([-1, 2, 3])],
  ["narrow: start 1 and length 3 do not lie within axis 1 of size 3 (shape [2,3])", () => x.narrow(1, 1, 3)],
  ["narrow: start 0 and length -1 do not lie within axis 1 of size 3 (shape [2,3])", () => x.narrow(1, 0, -1)],
  ["narrow: start NaN and length 1 do not lie within axis 1 of size 3 (shape [2,3])", () => x.narrow(1, nan, 1)],
  ["slice: the range 0 to 4 does not lie within axis 1 of size 3 (shape [2,3])", () => x.slice(1, 0, 4)],
  ["slice: the range 2 to 1 does not lie within axis 1 of size 3 (shape [2,3])", () => x.slice(1, 2, 1)],
  ["slice: the range -4 to 3 does not lie within axis 1 of size 3 (shape [2,3])", () => x.slice(1, -4)],
  ["slice: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.slice(2)],
  ["select: there is no position 2 in axis 0 of size 2 (shape [2,3])", () => x.select(0, 2)],
  ["select: there is no position -3 in axis 0 of size 2 (shape [2,3])", () => x.select(0, -3)],
  ["flip: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.flip(2)],
  ["flip: an axis is named twice in [1,1]", () => x.flip([1, 1])],
  [
    "pad: 3 pairs for 2 axes of shape [2,3]",
    () =>
      x.pad([
        [0, 0],
        [0, 0],
        [0, 0],
      ]),
  ],
  ["pixelShuffle: needs a shape […, C, H, W], got [2,3]", () => x.pixelShuffle(2)],
  ["pixelShuffle: 3 channels must be divisible by 2² = 4 (shape [3,2,2])", () => ones([3, 2, 2]).pixelShuffle(2)],
  ["pixelUnshuffle: needs a shape […, C, H, W], got [2,3]", () => x.pixelUnshuffle(2)],
  [
    "pixelUnshuffle: height 2 and width 3 must be divisible by 2 (shape [1,2,3]); pad or crop first",
    () => ones([1, 2, 3]).pixelUnshuffle(2),
  ],
  // joining
  ["cat: needs at least one tensor, got an empty list", () => ops.cat([])],
  [
    "cat: tensor 1 of shape [2,4] does not continue [2,3] along axis 0: all other sizes must be equal",
    () => ops.cat([x, ones([2, 4])]),
  ],
  [
    "cat: tensor 2 of shape [2] does not continue [2,3] along axis 1: all other sizes must be equal",
    () => ops.cat([x, x, ones([2])], 1),
  ],
  ["cat: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => ops.cat([x], 2)],
  ["stack: needs at least one tensor, got an empty list", () => ops.stack([])],
  ["stack: tensor 1 has shape [3] but tensor 0 has [2,3]; all must be equal", () => ops.stack([x, ones([3])])],
  ["stack: there is no axis 3 in shape [2,3,1]; axes go from -3 to 2", () => ops.stack([x], 3)],
  ["split: sizes [1,1] add up to 2 but axis 1 has 3 (shape [2,3])", () => x.split([1, 1], 1)],
  ["split: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.split(1, 2)],
  ["chunk: there is no axis 2 in shape [2,3]; axes go from -2 to 1", () => x.chunk(1, 2)],
  ["unbind: there is no axis 0 in shape []; a scalar has no axes", () => tensor(1).unbind()],
])("ShapeError %s", (message, call) => {
  it("is thrown", () => expect(call).toThrow(refusal("ShapeError", message)));
});

describe.each<Row>([
  ["add: at least one operand must be a tensor", () => ops.add(1, 2)],
  ["mul: operands must be tensors or numbers, got string", () => x.mul(JSON.parse('"2"'))],
  ["sub: operands must be tensors or numbers, got null", () => x.sub(JSON.parse("null"))],
  ["exp: input 0 must be a tensor, got number", () => ops.exp(JSON.parse("1"))],
  ["leakyRelu: negativeSlope must be a number, got NaN", () => x.leakyRelu(nan)],
  ["elu: alpha must be a number, got NaN", () => x.elu(nan)],
  ["clamp: min must be a number, got NaN", () => x.clamp(nan)],
  ["clamp: max must be a number, got NaN", () => x.clamp(0, nan)],
  ["clamp: min must not be above max, got min = 2, max = 1", () => x.clamp(2, 1)],
  ["exp: takes 1 tensors, got 2", () => ops.applyElementwise(functions.exp, [x, x])],
  ["var: correction must be a number, got NaN", () => x.var(0, { correction: nan })],
  ["slice: step must be a whole number >= 1, got 0; use flip to go backwards", () => x.slice(1, 0, 3, 0)],
  ["slice: step must be a whole number >= 1, got -1; use flip to go backwards", () => x.slice(1, 0, 3, -1)],
  ["pad: counts must be whole numbers >= 0, got [[0,-1]]; use narrow to cut", () => x.pad([[0, -1]])],
  ["pad: counts must be whole numbers >= 0, got [[0.5,0]]; use narrow to cut", () => x.pad([[0.5, 0]])],
  ["pixelShuffle: the factor must be a whole number >= 1, got 0", () => ones([4, 1, 1]).pixelShuffle(0)],
  ["pixelUnshuffle: the factor must be a whole number >= 1, got NaN", () => ones([4, 1, 1]).pixelUnshuffle(nan)],
  ["split: the size of a part must be a whole number >= 1, got 0", () => x.split(0)],
  ["split: sizes must be whole numbers >= 0, got [3,-1]", () => x.split([3, -1])],
  ["chunk: the number of chunks must be a whole number >= 1, got 0", () => x.chunk(0)],
  ["chunk: the number of chunks must be a whole number >= 1, got 1.5", () => x.chunk(1.5)],
  ['to: there is no dtype "int8"; there are float32 and float64', () => x.to(JSON.parse('"int8"'))],
  ["fill_: the value must be a number, got string", () => zeros([1]).fill_(JSON.parse('"1"'))],
])("ArgumentError %s", (message, call) => {
  it("is thrown", () => expect(call).toThrow(refusal("ArgumentError", message)));
});

describe("convolutions refuse", () => {
  const input = ones([2, 3, 8, 8]);
  const sides = (weight: string, names = "O,I,kH,kW"): string =>
    `(input [N,C,H,W] = [2,3,8,8], weight [${names}] = ${weight})`;

  it.each<Row>([
    [
      `conv2d: input has 3 channels but weight expects 4 ${sides("[8,4,3,3]")}`,
      () => ops.conv2d(input, ones([8, 4, 3, 3])),
    ],
    [
      "conv1d: input needs 3 axes [N, C, …] with 1 spatial ones, got [2,3,8,8]",
      () => ops.conv1d(input, ones([8, 3, 3])),
    ],
    [
      "conv3d: input needs 5 axes [N, C, …] with 3 spatial ones, got [2,3,8,8]",
      () => ops.conv3d(input, ones([8, 3, 3, 3, 3])),
    ],
    [
      `conv2d: input and weight need the same number of axes, 3 to 5 ${sides("[8,3,3]", "O,I,kL")}`,
      () => ops.conv2d(input, ones([8, 3, 3])),
    ],
    [
      "conv2d: bias must have shape [8], one value per output channel, got [7]",
      () => ops.conv2d(input, ones([8, 3, 3, 3]), ones([7])),
    ],
    [
      "conv2d: bias must have shape [8], one value per output channel, got [8,1]",
      () => ops.conv2d(input, ones([8, 3, 3, 3]), ones([8, 1])),
    ],
    [
      "convTranspose2d: input has 3 channels but weight expects 4 (input [N,C,H,W] = [2,3,8,8], weight [C,O,kH,kW] = [4,1,3,3])",
      () => ops.convTranspose2d(input, ones([4, 1, 3, 3])),
    ],
    [
      "convTranspose1d: input and weight need 3 axes (input [N,C,H,W] = [2,3,8,8], weight [C,O,kL] = [3,1,3])",
      () => ops.convTranspose1d(input, ones([3, 1, 3])),
    ],
    [
      "convTranspose3d: input and weight need 5 axes (input [N,C,D,H,W] = [1,1,2,2,2], weight [C,O,kH,kW] = [1,1,2,2])",
      () => ops.convTranspose3d(ones([1, 1, 2, 2, 2]), ones([1, 1, 2, 2])),
    ],
    [
      "convTranspose2d: 3 input channels are not divisible by 2 groups (input [N,C,H,W] = [2,3,8,8], weight [C,O,kH,kW] = [3,1,3,3])",
      () => ops.convTranspose2d(input, ones([3, 1, 3, 3]), undefined, { groups: 2 }),
    ],
    [
      "convTranspose1d: the output would have size 0 along spatial axis 0 (input [N,C,L] = [1,1,2], weight [C,O,kL] = [1,1,1]); use less padding",
      () => ops.convTranspose1d(ones([1, 1, 2]), ones([1, 1, 1]), undefined, { padding: 1 }),
    ],
    [
      "convTranspose2d: bias must have shape [2], one value per output channel, got [3]",
      () => ops.convTranspose2d(input, ones([3, 2, 3, 3]), ones([3])),
    ],
  ])("ShapeError %s", (message, call) => {
    expect(call).toThrow(refusal("ShapeError", message));
  });

  it.each<Row>([
    [
      "conv2d: stride must be whole numbers >= 1, got [0,0]",
      () => ops.conv2d(input, ones([8, 3, 3, 3]), undefined, { stride: 0 }),
    ],
    [
      "conv2d: dilation must be whole numbers >= 1, got [NaN,NaN]",
      () => ops.conv2d(input, ones([8, 3, 3, 3]), undefined, { dilation: nan }),
    ],
    [
      "conv2d: groups must be a whole number >= 1, got 0",
      () => ops.conv2d(input, ones([8, 3, 3, 3]), undefined, { groups: 0 }),
    ],
    [
      "convTranspose2d: groups must be a whole number >= 1, got NaN",
      () => ops.convTranspose2d(input, ones([3, 1, 3, 3]), undefined, { groups: nan }),
    ],
    [
      "convTranspose2d: padding must be whole numbers >= 0, got [-1,-1]",
      () => ops.convTranspose2d(input, ones([3, 1, 3, 3]), undefined, { padding: -1 }),
    ],
    [
      "convTranspose2d: outputPadding must be less than stride or dilation, got 1 with stride 1 and dilation 1",
      () => ops.convTranspose2d(input, ones([3, 1, 3, 3]), undefined, { outputPadding: 1 }),
    ],
    [
      "convTranspose2d: stride has 3 values but there are 2 spatial axes (stride = [1,1,1])",
      () => ops.convTranspose2d(input, ones([3, 1, 3, 3]), undefined, { stride: [1, 1, 1] }),
    ],
  ])("ArgumentError %s", (message, call) => {
    expect(call).toThrow(refusal("ArgumentError", message));
  });

  it("operands that do not have the shapes of a geometry", () => {
    const geometry = convGeometry("test", [2, 3, 8, 8], [4, 3, 3, 3]);
    const [weight, gradient] = [ones([4, 3, 3, 3]), ones([2, 4, 6, 6])];
    const rows: readonly Row[] = [
      ["conv: the geometry needs an input of shape [2,3,8,8], got [2,3]", () => ops.convOp([x, weight], geometry)],
      ["conv: the geometry needs a weight of shape [4,3,3,3], got [2,3]", () => ops.convOp([input, x], geometry)],
      ["conv: the geometry needs a bias of shape [4], got [2,3]", () => ops.convOp([input, weight, x], geometry)],
      [
        "convInputGradient: the geometry needs an output gradient of shape [2,4,6,6], got [2,3]",
        () => ops.convInputOp([x, weight], geometry),
      ],
      [
        "convInputGradient: the geometry needs a weight of shape [4,3,3,3], got [2,3]",
        () => ops.convInputOp([gradient, x], geometry),
      ],
      [
        "convWeightGradient: the geometry needs an input of shape [2,3,8,8], got [2,3]",
        () => ops.convWeightOp([x, gradient], geometry),
      ],
      [
        "convWeightGradient: the geometry needs an output gradient of shape [2,4,6,6], got [2,3]",
        () => ops.convWeightOp([input, x], geometry),
      ],
    ];
    for (const [message, call] of rows) expect(call).toThrow(refusal("ShapeError", message));
  });
});

describe("nothing is cast or moved silently", () => {
  const double = ones([2, 3], { dtype: "float64" });
  const texts = 'inputs have different dtypes: input 0 is float32, input 1 is float64; convert one with to("float32")';

  it.each<[string, (a: Tensor, b: Tensor) => unknown]>([
    ["add", (a, b) => a.add(b)],
    ["matmul", (a, b) => a.matmul(b.transpose(0, 1))],
    ["cat", (a, b) => ops.cat([a, b])],
    ["cat", (a, b) => ops.stack([a, b])],
    ["where", (a, b) => ops.where(a, b, 1)],
    ["conv", (a, b) => ops.conv1d(a.unsqueeze(0), b.unsqueeze(1).narrow(2, 0, 2).reshape([2, 1, 2]).expand([2, 2, 2]))],
  ])("%s refuses two dtypes", (op, call) => {
    expect(() => call(x, double)).toThrow(refusal("DTypeError", `${op}: ${texts}`));
  });

  it("ops refuse two devices", () => {
    const other = { ...cpu, name: "other" };
    const elsewhere = new ops.Tensor({ device: other, dtype: "float32", length: 6, version: 0 }, [2, 3]);
    expect(() => x.add(elsewhere)).toThrow(
      refusal(
        "DeviceError",
        "add: inputs live on different devices: input 0 on cpu, input 1 on other; move one with to(device)",
      ),
    );
    expect(() => zeros([2, 3]).copy_(elsewhere)).toThrow(
      refusal("DeviceError", "copy_: source is on other but target is on cpu; move it with to(device)"),
    );
    const y = x.detach().requiresGrad_().mul(2);
    expect(() => y.backward(elsewhere)).toThrow(
      refusal("DeviceError", "backward: the given gradient is on other but the output is on cpu"),
    );
  });

  it("places that float32 does not hold are refused", () => {
    expect(() => zeros([2 ** 24 + 1]).argmax(0)).toThrow(
      refusal(
        "DTypeError",
        'argmax: float32 does not hold all numbers up to 16777217 (axis 0 of shape [16777217]); convert with to("float64")',
      ),
    );
  });

  it("a device without a dtype, or without synchronous reading, says so", () => {
    const single = { ...cpu, name: "single", dtypes: ["float32"] as const };
    const later = { ...cpu, name: "later", canReadSync: false };
    const on = (device: typeof later | typeof single): Tensor =>
      new ops.Tensor({ device, dtype: "float32", length: 1, version: 0 }, [1]);
    expect(() => on(single).to("float64")).toThrow(
      refusal("DTypeError", "to: single does not compute in float64; it has float32"),
    );
    expect(() => double.to(single)).toThrow(
      refusal("DTypeError", 'to: single does not compute in float64; convert first with to("float32")'),
    );
    expect(() => on(later).to(cpu)).toThrow(
      refusal("DeviceError", "to: a tensor on later cannot be moved at once; use `await x.toAsync(cpu)`"),
    );
  });
});

it("errors carry the two sides as fields", () => {
  const thrown = (call: () => unknown): unknown => {
    try {
      return call();
    } catch (error) {
      return error;
    }
  };
  expect(thrown(() => ops.conv2d(ones([2, 3, 8, 8]), ones([8, 4, 3, 3])))).toMatchObject({
    op: "conv2d",
    expected: 4,
    got: 3,
  });
  expect(thrown(() => x.sum(2))).toMatchObject({ op: "sum", expected: 2, got: 2 });
  expect(thrown(() => x.add(ones([2], { dtype: "float64" })))).toMatchObject({
    op: "add",
    expected: "float32",
    got: "float64",
  });
});
