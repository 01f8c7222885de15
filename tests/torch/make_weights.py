"""Writes weights.safetensors as PyTorch users do, and what their net gives (weights.json).

    python tests/torch/make_weights.py        needs torch and safetensors

tests/tools/torch_weights_test.cpp loads the file with --layout torch.
"""
import json
import pathlib

import torch
from safetensors.torch import save_file


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 3, 3)
        self.norm = torch.nn.BatchNorm2d(3)
        self.fc1 = torch.nn.Linear(3 * 4 * 4, 5)
        self.fc2 = torch.nn.Linear(5, 5)  # square: its transposition shows in the numbers only
        self.out = torch.nn.Linear(5, 2)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x[:, None])))
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.out(torch.tanh(self.fc2(x)))


folder = pathlib.Path(__file__).parent
torch.manual_seed(1)
net = Net()
net.train()
for _ in range(3):  # moves the running statistics
    net(torch.randn(8, 6, 6))
net.eval()
x = torch.randn(3, 6, 6)
save_file(net.state_dict(), folder / "weights.safetensors")
(folder / "weights.json").write_text(
    json.dumps({"x": x.tolist(), "y": net(x).tolist()}, indent=None) + "\n")
