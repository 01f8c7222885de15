#!/usr/bin/env python3
"""Trains a net of tools/bench/accuracy in PyTorch and prints its test accuracy as a JSON line:
accuracy_torch.py MODULE DIR EPOCHS BATCH SEED THREADS; DIR holds the four IDX files."""
import json
import math
import pathlib
import sys

import numpy
import torch
from torch import nn


def idx(path):
    raw = numpy.fromfile(path, numpy.uint8)
    dims = raw[4:4 + 4 * raw[3]].view(">u4").astype(int)
    return torch.from_numpy(raw[4 + 4 * raw[3]:].reshape(dims))


def pictures(folder, part):
    """float[n, 1, 28, 28] in 0..1, and class numbers."""
    return (idx(folder / f"{part}-images-idx3-ubyte")[:, None].float() / 255,
            idx(folder / f"{part}-labels-idx1-ubyte").long())


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(c, c, 3, padding=1, bias=False), nn.BatchNorm2d(c))

    def forward(self, x):
        return torch.relu(x + self.second(self.first(x)))


def adam(parameters, steps):
    return torch.optim.Adam(parameters, 1e-3), None


def one_cycle(parameters, steps):
    optimizer = torch.optim.SGD(parameters, 0.2, momentum=0.9, nesterov=True, weight_decay=1e-4)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=steps, cycle_momentum=False)


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10)), adam


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)), adam


def residual():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Residual(16), Residual(16),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)), one_cycle


def accuracy(model, x, y):
    model.eval()
    with torch.no_grad():
        hits = sum((model(a).argmax(1) == b).sum().item() for a, b in zip(x.split(1000), y.split(1000)))
    return hits / len(y)


def main():
    module, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    epochs, batch, seed, threads = map(int, sys.argv[3:])
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    x, y = pictures(folder, "train")
    model, make_optimizer = dict(mlp=mlp, lenet=lenet, residual=residual)[module]()
    optimizer, schedule = make_optimizer(model.parameters(), epochs * math.ceil(len(y) / batch))
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimizer.step()
            if schedule:
                schedule.step()
    print(json.dumps(dict(accuracy=accuracy(model, *pictures(folder, "t10k")))))


if __name__ == "__main__":
    main()
