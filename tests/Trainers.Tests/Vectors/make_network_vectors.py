#!/usr/bin/env python3
"""Makes networks.json: embeddings and sizes of networks in PyTorch, of weights and images given by a formula.

  python3 make_network_vectors.py > networks.json

Needs PyTorch and torchvision (Debian: python3-torch, python3-torchvision). The weights are those of weights(), tensor by tensor in
the order of their names; a test makes the same ones.
"""
import json

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

torch.set_grad_enabled(False)


def number(stream, count):
    """Numbers of [-1, 1), a 32-bit hash of a stream and an index."""
    index = np.arange(count, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    h = (index * np.uint64(2654435761) + np.uint64(stream * 40503 + 12345)) & mask
    for _ in range(2):
        h ^= h >> np.uint64(16)
        h = (h * np.uint64(0x45D9F3B)) & mask
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2147483648.0 - 1


def weights(name, shape, stream):
    values = number(stream, int(np.prod(shape))).reshape(shape)
    if len(shape) == 4:
        return values * np.sqrt(3.0 / np.prod(shape[1:]))
    if name.endswith("running_var"):
        return 1 + 0.5 * values
    if name.endswith("weight"):
        return 1 + 0.3 * values
    return 0.2 * values


class WideBlock(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(cin), nn.Conv2d(cin, cout, 3, stride, 1, bias=False)
        self.bn2, self.conv2 = nn.BatchNorm2d(cout), nn.Conv2d(cout, cout, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(cin, cout, 1, stride, bias=False) if stride != 1 or cin != cout else None

    def forward(self, x):
        h = F.relu(self.bn1(x))
        shortcut = x if self.shortcut is None else self.shortcut(h)
        return self.conv2(F.relu(self.bn2(self.conv1(h)))) + shortcut


class WideResNet(nn.Module):
    def __init__(self, depth, width):
        super().__init__()
        blocks = (depth - 4) // 6
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        cin = 16
        for stage, stride in ((1, 1), (2, 2), (3, 2)):
            cout = 16 * width * 2 ** (stage - 1)
            rows = [WideBlock(cin if b == 0 else cout, cout, stride if b == 0 else 1) for b in range(blocks)]
            setattr(self, f"stage{stage}", nn.Sequential(*rows))
            cin = cout
        self.bn = nn.BatchNorm2d(cin)

    def forward(self, x):
        return F.relu(self.bn(self.stage3(self.stage2(self.stage1(self.conv1(x)))))).mean((2, 3))


def convnet(width):
    layers = []
    for number_of_layer in range(4):
        layers += [nn.Conv2d(3 if number_of_layer == 0 else width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


class ResNet12Block(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        for layer in (1, 2, 3):
            setattr(self, f"conv{layer}", nn.Conv2d(cin if layer == 1 else cout, cout, 3, 1, 1, bias=False))
            setattr(self, f"bn{layer}", nn.BatchNorm2d(cout))
        self.shortcut = nn.Sequential(nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        h = F.leaky_relu(self.bn1(self.conv1(x)), 0.1)
        h = F.leaky_relu(self.bn2(self.conv2(h)), 0.1)
        h = self.bn3(self.conv3(h)) + self.shortcut(x)
        return F.max_pool2d(F.leaky_relu(h, 0.1), 2)


def resnet12(width):
    blocks = [ResNet12Block(cin, cout) for cin, cout in ((3, width), (width, 5 * width // 2), (5 * width // 2, 5 * width), (5 * width, 10 * width))]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def resnet(depth):
    network = getattr(torchvision.models, f"resnet{depth}")(weights=None)
    network.fc = nn.Identity()
    return network


def vector(network, side):
    state = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    for index, name in enumerate(sorted(state)):
        state[name].copy_(torch.from_numpy(weights(name, tuple(state[name].shape), 1000 + index)))
    network.eval()
    images = torch.from_numpy(number(7, 2 * 3 * side * side)).view(2, 3, side, side).float()
    embeddings = network(images).double()
    return {
        "side": side,
        "parameters": sum(p.numel() for p in network.parameters()),
        "names": sorted(state),
        "norm": embeddings.norm().item(),
        "embeddings": [round(v, 7) for v in embeddings[:, :16].flatten().tolist()],
    }


print(json.dumps({
    "ResNet-18": vector(resnet(18), 64),
    "ResNet-34": vector(resnet(34), 33),
    "ResNet-50": vector(resnet(50), 32),
    "WideResNet-16-2": vector(WideResNet(16, 2), 24),
    "ConvNet-4x8": vector(convnet(8), 20),
    "ResNet-12x8": vector(resnet12(8), 21),
    "parameters": {
        "WideResNet-28-10": sum(p.numel() for p in WideResNet(28, 10).parameters()),
        "ResNet-12x64": sum(p.numel() for p in resnet12(64).parameters()),
        "WideResNet-40-2": sum(p.numel() for p in WideResNet(40, 2).parameters()),
    },
}, indent=1))
