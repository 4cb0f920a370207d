#!/usr/bin/env python3
"""Writes fewshot.json, the numbers that FewShotVectorTests compares with.

    python3 make_fewshot_vectors.py > fewshot.json

Needs PyTorch. Prototypes, similarities and losses are spelled out image by image and view by view; every input comes from number() of
make_vectors.py, which the tests compute too.
"""
import json

import torch
from torch.nn import functional as F

from make_vectors import numbers

WAYS, SHOTS, QUERIES, SIZE = 3, 2, 2, 5
LOG_SCALE = 0.25


def similarity(kind, query, prototype):
    if kind == "SquaredEuclidean":
        return -((query - prototype) ** 2).sum()
    return F.cosine_similarity(query, prototype, dim=0)


def case(kind, views):
    embeddings = numbers(30 + views, WAYS * (SHOTS + QUERIES) * views, SIZE).requires_grad_()
    log_scale = torch.tensor(LOG_SCALE, dtype=torch.float64, requires_grad=True)
    image = embeddings.view(WAYS, SHOTS + QUERIES, views, SIZE)
    prototypes = {(i, j): sum(image[i, s, j] for s in range(SHOTS)) / SHOTS for i in range(WAYS) for j in range(views)}
    losses, similarities, aggregated = [], [], []
    for i in range(WAYS):
        for q in range(SHOTS, SHOTS + QUERIES):
            for j in range(views):
                row = torch.stack([similarity(kind, image[i, q, j], prototypes[c, v]) for c in range(WAYS) for v in range(views)])
                similarities.append(row.tolist())
                losses.append(-F.log_softmax(log_scale.exp() * row, 0)[i * views + j])
            mean = torch.stack([sum(similarity(kind, image[i, q, j], prototypes[c, j]) for j in range(views)) / views for c in range(WAYS)])
            aggregated.append(F.softmax(log_scale.exp() * mean, 0).tolist())
    loss = sum(losses) / len(losses)
    loss.backward()
    return {
        "similarity": kind,
        "views": views,
        "prototypes": [p.tolist() for p in prototypes.values()],
        "similarities": similarities,
        "loss": loss.item(),
        "embeddingGradient": embeddings.grad.tolist(),
        "logScaleGradient": log_scale.grad.item(),
        "probabilities": aggregated,
    }


if __name__ == "__main__":
    cases = [case(kind, views) for kind in ("SquaredEuclidean", "Cosine") for views in (1, 4)]
    print(json.dumps({"logScale": LOG_SCALE, "ways": WAYS, "shots": SHOTS, "queries": QUERIES, "embeddingSize": SIZE, "cases": cases}, separators=(",", ":")))
