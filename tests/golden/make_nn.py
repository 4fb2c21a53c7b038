#!/usr/bin/python3
"""Makes nn.json: layers, optimizers and a short training, by PyTorch and NumPy in double precision.

Needs Debian's python3-torch. Inputs are not stored: values() gives the same floats here and in tests/unit/fixture.h.
Optimizers are written in NumPy by Keras 3's formulas, and checked against torch.optim where the two agree.
"""
import json, os
import numpy as np
import torch
import torch.nn.functional as F
from margin import Margin

torch.set_default_dtype(torch.float64)


def values(count, salt):
    """(i * 2654435761 + salt * 40503) mod 2^32, its top 10 bits / 512 - 1: float32 exactly."""
    i = np.arange(count, dtype=np.uint64)
    return (((i * 2654435761 + salt * 40503) % 2**32) >> 22).astype(np.float64) / 512 - 1


def tensor(shape, salt, scale=1.0):
    return torch.tensor(values(int(np.prod(shape)), salt).reshape(shape) * scale, requires_grad=True)


def nchw(x):
    return x.permute(0, 3, 1, 2)


def nhwc(x):
    return x.permute(0, 2, 3, 1)


def conv(x, kernel, bias, same):
    """NHWC and HWIO."""
    size = kernel.shape[0]
    return nhwc(F.conv2d(nchw(x), kernel.permute(3, 2, 0, 1), bias, padding=size // 2 if same else 0))


def flat(t):
    return [float("%.9g" % v) for v in np.asarray(t.detach() if torch.is_tensor(t) else t).reshape(-1)]


def convolution_case(n, h, w, c, k, size, same):
    x, kernel, bias = tensor((n, h, w, c), 1), tensor((size, size, c, k), 2), tensor((k,), 3)
    y = conv(x, kernel, bias, same)
    y.backward(tensor(tuple(y.shape), 4).detach())
    return dict(n=n, input=[h, w, c], filters=k, size=size, same=same, y=flat(y), dx=flat(x.grad),
                dkernel=flat(kernel.grad), dbias=flat(bias.grad))


def pooling_case(n, h, w, c, size):
    x = tensor((n, h, w, c), 5)
    y = nhwc(F.max_pool2d(nchw(x), size))
    y.backward(tensor(tuple(y.shape), 6).detach())
    return dict(n=n, input=[h, w, c], size=size, y=flat(y), dx=flat(x.grad))


def dense_case(n, d, k):
    x, kernel, bias = tensor((n, d), 7), tensor((d, k), 8), tensor((k,), 9)
    y = x @ kernel + bias
    y.backward(tensor((n, k), 10).detach())
    return dict(n=n, features=d, units=k, y=flat(y), dx=flat(x.grad), dkernel=flat(kernel.grad), dbias=flat(bias.grad))


def loss_case(n, classes, scale):
    logits, labels = tensor((n, classes), 11, scale), torch.arange(n) * 7 % classes
    weights = torch.arange(n) % 3 + 0.5
    loss = (F.cross_entropy(logits, labels, reduction="none") * weights).sum()
    (loss / n).backward()
    return dict(n=n, classes=classes, scale=scale, loss=float(loss), probabilities=flat(torch.softmax(logits, 1)),
                dlogits=flat(logits.grad))


def optimize(kind, rate, steps, count, momentum, decay, epsilon=1e-7, beta1=0.9, beta2=0.999, rho=0.9):
    w, m, v = values(count, 12), np.zeros(count), np.zeros(count)
    for t in range(1, steps + 1):
        g = values(count, 100 + t) + decay * w
        if kind == "adam":
            m += (g - m) * (1 - beta1)
            v += (g * g - v) * (1 - beta2)
            w = w - m * rate * np.sqrt(1 - beta2**t) / (1 - beta1**t) / (np.sqrt(v) + epsilon)
        elif kind == "rmsprop":
            v = rho * v + (1 - rho) * g * g
            m = momentum * m + rate * g / np.sqrt(v + epsilon)
            w = w - m
        else:
            m = momentum * m - rate * g
            w = w + m
    return w


def optimizer_case(kind, rate, steps=12, count=37, momentum=0.0, decay=0.0):
    check_against_torch(kind, rate, steps, count, momentum, decay)
    return dict(kind=kind, rate=rate, steps=steps, count=count, momentum=momentum, decay=decay,
                w=flat(optimize(kind, rate, steps, count, momentum, decay)))


def check_against_torch(kind, rate, steps, count, momentum, decay):
    """Without epsilon, which PyTorch adds in another place."""
    p = torch.nn.Parameter(torch.tensor(values(count, 12)))
    optimizer = {"adam": lambda: torch.optim.Adam([p], rate, eps=1e-30, weight_decay=decay),
                 "rmsprop": lambda: torch.optim.RMSprop([p], rate, alpha=0.9, eps=1e-30, momentum=momentum,
                                                        weight_decay=decay),
                 "sgd": lambda: torch.optim.SGD([p], rate, momentum=momentum, weight_decay=decay)}[kind]()
    for t in range(1, steps + 1):
        p.grad = torch.tensor(values(count, 100 + t))
        optimizer.step()
    w = optimize(kind, rate, steps, count, momentum, decay, epsilon=1e-60)
    assert np.abs(p.detach().numpy() - w).max() < 1e-9, kind


def training_case():
    """Four steps of SGD on conv 3x3 same, conv 3x3 valid, pool 2, dense, dense: a mean loss a step, then parameters."""
    shapes = [((3, 3, 2, 4), (4,)), ((3, 3, 4, 5), (5,)), ((45, 6), (6,)), ((6, 3), (3,))]
    parameters = []
    for i, (kernel, bias) in enumerate(shapes):
        parameters.append((tensor(kernel, 20 + 2 * i, 0.25), tensor(bias, 21 + 2 * i, 0.25)))
    losses, n, margin = [], 5, Margin()
    optimizer = torch.optim.SGD([p for pair in parameters for p in pair], 0.05, momentum=0.9)
    for step in range(4):
        x = tensor((n, 8, 9, 2), 40 + step).detach()
        labels = (torch.arange(n) + step) % 3
        y = margin.relu(conv(x, *parameters[0], True))
        y = margin.relu(conv(y, *parameters[1], False))
        y = nhwc(margin.max_pool(nchw(y))).reshape(n, -1)
        y = margin.relu(y @ parameters[2][0] + parameters[2][1])
        loss = F.cross_entropy(y @ parameters[3][0] + parameters[3][1], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    print("training keeps", margin.least, "from every kink")
    assert margin.least >= 1e-5
    return dict(losses=losses, parameters=[flat(p) for pair in parameters for p in pair])


golden = dict(
    convolution=[convolution_case(2, 6, 5, 3, 4, 3, True), convolution_case(2, 6, 5, 3, 4, 3, False),
                 convolution_case(1, 7, 6, 2, 3, 5, True), convolution_case(2, 5, 7, 2, 3, 5, False),
                 convolution_case(3, 3, 3, 2, 3, 1, True)],
    pooling=[pooling_case(2, 6, 4, 3, 2), pooling_case(1, 7, 9, 2, 2), pooling_case(2, 8, 9, 1, 4)],
    dense=[dense_case(1, 3, 2), dense_case(5, 37, 35), dense_case(9, 70, 3)],
    loss=[loss_case(6, 4, 1.0), loss_case(5, 10, 1000.0)],
    optimizers=[optimizer_case("adam", 0.01), optimizer_case("adam", 0.01, decay=0.1),
                optimizer_case("rmsprop", 0.01), optimizer_case("rmsprop", 0.01, momentum=0.9, decay=0.01),
                optimizer_case("sgd", 0.1), optimizer_case("sgd", 0.1, momentum=0.9), optimizer_case("sgd", 0.1, decay=0.2)],
    training=training_case())
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "nn.json")
with open(path, "w") as out:
    json.dump(golden, out)
    out.write("\n")
print(path, os.path.getsize(path), "bytes")
