#!/usr/bin/env python3
"""Writes reference.json: losses and gradients of the examples, and losses of 20 training steps, as
PyTorch computes them in f64. Weights, inputs and labels come from `grid`, which the test repeats, so
nothing but the results has to be stored. Run it with PyTorch 2 installed: make_reference.py
"""
import json
import os

import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def grid(shape, salt, scale):
    """Element i (row-major) is scale * (((i * 7919 + salt * 104729) mod 10007) / 10007 - 0.5)."""
    n = 1
    for s in shape:
        n *= s
    i = torch.arange(n, dtype=torch.int64)
    return (((i * 7919 + salt * 104729) % 10007).double() / 10007 - 0.5).mul(scale).reshape(shape)


def pixels(n, salt):
    i = torch.arange(n * 784, dtype=torch.int64)
    return ((i * 7919 + salt * 104729) % 10007 % 256).double().reshape(n, 784)


def labels(n, salt, classes=10):
    i = torch.arange(n, dtype=torch.int64)
    return (i * 7919 + salt * 104729) % 10007 % classes


def probe(t):
    """What is stored of a gradient: its dot product with `grid`, its norm, and five elements."""
    flat = t.detach().reshape(-1)
    at = [int(k * (flat.numel() - 1) // 4) for k in range(5)]
    return dict(dot=(flat * grid([flat.numel()], 99, 1.0)).sum().item(), norm=flat.norm().item(),
                elements=[flat[k].item() for k in at])


def weights(layout):
    """layout: (name, shape) pairs; weights are scaled by 2 / sqrt(fan_in), all else by 0.1."""
    return {name: grid(shape, k + 1, 0.1 if len(shape) < 2 else 2 / shape[0] ** 0.5).requires_grad_()
            for k, (name, shape) in enumerate(layout)}


def mlp_layout(widths, names):
    out = []
    for (a, b), name in zip(zip(widths, widths[1:]), names):
        out += [(f"{name}.weight", (a, b)), (f"{name}.bias", (b,))]
    return out


def mlp(w, x, names, act=torch.relu):
    for k, name in enumerate(names):
        x = x @ w[f"{name}.weight"] + w[f"{name}.bias"]
        if k + 1 < len(names):
            x = act(x)
    return x


def switches(w, x):
    h = torch.relu(x @ w["linear0.weight"] + w["linear0.bias"]) @ w["linear1.weight"] + w["linear1.bias"]
    h = h + ((h > 0).double() - h).detach()
    return (h @ w["linear2.weight"] + w["linear2.bias"]) * w["gain"]


def regression(name, layout, forward, columns, batch):
    w = weights(layout)
    loss = F.mse_loss(forward(w, grid((batch, columns), 50, 2.0)), grid((batch, 1), 51, 2.0))
    return name, dict(batch=batch, columns=columns, layout=layout), w, loss


def classifier(name, widths, names, batch, mean=0.0, deviation=1.0):
    layout = mlp_layout(widths, names)
    w = weights(layout)
    x = (pixels(batch, 52) / 255 - mean) / deviation
    loss = F.cross_entropy(mlp(w, x, names), labels(batch, 53))
    return name, dict(batch=batch, layout=layout), w, loss


def pictures(name, layout, forward, batch):
    w = weights(layout)
    x = pixels(batch, 52).reshape(batch, 1, 28, 28) / 255
    return name, dict(batch=batch, layout=layout), w, F.cross_entropy(forward(w, x), labels(batch, 53))


def conv_layout(name, *shape):
    return [(f"{name}.weight", shape), (f"{name}.bias", shape[:1])]


def pooled(w, x, name, padding=0):
    return F.max_pool2d(torch.relu(F.conv2d(x, w[f"{name}.weight"], w[f"{name}.bias"], padding=padding)), 2)


def lenet(w, x):
    x = pooled(w, pooled(w, x, "conv2d0", 2), "conv2d1")
    return mlp(w, x.flatten(1), ["linear0", "linear1", "linear2"])


def cnn(w, x):
    x = torch.relu(F.conv2d(x, w["c1.weight"], w["c1.bias"]))
    return mlp(w, pooled(w, x, "c2").flatten(1), ["f1", "f2"])


def unfolded(w, x):
    for name in ["uconv0", "uconv1"]:
        k = int((w[f"{name}.weight"].shape[1] / x.shape[1]) ** 0.5)
        y = w[f"{name}.weight"] @ F.unfold(x, k) + w[f"{name}.bias"][:, None]
        side = x.shape[2] - k + 1
        x = F.max_pool2d(torch.relu(y.reshape(len(x), -1, side, side)), 2)
    return mlp(w, x.flatten(1), ["linear0"])


def examples():
    lin = lambda n: [f"linear{k}" for k in range(n)]
    dense = ["dense0", "dense1"]
    yield regression("neuron", [("w", (784, 1)), ("b", (1,))],
                     lambda w, x: torch.relu(x @ w["w"] + w["b"]), 784, 8)
    yield regression("two_layer", mlp_layout([100, 50, 1], dense),
                     lambda w, x: mlp(w, x, dense), 100, 8)
    yield regression("custom_grad", [("gain", ())] + mlp_layout([16, 32, 32, 1],
                     ["linear0", "linear1", "linear2"]), switches, 16, 8)
    yield classifier("mnist", [784, 128, 10], lin(2), 8)
    yield classifier("mnist_fast", [784, 128, 10], lin(2), 8, 0.1307, 0.3081)
    yield classifier("mnist_mlp", [784, 1024, 1024, 1024, 10], lin(4), 8)
    yield classifier("mnist_modules", [784, 1024, 1024, 10], ["mlp.fc1", "mlp.fc2", "mlp.fc3"], 8)
    yield pictures("lenet", conv_layout("conv2d0", 6, 1, 5, 5) + conv_layout("conv2d1", 16, 6, 5, 5) +
                   mlp_layout([400, 120, 84, 10], lin(3)), lenet, 8)
    yield pictures("cnn", conv_layout("c1", 32, 1, 3, 3) + conv_layout("c2", 64, 32, 3, 3) +
                   mlp_layout([9216, 128, 10], ["f1", "f2"]), cnn, 4)
    yield pictures("unfold", conv_layout("uconv0", 8, 25) + conv_layout("uconv1", 16, 200) +
                   mlp_layout([256, 10], lin(1)), unfolded, 8)


def train(optimizer, **settings):
    """20 steps of a 20-16-5 classifier, batch 8, records 8 * step .. in order, f64."""
    names = ["linear0", "linear1"]
    w = weights(mlp_layout([20, 16, 5], names))
    x, y = grid((160, 20), 60, 4.0), labels(160, 61, 5)
    opt = getattr(torch.optim, optimizer)(w.values(), **settings)
    losses = []
    for step in range(20):
        rows = slice(8 * step, 8 * step + 8)
        opt.zero_grad()
        loss = F.cross_entropy(mlp(w, x[rows], names), y[rows])
        loss.backward()
        opt.step()
        losses.append(loss.item())
    return losses


def main():
    out = dict(examples={}, training={})
    for name, about, w, loss in examples():
        loss.backward()
        out["examples"][name] = dict(about, loss=loss.item(),
                                     gradients={k: probe(v.grad) for k, v in w.items()})
    out["training"] = {
        "sgd()": train("SGD", lr=0.1),
        "sgd(momentum = 0.9)": train("SGD", lr=0.1, momentum=0.9),
        "sgd(momentum = 0.9, nesterov = true, weight_decay = 0.01)":
            train("SGD", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        "rmsprop(momentum = 0.9)": train("RMSprop", lr=0.01, momentum=0.9),
        "rmsprop(centered = true, weight_decay = 0.01)":
            train("RMSprop", lr=0.01, centered=True, weight_decay=0.01),
        "adam()": train("Adam", lr=0.01),
        "adamw(weight_decay = 0.1)": train("AdamW", lr=0.01, weight_decay=0.1),
        "adagrad()": train("Adagrad", lr=0.01),
    }
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json"), "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
