#!/usr/bin/env python3
"""Measures what training only the last blocks of a pretrained ResNet-18 gains, on kept outputs of the blocks before.

    python3 frozen_prefix.py RESNET18.onnx PREPROCESS.onnx PHOTOS OUTPUT.jsonl [--threads 2] [--seeds 1]

Needs PyTorch, onnx and scikit-learn (written with 1.13, 1.12 and 1.2). PHOTOS has the folders train and test, each with a folder of
photos for each class. The networks are the two files of the package Microsoft.ML.DnnImageFeaturizer.ResNet18.

Symbols: a draw is one random crop and mirror image of every training photo. The head sees the roots of the means of the network's last
four blocks, standardised, and starts at the optimum of a logistic regression on undistorted photos. Then the head and the blocks after
the prefix are trained. The outputs of the prefix are computed once for each of K draws, and an epoch takes the draws in turn.
"""
import argparse
import json
import math
import time
from pathlib import Path

import numpy
import onnx
import torch
from onnx import numpy_helper
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression
from torch import Tensor, nn
from torch.nn import functional as F

SIDE = 224
PADDING = 28
BATCH = 32
SCORING_BATCH = 64
# Of 33, 100, 333 and 1,000 the one with the lowest loss over folds of the training photos of clothes.
PENALTY = 100
# Factor to the learning rate for each convolution further from the head.
LAYER_RATE_DECAY = 0.95
# The output of the prefix, before the blocks of 512 channels, and that of the network's last block.
PREFIX = "ReLU347_Output_0"
LAST = "ReLU393_Output_0"
# The outputs whose means are the embedding.
EMBEDDED = [PREFIX, "ReLU365_Output_0", "ReLU379_Output_0", LAST]


class Network(nn.Module):
    """The ONNX graph in torch. Its batch normalisations keep their means and variances."""

    def __init__(self, path: str) -> None:
        super().__init__()
        graph = onnx.load(path).graph
        values = {tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy()) for tensor in graph.initializer}
        self.nodes = []
        self.weights = nn.ParameterDict()
        self.statistics = {}
        for node in graph.node:
            attributes = {a.name: list(a.ints) if a.ints else (a.f or a.i) for a in node.attribute}
            if node.op_type == "Conv":
                weight = values[node.input[1]]
                bias = values[node.input[2]] if len(node.input) > 2 else torch.zeros(len(weight))
                self.nodes.append(["Conv", node.input[0], node.output[0], attributes])
                self.weights[node.output[0] + "_w"] = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
                self.weights[node.output[0] + "_b"] = nn.Parameter(bias)
            elif node.op_type == "BatchNormalization":
                gain, shift, mean, variance = (values[name].reshape(-1) for name in node.input[1:5])
                self.statistics[node.output[0]] = mean, variance, attributes.get("epsilon", 1e-5)
                self.nodes.append(["Normalization", node.input[0], node.output[0], attributes])
                self.weights[node.output[0] + "_w"] = nn.Parameter(gain)
                self.weights[node.output[0] + "_b"] = nn.Parameter(shift)
            elif node.op_type in ("Relu", "Add", "MaxPool"):
                inputs = node.input[0] if node.op_type != "Add" else tuple(node.input)
                self.nodes.append([node.op_type, inputs, node.output[0], attributes])
            elif node.op_type == "AveragePool":
                break
            else:
                raise ValueError(f"{path}: {node.op_type} is not expected here")
        self.image = graph.node[0].input[0]

    def part(self, start: str, end: str):
        """The nodes after the output start up to the output end."""
        first = 0 if start == self.image else 1 + next(i for i, n in enumerate(self.nodes) if n[2] == start)
        last = next(i for i, n in enumerate(self.nodes) if n[2] == end)
        return self.nodes[first:last + 1]

    def parameters_of(self, nodes):
        """The weights of nodes, the last ones first."""
        return [self.weights[n[2] + suffix] for n in reversed(nodes) if n[0] in ("Conv", "Normalization") for suffix in ("_w", "_b")]

    def run(self, nodes, start: str, batch: Tensor) -> dict:
        values = {start: batch}
        for kind, source, target, attributes in nodes:
            if kind == "Conv":
                top, left, bottom, right = attributes["pads"]
                x = values[source]
                if (top, left) == (bottom, right):
                    padding = (top, left)
                else:
                    x, padding = F.pad(x, (left, right, top, bottom)), 0
                values[target] = F.conv2d(x, self.weights[target + "_w"], self.weights[target + "_b"],
                                          attributes["strides"], padding)
            elif kind == "Normalization":
                mean, variance, epsilon = self.statistics[target]
                values[target] = F.batch_norm(values[source], mean, variance, self.weights[target + "_w"],
                                              self.weights[target + "_b"], eps=epsilon)
            elif kind == "Relu":
                values[target] = F.relu(values[source])
            elif kind == "Add":
                values[target] = values[source[0]] + values[source[1]]
            else:
                top, left, bottom, right = attributes["pads"]
                x = F.pad(values[source], (left, right, top, bottom), value=-math.inf)
                values[target] = F.max_pool2d(x, attributes["kernel_shape"], attributes["strides"])
        return values


def photos(folder: Path, classes):
    """Photos as bytes, n x 3 x SIDE x SIDE, squeezed to a square, and their labels."""
    files = [(file, label) for label, name in enumerate(classes) for file in sorted((folder / name).iterdir())]
    pixels = numpy.empty((len(files), 3, SIDE, SIDE), numpy.uint8)
    for row, (file, _) in enumerate(files):
        with Image.open(file) as image:
            squeezed = ImageOps.exif_transpose(image).convert("RGB").resize((SIDE, SIDE), Image.BILINEAR)
        pixels[row] = numpy.asarray(squeezed).transpose(2, 0, 1)
    return torch.from_numpy(pixels), torch.tensor([label for _, label in files])


def mean_image(path: str) -> Tensor:
    """The mean image of the network's training, blue first, out of the file of its preprocessing."""
    tensors = [numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer]
    return torch.from_numpy(next(tensor for tensor in tensors if tensor.shape == (1, 3, SIDE, SIDE)).copy())


def distorted(pixels: Tensor, generator: torch.Generator) -> Tensor:
    """Each photo cropped at random out of its padding, and mirrored by chance."""
    padded = F.pad(pixels, (PADDING,) * 4)
    result = torch.empty_like(pixels)
    for row in range(len(pixels)):
        top, left, mirror = (int(torch.randint(n, (1,), generator=generator)) for n in (2 * PADDING + 1, 2 * PADDING + 1, 2))
        crop = padded[row, :, top:top + SIDE, left:left + SIDE]
        result[row] = crop.flip(2) if mirror else crop
    return result


class Study:
    def __init__(self, arguments) -> None:
        self.network = Network(arguments.network)
        self.mean_image = mean_image(arguments.preprocessing)
        folder = Path(arguments.photos)
        classes = sorted(path.name for path in (folder / "train").iterdir())
        self.train, self.train_labels = photos(folder / "train", classes)
        self.test, self.test_labels = photos(folder / "test", classes)
        self.original = {name: value.detach().clone() for name, value in self.network.weights.items()}
        self.whole = self.network.part(self.network.image, LAST)
        self.fit_head(len(classes))

    def normalised(self, pixels: Tensor) -> Tensor:
        return (pixels.flip(1).float() - self.mean_image).contiguous(memory_format=torch.channels_last)

    def embedding(self, values: dict) -> Tensor:
        means = torch.cat([values[name].float().mean((2, 3)) for name in EMBEDDED], 1)
        return (torch.sqrt(means + 1e-6) - self.mean) / self.deviation

    @torch.no_grad()
    def embeddings(self, pixels: Tensor) -> Tensor:
        pieces = []
        for start in range(0, len(pixels), SCORING_BATCH):
            batch = self.normalised(pixels[start:start + SCORING_BATCH])
            pieces.append(self.embedding(self.network.run(self.whole, self.network.image, batch)))
        return torch.cat(pieces)

    def fit_head(self, classes: int) -> None:
        """The head at its optimum."""
        self.mean, self.deviation = torch.zeros(1), torch.ones(1)
        features = torch.cat([self.embeddings(self.train), self.embeddings(self.train.flip(3))])
        self.mean, self.deviation = features.mean(0), features.std(0)
        features = ((features - self.mean) / self.deviation).numpy()
        labels = self.train_labels.repeat(2).numpy()
        head = LogisticRegression(C=1 / PENALTY, max_iter=1000).fit(features, labels)
        self.head_weight = torch.from_numpy(head.coef_).float()
        self.head_bias = torch.from_numpy(head.intercept_).float()

    def reset(self) -> None:
        for name, value in self.original.items():
            self.network.weights[name].data.copy_(value)
        for parameter in self.network.parameters():
            parameter.requires_grad_(False)
        self.weight = nn.Parameter(self.head_weight.clone())
        self.bias = nn.Parameter(self.head_bias.clone())

    @torch.no_grad()
    def drawn(self, prefix, draws: int, generator: torch.Generator) -> list:
        """The outputs of the prefix for each draw of each training photo, kept in bfloat16."""
        kept = []
        for _ in range(draws):
            pieces = []
            for start in range(0, len(self.train), SCORING_BATCH):
                batch = self.normalised(distorted(self.train[start:start + SCORING_BATCH], generator))
                pieces.append(self.network.run(prefix, self.network.image, batch)[prefix[-1][2]].bfloat16())
            kept.append(torch.cat(pieces))
        return kept

    def fit(self, prefix_end, draws: int, epochs: int, rate: float, seed: int) -> dict:
        """Trains the head and what follows the prefix, or everything where prefix_end is None."""
        self.reset()
        generator = torch.Generator().manual_seed(seed)
        started = time.perf_counter()
        kept, start = [], self.network.image
        if prefix_end is not None:
            start = prefix_end
            kept = self.drawn(self.network.part(self.network.image, prefix_end), draws, generator)
        drawn_seconds = time.perf_counter() - started
        nodes = self.network.part(start, LAST)
        trained = self.network.parameters_of(nodes)
        rates = [rate, *(rate * LAYER_RATE_DECAY ** (1 + i // 4) for i in range(len(trained)))]
        groups = [[self.weight, self.bias], *([parameter] for parameter in trained)]
        for parameter in trained:
            parameter.requires_grad_(True)
        optimizer = torch.optim.SGD([{"params": group, "lr": own} for group, own in zip(groups, rates)], rate, momentum=0.9,
                                    nesterov=True, weight_decay=5e-4)
        steps = epochs * (len(self.train) // BATCH)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps, cycle_momentum=False)
        for epoch in range(epochs):
            order = torch.randperm(len(self.train), generator=generator)
            for step in range(len(self.train) // BATCH):
                rows = order[step * BATCH:(step + 1) * BATCH]
                batch = kept[epoch % draws][rows].float().contiguous(memory_format=torch.channels_last) if kept \
                    else self.normalised(distorted(self.train[rows], generator))
                values = self.network.run(nodes, start, batch)
                logits = F.linear(self.embedding(values), self.weight, self.bias)
                optimizer.zero_grad(set_to_none=True)
                F.cross_entropy(logits, self.train_labels[rows]).backward()
                optimizer.step()
                schedule.step()
        seconds = time.perf_counter() - started
        return {**self.score(), "drawSeconds": round(drawn_seconds, 1), "seconds": round(seconds, 1),
                "keptMegabytes": round(sum(piece.numel() * 2 for piece in kept) / 1e6)}

    def step_seconds(self) -> dict:
        """The fastest of three: a step of all weights, one of what follows the prefix, and one batch through the prefix."""
        self.reset()
        whole, last = self.whole, self.network.part(PREFIX, LAST)
        prefix = self.network.part(self.network.image, PREFIX)
        batch = self.normalised(self.train[:BATCH])

        def step(nodes, start, values):
            self.network.run(nodes, start, values)[LAST].mean().backward()

        def fastest(work):
            seconds = []
            for _ in range(3):
                started = time.perf_counter()
                work()
                seconds.append(time.perf_counter() - started)
            return round(min(seconds), 3)

        with torch.no_grad():
            kept = self.network.run(prefix, self.network.image, batch)[PREFIX]
            measured = {"prefix": fastest(lambda: self.network.run(prefix, self.network.image, batch))}
        for name, nodes, start, values in (("last", last, PREFIX, kept), ("all", whole, self.network.image, batch)):
            for parameter in self.network.parameters_of(nodes):
                parameter.requires_grad_(True)
            measured[name] = fastest(lambda: step(nodes, start, values))
            self.network.zero_grad(set_to_none=True)
        return measured

    @torch.no_grad()
    def score(self) -> dict:
        features = self.embeddings(self.test)
        logits = F.linear(features, self.weight, self.bias)
        losses = F.cross_entropy(logits, self.test_labels, reduction="none")
        right = logits.argmax(1) == self.test_labels
        macro = torch.stack([right[self.test_labels == label].float().mean() for label in self.test_labels.unique()]).mean()
        return {"accuracy": float(right.float().mean()), "macroAccuracy": float(macro), "logLoss": float(losses.mean()),
                "losses": [round(float(loss), 4) for loss in losses]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network")
    parser.add_argument("preprocessing")
    parser.add_argument("photos")
    parser.add_argument("output")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--runs", default="all", help="all, or the names of runs, separated by commas")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    runs = {
        "heads": None,
        "all-2": (None, 0, 2, 0.001),
        "last-2-draws-4": (PREFIX, 2, 4, 0.001),
        "last-2-draws-4-rate-0.003": (PREFIX, 2, 4, 0.003),
    }
    study = Study(arguments)
    chosen = runs if arguments.runs == "all" else {name: runs[name] for name in arguments.runs.split(",")}
    for seed in range(1, arguments.seeds + 1):
        for name, run in chosen.items():
            if run is None:
                study.reset()
                result = {**study.score(), "stepSeconds": study.step_seconds()}
            else:
                result = study.fit(*run, seed)
            line = {"run": name, "seed": seed, **result, "penalty": PENALTY,
                    "threads": arguments.threads, "torch": torch.__version__}
            with open(arguments.output, "a", encoding="utf-8") as output:
                output.write(json.dumps(line) + "\n")
            print({key: value for key, value in line.items() if key != "losses"}, flush=True)


if __name__ == "__main__":
    main()
