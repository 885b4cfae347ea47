# PyTorch eager, as a process that the bench times. Speaks child/protocol.ts; tasks are described in tasks/task.ts, arrays in tasks/arrays.ts.
import ctypes
import json
import os
import resource
import sys
import time

import torch
import torch.nn.functional as F

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
    """The widely used cell: one convolution over cat(x, h). Gates i, f, o, g."""

    def __init__(self, folder, layer, channels, hidden, kernel):
        super().__init__()
        self.channels, self.pad = channels, kernel // 2
        parts = [(channels, "inputWeight"), (hidden, "stateWeight")]
        weights = [read(folder, f"cells.{layer}.{name}", [4 * hidden, n, kernel, kernel]) for n, name in parts]
        self.weight = torch.nn.Parameter(torch.cat(weights, 1))
        self.bias = torch.nn.Parameter(read(folder, f"cells.{layer}.bias", [4 * hidden]).clone())
        self.hidden = hidden

    def forward(self, frames):
        n, _, height, width = frames[0].shape
        h = torch.zeros(n, self.hidden, height, width)
        c = torch.zeros(n, self.hidden, height, width)
        outputs = []
        for x in frames:
            gates = F.conv2d(torch.cat([x, h], 1), self.weight, self.bias, padding=self.pad)
            i, f, o, g = gates.chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
            outputs.append(h)
        return outputs


def layers_of(task, folder):
    inputs = [task["channels"], *task["hidden"]]
    return torch.nn.ModuleList(
        Cell(folder, layer, inputs[layer], hidden, task["kernel"]) for layer, hidden in enumerate(task["hidden"])
    )


def forward(task, folder):
    x = read(folder, "x", [task["batch"], task["steps"], task["channels"], task["height"], task["width"]])
    layers = layers_of(task, folder)

    def run():
        with torch.no_grad():
            frames = x.unbind(1)
            for layer in layers:
                frames = layer(frames)
            return {"last": frames[-1], "all": torch.stack(frames, 1)}

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

    def run():
        optimizer.zero_grad()
        frames = x.unbind(0)
        for layer in layers:
            frames = layer(frames)
        loss = F.binary_cross_entropy_with_logits(head(torch.cat(frames, 0)), target)
        loss.backward()
        optimizer.step()
        results = {"loss": loss, "head.weight": head.weight, "head.bias": head.bias}
        for index, layer in enumerate(layers):
            results[f"cells.{index}.inputWeight"] = layer.weight[:, : layer.channels]
            results[f"cells.{index}.stateWeight"] = layer.weight[:, layer.channels :]
            results[f"cells.{index}.bias"] = layer.bias
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
            about = "eager, contiguous tensors; the ConvLSTM is the usual cell over cat(x, h)"
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
