"""Writes tests/golden/images: one small file of each kind that the decoder reads, for the tests that truncate and damage
them. tests/cli/test_pixels.py compares pixels with Pillow's, on files that it generates.

    /usr/bin/python3 tests/golden/make_images.py
"""
import os

import numpy as np
from PIL import Image

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images")
WIDTH, HEIGHT = 23, 17


def pixels(bands):
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    waves = [127 + 120 * np.sin(x / (2.0 + k) + k) * np.cos(y / (3.0 + k)) for k in range(bands)]
    return np.stack(waves, -1).astype(np.uint8)


def save(name, image, **options):
    image.save(os.path.join(FOLDER, name), **options)


os.makedirs(FOLDER, exist_ok=True)
colour = Image.fromarray(pixels(3))
grey = Image.fromarray(pixels(1)[:, :, 0])
alpha = Image.fromarray(pixels(4), "RGBA")
palette = colour.quantize(16)
sixteen = Image.fromarray(pixels(1)[:, :, 0].astype(np.uint16) * 257)

save("colour.jpg", colour, quality=80)
save("progressive.jpg", colour, quality=80, progressive=True)
save("grey.jpg", grey, quality=80)
save("cmyk.jpg", Image.fromarray(pixels(4), "CMYK"), quality=80)
save("large.jpg", colour.resize((200, 160), Image.BILINEAR), quality=20)
save("colour.png", colour)
save("alpha.png", alpha)
save("palette.png", palette)
save("bits.png", grey.convert("1"))
save("sixteen.png", sixteen)
save("palette.gif", palette)
save("colour.webp", colour, quality=80)
save("alpha.webp", alpha, lossless=True)
save("plain.tif", colour)
save("lzw.tif", colour, compression="tiff_lzw")
save("jpeg.tif", colour, compression="jpeg")
save("sixteen.tif", sixteen)
save("bits.tif", grey.convert("1"), compression="group4")
save("colour.bmp", colour)
save("palette.bmp", palette)
save("colour.ppm", colour)
save("grey.pgm", grey)
save("bits.pbm", grey.convert("1"))
