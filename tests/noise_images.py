"""Images for tests of the base: coarse noise, the same for every run."""
import os

import numpy as np
from PIL import Image


def make_images(folder, classes=("a", "b"), each=1):
    """FOLDER/CLASS/0.png and so on, 224x224 so that no preset resizes them. Returns folder."""
    for c, name in enumerate(classes):
        os.makedirs(os.path.join(folder, name))
        for i in range(each):
            noise = np.random.RandomState(10 * c + i).randint(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(noise).resize((224, 224), Image.BICUBIC).save(os.path.join(folder, name, "%d.png" % i))
    return folder
