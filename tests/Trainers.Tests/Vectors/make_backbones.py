#!/usr/bin/env python3
"""Makes backbone-*.onnx, small networks of torchvision's layers with random weights, and backbones.json, their embeddings of two images.

  python3 make_backbones.py

Needs PyTorch 1.13, torchvision 0.14 and onnx (Debian: python3-torch, python3-torchvision, python3-onnx). The images are numbers of a formula
and go into the network unchanged. The embedding is the input of the last linear layer.
"""
import functools
import json
import pathlib

import numpy as np
import torch
from torch import nn
from torchvision.models import ConvNeXt, DenseNet, EfficientNet, MobileNetV2, MobileNetV3, VisionTransformer
from torchvision.models.convnext import CNBlockConfig
from torchvision.models.efficientnet import MBConvConfig
from torchvision.models.mobilenetv3 import InvertedResidualConfig
from torchvision.models.resnet import BasicBlock, Bottleneck

FOLDER = pathlib.Path(__file__).parent
CLASSES = 3
torch.set_num_threads(1)


def number(stream, count):
    """Numbers of [-1, 1), as those of make_network_vectors.py."""
    index = np.arange(count, dtype=np.uint64)
    h = (index * np.uint64(2654435761) + np.uint64(stream * 40503 + 12345)) & np.uint64(0xFFFFFFFF)
    for _ in range(2):
        h ^= h >> np.uint64(16)
        h = (h * np.uint64(0x45D9F3B)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2147483648.0 - 1


class ResNet(nn.Module):
    """torchvision's ResNet with few channels."""

    def __init__(self, block, width):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self.layer(block, width, width, 1)
        self.layer2 = self.layer(block, width * block.expansion, 2 * width, 2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2 * width * block.expansion, CLASSES)

    @staticmethod
    def layer(block, inputs, planes, stride):
        outputs = planes * block.expansion
        downsample = None
        if stride != 1 or inputs != outputs:
            downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        small = {"base_width": 64, "groups": 1}
        return nn.Sequential(block(inputs, planes, stride, downsample, **small), block(outputs, planes, **small))

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.fc(torch.flatten(self.avgpool(self.layer2(self.layer1(x))), 1))


class Pools(nn.Module):
    """Windows of every kind: padded on one side, dilated, in groups, and with a last window that goes over the edge."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.ZeroPad2d((0, 1, 2, 1)),
            nn.Conv2d(3, 8, (3, 5), (2, 1), (1, 2)),
            nn.LeakyReLU(0.1),
            nn.MaxPool2d(3, 2, ceil_mode=True),
            nn.Conv2d(8, 8, 3, 1, 2, dilation=2, groups=4),
            nn.Sigmoid(),
            nn.AvgPool2d(3, 2, 1, count_include_pad=False),
            nn.Conv2d(8, 12, 1),
            nn.AvgPool2d(2, 2, 1, count_include_pad=True),
            nn.Hardsigmoid())
        self.fc = nn.Linear(12, CLASSES)

    def forward(self, x):
        return self.fc(self.features(x).mean((2, 3)))


def mobilenet_v3():
    config = functools.partial(InvertedResidualConfig, dilation=1, width_mult=1)
    blocks = [config(8, 3, 8, 8, True, "RE", 2), config(8, 3, 16, 12, False, "RE", 2), config(12, 5, 24, 12, True, "HS", 1)]
    return MobileNetV3(blocks, 24, num_classes=CLASSES)


def efficientnet():
    config = functools.partial(MBConvConfig, width_mult=1, depth_mult=1)
    return EfficientNet([config(1, 3, 1, 8, 8, 1), config(4, 3, 2, 8, 12, 2), config(4, 5, 2, 12, 16, 1)], 0.2, num_classes=CLASSES, last_channel=32)


def vision_transformer():
    network = VisionTransformer(32, 8, num_layers=2, num_heads=2, hidden_dim=16, mlp_dim=32, num_classes=CLASSES)
    nn.init.normal_(network.heads.head.weight)
    return network


# Whether batch normalisation stays a node, or the exporter puts it into the convolution before it; whether the batch is free.
NETWORKS = {
    "resnet": (lambda: ResNet(BasicBlock, 6), True, True),
    "resnet-folded": (lambda: ResNet(BasicBlock, 6), False, True),
    "resnet-fixed-batch": (lambda: ResNet(Bottleneck, 4), False, False),
    "pools": (Pools, False, True),
    "densenet": (lambda: DenseNet(4, (2, 2), 8, num_classes=CLASSES), False, True),
    "mobilenet-v2": (lambda: MobileNetV2(CLASSES, 1, [[1, 8, 1, 1], [4, 8, 2, 2], [4, 16, 1, 2]], round_nearest=4), False, True),
    "mobilenet-v3": (mobilenet_v3, True, True),
    "efficientnet": (efficientnet, False, True),
    "convnext": (lambda: ConvNeXt([CNBlockConfig(8, 12, 1), CNBlockConfig(12, 16, 1), CNBlockConfig(16, None, 1)], layer_scale=0.5, num_classes=CLASSES), False, True),
    "vit": (vision_transformer, False, True),
}


def randomize(network):
    """Gives normalisations weights and statistics that a network without training does not have."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.uniform_(module.bias, -0.2, 0.2)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.7, 1.3)
            nn.init.uniform_(module.bias, -0.2, 0.2)


def embeddings(network, images):
    last = [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
    caught = []
    last.register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        network(images)
    return caught[0]


def main():
    side = 32
    images = torch.tensor(number(7, 2 * 3 * side * side).reshape(2, 3, side, side), dtype=torch.float32)
    made = {}
    for name, (create, keeps_norm, is_free) in NETWORKS.items():
        torch.manual_seed(1)
        network = create().eval()
        randomize(network)
        torch.onnx.export(
            network,
            images[:1],
            str(FOLDER / f"backbone-{name}.onnx"),
            opset_version=13,
            input_names=["image"],
            output_names=["scores"],
            do_constant_folding=not keeps_norm,
            training=torch.onnx.TrainingMode.PRESERVE if keeps_norm else torch.onnx.TrainingMode.EVAL,
            dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}} if is_free else None)
        made[name] = embeddings(network, images).tolist()
    (FOLDER / "backbones.json").write_text(json.dumps({"side": side, "embeddings": made}) + "\n")


if __name__ == "__main__":
    main()
