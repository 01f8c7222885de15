"""What is measured: the training steps of the zoo, steps drawn from a seed, row chains, and sizes that grow.

A workload is a step on float32 data that already lies in memory, written as a .net program here and, of the
same batch, widths, loss, optimizer and initial values, by the peers' programs.
"""
import dataclasses
import math
import random


@dataclasses.dataclass(frozen=True)
class Workload:
    """A step of an MLP with ReLU between its layers."""
    name: str
    batch: int
    layers: tuple       # widths, input first
    loss: str           # "xent" (ten classes among the last width), "mse" (last width 1)
    optimizer: str      # "sgd", "rmsprop" (with momentum), "adam", or "none": gradients only

    @property
    def shape(self):
        return f"{'-'.join(map(str, self.layers))}, batch {self.batch}, {self.loss}, {self.optimizer}"

    @property
    def entry(self):
        return "step" if self.optimizer == "none" else "train"

    @property
    def relu_last(self):
        return self.name == "linreluMse50k"    # the peers' programs know it by its name as well

    @property
    def flop(self):
        """2mnk for each of the forward, dW and dX products; the first layer has no dX."""
        products = [a * b for a, b in zip(self.layers, self.layers[1:])]
        return 2 * self.batch * (3 * sum(products) - products[0])


@dataclasses.dataclass(frozen=True)
class Cnn:
    """A step of two 3x3 convolutions with ReLU, a 2x2 pool and two dense layers on 28x28 pictures."""
    name: str
    batch: int
    channels: tuple     # of the convolutions
    hidden: int
    loss: str = "xent"
    optimizer: str = "adam"
    entry = "train"
    layers = ("cnn",)   # what the native peers are told

    @property
    def shape(self):
        a, b = self.channels
        return f"28x28, {a} and {b} channels, {144 * b}-{self.hidden}-10, batch {self.batch}, {self.loss}, {self.optimizer}"

    @property
    def flop(self):
        """2mnk for each of the forward, dW and dX products; the first convolution has no dX."""
        a, b = self.channels
        first, others = 26 * 26 * a * 9, 24 * 24 * b * a * 9 + 144 * b * self.hidden + self.hidden * 10
        return 2 * self.batch * (2 * first + 3 * others)


ZOO = [
    Workload("linreluMse50k", 50_000, (784, 1), "mse", "none"),
    Workload("twoLayer", 200, (100, 50, 1), "mse", "sgd"),
    Workload("logreg", 64, (784, 10), "xent", "sgd"),
    Workload("mlpSmall", 32, (784, 128, 10), "xent", "sgd"),
    Workload("mlpMid", 128, (784, 256, 128, 10), "xent", "adam"),
    Workload("mlpBig", 512, (784, 1024, 1024, 1024, 10), "xent", "rmsprop"),
    Cnn("cnn", 64, (32, 64), 128),
]
BY_NAME = {w.name: w for w in ZOO}

OPTIMIZERS = dict(sgd="lr = 1e-3; optimizer = sgd()", rmsprop="lr = 1e-4; optimizer = rmsprop(momentum = 0.9)",
                  adam="lr = 1e-3; optimizer = adam()")


def cnn_text(w):
    a, b = w.channels
    shapes = dict(c1=(a, 1, 3, 3), e1=(a,), c2=(b, a, 3, 3), e2=(b,), w1=(144 * b, w.hidden), b1=(w.hidden,),
                  w2=(w.hidden, 10), b2=(10,))
    lines = [f"model {w.name} {{", "  input x: f32[batch, 784]", "  input y: i64[batch]"]
    lines += [f"  param {name}: {list(shape)} = normal(0.05)" for name, shape in shapes.items()]
    return "\n".join(lines + [
        "  h1 = relu(conv2d(reshape(x, batch, 1, 28, 28), c1) + e1[:, None, None])",
        "  h2 = max_pool2d(relu(conv2d(h1, c2) + e2[:, None, None]), 2)",
        "  output o = relu(flatten(h2, 1) @ w1 + b1) @ w2 + b2", "  loss cross_entropy(o, y)", "}",
        f"train {{ epochs = 1; batch = {w.batch}; {OPTIMIZERS[w.optimizer]} }}"]) + "\n"


def net_text(w):
    """The workload as a .net program; parameters are drawn as the peers draw them."""
    if isinstance(w, Cnn):
        return cnn_text(w)
    label = "i64[batch]" if w.loss == "xent" else "f32[batch]"
    lines = [f"model {w.name} {{", f"  input x: f32[batch, {w.layers[0]}]", f"  input y: {label}"]
    last = len(w.layers) - 2
    for i, (a, b) in enumerate(zip(w.layers, w.layers[1:])):
        lines += [f"  param w{i}: [{a}, {b}] = normal(0.05)", f"  param b{i}: [{b}] = normal(0.05)"]
    value = "x"
    for i in range(last + 1):
        layer = f"{value} @ w{i} + b{i}"
        value = "o" if i == last else f"h{i}"
        if i < last or w.relu_last:
            layer = f"relu({layer})"
        lines.append(f"  {'output ' if i == last else ''}{value} = {layer}")
    lines.append("  loss cross_entropy(o, y)" if w.loss == "xent" else "  loss mse(reshape(o, [batch]), y)")
    lines.append("}")
    if w.optimizer != "none":
        lines.append(f"train {{ epochs = 1; batch = {w.batch}; {OPTIMIZERS[w.optimizer]} }}")
    return "\n".join(lines) + "\n"


def drawn(seed, count):
    """MLP steps drawn from `seed`: 1 to 12 layers, widths to 2,500, batches to 1,000. Every second one
    draws its sizes evenly, the others evenly in their logarithm, so that small sizes are met as well."""
    generator = random.Random(seed)
    workloads = []
    for i in range(count):
        def size(low, high):
            if i % 2:
                return generator.randint(low, high)
            return min(high, int(math.exp(generator.uniform(math.log(low), math.log(high + 1)))))

        depth = generator.randint(1, 12)
        loss = generator.choice(["xent", "mse"])
        layers = [size(1, 2500) for _ in range(depth)] + [size(10, 2500) if loss == "xent" else 1]
        optimizer = generator.choice(["sgd", "rmsprop", "adam"])
        workloads.append(Workload(f"shape{i}", size(1, 1000), tuple(layers), loss, optimizer))
    return workloads


@dataclasses.dataclass(frozen=True)
class Chain:
    """A chain over the rows of a matrix: forward, or forward and gradient of `sum(f(x) * t)`."""
    formula: str        # "softmax", "layernorm" or "gelu"
    backward: bool
    rows: int = 16_384
    columns: int = 1_024

    @property
    def name(self):
        return self.formula + (" and gradient" if self.backward else "")

    @property
    def entry(self):
        return "step" if self.backward else "predict"

    @property
    def bytes(self):
        """Every operand read once and every result written once."""
        return 4 * self.rows * self.columns * (3 if self.backward else 2)


CHAINS = [Chain(formula, backward) for formula in ("softmax", "layernorm", "gelu") for backward in (False, True)]
CHAIN_FORMULA = dict(softmax="softmax(x)", gelu="gelu(x)",
                     layernorm="(x - mean(x, dim = 1, keepdim = true)) * rsqrt(var(x, dim = 1, keepdim = true) + 1e-5)")


def chain_text(c):
    role = "param x: " if c.backward else "input x: f32"
    rows = c.rows if c.backward else "batch"
    lines = ["model chain {", f"  {role}[{rows}, {c.columns}]" + (" = normal(1)" if c.backward else "")]
    if c.backward:
        lines.append(f"  input t: f32[{c.rows}, {c.columns}]")
    lines.append(f"  output y = {CHAIN_FORMULA[c.formula]}")
    if c.backward:
        lines.append("  loss sum(y * t)")
    return "\n".join(lines + ["}"]) + "\n"


# Sizes of the growth curves. Steps of three layers, so that forward, dX and dW are all there.
BATCHES = [2 ** k for k in range(13)]
WIDTHS = [2 ** k for k in range(4, 13)]
OPS = [10, 30, 100, 300, 1000, 3000, 10_000]


def grown_batch(batch):
    return Workload(f"batch{batch}", batch, (512, 512, 512, 10), "xent", "sgd")


def grown_width(width):
    return Workload(f"width{width}", 128, (width, width, width, 10), "xent", "sgd")


def grown_ops(count):
    """An MLP of about `count` ops in the forward function: a layer is a product, a broadcast, a sum and a relu."""
    layers = max(1, count // 4)
    return Workload(f"ops{count}", 16, (16,) * layers + (10,), "xent", "sgd")
