"""Writes tests/golden/augment.bin: an image augmented by Keras's ImageDataGenerator, computed by SciPy and Pillow in Keras's
steps (keras/src/legacy/preprocessing/image.py, apply_transform).

    /usr/bin/python3 tests/golden/make_augment.py

Little-endian: the image, SIDE x SIDE x 3 bytes; then a record per case: ten doubles theta, shear, tx, ty, zx, zy,
flip_horizontal, flip_vertical, channel_shift, brightness (-1: none), and SIDE x SIDE x 3 float32, red green blue.
"""
import os

import numpy as np
from PIL import Image, ImageEnhance
from scipy import ndimage

SIDE = 17
CASES = [
    # theta, shear, tx, ty, zx, zy, flip_h, flip_v, channel_shift, brightness
    (0, 0, 0, 0, 1, 1, 0, 0, 0, -1),
    (30, 0, 0, 0, 1, 1, 0, 0, 0, -1),
    (-90, 0, 0, 0, 1, 1, 0, 0, 0, -1),
    (0, 0, 3.25, -6.5, 1, 1, 0, 0, 0, -1),
    (0, 25, 0, 0, 1, 1, 0, 0, 0, -1),
    (0, 0, 0, 0, 0.6, 1.7, 0, 0, 0, -1),
    (0, 0, 0, 0, 1, 1, 1, 0, 0, -1),
    (0, 0, 0, 0, 1, 1, 0, 1, 0, -1),
    (0, 0, 0, 0, 1, 1, 0, 0, 40.5, -1),
    (0, 0, 0, 0, 1, 1, 0, 0, 0, 0.35),
    (0, 0, 0, 0, 1, 1, 0, 0, 0, 1.6),
    (0, 0, 0, 0, 1, 1, 0, 0, 0, 0),
    (67.3, 0, -5.1, 8.4, 1, 1, 1, 1, 0, 0.52),
    (-12.5, 9, 2.2, -1.3, 1.2, 0.8, 1, 0, -25.25, 0.9),
]


def transform_matrix(theta, shear, tx, ty, zx, zy):
    matrix = None
    steps = []
    if theta != 0:
        t = np.deg2rad(theta)
        steps.append([[np.cos(t), -np.sin(t), 0], [np.sin(t), np.cos(t), 0], [0, 0, 1]])
    if tx != 0 or ty != 0:
        steps.append([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
    if shear != 0:
        s = np.deg2rad(shear)
        steps.append([[1, -np.sin(s), 0], [0, np.cos(s), 0], [0, 0, 1]])
    if zx != 1 or zy != 1:
        steps.append([[zx, 0, 0], [0, zy, 0], [0, 0, 1]])
    for step in steps:
        matrix = np.array(step) if matrix is None else np.dot(matrix, np.array(step))
    return matrix


def apply_transform(x, theta, shear, tx, ty, zx, zy, flip_horizontal, flip_vertical, channel_shift, brightness):
    matrix = transform_matrix(theta, shear, tx, ty, zx, zy)
    if matrix is not None:
        middle = float(SIDE) / 2 - 0.5
        there = np.array([[1, 0, middle], [0, 1, middle], [0, 0, 1]])
        back = np.array([[1, 0, -middle], [0, 1, -middle], [0, 0, 1]])
        matrix = np.dot(np.dot(there, matrix), back)
        x = np.stack([ndimage.affine_transform(x[:, :, c], matrix[:2, :2], matrix[:2, 2], order=1, mode="nearest")
                      for c in range(3)], -1)
    if channel_shift != 0:
        x = np.clip(x + np.float32(channel_shift), x.min(), x.max())
    if flip_horizontal:
        x = x[:, ::-1]
    if flip_vertical:
        x = x[::-1]
    if brightness >= 0:
        image = Image.fromarray(np.ascontiguousarray(x).astype("uint8"), "RGB")
        x = np.asarray(ImageEnhance.Brightness(image).enhance(brightness))
    return x.astype("<f4")


random = np.random.RandomState(7)
y, x = np.mgrid[0:SIDE, 0:SIDE]
image = np.stack([127 + 110 * np.sin(x / (2.0 + c) + y / 5.0) for c in range(3)], -1) + random.randint(-17, 18, (SIDE, SIDE, 3))
image = image.clip(5, 250).astype(np.uint8)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "augment.bin")
with open(path, "wb") as file:
    file.write(image.tobytes())
    for case in CASES:
        file.write(np.array(case, "<f8").tobytes() + apply_transform(image.astype(np.float32), *case).tobytes())
