#!/usr/bin/env python3
"""Writes imbalance.json, the numbers that ImbalanceVectorTests compare with.

    python3 make_imbalance_vectors.py > imbalance.json

Needs PyTorch (written with 1.13) and make_vectors.py beside it. Losses are sums over images, views and labels, with torch's own
functions; weighted means over images are those of torch's weighted cross_entropy, which the script checks where torch has them.
"""
import json
import sys

import torch
from torch.nn import functional as F

from make_vectors import numbers

B, D, N, M = 6, 4, 4, 4
COUNTS = torch.tensor([500, 60, 7, 200], dtype=torch.float64)
LABELS = [0, 2, 3, 0, 1, 2]
OTHERS = [2, 0, 3, 1, 1, 0]
SHARES = [0.7, 0.25, 1.0, 0.5, 0.4, 0.9]
DRAW = [[0, 2], [0, 3], [0, 1], [0, 3], [0, 2], [0, 1]]
HEADS = {"joint": (N * M, D), "class": (N, D), "transformation": (M, D)}


def class_weights(weighting):
    """A weight for each class, with mean 1."""
    weights = {
        "none": lambda: torch.ones_like(COUNTS),
        "inverseFrequency": lambda: 1 / COUNTS,
        "classBalanced": lambda: (1 - 0.99) / (1 - 0.99**COUNTS),
    }[weighting]()
    return weights / weights.mean()


def logits_of(case, head, heads, z):
    weight, bias = heads[f"{head}_head_weight"], heads.get(f"{head}_head_bias")
    if case["loss"] == "ldam" and head != "transformation":
        return case["scale"] * F.linear(F.normalize(z, dim=0), F.normalize(weight, dim=1))
    return F.linear(z, weight, bias)


def loss_of_row(case, logits, target, label):
    """The loss of one row by its number of an output and its class."""
    smoothing = case["labelSmoothing"]
    if case["loss"] == "ldam":
        margins = COUNTS**-0.25
        margins = margins * (case["largestMargin"] / margins.max())
        logits = logits - case["scale"] * margins[label] * F.one_hot(torch.tensor(target), len(logits))
    if case["loss"] != "focal":
        return F.cross_entropy(logits[None], torch.tensor([target]), label_smoothing=smoothing)

    p = F.softmax(logits, 0)
    q = torch.full_like(p, smoothing / len(p))
    q[target] += 1 - smoothing
    return -(q * (1 - p) ** case["gamma"] * p.log()).sum()


def loss_of(case, z, heads):
    """The loss of a batch: weighted means of the terms with classes, plain means of the others."""
    objective, weights = case["objective"], class_weights(case["weighting"])
    views = 1 if objective == "Baseline" else M
    factor = M if case["lossReduction"] == "Sum" and views > 1 else 1
    draw = case["draw"] or [list(range(views))] * B
    weighted = {"view": 0, "image": 0}
    plain, total = 0, 0
    for b in range(B):
        shown, k = draw[b], len(draw[b])
        if objective == "SlaSelfDistillation" and k < M:
            share_of_view = {j: 1 / M if j == 0 else (M - 1) / M / (k - 1) for j in shown}
        else:
            share_of_view = {j: 1 / k for j in shown}
        parts = [(LABELS[b], SHARES[b]), (OTHERS[b], 1 - SHARES[b])] if case["mixed"] else [(LABELS[b], 1)]
        for y, share in parts:
            total = total + share * weights[y]
            for j in shown:
                if objective in ("Sla", "SlaSelfDistillation"):
                    row = loss_of_row(case, logits_of(case, "joint", heads, z[b, j]), y * M + j, y)
                else:
                    row = loss_of_row(case, logits_of(case, "class", heads, z[b, j]), y, y)
                weighted["view"] = weighted["view"] + share * weights[y] * factor * share_of_view[j] * row
            if objective == "SlaSelfDistillation":
                row = loss_of_row(case, logits_of(case, "class", heads, z[b, 0]), y, y)
                weighted["image"] = weighted["image"] + share * weights[y] * row
        if objective == "MultiTask":
            for j in shown:
                logits = logits_of(case, "transformation", heads, z[b, j])
                plain = plain + factor * share_of_view[j] * F.cross_entropy(
                    logits[None], torch.tensor([j]), label_smoothing=case["labelSmoothing"])
        if objective == "SlaSelfDistillation":
            joint = {j: logits_of(case, "joint", heads, z[b, j]).detach().view(N, M)[:, j] for j in shown}
            teacher = F.softmax(sum(share_of_view[j] * joint[j] for j in shown), 0)
            student = F.log_softmax(logits_of(case, "class", heads, z[b, 0]), 0)
            plain = plain + (teacher * (teacher.log() - student)).sum()
    return (weighted["view"] + weighted["image"]) / total + plain / B


def cases():
    losses = ({"loss": "crossEntropy"}, {"loss": "focal", "gamma": 2.0}, {"loss": "ldam", "largestMargin": 0.5, "scale": 30.0})
    for objective in ("Baseline", "DataAugmentation", "MultiTask", "Sla", "SlaSelfDistillation"):
        for loss in losses:
            for weighting in ("none", "inverseFrequency", "classBalanced"):
                common = {"objective": objective, "weighting": weighting} | loss
                plain = {"lossReduction": "Mean", "labelSmoothing": 0.0, "draw": None, "mixed": False}
                yield common | plain
                if weighting != "inverseFrequency":
                    yield common | plain | {"labelSmoothing": 0.1, "mixed": True}
                if weighting == "classBalanced" and objective != "Baseline":
                    yield common | plain | {"draw": DRAW}
                    yield common | plain | {"draw": DRAW, "lossReduction": "Sum", "labelSmoothing": 0.1, "mixed": True}


def parameters(case):
    used = {"Baseline": ["class"], "DataAugmentation": ["class"], "MultiTask": ["class", "transformation"],
            "Sla": ["joint"], "SlaSelfDistillation": ["joint", "class"]}[case["objective"]]
    heads = {}
    for number, (name, shape) in enumerate(HEADS.items()):
        if name in used:
            heads[f"{name}_head_weight"] = numbers(10 + 2 * number, *shape).requires_grad_()
            if case["loss"] != "ldam" or name == "transformation":
                heads[f"{name}_head_bias"] = numbers(11 + 2 * number, shape[0]).requires_grad_()
    return numbers(1, B, 1 if case["objective"] == "Baseline" else M, D).requires_grad_(), heads


def check_weighted_mean(z, heads):
    """Torch's own weighted cross_entropy, where it says the same: no smoothing, no views, one label."""
    weights = class_weights("classBalanced")
    logits = F.linear(z[:, 0], heads["class_head_weight"], heads["class_head_bias"])
    return F.cross_entropy(logits, torch.tensor(LABELS), weight=weights)


def results():
    for case in cases():
        z, heads = parameters(case)
        loss = loss_of(case, z, heads)
        if (case["objective"], case["loss"], case["weighting"], case["mixed"]) == ("Baseline", "crossEntropy", "classBalanced", False):
            assert torch.allclose(loss, check_weighted_mean(z, heads), atol=1e-12, rtol=0)
        loss.backward()
        rows = z.grad if case["draw"] is None else torch.stack([z.grad[b, d] for b, d in enumerate(case["draw"])])
        gradients = {"embeddings": rows.flatten().tolist()} | {name: p.grad.flatten().tolist() for name, p in heads.items()}
        yield case | {"value": loss.item(), "gradients": gradients}


if __name__ == "__main__":
    json.dump({"counts": COUNTS.int().tolist(), "labels": LABELS, "others": OTHERS, "shares": SHARES, "cases": list(results())},
              sys.stdout, separators=(",", ":"))
    print()
