"""Writes the fixtures beside this file: `python generate.py` with PyTorch 2.13 (any build).

Computed in float64 from values that float32 holds exactly, stored as float32. One file is one case: a safetensors file whose metadata
names the operation `op` and its arguments `args` (JSON), with tensors `in.*`, `param.*`, `out.*`, the cotangents `seed.*` of the outputs
and the gradients `grad.*` of sum(out * seed). The files of Keras 3 and Flax (`keras_*`, `flax_*`) are of the same form and were computed by
those frameworks' own layers, with their weights and data layouts.
"""

import json
import struct
from pathlib import Path

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
FOLDER = Path(__file__).parent
generator = torch.Generator().manual_seed(20240131)


def normal(*shape, scale=1.0):
    return (scale * torch.randn(shape, generator=generator)).float().double()


def uniform(*shape):
    return (0.05 + 0.9 * torch.rand(shape, generator=generator)).float().double()


def save(name, op, args, tensors):
    header, parts, at = {"__metadata__": {"op": op, "args": json.dumps(args)}}, [], 0
    for key, value in tensors.items():
        data = value.detach().contiguous().float().numpy().astype("<f4").tobytes()
        header[key] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    (FOLDER / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + b"".join(parts))


def record(name, op, args, inputs, params, compute, constant=()):
    """One differentiable case; `compute(**inputs, **params)` returns outputs by name."""
    leaves = {key: value.requires_grad_(key not in constant) for key, value in {**inputs, **params}.items()}
    outputs = compute(leaves)
    seeds = {key: normal(*value.shape) if value.dim() else torch.tensor(1.0) for key, value in outputs.items()}
    sum((value * seeds[key]).sum() for key, value in outputs.items()).backward()
    tensors = {f"in.{key}": value for key, value in inputs.items()}
    tensors |= {f"param.{key}": value for key, value in params.items()}
    tensors |= {f"out.{key}": value for key, value in outputs.items()}
    tensors |= {f"seed.{key}": value for key, value in seeds.items()}
    tensors |= {f"grad.{key}": value.grad for key, value in leaves.items() if value.grad is not None}
    save(name, op, args, tensors)


def conv(name, size, weight, bias, **args):
    params = {"weight": normal(*weight)} | ({"bias": normal(weight[0])} if bias else {})
    options = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "groups": 1, **args}
    record(
        name,
        "conv2d",
        options,
        {"input": normal(*size)},
        params,
        lambda t: {"output": F.conv2d(t["input"], t["weight"], t.get("bias"), **options)},
    )


def step(x, h, c, p):
    """Shi et al. 2015, equation 3; the output gate sees the new cell state. Fused weight over cat(x, h), gates i, f, o, g."""
    weight = p["weight"]
    gates = F.conv2d(torch.cat([x, h], 1), weight, p.get("bias"), padding=[k // 2 for k in weight.shape[2:]])
    i, f, o, g = gates.chunk(4, 1)
    if "peephole_i" in p:
        i, f = i + p["peephole_i"] * c, f + p["peephole_f"] * c
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    if "peephole_o" in p:
        o = o + p["peephole_o"] * c
    return torch.sigmoid(o) * torch.tanh(c), c


def weights(channels, hidden, kernel, bias, peephole, size, prefix=""):
    made = {"weight": normal(4 * hidden, channels + hidden, *kernel, scale=0.4)}
    if bias:
        made["bias"] = normal(4 * hidden)
    shape = {"channel": (hidden, 1, 1), "full": (hidden, *size)}.get(peephole)
    for gate in "ifo" if shape else "":
        made[f"peephole_{gate}"] = normal(*shape)
    return {f"{prefix}{key}": value for key, value in made.items()}


def cell(name, peephole, kernel, bias=True):
    channels, hidden, size = 2, 2, (4, 3)
    args = {"input_dim": channels, "hidden_dim": hidden, "kernel_size": kernel, "bias": bias, "peephole": peephole}
    state = {"h": normal(2, hidden, *size), "c": normal(2, hidden, *size)}
    record(
        name,
        "convlstm_cell2d",
        {**args, "gate_order": "ifog"},
        {"x": normal(2, channels, *size), **state},
        weights(channels, hidden, kernel, bias, peephole, size),
        lambda t: dict(zip("hc", step(t["x"], t["h"], t["c"], t))),
    )


def layers(name, batch_first, given_state, return_all_layers, peephole):
    batch, steps, channels, hidden, size = 2, 3, 1, [2, 1], (4, 4)
    args = {
        "input_dim": channels,
        "hidden_dim": hidden,
        "kernel_size": [[3, 3], [1, 3]],
        "bias": True,
        "peephole": peephole,
        "batch_first": batch_first,
        "given_state": given_state,
        "return_all_layers": return_all_layers,
        "gate_order": "ifog",
        "output_layout": "as the input",
    }
    inputs = {"x": normal(*((batch, steps) if batch_first else (steps, batch)), channels, *size)}
    params, below = {}, channels
    for layer, count in enumerate(hidden):
        if given_state:
            inputs |= {f"{key}{layer}": normal(batch, count, *size) for key in "hc"}
        params |= weights(below, count, args["kernel_size"][layer], True, peephole, size, f"cells.{layer}.")
        below = count

    def compute(t):
        time = 1 if batch_first else 0
        outputs, frames = {}, t["x"].unbind(time)
        for layer, count in enumerate(hidden):
            prefix = f"cells.{layer}."
            own = {key[len(prefix) :]: value for key, value in t.items() if key.startswith(prefix)}
            zero = torch.zeros(batch, count, *size)
            h, c = t.get(f"h{layer}", zero), t.get(f"c{layer}", zero)
            hs = []
            for frame in frames:
                h, c = step(frame, h, c, own)
                hs.append(h)
            frames = hs
            if return_all_layers or layer == len(hidden) - 1:
                outputs |= {f"y{layer}": torch.stack(hs, time), f"h{layer}": h, f"c{layer}": c}
        return outputs

    record(name, "convlstm2d", args, inputs, params, compute)


def loss(name, op, fn, inputs, reduction):
    compute = lambda t: {"loss": fn(t["input"], t["target"], reduction=reduction)}
    record(name, op, {"reduction": reduction}, inputs, {}, compute, constant=("target",))


def training(name, op, make, **args):
    steps = 5
    model = "loss = mean((xs[s] @ weight^T + bias - ys[s])^2), one step per s; out.* hold the values after each step, out.loss before it"
    xs, ys = normal(steps, 4, 3), normal(steps, 4, 2)
    first = {"weight": normal(2, 3), "bias": normal(2)}
    weight, bias = (value.clone().requires_grad_() for value in first.values())
    optimizer = make([weight, bias], **args)
    history = {"weight": [], "bias": [], "loss": []}
    for x, y in zip(xs, ys):
        optimizer.zero_grad()
        value = ((x @ weight.T + bias - y) ** 2).mean()
        value.backward()
        optimizer.step()
        for key, now in (("weight", weight), ("bias", bias), ("loss", value)):
            history[key].append(now.detach().clone())
    tensors = {"in.xs": xs, "in.ys": ys} | {f"param.{key}": value for key, value in first.items()}
    tensors |= {f"out.{key}": torch.stack(values) for key, values in history.items()}
    save(name, op, {**args, "steps": steps, "model": model}, tensors)


conv("conv2d-stride-padding", (2, 2, 6, 5), (3, 2, 3, 3), True, stride=[2, 1], padding=[1, 2])
conv("conv2d-dilation", (1, 2, 7, 7), (2, 2, 3, 2), False, dilation=[2, 3])
conv("conv2d-groups", (1, 4, 4, 4), (6, 2, 2, 3), True, groups=2)
cell("convlstm_cell2d-none", "none", [3, 3], bias=False)
cell("convlstm_cell2d-channel", "channel", [1, 3])
cell("convlstm_cell2d-full", "full", [3, 3])
layers("convlstm2d-all-layers", True, True, True, "channel")
layers("convlstm2d-last-layer", False, False, False, "none")
pair = {"input": normal(3, 4), "target": uniform(3, 4)}
loss("bce_with_logits-mean", "binary_cross_entropy_with_logits", F.binary_cross_entropy_with_logits, pair, "mean")
loss("bce-sum", "binary_cross_entropy", F.binary_cross_entropy, {"input": uniform(3, 4), "target": uniform(3, 4)}, "sum")
loss("mse-none", "mse_loss", F.mse_loss, {"input": normal(3, 4), "target": normal(3, 4)}, "none")
training("sgd-nesterov", "sgd", torch.optim.SGD, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)
training("adam", "adam", torch.optim.Adam, lr=0.02)
training("adamw", "adamw", torch.optim.AdamW, lr=0.02, weight_decay=0.1)
record("softmax", "softmax", {"dim": 1}, {"input": normal(2, 4, 3)}, {}, lambda t: {"output": t["input"].softmax(1)})
pair = {"input": normal(2, 3, 4), "other": normal(2, 4, 2)}
record("matmul", "matmul", {}, pair, {}, lambda t: {"output": t["input"] @ t["other"]})
pair = {"input": normal(3, 1, 4), "other": normal(2, 1)}
record("mul-broadcast", "mul", {}, pair, {}, lambda t: {"output": t["input"] * t["other"]})
reduced = {"dim": [0, 2], "keepdim": True}
record("amax", "amax", reduced, {"input": normal(2, 3, 4)}, {}, lambda t: {"output": t["input"].amax(**reduced)})
