#!/usr/bin/python3
"""Makes finetune.json: three steps of SGD on layers like those of fine-tuning (two 3x3 same convolutions wide enough for
Winograd's algorithm, pooling, a dense layer), by PyTorch in double precision. For every parameter tensor it keeps every n-th
element and the norm of its change. Inputs are chosen so that no value of any step is within MARGIN of a kink.

Needs Debian's python3-torch. Inputs are not stored: make_nn.py's values() gives the same floats here and in the test.
"""
import json, os
import numpy as np
import torch
import torch.nn.functional as F
from margin import Margin

torch.set_default_dtype(torch.float64)
N, H, W, C, K, L, EVERY = 5, 8, 6, 32, 64, 3, 211
MARGIN = 1.6e-5  # over ten times the rounding error of any of our convolutions on values of about 1


def tensor(shape, salt, scale=1.0):
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    values = (((i * 2654435761 + salt * 40503) % 2**32) >> 22).astype(np.float64) / 512 - 1
    return torch.tensor(values.reshape(shape) * scale, requires_grad=True)


shapes = [(3, 3, C, K), (K,), (3, 3, K, C), (C,), (H // 2 * W // 2 * C, L), (L,)]


def conv(x, kernel, bias, margin):
    return margin.relu(F.conv2d(x, kernel.permute(3, 2, 0, 1), bias, padding=1))


def train(salt):
    """Three steps on inputs of this salt."""
    margin = Margin()
    parameters = [tensor(shape, 20 + i, 0.0625) for i, shape in enumerate(shapes)]
    start = [p.detach().clone() for p in parameters]
    optimizer = torch.optim.SGD(parameters, 0.05)
    losses = []
    for step in range(3):
        x = tensor((N, H, W, C), salt + step).detach().permute(0, 3, 1, 2)
        labels = (torch.arange(N) + step) % L
        y = margin.max_pool(conv(conv(x, *parameters[0:2], margin), *parameters[2:4], margin))
        loss = F.cross_entropy(y.permute(0, 2, 3, 1).reshape(N, -1) @ parameters[4] + parameters[5], labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss))
    return parameters, start, losses, margin.least


for salt in range(40, 2000):
    parameters, start, losses, margin = train(salt)
    if margin >= MARGIN:
        break
assert margin >= MARGIN, "no inputs keep clear of every kink"
golden = dict(salt=salt, margin=margin,
              losses=losses,
              samples=[p.detach().flatten()[::EVERY].tolist() for p in parameters],
              moved=[float((p.detach() - s).norm()) for p, s in zip(parameters, start)])
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "finetune.json")
with open(path, "w") as out:
    json.dump(golden, out)
    out.write("\n")
print(path, os.path.getsize(path), "bytes", "salt", salt, "margin", margin)
