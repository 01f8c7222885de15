#!/usr/bin/env python3
"""Writes reference.json: losses and gradients of the examples, losses of 100 of their training
steps, and of 20 steps with each optimizer, as PyTorch computes them in f64. Weights, inputs and
labels come from formulas that the test repeats, so nothing but the results has to be stored. Run it
with PyTorch 2 installed: make_reference.py [EXAMPLE…], all of them by default
"""
import json
import math
import os
import sys

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


def whole(shape, salt, below):
    """Whole numbers: element i is ((i * 7919 + salt * 104729) mod 10007) mod below."""
    i = torch.arange(math.prod(shape), dtype=torch.int64)
    return ((i * 7919 + salt * 104729) % 10007 % below).reshape(shape)


def labels(n, salt, classes=10):
    return whole((n,), salt, classes)


def probe(t):
    """What is stored of a gradient: its dot product with `grid`, its norm, and five elements."""
    flat = t.detach().reshape(-1)
    at = [int(k * (flat.numel() - 1) // 4) for k in range(5)]
    return dict(dot=(flat * grid([flat.numel()], 99, 1.0)).sum().item(), norm=flat.norm().item(),
                elements=[flat[k].item() for k in at])


def weights(layout):
    """layout: name, shape and, for states, the number they start from. Weights are scaled by
    2 / sqrt(fan_in), vectors by 0.1."""
    return {name: torch.full(shape, start[0]) if start else
            grid(shape, k + 1, 0.1 if len(shape) < 2 else 2 / shape[0] ** 0.5).requires_grad_()
            for k, (name, shape, *start) in enumerate(layout)}


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


def norm_layout(name, n, states=False):
    running = [(f"{name}.running_mean", (n,), 0.0), (f"{name}.running_var", (n,), 1.0)]
    return [(f"{name}.weight", (n,)), (f"{name}.bias", (n,))] + (running if states else [])


def layer_norm(w, x, name):
    return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"])


def batch_norm(w, x, name):
    return F.batch_norm(x, w[f"{name}.running_mean"], w[f"{name}.running_var"], w[f"{name}.weight"],
                        w[f"{name}.bias"], training=True)


def attention_layout(name, d):
    return [(f"{name}.in_proj_weight", (d, 3 * d)), (f"{name}.in_proj_bias", (3 * d,)),
            (f"{name}.out_proj.weight", (d, d)), (f"{name}.out_proj.bias", (d,))]


def attend(w, x, name, heads):
    x = x.transpose(0, 1)
    y, _ = F.multi_head_attention_forward(
        x, x, x, x.shape[-1], heads, w[f"{name}.in_proj_weight"].T, w[f"{name}.in_proj_bias"], None,
        None, False, 0.0, w[f"{name}.out_proj.weight"].T, w[f"{name}.out_proj.bias"])
    return y.transpose(0, 1)


def block_layout(name, d):
    return (norm_layout(f"{name}.layernorm0", d) + attention_layout(f"{name}.multiheadattention0", d) +
            norm_layout(f"{name}.layernorm1", d) +
            mlp_layout([d, 4 * d, d], [f"{name}.linear0", f"{name}.linear1"]))


def block(w, x, name):
    h = x + attend(w, layer_norm(w, x, f"{name}.layernorm0"), f"{name}.multiheadattention0", 4)
    return h + mlp(w, layer_norm(w, h, f"{name}.layernorm1"), [f"{name}.linear0", f"{name}.linear1"], F.gelu)


def rows_of_digits(w, x):
    x = mlp(w, x, ["linear0"]) + w["positions0.place"]
    x = layer_norm(w, block(w, block(w, x, "block0"), "block1"), "layernorm0")
    return mlp(w, x.mean(1), ["linear1"])


def residual_layout(name, c):
    return [entry for k in range(2) for entry in
            [(f"{name}.conv2d{k}.weight", (c, c, 3, 3))] + norm_layout(f"{name}.batchnorm{k}", c, True)]


def residual(w, x, name):
    y = torch.relu(batch_norm(w, F.conv2d(x, w[f"{name}.conv2d0.weight"], padding=1), f"{name}.batchnorm0"))
    y = batch_norm(w, F.conv2d(y, w[f"{name}.conv2d1.weight"], padding=1), f"{name}.batchnorm1")
    return torch.relu(x + y)


def residual_net(w, x):
    x = F.conv2d(x, w["conv2d0.weight"], stride=2, padding=1)
    x = torch.relu(batch_norm(w, x, "batchnorm0"))
    return mlp(w, residual(w, residual(w, x, "residual0"), "residual1").mean((2, 3)), ["linear0"])


def autograd_loss(w):
    a, b = w["a"], w["b"]
    sums = a + w["row"] - w["column"]
    products = w["k"] * a * b / (1 + b ** 2)
    powers = (1 + a ** 2) ** b + (-a) ** 2
    curves = torch.exp(-a) + torch.log(1 + b ** 2) + torch.sigmoid(sums) + torch.tanh(products)
    mapped = (powers + curves.mean(0, keepdim=True)) @ w["w"]
    return (mapped * curves.sum(1)[:, None]).square().mean()


ROWS = 800  # 100 steps of 8


def take(inputs, n):
    """n rows of what `inputs` describes: name -> (kind, shape of a row, salt, scale or bound)."""
    make = dict(grid=grid, choice=lambda *a: whole(*a).double(), bytes=whole)
    return [make[kind]((n, *shape), salt, bound) for kind, shape, salt, bound in inputs.values()]


def vectors(columns, outputs=1):
    return dict(x=("grid", (columns,), 50, 2.0), y=("grid", (outputs,), 51, 2.0))


def regression(forward):
    return lambda w, x, y: F.mse_loss(forward(w, x), y)


PICTURES = dict(image=("bytes", (28, 28), 52, 256), label=("bytes", (), 53, 10))


def classifier(forward, shape=(784,), mean=0.0, deviation=1.0):
    return lambda w, image, label: F.cross_entropy(
        forward(w, (image.double().reshape(-1, *shape) / 255 - mean) / deviation), label)


def perceptron(*names):
    return lambda w, x: mlp(w, x, list(names))


def autoencoder(w, image):
    x = image.double().reshape(-1, 784) / 255
    coder = lambda name, x: mlp(w, x, [f"{name}.linear0", f"{name}.linear1"])
    return F.binary_cross_entropy_with_logits(coder("decoder", coder("encoder", x)), x)


def examples():
    """Name, batch of the gradients, inputs, layout, loss, optimizer with its settings."""
    lin = lambda n: [f"linear{k}" for k in range(n)]
    dense = ["dense0", "dense1"]
    adam = ("Adam", dict(lr=1e-3))
    picture = (1, 28, 28)
    yield ("neuron", 8, vectors(784), [("w", (784, 1)), ("b", (1,))],
           regression(lambda w, x: torch.relu(x @ w["w"] + w["b"])), ("SGD", dict(lr=0.01)))
    yield ("neuron_many", 8, vectors(784, 16), [("w", (784, 16)), ("b", (16,))],
           regression(lambda w, x: torch.relu(x @ w["w"] + w["b"])), ("SGD", dict(lr=0.01)))
    yield ("two_layer", 8, vectors(100), mlp_layout([100, 50, 1], dense), regression(perceptron(*dense)),
           ("SGD", dict(lr=0.1)))
    yield ("custom_grad", 8, vectors(16),
           [("gain", ())] + mlp_layout([16, 32, 32, 1], lin(3)), regression(switches),
           ("SGD", dict(lr=0.01, momentum=0.9)))
    yield ("logreg", 8, dict(hours=("grid", (2,), 50, 12.0), passed=("choice", (), 54, 2)),
           mlp_layout([2, 1], lin(1)),
           lambda w, x, y: F.binary_cross_entropy_with_logits(mlp(w, (x - 6) / 3, lin(1))[:, 0], y),
           ("SGD", dict(lr=0.5, momentum=0.9)))
    yield "mnist", 8, PICTURES, mlp_layout([784, 128, 10], lin(2)), classifier(perceptron(*lin(2))), adam
    yield ("mnist_fast", 8, PICTURES, mlp_layout([784, 128, 10], lin(2)),
           classifier(perceptron(*lin(2)), (784,), 0.1307, 0.3081), ("Adam", dict(lr=6e-3), "one_cycle"))
    yield ("mnist_mlp", 8, PICTURES, mlp_layout([784, 1024, 1024, 1024, 10], lin(4)),
           classifier(perceptron(*lin(4))), ("RMSprop", dict(lr=1e-4, momentum=0.9)))
    fcs = ["mlp.fc1", "mlp.fc2", "mlp.fc3"]
    yield ("mnist_modules", 8, PICTURES, mlp_layout([784, 1024, 1024, 10], fcs), classifier(perceptron(*fcs)),
           ("Adam", dict(lr=1e-3), "cosine", 500, 1.0))
    yield ("lenet", 8, PICTURES, conv_layout("conv2d0", 6, 1, 5, 5) + conv_layout("conv2d1", 16, 6, 5, 5) +
           mlp_layout([400, 120, 84, 10], lin(3)), classifier(lenet, picture), adam)
    yield ("cnn", 4, PICTURES, conv_layout("c1", 32, 1, 3, 3) + conv_layout("c2", 64, 32, 3, 3) +
           mlp_layout([9216, 128, 10], ["f1", "f2"]), classifier(cnn, picture), adam)
    yield ("unfold", 8, PICTURES, conv_layout("uconv0", 8, 25) + conv_layout("uconv1", 16, 200) +
           mlp_layout([256, 10], lin(1)), classifier(unfolded, picture), adam)
    yield ("autoencoder", 8, dict(image=PICTURES["image"]),
           mlp_layout([784, 128, 16], ["encoder.linear0", "encoder.linear1"]) +
           mlp_layout([16, 128, 784], ["decoder.linear0", "decoder.linear1"]), autoencoder, adam)
    yield ("attention", 8, PICTURES,
           mlp_layout([28, 32], ["linear0"]) + [("positions0.place", (28, 32))] +
           block_layout("block0", 32) + block_layout("block1", 32) + norm_layout("layernorm0", 32) +
           mlp_layout([32, 10], ["linear1"]), classifier(rows_of_digits, (28, 28)),
           ("AdamW", dict(lr=2e-3, weight_decay=0.01), "cosine", 200, 1.0))
    yield ("residual", 8, PICTURES,
           [("conv2d0.weight", (16, 1, 3, 3))] + norm_layout("batchnorm0", 16, True) +
           residual_layout("residual0", 16) + residual_layout("residual1", 16) +
           mlp_layout([16, 10], ["linear0"]), classifier(residual_net, picture),
           ("SGD", dict(lr=0.2, momentum=0.9, nesterov=True, weight_decay=1e-4), "one_cycle"))
    yield ("autograd", 1, {}, [("a", (3, 4)), ("b", (3, 4)), ("row", (4,)), ("column", (3, 1)), ("k", ()),
                               ("w", (4, 2))], autograd_loss, None)


def scheduler(opt, lr, kind=None, warmup=0):
    """The schedule over 100 steps, as spec and examples have it."""
    if kind == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=100, cycle_momentum=False)
    cosine = lambda t: (t + 1) / warmup if t < warmup else (1 + math.cos(math.pi * (t - warmup) / (100 - warmup))) / 2
    return torch.optim.lr_scheduler.LambdaLR(opt, cosine if kind == "cosine" else lambda t: 1.0)


def hundred_steps(inputs, layout, loss_of, optimizer, settings, kind=None, warmup=0, clip=None):
    """Losses of 100 steps on 8 rows each, and the states after them."""
    w = weights(layout)
    opt = getattr(torch.optim, optimizer)([v for v in w.values() if v.requires_grad], **settings)
    schedule = scheduler(opt, settings["lr"], kind, warmup)
    data = take(inputs, ROWS)
    losses = []
    for step in range(100):
        opt.zero_grad()
        loss = loss_of(w, *[d[8 * step:8 * step + 8] for d in data])
        loss.backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(w.values(), clip)
        opt.step()
        schedule.step()
        losses.append(loss.item())
    return losses, {k: probe(v) for k, v in w.items() if not v.requires_grad}


class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2, which PyTorch lacks."""

    def __init__(self, params, lr, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * torch.sign(b1 * m + (1 - b1) * p.grad))
                m.mul_(b2).add_(p.grad, alpha=1 - b2)


def train(optimizer, schedule=None, clip=None, accumulate=1, factor=None, frozen=(), **settings):
    """20 steps of a 20-16-5 classifier, batch 8, records 8 * step .. in order, f64. `factor` is on
    the rate of linear1; `accumulate` splits each batch into that many losses."""
    names = ["linear0", "linear1"]
    w = weights(mlp_layout([20, 16, 5], names))
    x, y = grid((160, 20), 60, 4.0), labels(160, 61, 5)
    for name in frozen:
        w[name].requires_grad_(False)
    groups = [dict(params=[v for k, v in w.items() if v.requires_grad and not k.startswith("linear1")]),
              dict(params=[v for k, v in w.items() if v.requires_grad and k.startswith("linear1")])]
    groups[1]["lr"] = settings["lr"] * (factor or 1)
    opt = (Lion if optimizer == "Lion" else getattr(torch.optim, optimizer))(groups, **settings)
    scheduler = schedule(opt) if schedule else None
    losses = []
    for step in range(20):
        rows = slice(8 * step, 8 * step + 8)
        opt.zero_grad()
        loss = 0
        for a, b in zip(x[rows].chunk(accumulate), y[rows].chunk(accumulate)):
            part = F.cross_entropy(mlp(w, a, names), b) / accumulate
            part.backward()
            loss += part.item()
        trained = [v for v in w.values() if v.requires_grad]
        if clip == "norm":
            torch.nn.utils.clip_grad_norm_(trained, 0.5)
        if clip == "value":
            torch.nn.utils.clip_grad_value_(trained, 0.05)
        opt.step()
        if scheduler and step < 19:
            scheduler.step()
        losses.append(loss)
    return losses


def main(chosen):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reference.json")
    with open(path) as f:
        out = json.load(f)
    for name, batch, inputs, layout, loss_of, training in examples():
        if chosen and name not in chosen:
            continue
        w = weights(layout)
        loss = loss_of(w, *take(inputs, batch))
        loss.backward()
        gradients = {k: probe(v.grad) for k, v in w.items() if v.requires_grad}
        about = dict(batch=batch, inputs=inputs, layout=layout, loss=loss.item(), gradients=gradients)
        if training:
            about["steps"], about["states"] = hundred_steps(inputs, layout, loss_of, *training)
        out["examples"][name] = about
    from torch.optim import lr_scheduler as schedulers
    sgd, slow = "lr = 0.1; optimizer = sgd", "lr = 0.01; optimizer = "
    out["training"] = {
        sgd + "()": train("SGD", lr=0.1),
        sgd + "(momentum = 0.9)": train("SGD", lr=0.1, momentum=0.9),
        sgd + "(momentum = 0.9, dampening = 0.5)":
            train("SGD", lr=0.1, momentum=0.9, dampening=0.5),
        sgd + "(momentum = 0.9, nesterov = true, weight_decay = 0.01)":
            train("SGD", lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        slow + "rmsprop()": train("RMSprop", lr=0.01),
        slow + "rmsprop(momentum = 0.9)": train("RMSprop", lr=0.01, momentum=0.9),
        slow + "rmsprop(centered = true, weight_decay = 0.01)":
            train("RMSprop", lr=0.01, centered=True, weight_decay=0.01),
        slow + "rmsprop(alpha = 0.9, eps = 1e-6, momentum = 0.5, centered = true)":
            train("RMSprop", lr=0.01, alpha=0.9, eps=1e-6, momentum=0.5, centered=True),
        slow + "adam()": train("Adam", lr=0.01),
        slow + "adam(beta1 = 0.8, beta2 = 0.99, eps = 1e-6, weight_decay = 0.01)":
            train("Adam", lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.01),
        slow + "adamw()": train("AdamW", lr=0.01),
        slow + "adamw(beta1 = 0.8, beta2 = 0.99, eps = 1e-6, weight_decay = 0.1)":
            train("AdamW", lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1),
        slow + "adagrad()": train("Adagrad", lr=0.01),
        slow + "adagrad(eps = 1e-6, weight_decay = 0.01)":
            train("Adagrad", lr=0.01, eps=1e-6, weight_decay=0.01),
        slow + "lion()": train("Lion", lr=0.01),
        slow + "lion(beta1 = 0.8, beta2 = 0.9, weight_decay = 0.1)":
            train("Lion", lr=0.01, betas=(0.8, 0.9), weight_decay=0.1),
        sgd + "(momentum = 0.9, weight_decay = 0.01); clip = norm(0.5)":
            train("SGD", clip="norm", lr=0.1, momentum=0.9, weight_decay=0.01),
        sgd + "(); clip = value(0.05)": train("SGD", clip="value", lr=0.1),
        sgd + "(momentum = 0.9); groups = [group(\"linear1.*\", 3.0)]":
            train("SGD", factor=3, lr=0.1, momentum=0.9),
        sgd + "(momentum = 0.9); freeze = [\"linear0.weight\"]; clip = norm(0.5)":
            train("SGD", frozen=["linear0.weight"], clip="norm", lr=0.1, momentum=0.9),
        slow + "adam(); batch = 2; accumulate = 4": train("Adam", accumulate=4, lr=0.01),
        "lr = one_cycle(0.1); optimizer = sgd(momentum = 0.9)":
            train("SGD", lambda o: schedulers.OneCycleLR(o, 0.1, total_steps=20,
                                                         cycle_momentum=False),
                  lr=0.1, momentum=0.9),
        "lr = cosine(0.1); optimizer = sgd()":
            train("SGD", lambda o: schedulers.CosineAnnealingLR(o, 20), lr=0.1),
        "lr = cosine(0.1, warmup = 4); optimizer = sgd()":
            train("SGD", lambda o: schedulers.SequentialLR(
                o, [schedulers.LambdaLR(o, lambda t: (t + 1) / 4),
                    schedulers.CosineAnnealingLR(o, 16)], [4]), lr=0.1),
        "lr = linear(0.1, end = 0.02); optimizer = sgd()":
            train("SGD", lambda o: schedulers.LinearLR(o, 1.0, 0.2, 20), lr=0.1),
    }
    with open(path, "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main(sys.argv[1:])
