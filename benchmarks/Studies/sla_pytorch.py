#!/usr/bin/env python3
"""Trains in PyTorch what a run of the library's study trains, on the same images in the same order, and scores it.

    python3 sla_pytorch.py RUN.safetensors OUTPUT.jsonl [--threads 1]

Needs PyTorch (written with 1.13). The study exports a run as a safetensors file: the tensors train.images and test.images (U8,
n x C x H x W), train.labels and test.labels (I64, n, counted from 0) and order (I64, epochs x rows, the rows of each epoch's steps one
after another), and the metadata settings and run. One line of JSON with the accuracies is appended to the output; it repeats run.

Symbols: N classes, M transformations of which the first is the identity, B images in a step, k views of each in a step. Rows are
image-major: row b*k + i is the i-th view drawn of image b. The joint label of class y under transformation j is y*M + j.
"""
import argparse
import json
import math
import os
import re
import time
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONTENT = {"train.images", "train.labels", "test.images", "test.labels", "order", "settings", "run"}
TYPES = {"U8": torch.uint8, "I64": torch.int64}
ROTATIONS = 4
CROP_PADDING = 4
WARM_UP_SHARE, WARM_UP_START = 0.3, 1 / 25
SCORING_BATCH = 250


@dataclass(frozen=True)
class Settings:
    """The numbers of a run; in the file's JSON their names are in camel case."""

    objective: str
    transformations: str
    views_per_step: Optional[int]
    architecture: str
    batch_size: int
    epochs: int
    learning_rate: float
    weight_decay: float
    momentum: float
    seed: int

    @classmethod
    def parse(cls, text: str) -> "Settings":
        values = json.loads(text)
        names = {re.sub("_(.)", lambda match: match[1].upper(), field.name): field.name for field in fields(cls)}
        require(values.keys() <= names.keys(), f"the settings {', '.join(sorted(values.keys() - names.keys()))} are not known")
        require(names.keys() <= values.keys(), f"the settings {', '.join(sorted(names.keys() - values.keys()))} are missing")
        settings = cls(**{names[key]: value for key, value in values.items()})
        require(settings.objective in OBJECTIVES, f"the objective '{settings.objective}' is none of {', '.join(OBJECTIVES)}")
        require(settings.transformations == "rotation", f"the transformations '{settings.transformations}' are not known, rotation is")
        fewest = 2 if OBJECTIVES[settings.objective].needs_identity else 1
        require(fewest <= settings.drawn_views <= settings.views, f"viewsPerStep {settings.views_per_step} is not from {fewest} to {settings.views}")
        return settings

    @property
    def views(self) -> int:
        """M, which is 1 where the image is its only view."""
        return 1 if self.objective == "Baseline" else ROTATIONS

    @property
    def drawn_views(self) -> int:
        """k, all M where viewsPerStep is null."""
        return 1 if self.objective == "Baseline" else self.views if self.views_per_step is None else self.views_per_step


def require(condition: bool, problem: str) -> None:
    if not condition:
        raise SystemExit(f"sla_pytorch.py: {problem}.")


def read_safetensors(path: str) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
    """The tensors and the metadata of a file: the header's length in 8 bytes, the header as JSON, the values."""
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        values = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        require(entry["dtype"] in TYPES, f"the tensor '{name}' is of type {entry['dtype']}, which is none of {', '.join(TYPES)}")
        start, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(memoryview(values)[start:end], dtype=TYPES[entry["dtype"]]).view(entry["shape"])
    return tensors, metadata


class Block(nn.Module):
    """Two convolutions beside a shortcut without parameters: every stride-th pixel, and zeros for the channels that are new."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.stride, self.new_channels = stride, outputs - inputs
        self.body = nn.Sequential(*convolution(inputs, outputs, stride), nn.ReLU(inplace=True), *convolution(outputs, outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, 0, self.new_channels))
        return F.relu_(self.body(x) + shortcut)


def convolution(inputs: int, outputs: int, stride: int = 1) -> Tuple[nn.Module, nn.Module]:
    """A convolution of He-normal weights, by the outputs, and its normalisation."""
    layer = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
    return layer, nn.BatchNorm2d(outputs)


def cifar_resnet(depth: int, channels: int) -> Tuple[nn.Module, int]:
    """Three stages of 16, 32 and 64 channels, and the size of the embedding."""
    require(depth >= 8 and depth % 6 == 2, f"the depth {depth} is not one of a CIFAR ResNet: 8, 14, 20, ..")
    blocks = []
    for inputs, outputs, stride in (16, 16, 1), (16, 32, 2), (32, 64, 2):
        blocks.append(Block(inputs, outputs, stride))
        blocks += [Block(outputs, outputs, 1) for _ in range((depth - 2) // 6 - 1)]
    return nn.Sequential(*convolution(channels, 16), nn.ReLU(inplace=True), *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten()), 64


def conv_net(width: int, channels: int) -> Tuple[nn.Module, int]:
    """Four layers of a convolution, normalisation, relu and halving, and the size of the embedding."""
    layers = []
    for inputs in (channels, width, width, width):
        layers += [*convolution(inputs, width), nn.ReLU(inplace=True), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), width


def backbone(architecture: str, channels: int) -> Tuple[nn.Module, int]:
    """A network by its name, and the size of its embedding."""
    for pattern, make in (r"CIFAR ResNet-(\d+)", cifar_resnet), (r"ConvNet-4x(\d+)", conv_net):
        match = re.fullmatch(pattern, architecture)
        if match:
            return make(int(match[1]), channels)
    raise SystemExit(f"sla_pytorch.py: the architecture '{architecture}' is neither a CIFAR ResNet nor a ConvNet.")


class Draw(NamedTuple):
    """The views of a step: B x k numbers j, the k weights with which they count in the loss, and M."""

    numbers: Tensor
    weights: Tensor
    views: int

    @classmethod
    def random(cls, images: int, views: int, count: int, with_identity: bool) -> "Draw":
        """Draws without replacement; where the identity is always drawn it is the first and weighs 1/M, so that all are unbiased."""
        keys = torch.rand(images, views)
        weights = [1 / count] * count
        if with_identity:
            keys[:, 0] = -1
            weights = [1 / views] + [(views - 1) / views / (count - 1)] * (count - 1)
        return cls(keys.argsort(1)[:, :count], torch.tensor(weights), views)

    def of_rows(self, images: Tensor) -> Tensor:
        """A value of each image for each of its rows."""
        return images.repeat_interleave(len(self.weights), 0)

    def weighted_sum(self, rows: Tensor) -> Tensor:
        """B*k rows to B."""
        return torch.einsum("bk...,k->b...", rows.unflatten(0, self.numbers.shape), self.weights)


def own_view(joint_logits: Tensor, numbers: Tensor, views: int) -> Tensor:
    """The class logits of the view that each row shows: rows x N*M to rows x N."""
    return joint_logits.unflatten(1, (-1, views))[torch.arange(len(numbers)), :, numbers]


def class_loss(heads: nn.ModuleDict, embeddings: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    return draw.weighted_sum(F.cross_entropy(heads["class"](embeddings), draw.of_rows(labels), reduction="none")).mean()


def multi_task_loss(heads: nn.ModuleDict, embeddings: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    of_transformations = F.cross_entropy(heads["transformation"](embeddings), draw.numbers.flatten(), reduction="none")
    return class_loss(heads, embeddings, labels, draw) + draw.weighted_sum(of_transformations).mean()


def joint_loss(heads: nn.ModuleDict, embeddings: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    joint_labels = draw.of_rows(labels) * draw.views + draw.numbers.flatten()
    return draw.weighted_sum(F.cross_entropy(heads["joint"](embeddings), joint_labels, reduction="none")).mean()


def self_distillation_loss(heads: nn.ModuleDict, embeddings: Tensor, labels: Tensor, draw: Draw) -> Tensor:
    """With temperature and beta 1; no gradient flows into the teacher."""
    with torch.no_grad():
        teacher = F.softmax(draw.weighted_sum(own_view(heads["joint"](embeddings), draw.numbers.flatten(), draw.views)), 1)
    student = heads["class"](embeddings[::len(draw.weights)])
    distillation = F.kl_div(F.log_softmax(student, 1), teacher, reduction="batchmean")
    return joint_loss(heads, embeddings, labels, draw) + distillation + F.cross_entropy(student, labels)


class Readout(NamedTuple):
    """Where the class logits of an inference come from: a head, on the image alone or averaged over its M views."""

    head: str
    all_views: bool

    def logits(self, heads: nn.ModuleDict, embeddings: Tensor) -> Tensor:
        """Embeddings of all views, B x M x D, to B x N."""
        images, views, _ = embeddings.shape
        logits = heads[self.head](embeddings.flatten(0, 1))
        if self.head == "joint":
            logits = own_view(logits, torch.arange(views).repeat(images), views)
        return logits.view(images, views, -1)[:, :None if self.all_views else 1].mean(1)


class Objective(NamedTuple):
    heads: Tuple[str, ...]
    loss: Callable[[nn.ModuleDict, Tensor, Tensor, Draw], Tensor]
    inferences: Dict[str, Readout]
    needs_identity: bool = False


SINGLE = {"Single": Readout("class", False)}
OF_VIEWS = {**SINGLE, "Aggregated": Readout("class", True)}
OF_JOINT = {"Aggregated": Readout("joint", True), "Single": Readout("joint", False)}
DISTILLED = {"Distilled": Readout("class", False), **OF_JOINT}
OBJECTIVES = {
    "Baseline": Objective(("class",), class_loss, SINGLE),
    "DataAugmentation": Objective(("class",), class_loss, OF_VIEWS),
    "MultiTask": Objective(("class", "transformation"), multi_task_loss, OF_VIEWS),
    "Sla": Objective(("joint",), joint_loss, OF_JOINT),
    "SlaSelfDistillation": Objective(("joint", "class"), self_distillation_loss, DISTILLED, needs_identity=True),
}


def augment(images: Tensor) -> Tensor:
    """Shifts each image by up to 4 pixels, black where nothing was, and mirrors every second one on average."""
    count, _, height, width = images.shape
    windows = F.pad(images, [CROP_PADDING] * 4).unfold(2, height, 1).unfold(3, width, 1)
    tops, lefts = torch.randint(2 * CROP_PADDING + 1, (2, count))
    crops = windows[torch.arange(count), :, tops, lefts]
    return torch.where(torch.rand(count, 1, 1, 1) < 0.5, crops.flip(3), crops)


def network_input(images: Tensor, numbers: Tensor) -> Tensor:
    """B images of bytes and B x k numbers of rotations to the B*k views, values of -1 to 1, channels last in memory."""
    rows, turns = images.repeat_interleave(numbers.shape[1], 0), numbers.flatten()
    for turn in range(1, ROTATIONS):
        rows[turns == turn] = torch.rot90(rows[turns == turn], turn, (2, 3))
    return rows.to(torch.float32, memory_format=torch.channels_last).mul_(2 / 255).sub_(1)


def learning_rate(peak: float, progress: float) -> float:
    """One cycle: up by a half cosine from a 25th of the peak, and down to 0 by another."""
    if progress < WARM_UP_SHARE:
        return peak * (1 - (1 - WARM_UP_START) * (1 + math.cos(math.pi * progress / WARM_UP_SHARE)) / 2)
    return peak * (1 + math.cos(math.pi * (progress - WARM_UP_SHARE) / (1 - WARM_UP_SHARE))) / 2


def create(settings: Settings, classes: int, channels: int) -> nn.ModuleDict:
    """The backbone and the heads of the objective; torch initialises linear layers as the library does."""
    body, embedding_size = backbone(settings.architecture, channels)
    outputs = {"class": classes, "joint": classes * settings.views, "transformation": settings.views}
    heads = nn.ModuleDict({head: nn.Linear(embedding_size, outputs[head]) for head in OBJECTIVES[settings.objective].heads})
    return nn.ModuleDict({"backbone": body.to(memory_format=torch.channels_last), "heads": heads})


def train(network: nn.ModuleDict, images: Tensor, labels: Tensor, order: Tensor, settings: Settings) -> float:
    """Makes the steps of the order, and returns the mean loss of the last epoch."""
    objective = OBJECTIVES[settings.objective]
    steps = [rows for epoch in order for rows in epoch.split(min(settings.batch_size, len(images)))]
    optimizer = torch.optim.SGD(network.parameters(), settings.learning_rate, settings.momentum, weight_decay=settings.weight_decay)
    network.train()
    losses = []
    for step, rows in enumerate(steps):
        draw = Draw.random(len(rows), settings.views, settings.drawn_views, objective.needs_identity)
        embeddings = network["backbone"](network_input(augment(images[rows]), draw.numbers))
        loss = objective.loss(network["heads"], embeddings, labels[rows], draw)
        require(math.isfinite(loss.item()), f"the loss became {loss.item()} at step {step + 1} of {len(steps)}")
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.param_groups[0]["lr"] = learning_rate(settings.learning_rate, step / len(steps))
        optimizer.step()
    last_epoch = losses[-(len(steps) // settings.epochs):]
    return sum(last_epoch) / len(last_epoch)


@torch.no_grad()
def score(network: nn.ModuleDict, images: Tensor, labels: Tensor, settings: Settings) -> Dict[str, Dict[str, float]]:
    """Accuracy and log-loss of each inference of the objective."""
    network.eval()
    numbers = torch.arange(settings.views)
    embeddings = torch.cat([
        network["backbone"](network_input(batch, numbers.expand(len(batch), -1))).unflatten(0, (len(batch), -1))
        for batch in images.split(SCORING_BATCH)])
    inferences = OBJECTIVES[settings.objective].inferences
    logits = {inference: readout.logits(network["heads"], embeddings).double() for inference, readout in inferences.items()}
    return {inference: {"accuracy": (scores.argmax(1) == labels).double().mean().item(), "logLoss": F.cross_entropy(scores, labels).item()}
            for inference, scores in logits.items()}


def run(path: str) -> Dict[str, Any]:
    """Trains and scores what a file describes."""
    tensors, metadata = read_safetensors(path)
    missing = CONTENT - tensors.keys() - metadata.keys()
    require(not missing, f"'{path}' has no {', '.join(sorted(missing))}")
    settings = Settings.parse(metadata["settings"])
    images, labels, order = tensors["train.images"], tensors["train.labels"], tensors["order"]
    batch = min(settings.batch_size, len(images))
    require(len(order) == settings.epochs and order.shape[1] % batch == 0,
            f"the tensor 'order' is {' x '.join(map(str, order.shape))}, and not {settings.epochs} x a multiple of {batch}")
    torch.manual_seed(settings.seed)
    network = create(settings, classes=int(labels.max()) + 1, channels=images.shape[1])
    start, processor_start = time.perf_counter(), time.process_time()
    training_loss = train(network, images, labels, order, settings)
    seconds, processor_seconds = time.perf_counter() - start, time.process_time() - processor_start
    return {
        "run": json.loads(metadata["run"]),
        "program": f"PyTorch {torch.__version__}",
        "seconds": seconds,
        "processorSeconds": processor_seconds,
        "trainingLoss": training_loss,
        "inferences": score(network, tensors["test.images"], tensors["test.labels"], settings),
        "command": f"python3 benchmarks/Studies/sla_pytorch.py {os.path.basename(path)} benchmarks/results/runs.jsonl",
        "date": datetime.now(timezone.utc).isoformat(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Trains and scores a run of the library's study in PyTorch.")
    parser.add_argument("run", help="the run, exported by the study")
    parser.add_argument("output", help="the file that a line of JSON is appended to")
    parser.add_argument("--threads", type=int, default=1, help="threads to compute with, 1 where nothing is said")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    line = json.dumps(run(arguments.run)) + "\n"
    with open(arguments.output, "ab", buffering=0) as output:
        output.write(line.encode())


if __name__ == "__main__":
    main()
