# PyTorch eager, as a process that the bench times. Speaks child/protocol.ts; tasks are described in tasks/task.ts, arrays in tasks/arrays.ts.
import ctypes
import json
import math
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint

MARK = "squall-bench "


def read(folder, name, shape):
    with open(os.path.join(folder, name + ".f32"), "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=torch.float32).reshape(shape)


def write(folder, name, tensor):
    tensor = tensor.detach().contiguous()
    with open(os.path.join(folder, name + ".f32"), "wb") as file:
        file.write(ctypes.string_at(tensor.data_ptr(), 4 * tensor.numel()))


def conv(task, folder):
    n, c, o, k = task["batch"], task["channels"], task["outChannels"], task["kernel"]
    image = [task["height"], task["width"]]
    x, w, b = read(folder, "x", [n, c, *image]), read(folder, "w", [o, c, k, k]), read(folder, "b", [o])
    pad = k // 2
    if task["kind"] == "conv":

        def run():
            with torch.no_grad():
                return {"y": F.conv2d(x, w, b, padding=pad)}

    else:
        g = read(folder, "g", [n, o, *image])

        def run():
            gx, gw, gb = torch.ops.aten.convolution_backward(
                g, x, w, [o], [1, 1], [pad, pad], [1, 1], False, [0, 0], 1, [True, True, True]
            )
            return {"x.grad": gx, "w.grad": gw, "b.grad": gb}

    return run


class Cell(torch.nn.Module):
    """A cell over the frames of a sequence."""

    def __init__(self, task, folder, layer):
        super().__init__()
        self.channels, self.hidden = [task["channels"], *task["hidden"]][layer : layer + 2]
        self.kernel, self.pad = task["kernel"], task["kernel"] // 2
        self.read = lambda name, *shape: read(folder, f"cells.{layer}.{name}", shape).clone()

    def start(self, like):
        n, _, height, width = like.shape
        return [torch.zeros(n, self.hidden, height, width) for _ in range(self.states)]

    def forward(self, frames, state):
        outputs = []
        for x in frames:
            state = self.step(x, *state)
            outputs.append(state[0])
        return outputs, state

    def weights(self):
        return dict(self.named_parameters())


class LSTM(Cell):
    """The widely used cell: one convolution over cat(x, h). Gates i, f, o, g."""

    states = 2

    def __init__(self, task, folder, layer):
        super().__init__(task, folder, layer)
        kernel, hidden = [self.kernel, self.kernel], self.hidden
        inputs = self.read("inputWeight", 4 * hidden, self.channels, *kernel)
        states = self.read("stateWeight", 4 * hidden, hidden, *kernel)
        self.weight = torch.nn.Parameter(torch.cat([inputs, states], 1))
        self.bias = torch.nn.Parameter(self.read("bias", 4 * hidden))
        self.normWeight = self.peephole = None
        if task.get("norm") == "group":
            self.normWeight = torch.nn.Parameter(self.read("normWeight", 4 * hidden))
        if task.get("peephole") == "conv":
            self.peephole = torch.nn.Parameter(self.read("peephole", 3 * hidden, hidden, *kernel))

    def step(self, x, h, c):
        both = torch.cat([x, h], 1)
        if self.normWeight is None:
            gates = F.conv2d(both, self.weight, self.bias, padding=self.pad)
        else:
            gates = F.group_norm(F.conv2d(both, self.weight, padding=self.pad), 4, self.normWeight, self.bias)
        i, f, o, g = gates.chunk(4, 1)
        if self.peephole is not None:
            before, after = self.peephole.split([2 * self.hidden, self.hidden])
            ci, cf = F.conv2d(c, before, padding=self.pad).chunk(2, 1)
            i, f = i + ci, f + cf
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        if self.peephole is not None:
            o = o + F.conv2d(c, after, padding=self.pad)
        return torch.sigmoid(o) * torch.tanh(c), c

    def weights(self):
        weights = super().weights()
        weight = weights.pop("weight")
        return {**weights, "inputWeight": weight[:, : self.channels], "stateWeight": weight[:, self.channels :]}


class GRU(Cell):
    """nn.GRUCell with convolutions. Gates r, z, n."""

    states = 1

    def __init__(self, task, folder, layer):
        super().__init__(task, folder, layer)
        kernel, hidden = [self.kernel, self.kernel], self.hidden
        self.inputWeight = torch.nn.Parameter(self.read("inputWeight", 3 * hidden, self.channels, *kernel))
        self.stateWeight = torch.nn.Parameter(self.read("stateWeight", 3 * hidden, hidden, *kernel))
        self.bias = torch.nn.Parameter(self.read("bias", 3 * hidden))
        self.candidateBias = torch.nn.Parameter(self.read("candidateBias", hidden))

    def step(self, x, h):
        bias = F.pad(self.candidateBias, (2 * self.hidden, 0))
        xr, xz, xn = F.conv2d(x, self.inputWeight, self.bias, padding=self.pad).chunk(3, 1)
        hr, hz, hn = F.conv2d(h, self.stateWeight, bias, padding=self.pad).chunk(3, 1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        return (n + z * (h - n),)


def layers_of(task, folder):
    cell = {"lstm": LSTM, "gru": GRU}[task.get("cell", "lstm")]
    return torch.nn.ModuleList(cell(task, folder, layer) for layer in range(len(task["hidden"])))


def run_layers(layers, frames, states):
    """Frames through all layers: the outputs of the last one, and the states of all."""
    after = []
    for layer, state in zip(layers, states):
        frames, state = layer(frames, state)
        after.append(state)
    return frames, after


def forward(task, folder):
    x = read(folder, "x", [task["batch"], task["steps"], task["channels"], task["height"], task["width"]])
    layers = layers_of(task, folder)

    def run():
        with torch.no_grad():
            frames = x.unbind(1)
            outputs, _ = run_layers(layers, frames, [layer.start(frames[0]) for layer in layers])
            return {"last": outputs[-1], "all": torch.stack(outputs, 1)}

    return run


def train(task, folder):
    image = [task["height"], task["width"]]
    x = read(folder, "x", [task["steps"], task["batch"], task["channels"], *image])
    target = read(folder, "target", [task["steps"] * task["batch"], task["outChannels"], *image])
    layers = layers_of(task, folder)
    head = torch.nn.Conv2d(task["hidden"][-1], task["outChannels"], 1)
    with torch.no_grad():
        head.weight.copy_(read(folder, "head.weight", head.weight.shape))
        head.bias.copy_(read(folder, "head.bias", head.bias.shape))
    optimizer = torch.optim.SGD([*layers.parameters(), *head.parameters()], lr=task["learningRate"])

    def hidden():
        frames = x.unbind(0)
        states = [layer.start(frames[0]) for layer in layers]
        if not task.get("checkpoint", False):
            return run_layers(layers, frames, states)[0]
        outputs, length = [], math.ceil(math.sqrt(len(frames)))
        for start in range(0, len(frames), length):
            chunk = frames[start : start + length]
            part, states = checkpoint(
                run_layers, layers, chunk, states, use_reentrant=False, preserve_rng_state=False
            )
            outputs += part
        return outputs

    def run():
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(head(torch.cat(hidden(), 0)), target)
        loss.backward()
        optimizer.step()
        results = {"loss": loss, "head.weight": head.weight, "head.bias": head.bias}
        for index, layer in enumerate(layers):
            results.update({f"cells.{index}.{name}": weight for name, weight in layer.weights().items()})
        return results

    return run


def plain(task, folder):
    kind = task["kind"]
    shape = [task["size"], task["size"]] if kind == "matmul" else [task["count"]]
    operands = [read(folder, name, shape) for name in (("a", "b") if kind in ("matmul", "add") else ("a",))]
    compute = {"matmul": torch.matmul, "add": torch.add, "sigmoid": torch.sigmoid, "sum": torch.sum}[kind]

    def run():
        with torch.no_grad():
            return {"y": compute(*operands)}

    return run


PREPARE = {"conv": conv, "convBackward": conv, "forward": forward, "train": train}


def peak():
    try:
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024 if sys.platform == "darwin" else 1024)


class Player:
    def __init__(self):
        self.task, self.run, self.results = None, None, None

    def timed(self):
        self.results = None
        start = time.perf_counter()
        self.results = self.run()
        return 1000 * (time.perf_counter() - start)

    def answer(self, request):
        command = request["command"]
        if command == "start":
            torch.set_num_threads(request["settings"]["threads"])
            cells = "the ConvLSTM is the usual cell over cat(x, h), the ConvGRU is nn.GRUCell with convolutions"
            about = f"eager, contiguous tensors; {cells}"
            return {"version": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads(), "about": about}
        if command == "prepare":
            self.task = request["task"]
            self.run = PREPARE.get(self.task["kind"], plain)(self.task, request["folder"])
            return {}
        if command == "usage":
            return {"peak": peak(), "cpu": 1000 * time.process_time()}
        if command == "run":
            return {"times": [self.timed() for _ in range(request["repeat"])]}
        if command == "check":
            times = [self.timed()]
            for name, tensor in self.results.items():
                if name != "all":
                    write(request["folder"], name, tensor)
            return {"times": times}
        raise ValueError(f"there is no command {command}")


def main():
    player = Player()
    for line in sys.stdin:
        try:
            reply = {"answer": player.answer(json.loads(line))}
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(MARK + json.dumps(reply), flush=True)


main()
