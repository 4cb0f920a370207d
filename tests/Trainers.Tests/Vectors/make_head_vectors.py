#!/usr/bin/env python3
"""Writes heads.json, converged logistic regressions that HeadSolverTests compares with.

    python3 make_head_vectors.py > heads.json

Needs scikit-learn (written with 1.2) and make_vectors.py beside it. Its C is 1 / (n * penalty). Features are numbers of the formula, and
the class of an image is the one whose direction is nearest, with some of them at random.
"""
import json

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from make_vectors import number

N, D, CLASSES, TEST = 90, 6, 3, 60


def features(stream, rows):
    return np.array([number(stream, i) for i in range(rows * D)], dtype=np.float32).reshape(rows, D).astype(np.float64)


def labels(stream, rows):
    directions = np.array([number(30, i) for i in range(CLASSES * D)]).reshape(CLASSES, D)
    noise = np.array([number(stream + 10, i) for i in range(rows * CLASSES)]).reshape(rows, CLASSES)
    return (features(stream, rows) @ directions.T + 0.5 * noise).argmax(1)


def main():
    train, test = (features(20, N), labels(20, N)), (features(21, TEST), labels(21, TEST))
    cases = []
    for penalty in [1.0, 0.1, 0.01, 0.001]:
        for weighted in [False, True]:
            ofImages = (1 / np.bincount(train[1]))[train[1]] if weighted else np.ones(N)
            model = LogisticRegression(C=1 / (ofImages.sum() * penalty), tol=1e-12, max_iter=100_000)
            model.fit(*train, sample_weight=ofImages)
            cases.append({
                "penalty": penalty,
                "isByInverseFrequency": weighted,
                "weight": model.coef_.tolist(),
                "bias": (model.intercept_ - model.intercept_.mean()).tolist(),
                "accuracy": model.score(*test),
                "logLoss": log_loss(test[1], model.predict_proba(test[0])),
            })
    print(json.dumps({"size": D, "labels": train[1].tolist(), "testLabels": test[1].tolist(), "cases": cases}))


if __name__ == "__main__":
    main()
