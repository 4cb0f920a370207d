"""Temperatures that SciPy finds for logits of a formula, for TemperatureScalingTests"""

import numpy
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

CLASSES = 5
PRIOR_DEVIATION = 0.5


def problem(rows, scale):
    numbers = numpy.arange(rows * CLASSES, dtype=numpy.float64)
    logits = (scale * numpy.sin(1 + numbers * numbers)).reshape(rows, CLASSES)
    labels = logits.argmax(axis=1)
    wrong = numpy.arange(rows) % 4 == 3
    return logits, numpy.where(wrong, (labels + 1) % CLASSES, labels)


def objective(log_temperature, logits, labels):
    scaled = logits * numpy.exp(-log_temperature)
    losses = logsumexp(scaled, axis=1) - scaled[numpy.arange(len(labels)), labels]
    return losses.sum() + log_temperature**2 / (2 * PRIOR_DEVIATION**2)


for rows, scale in [(2, 1), (3, 10), (40, 1), (40, 10), (400, 0.5), (400, 30)]:
    logits, labels = problem(rows, scale)
    found = minimize_scalar(objective, bounds=(-3, 3), args=(logits, labels), method="bounded", options={"xatol": 1e-12})
    print(f"[InlineData({rows}, {scale}, {numpy.exp(found.x):.6f})]")
