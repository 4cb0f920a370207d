#!/usr/bin/env python3
"""Writes objectives.json and trajectory.json, the numbers that ObjectiveVectorTests and TrajectoryTests compare with.

    python3 make_vectors.py [DIRECTORY]

Needs PyTorch (written with 1.13) and nothing else: every formula is spelled out here with torch's own functions, and every
input comes from number(), which the tests compute too, so that only results are in the files.
"""
import itertools
import json
import math
import sys

import torch
from torch import nn
from torch.nn import functional as F


def number(stream, index):
    """A number of [-1, 1) that any language can compute: a 32-bit hash of a stream and an index."""
    h = (index * 2654435761 + stream * 40503 + 12345) % 2**32
    for _ in range(2):
        h ^= h >> 16
        h = h * 0x45D9F3B % 2**32
    h ^= h >> 16
    return h / 2**31 - 1


def numbers(stream, *shape):
    count = math.prod(shape)
    return torch.tensor([number(stream, i) for i in range(count)], dtype=torch.float64).reshape(shape)


# --- Transformation sets -------------------------------------------------------------------------------------------

ROTATION = [lambda x, k=k: torch.rot90(x, k, (2, 3)) for k in range(4)]
ROTATION2 = [ROTATION[0], ROTATION[2]]
COLOR = [lambda x, p=p: x[:, list(p)] for p in itertools.permutations(range(3))]
COLOR3 = [lambda x, p=p: x[:, p] for p in ([0, 1, 2], [1, 2, 0], [2, 0, 1])]


def compose(rotations, colors):
    return [lambda x, r=r, c=c: c(r(x)) for r in rotations for c in colors]


SETS = {
    "rotation": ROTATION,
    "rotation2": ROTATION2,
    "color": COLOR,
    "color3": COLOR3,
    "hflip": [lambda x: x, lambda x: x.flip(3)],
    "vflip": [lambda x: x, lambda x: x.flip(2)],
    "rotation2+color3": compose(ROTATION2, COLOR3),
    "rotation+color3": compose(ROTATION, COLOR3),
    "rotation+color": compose(ROTATION, COLOR),
}


def views(x, transformations):
    """B images to B*M rows, image-major."""
    return torch.stack([t(x) for t in transformations], 1).flatten(0, 1)


# --- Objectives ----------------------------------------------------------------------------------------------------

B, D, N = 3, 4, 3
LABELS = torch.tensor([2, 0, 1])


def loss_of(case, z, u, c, v, e, w, f):
    """The loss of one case, with explicit sums over images and views."""
    m, draw, smoothing = case["views"], case["draw"], case["labelSmoothing"]
    factor = m if case["lossReduction"] == "Sum" else 1
    distills = case["objective"] == "SlaSelfDistillation"
    total = 0
    for b in range(B):
        y = LABELS[b]
        shown = list(range(m)) if draw is None else draw[b]
        if draw is not None and distills:
            weight = {j: 1 / m if j == 0 else (m - 1) / m / (len(shown) - 1) for j in shown}
        else:
            weight = {j: 1 / len(shown) for j in shown}

        def ce(logits, target):
            return F.cross_entropy(logits[None], torch.as_tensor(target)[None], label_smoothing=smoothing)

        joint = {j: u @ z[b, j] + c for j in shown}
        single = {j: v @ z[b, j] + e for j in shown}
        for j in shown:
            if case["objective"] == "DataAugmentation":
                term = ce(single[j], y)
            elif case["objective"] == "MultiTask":
                term = ce(single[j], y) + ce(w @ z[b, j] + f, j)
            else:
                term = ce(joint[j], y * m + j)
            total = total + factor * weight[j] * term
        if distills:
            t = case["temperature"]
            s = sum(weight[j] * joint[j].detach().view(N, m)[:, j] for j in shown)
            teacher, student = F.softmax(s / t, 0), F.log_softmax(single[0] / t, 0)
            total = total + t * t * (teacher * (teacher.log() - student)).sum() + case["beta"] * ce(single[0], y)
    return total / B


def objective_cases():
    draw = [[0, 2], [0, 3], [0, 1]]
    anywhere = [[3, 1], [2, 0], [1, 2]]
    for objective in ("DataAugmentation", "MultiTask", "Sla", "SlaSelfDistillation"):
        distills = objective == "SlaSelfDistillation"
        for m, reduction, smoothing, drawn in (
            (4, "Mean", 0.0, None), (4, "Sum", 0.0, None), (4, "Mean", 0.1, None), (6, "Sum", 0.1, None),
            (12, "Mean", 0.0, None), (24, "Mean", 0.0, None), (4, "Mean", 0.0, draw if distills else anywhere), (4, "Sum", 0.1, draw),
        ):
            for temperature, beta in ((1.0, 1.0), (3.0, 0.5)) if distills else ((1.0, 1.0),):
                yield {"objective": objective, "views": m, "lossReduction": reduction, "labelSmoothing": smoothing,
                       "draw": drawn, "temperature": temperature, "beta": beta}


def parameters(m):
    """Embeddings and the weights and biases of the joint, class and transformation heads, float64."""
    names = ("joint_head_weight", "joint_head_bias", "class_head_weight", "class_head_bias",
             "transformation_head_weight", "transformation_head_bias")
    shapes = ((N * m, D), (N * m,), (N, D), (N,), (m, D), (m,))
    values = [numbers(10 + i, *shape).requires_grad_() for i, shape in enumerate(shapes)]
    return numbers(1, B, m, D).requires_grad_(), dict(zip(names, values))


def objectives():
    cases = []
    for case in objective_cases():
        z, heads = parameters(case["views"])
        loss = loss_of(case, z, *heads.values())
        loss.backward()
        rows = z.grad if case["draw"] is None else torch.stack([z.grad[b, d] for b, d in enumerate(case["draw"])])
        cases.append(case | {"loss": loss.item(), "gradients": {"embeddings": rows.flatten().tolist()} | {
            name: p.grad.flatten().tolist() for name, p in heads.items() if p.grad is not None}})

    inferences = []
    for m in (4, 12):
        z, heads = parameters(m)
        with torch.no_grad():
            u, c, v, e, _, _ = heads.values()
            own = torch.stack([(z[:, j] @ u.T + c).view(B, N, m)[:, :, j] for j in range(m)], 1)
            single = z @ v.T + e
            for name, objectives_of, per_view in (("joint", ["Sla", "SlaSelfDistillation"], own),
                                                  ("class", ["DataAugmentation", "MultiTask"], single)):
                inferences.append({"objectives": objectives_of, "views": m,
                                   "Aggregated": F.softmax(per_view.mean(1), 1).flatten().tolist(),
                                   "Single": F.softmax(per_view[:, 0], 1).flatten().tolist(),
                                   "viewProbabilities": F.softmax(per_view, 2).flatten().tolist()})

    image = torch.arange(2 * 3 * 3 * 3).view(2, 3, 3, 3)
    return {"cases": cases, "inferences": inferences,
            "views": {name: views(image, ts).flatten().tolist() for name, ts in SETS.items()}}


# --- Trajectory ----------------------------------------------------------------------------------------------------

class Shortcut(nn.Module):
    """Every second pixel, and zeros for the channels that are new."""

    def forward(self, x):
        x = x[:, :, ::2, ::2]
        return torch.cat([x, torch.zeros_like(x)], 1)


class Body(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = Body(inputs, outputs, stride)
        self.shortcut = nn.Identity() if stride == 1 else Shortcut()

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class Network(nn.Module):
    """ResNet-20 with a joint and a class head, its tensors named as the library names them."""

    def __init__(self, classes, views_of_image):
        super().__init__()

        def stage(inputs, outputs, stride):
            blocks = [Block(inputs, outputs, stride), Block(outputs, outputs, 1), Block(outputs, outputs, 1)]
            return nn.Sequential(*blocks)

        self.conv, self.bn = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.stage1, self.stage2, self.stage3 = stage(16, 16, 1), stage(16, 32, 2), stage(32, 64, 2)
        self.joint, self.single = nn.Linear(64, classes * views_of_image), nn.Linear(64, classes)

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        z = self.stage3(self.stage2(self.stage1(x))).mean((2, 3))
        return self.joint(z), self.single(z)

    def named_tensors(self):
        prefixes = {"conv": "backbone.stem.conv", "bn": "backbone.stem.bn"}
        heads = {"joint": "heads.joint_head", "single": "heads.class_head"}
        for name, value in self.state_dict().items():
            first, *rest = name.split(".")
            if rest[-1] == "num_batches_tracked":
                continue
            if first in heads:
                yield f"{heads[first]}_{rest[0]}", value
            elif first in prefixes:
                yield ".".join([prefixes[first], *rest]), value
            else:
                yield ".".join(["backbone", first, f"block{int(rest[0]) + 1}", *rest[1:]]), value


def initialize(network):
    """Weights of the He-uniform range, from number(), in the order of the names."""
    with torch.no_grad():
        for stream, (name, value) in enumerate(sorted(network.named_tensors())):
            if value.dim() == 4:
                bound = math.sqrt(6 / (value.shape[0] * 9))
            elif "head" in name:
                bound = 0.125
            else:
                continue  # Batch normalisation starts at 1 and 0, as torch makes it.
            value.copy_((bound * numbers(1000 + stream, *value.shape)).float())


def trajectory():
    classes, m, batch, steps, images, side = 5, 4, 16, 20, 48, 32
    torch.set_num_threads(1)
    pixels = torch.tensor([[round(127.5 + 60 * number(7, i % classes * 3 * side + p // side) + 60 * number(100 + i, p)) for p in range(3 * side * side)]
                           for i in range(images)], dtype=torch.uint8).view(images, 3, side, side)
    x, y = pixels.float() * (2 / 255) - 1, torch.arange(images) % classes
    network = Network(classes, m).train()
    initialize(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=0.001, momentum=0.9, weight_decay=0.05)
    losses = []
    for step in range(steps):
        rows = torch.tensor([(step * batch + i) % images for i in range(batch)])
        joint, single = network(views(x[rows], ROTATION))
        labels = y[rows]
        own = joint.view(batch, m, classes, m)
        teacher = F.softmax(torch.stack([own[:, j, :, j] for j in range(m)], 1).mean(1).detach(), 1)
        single = single[::m]
        loss = (F.cross_entropy(joint, (labels[:, None] * m + torch.arange(m)).flatten())
                + F.kl_div(F.log_softmax(single, 1), teacher, reduction="batchmean") + F.cross_entropy(single, labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    tensors = dict(network.named_tensors())
    return {"losses": losses,
            "running": {name: value.tolist() for name, value in tensors.items() if "running" in name},
            "norms": {name: value.double().norm().item() for name, value in tensors.items() if "running" not in name}}


if __name__ == "__main__":
    directory = sys.argv[1] if len(sys.argv) > 1 else "."
    for file, content in (("objectives.json", objectives()), ("trajectory.json", trajectory())):
        with open(f"{directory}/{file}", "w") as f:
            json.dump(content, f, indent=None, separators=(",", ":"))
            f.write("\n")
