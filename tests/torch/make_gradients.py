#!/usr/bin/env python3
"""Writes gradients.inc: for the expressions of tests/frontend/elaborate_values.inc, the gradients of
sum(log1p(square(expression))) as PyTorch computes them in f64, at the points of the test (the inputs of value_cases.h,
moved so that nothing is a tie). An expression is read as Python, with the language's functions defined here; its value
must be the one that stands in the file. What has no gradient in PyTorch is left out. Run it with PyTorch 2 installed.
"""
import math
import pathlib
import re

import numpy
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
HERE = pathlib.Path(__file__).resolve().parent


class Tensor(torch.Tensor):
    """Slices with negative steps, and bytes as indices, as NumPy has them."""

    def __getitem__(self, index):
        parts = list(index) if isinstance(index, tuple) else [index]
        parts = [p.long() if isinstance(p, torch.Tensor) and p.dtype == torch.uint8 else p for p in parts]
        index = tuple(parts)
        if not any(isinstance(p, slice) and (p.step or 1) < 0 for p in parts):
            return super().__getitem__(index)
        places = torch.arange(self.numel()).reshape(self.shape).numpy()[index]
        return self.reshape(-1)[torch.from_numpy(numpy.ascontiguousarray(places))]


def as_tensor(x):
    return x if isinstance(x, torch.Tensor) else torch.tensor(x, dtype=torch.float64)


def dims(x, dim):
    return list(range(x.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)


def reduced(f):
    return lambda x, dim=None, keepdim=False: f(x, dims(x, dim), keepdim)


def product(x, dim, keepdim):
    for d in sorted((d % x.dim() for d in dim), reverse=True):
        x = x.prod(d, keepdim=keepdim)
    return x


def variance(x, dim=None, keepdim=False, correction=0):
    return torch.var(x.double(), dims(x, dim), correction=correction, keepdim=keepdim)


def listed(sizes):
    return list(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], (list, tuple)) else list(sizes)


def squeezed(x, dim=None):
    return x.squeeze() if dim is None else x.squeeze(tuple(dims(x, dim)))


def padded(x, pairs, value=0):
    return F.pad(x, [n for pair in reversed(pairs) for n in pair], value=value)


def sliced(x, dim, start=0, stop=None, step=1):
    return x[(slice(None),) * (dim % x.dim()) + (slice(start if step > 0 or start else None, stop, step),)]


def elementwise(f):
    return lambda x: f(as_tensor(x))


def nll(log_p, label, weight=None, ignore_index=None):
    return F.nll_loss(log_p, label.long(), weight, ignore_index=-100 if ignore_index is None else ignore_index)


def cross_entropy(logits, label, smoothing=0.0, weight=None, ignore_index=None):
    label = label if label.is_floating_point() else label.long()
    return F.cross_entropy(logits, label, weight, label_smoothing=smoothing,
                           ignore_index=-100 if ignore_index is None else ignore_index)


NAMES = dict(
    true=True, false=False, inf=math.inf, all=None,
    float=lambda x: as_tensor(x).double(), f64=lambda x: x.double(), i64=lambda x: x.long(), i32=lambda x: x.int(),
    where=lambda c, a, b: torch.where(as_tensor(c).bool(), as_tensor(a), as_tensor(b)),
    sum=reduced(torch.sum), mean=reduced(torch.mean), max=reduced(torch.amax), min=reduced(torch.amin),
    prod=reduced(product), logsumexp=reduced(torch.logsumexp), var=variance,
    std=lambda *a, **k: torch.sqrt(variance(*a, **k)), square=torch.square,
    maximum=lambda a, b: torch.maximum(as_tensor(a), as_tensor(b)),
    minimum=lambda a, b: torch.minimum(as_tensor(a), as_tensor(b)), pow=torch.pow,
    clip=lambda x, lo=None, hi=None: torch.clamp(x, lo, hi),
    reshape=lambda x, *sizes: x.reshape(listed(sizes)), flatten=torch.flatten, transpose=torch.transpose,
    permute=lambda x, *order: x.permute(listed(order)), unsqueeze=torch.unsqueeze, squeeze=squeezed,
    expand=lambda x, *sizes: x.expand(listed(sizes)), broadcast=lambda x, sizes: x.expand(sizes), concat=torch.cat,
    stack=torch.stack, pad=padded, slice=sliced, gather=lambda x, i, dim: torch.gather(x, dim, i), iota=torch.arange,
    diagonal=torch.diagonal, einsum=torch.einsum, conv2d=lambda x, w, **k: F.conv2d(x, w, **k), unfold=F.unfold, fold=F.fold,
    max_pool2d=F.max_pool2d, avg_pool2d=F.avg_pool2d, relu=torch.relu, leaky_relu=F.leaky_relu, gelu=F.gelu,
    silu=F.silu, elu=F.elu, softplus=F.softplus, sigmoid=torch.sigmoid,
    softmax=lambda x, dim=-1: F.softmax(x, dim), log_softmax=lambda x, dim=-1: F.log_softmax(x, dim),
    mse=F.mse_loss, l1=F.l1_loss, huber=lambda p, y, delta=1.0: F.huber_loss(p, y, delta=delta),
    bce_with_logits=lambda x, y, **k: F.binary_cross_entropy_with_logits(x, y, **k), nll=nll, cross_entropy=cross_entropy)
NAMES.update({name: elementwise(getattr(torch, name)) for name in
              "exp expm1 log log1p sqrt rsqrt sin cos tanh erf floor ceil round abs sign".split()})


def inputs(moved):
    """Those of value_cases.h; `moved` is where the test takes gradients."""
    floats = dict(c=numpy.arange(24).reshape(2, 3, 4) / 10, s=2.5, v=[1, -2, .5], w=[[1, 2], [0, -1], [3, .5]],
                  x=[[1, 2, 3], [4, 5, 6]], y=[[.5, -1, 2], [-.25, 3, -4]], z=numpy.zeros((0, 3)))
    salt, values = 0, {}
    for name, value in floats.items():
        value = numpy.array(value, dtype=float)
        for i in range(value.size):
            salt += 1
            value.reshape(-1)[i] += 0.01 * math.sin(7.3 * salt) if moved else 0
        values[name] = torch.from_numpy(value).as_subclass(Tensor).requires_grad_()
    integers = dict(i=[2, 0], j=[-1, 1], k=[[7, -7, 5], [0, 3, -2]], t=[7, -7, 2147483647])
    values.update({name: torch.tensor(value).as_subclass(Tensor) for name, value in integers.items()})
    return dict(values, t=values["t"].int(), u=torch.tensor([0, 200, 255], dtype=torch.uint8),
                b=torch.tensor([[1, 0, 1], [0, 0, 1]], dtype=torch.bool))


def python(expression):
    first, *functions = expression.split(" |> ")
    for function in functions:
        first = f"{function}({first})"
    return re.sub(r"\.T\b", ".mT", first).replace(".relu()", ".clip(0)").replace(".float()", ".double()")


def evaluated(expression, moved):
    values = inputs(moved)
    return eval(python(expression), {**NAMES, **values}), values


def gradients(expression):
    """{input: numbers}, or nothing where the expression is not one of floats that depend on the inputs."""
    try:
        result, values = evaluated(expression, moved=True)
        if not result.requires_grad:
            return {}
    except Exception as error:
        print(f"left out: {expression}: {type(error).__name__}: {error}")
        return {}
    torch.log1p(result.square()).sum().backward()
    return {name: value.grad.reshape(-1).tolist() for name, value in values.items() if value.grad is not None}


def main():
    lines = []
    for line in (HERE.parent / "frontend" / "elaborate_values.inc").read_text().splitlines():
        expression, shape, numbers = re.match(r'    \{R"\((.*)\)", \{(.*?)\}, \{(.*)\}\},$', line).groups()
        found = gradients(expression)
        if "INFINITY" in numbers or not found:
            continue
        expected = torch.tensor([float(n) for n in numbers.split(",") if n.strip()])
        torch.testing.assert_close(evaluated(expression, moved=False)[0].detach().reshape(-1).as_subclass(torch.Tensor),
                                   expected, rtol=1e-12, atol=1e-12, msg=expression)
        fields = ", ".join(f'{{"{name}", {{{", ".join(map(repr, values))}}}}}' for name, values in found.items())
        lines.append(f'    {{R"({expression})", {{{fields}}}}},\n')
    (HERE / "gradients.inc").write_text("".join(lines))
    print(f"{len(lines)} expressions")


if __name__ == "__main__":
    main()
