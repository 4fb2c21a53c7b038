"""Pictures of 224 x 224 that any program with integers can draw: rings over blocks, each channel apart."""
import numpy as np

PICTURES, SIDE = 10, 224


def wave(v):
    """0 … 255 … 0, again and again."""
    return np.abs(v % 510 - 255)


def picture(k):
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    rings = ((x - 20 * k) ** 2 + (y - 112) ** 2) // (60 + 30 * k)
    blocks = x // (40 + 4 * k) * 61 + y // (60 - 4 * k) * 47
    return np.stack([wave(rings * (2 + c) + 40 * c) // 2 + wave(blocks * (c + k) + x * (k % 3)) // 2 for c in range(3)], -1)
