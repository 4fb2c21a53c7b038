#!/usr/bin/python3
"""Makes metrics.json: numbers by scikit-learn, SciPy and plain NumPy that evaluate/metrics/metrics.c must reproduce.

    /usr/bin/python3 tests/golden/make_metrics.py      (needs python3-sklearn and python3-scipy; made with 1.2.1, 1.10.1)
"""
import json, os
import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest
from sklearn import metrics

rng = np.random.default_rng(7)


def scores_of(labels, classes, strength):
    logits = rng.normal(size=(len(labels), classes))
    logits[np.arange(len(labels)), labels] += strength
    return np.round(logits, 3).astype(np.float32)


def calibration_error(probabilities, labels, bins):
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    edges, total = np.linspace(0, 1, bins + 1), 0.0
    for low, high in zip(edges, edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            total += inside.mean() * abs((predicted == labels)[inside].mean() - confidence[inside].mean())
    return total


def averages(labels, predicted, classes, average):
    figures = metrics.precision_recall_fscore_support(labels, predicted, labels=range(classes), average=average,
                                                      zero_division=0)
    return [x.tolist() if hasattr(x, "tolist") else x for x in figures[:3 if average else 4]]


def case(n, classes, strength, unseen=(), unpredicted=()):
    labels = rng.choice([c for c in range(classes) if c not in unseen], n)
    logits = scores_of(labels, classes, strength)
    for c in unpredicted:
        logits[:, c] = -9
    # Three decimals of softmax: exact in the file, and rows that do not sum to one exactly.
    probabilities = np.round(softmax(logits.astype(float), axis=1), 4).astype(np.float32)
    predicted = probabilities.argmax(1)
    second = scores_of(labels, classes, strength * 0.8).argmax(1)
    right, other = predicted == labels, second == labels
    b, c = int((right & ~other).sum()), int((other & ~right).sum())
    interval = binomtest(int(right.sum()), n).proportion_ci(0.95, "wilson")
    targets = np.full(logits.shape, 1 / (n + 2) / (classes - 1))  # Platt's
    targets[np.arange(n), labels] = 1 - 1 / (n + 2)
    loss = lambda t: -(targets * log_softmax(logits.astype(float) / t, axis=1)).sum(1).mean()
    best = minimize_scalar(lambda u: loss(np.exp(u)), bounds=(np.log(0.01), np.log(100)), method="bounded",
                           options={"xatol": 1e-10})
    report = metrics.classification_report(labels, predicted, labels=range(classes),
                                           target_names=["class %d" % k for k in range(classes)], zero_division=0)
    return {
        "classes": classes, "labels": labels.tolist(), "second": second.tolist(),
        "logits": [float("%.3f" % v) for v in logits.ravel()],
        "probabilities": [float("%.4f" % v) for v in probabilities.ravel()],
        "confusion_matrix": metrics.confusion_matrix(labels, predicted, labels=range(classes)).ravel().tolist(),
        "accuracy": metrics.accuracy_score(labels, predicted),
        "per_class": averages(labels, predicted, classes, None),
        "macro": averages(labels, predicted, classes, "macro"),
        "weighted": averages(labels, predicted, classes, "weighted"),
        "log_loss": metrics.log_loss(labels, probabilities.astype(float), labels=range(classes)),
        "wilson": [interval.low, interval.high],
        "top": {str(k): float(np.mean([(np.argsort(-p, kind="stable")[:k] == t).any()
                                       for p, t in zip(probabilities, labels)])) for k in (1, 2, 3)},
        "calibration_error": calibration_error(probabilities.astype(float), labels, 15),
        "mcnemar": [b, c, binomtest(min(b, c), b + c).pvalue if b + c else 1.0],
        "temperature": float(np.exp(best.x)),
        "report": report,
    }


cases = [
    case(40, 2, 1.5),
    case(60, 3, 1.2, unseen=[1]),
    case(80, 5, 1.5, unseen=[4], unpredicted=[2]),
    case(150, 10, 2.0),
    case(101, 33, 3.0),
]
mcnemar = [[b, c, binomtest(min(b, c), b + c).pvalue] for b, c in
           [(0, 1), (1, 0), (0, 6), (3, 3), (5, 12), (40, 71), (300, 301), (1000, 1200), (0, 2000)]]
wilson = [[k, n, *binomtest(k, n).proportion_ci(0.95, "wilson")] for k, n in
          [(0, 1), (1, 1), (0, 10), (7, 10), (10, 10), (2037, 2500), (2500, 2500)]]
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
with open(path, "w") as out:
    json.dump({"cases": cases, "mcnemar": mcnemar, "wilson": wilson}, out, separators=(",", ":"))
    out.write("\n")
