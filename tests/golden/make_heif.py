#!/usr/bin/env python3
"""Writes images/photo.heic and images/photo.avif: 23x17 pixels, smooth, as tests/cli/test_pixels.py has them again.

    pip install pillow==13.0.0 pillow-heif==1.8.1; python3 tests/golden/make_heif.py
"""
import os

import numpy as np
import pillow_heif
from PIL import Image

y, x = np.mgrid[0:17, 0:23]
image = Image.fromarray(np.stack([10 * x, 14 * y, 200 - 5 * x - 4 * y], -1).astype(np.uint8))
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images")
pillow_heif.register_heif_opener()
image.save(os.path.join(folder, "photo.heic"), quality=95, chroma=444)
image.save(os.path.join(folder, "photo.avif"), quality=95, subsampling="4:4:4")
