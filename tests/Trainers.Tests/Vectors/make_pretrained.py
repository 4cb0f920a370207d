#!/usr/bin/env python3
"""Makes resnet8-F32.safetensors, -F16 and -BF16 and pretrained.json: a network with PyTorch's own initial weights, as PyTorch saves it.

  python3 make_pretrained.py

Needs PyTorch (Debian: python3-torch). The format is written out here, so that the safetensors package is not needed.
"""
import json
import struct

import torch
from torch import nn
from torch.nn import functional as F

from make_vectors import number

torch.manual_seed(1)
TYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


class Shortcut(nn.Module):
    def forward(self, x):
        x = x[:, :, ::2, ::2]
        return torch.cat([x, torch.zeros_like(x)], 1)


class Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, 1 if cin == cout else 2, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.shortcut = nn.Identity() if cin == cout else Shortcut()

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.ModuleDict({"conv": nn.Conv2d(3, 16, 3, 1, 1, bias=False), "bn": nn.BatchNorm2d(16)})
        for stage, (cin, cout) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
            setattr(self, f"stage{stage}", nn.ModuleDict({"block1": Block(cin, cout)}))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(self.stem["bn"](self.stem["conv"](x)))
        for stage in (self.stage1, self.stage2, self.stage3):
            x = stage["block1"](x)
        return x.mean((2, 3))


def save(path, tensors, dtype):
    header, data = {"__metadata__": {"format": "pt"}}, b""
    for name, value in tensors.items():
        kind = dtype if value.is_floating_point() else "I64"
        value = value.to(TYPES[dtype]) if value.is_floating_point() else value
        raw = value.contiguous().view(torch.int16).numpy().tobytes() if kind in ("F16", "BF16") else value.contiguous().numpy().tobytes()
        header[name] = {"dtype": kind, "shape": list(value.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


network = Network()
for _ in range(3):
    network(torch.randn(8, 3, 32, 32))
network.eval()
for name in TYPES:
    save(f"resnet8-{name}.safetensors", network.state_dict(), name)
images = torch.tensor([number(7, i) for i in range(2 * 3 * 32 * 32)]).view(2, 3, 32, 32)
with torch.no_grad(), open("pretrained.json", "w") as file:
    json.dump({"embeddings": network(images).double().flatten().tolist()}, file, indent=1)
    file.write("\n")
