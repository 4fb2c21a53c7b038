#!/usr/bin/env python3
"""Makes base.json: features of a synthetic image by the seeded base (weights "random:1") and by variants of its weights, which
lead to other rounding errors, from PyTorch in float64; with the error of PyTorch in float32, which convolves directly.

    apt-get install python3-torch; /usr/bin/python3 tests/golden/make_base.py      (about a minute)

The weights are drawn here independently, from the description in common/core/rng.h and common/vgg16/weights.h.
"""
import json, math, os
import numpy as np, torch

SEED = 1
# kind of weights, layer, side of the image, probes
CASES = [("normal", "block1_conv1", 32, 300), ("normal", "block2_pool", 32, 300), ("normal", "block3_conv2", 64, 300),
         ("normal", "block4_conv3", 96, 300), ("normal", "block5_pool", 64, 300), ("normal", "block5_pool", 224, 300),
         ("heavy-tailed", "block5_conv3", 112, 200), ("zero-mean", "block5_conv3", 112, 200)]
BLOCKS = [(3, 64, 2), (64, 128, 2), (128, 256, 3), (256, 512, 3), (512, 512, 3)]
MASK = (1 << 64) - 1


class Rng:
    """xoshiro256++ filled by splitmix64 (Blackman & Vigna)."""

    def __init__(self, seed, stream):
        self.x = seed
        self.x = self.splitmix() ^ stream
        self.state = [self.splitmix() for _ in range(4)]

    def splitmix(self):
        self.x = (self.x + 0x9e3779b97f4a7c15) & MASK
        z = self.x
        z = ((z ^ (z >> 30)) * 0xbf58476d1ce4e5b9) & MASK
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & MASK
        return z ^ (z >> 31)

    def uniform(self, n):
        a, b, c, d = self.state
        out = np.empty(n, np.uint64)
        for i in range(n):
            s = (a + d) & MASK
            out[i] = ((((s << 23) | (s >> 41)) & MASK) + a) & MASK
            t = (b << 17) & MASK
            c ^= a
            d ^= b
            b ^= c
            a ^= d
            c ^= t
            d = ((d << 45) | (d >> 19)) & MASK
        self.state = [a, b, c, d]
        return (out >> np.uint64(11)).astype(np.float64) * 2.0 ** -53

    def normal(self, n):
        """Box-Muller, cosine first; n is even."""
        u = self.uniform(n)
        radius, angle = np.sqrt(-2 * np.log(1 - u[0::2])), 2 * math.pi * u[1::2]
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)


def changed(kernel, kind, std):
    """(9, C, K) in float64; the same formulas are in tests/unit/vgg16/test_base.c.

    heavy-tailed: cubes, and the nine taps of a pair of channels correlated by 0.64.
    zero-mean: each output channel minus its mean."""
    if kind == "heavy-tailed":
        z = kernel / std
        cubes = z * z * z / math.sqrt(15)
        return std * (0.6 * cubes + 0.8 * cubes[4])
    if kind == "zero-mean":
        return kernel - kernel.mean((0, 1))
    return kernel


def layers(kind):
    conv = 0
    for block, (inputs, outputs, count) in enumerate(BLOCKS, 1):
        for i in range(count):
            c = inputs if i == 0 else outputs
            std = math.sqrt(2.0 / (9 * c)) / (64 if conv == 0 else 1)
            kernel = (std * Rng(SEED, 2 * conv).normal(9 * c * outputs)).astype(np.float32).reshape(9, c, outputs)
            kernel = changed(kernel.astype(np.float64), kind, std).astype(np.float32)
            bias = (0.02 * Rng(SEED, 2 * conv + 1).uniform(outputs)).astype(np.float32)
            kernel = torch.from_numpy(kernel.astype(np.float64)).reshape(3, 3, c, outputs).permute(3, 2, 0, 1)
            yield "block%d_conv%d" % (block, i + 1), kernel, torch.from_numpy(bias.astype(np.float64))
            conv += 1
        yield "block%d_pool" % block, None, None


def image(side):
    """Pseudo-random integers from -120 to 135; the same formula is in tests/unit/vgg16/test_base.c."""
    y, x, c = np.meshgrid(np.arange(side), np.arange(side), np.arange(3), indexing="ij")
    return ((y * 7 + x * 13 + c * 29 + (x * y) % 17 * 11 + (x * x + 3 * y) % 31 * 5) % 256 - 120).astype(np.float64)


def features_at(network, cut, side, dtype):
    """Features of the image after layers() up to the cut, in the order row, column, channel."""
    x = torch.from_numpy(image(side)).permute(2, 0, 1)[None].to(dtype)
    for name, kernel, bias in network:
        if kernel is None:
            x = torch.nn.functional.max_pool2d(x, 2)
        else:
            x = torch.relu(torch.nn.functional.conv2d(x, kernel.to(dtype), bias.to(dtype), padding=1))
        if name == cut:
            return x[0].permute(1, 2, 0).reshape(-1).double().numpy()


def main():
    torch.backends.mkldnn.enabled = False
    networks = {kind: list(layers(kind)) for kind in {case[0] for case in CASES}}
    cases = []
    for kind, cut, side, count in CASES:
        features = features_at(networks[kind], cut, side, torch.float64)
        single = features_at(networks[kind], cut, side, torch.float32)
        norm = float(np.linalg.norm(features))
        probes = [i * len(features) // count for i in range(count)]
        cases.append({"kind": kind, "cut": cut, "side": side, "features": len(features), "norm": norm,
                      "float32_error": float("%.3g" % (np.linalg.norm(single - features) / norm)),
                      "probes": [float("%.10g" % features[p]) for p in probes]})
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "base.json"), "w") as f:
        json.dump({"weights": "random:%d" % SEED, "cases": cases}, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
