#!/usr/bin/python3
"""Makes finetune.json: three steps of SGD on layers as fine-tuning has them (two 3x3 same convolutions wide enough for
Winograd's way, pooling, a dense layer), as PyTorch computes them in double precision. Of every parameter tensor a sample
and the norm of how far it went are kept.

Needs Debian's python3-torch. Inputs are not stored: make_nn.py's values() gives the same floats here and in the test.
"""
import json, os
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
N, H, W, C, K, L, EVERY = 5, 8, 6, 32, 64, 3, 211


def tensor(shape, salt, scale=1.0):
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    values = (((i * 2654435761 + salt * 40503) % 2**32) >> 22).astype(np.float64) / 512 - 1
    return torch.tensor(values.reshape(shape) * scale, requires_grad=True)


def conv(x, kernel, bias):
    return F.relu(F.conv2d(x.permute(0, 3, 1, 2), kernel.permute(3, 2, 0, 1), bias, padding=1).permute(0, 2, 3, 1))


shapes = [(3, 3, C, K), (K,), (3, 3, K, C), (C,), (H // 2 * W // 2 * C, L), (L,)]
parameters = [tensor(shape, 20 + i, 0.0625) for i, shape in enumerate(shapes)]
start = [p.detach().clone() for p in parameters]
optimizer = torch.optim.SGD(parameters, 0.05)
losses = []
for step in range(3):
    x = tensor((N, H, W, C), 40 + step).detach()
    labels = (torch.arange(N) + step) % L
    y = conv(conv(x, *parameters[0:2]), *parameters[2:4])
    y = F.max_pool2d(y.permute(0, 3, 1, 2), 2).permute(0, 2, 3, 1).reshape(N, -1)
    loss = F.cross_entropy(y @ parameters[4] + parameters[5], labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(float(loss))
golden = dict(losses=losses,
              samples=[p.detach().flatten()[::EVERY].tolist() for p in parameters],
              moved=[float((p.detach() - s).norm()) for p, s in zip(parameters, start)])
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "finetune.json")
with open(path, "w") as out:
    json.dump(golden, out)
    out.write("\n")
print(path, os.path.getsize(path), "bytes", golden["losses"], golden["moved"])
