"""Writes tests/golden/augment.bin: an image augmented by Keras's own ImageDataGenerator.apply_transform.

    python tests/golden/make_keras_augment.py      (Keras 3.15.1, TensorFlow 2.21.0, SciPy 1.17, Pillow)

Keras 3 exchanges the axes of its affine map (apply_affine_transform: M' = PMP where col_axis > row_axis), so that its
height_shift_range moves an image sideways and its shear tilts the other axis. Ours are as documented, and as older Keras
has them: that is Keras's map of the image with rows and columns exchanged, exchanged back. All else is in Keras's order.

Little-endian: the image, SIDE x SIDE x 3 bytes; then a record per case: ten doubles theta, shear, tx, ty, zx, zy,
flip_horizontal, flip_vertical, channel_shift, brightness (-1: none), and SIDE x SIDE x 3 float32, red green blue.
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
from keras.src.legacy.preprocessing.image import ImageDataGenerator

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


generator = ImageDataGenerator()


def apply_transform(x, theta, shear, tx, ty, zx, zy, flip_horizontal, flip_vertical, channel_shift, brightness):
    x = generator.apply_transform(x.swapaxes(0, 1), dict(theta=theta, shear=shear, tx=tx, ty=ty, zx=zx, zy=zy)).swapaxes(0, 1)
    return generator.apply_transform(x, dict(
        flip_horizontal=flip_horizontal, flip_vertical=flip_vertical, channel_shift_intensity=channel_shift or None,
        brightness=None if brightness < 0 else brightness)).astype("<f4")


random = np.random.RandomState(7)
y, x = np.mgrid[0:SIDE, 0:SIDE]
image = np.stack([127 + 110 * np.sin(x / (2.0 + c) + y / 5.0) for c in range(3)], -1) + random.randint(-17, 18, (SIDE, SIDE, 3))
image = image.clip(5, 250).astype(np.uint8)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "augment.bin")
with open(path, "wb") as file:
    file.write(image.tobytes())
    for case in CASES:
        file.write(np.array(case, "<f8").tobytes() + apply_transform(image.astype(np.float32), *case).tobytes())
