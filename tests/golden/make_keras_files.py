"""Makes keras_files.json: what Keras makes of files and folders.

    python tests/golden/make_keras_files.py      (Keras 3.15.1, TensorFlow 2.21.0, Pillow 13.0.0)

pictures: of noise() of a size, load_img at another by nearest or bilinear, with or without keep_aspect_ratio: the SHA-256 of
the bytes. folders: what flow_from_directory lists of FILES, a tree with folders in folders: the classes in their order, and
for each validation_split the files of both subsets in their order.
"""
import hashlib, json, os, tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from PIL import Image
from keras.src.legacy.preprocessing.image import ImageDataGenerator

# Width, height, and those to be loaded at. Not where the width grows and the height shrinks: there Pillow 13 takes columns
# first, and differs by one grey level from Pillow 9.4 and us in a fifth of the bytes.
SIZES = [(31, 23, 17, 19), (7, 9, 20, 16), (320, 240, 224, 224), (375, 500, 224, 224), (224, 224, 224, 224), (1, 1, 5, 4),
         (1000, 3, 224, 224), (640, 100, 31, 64)]
FILES = ["b/10.jpg", "b/9.jpg", "b/B.PNG", "b/a.jpeg", "b/sub/0.jpg", "b/sub/z.bmp", "b/sub-a/1.jpg", "b/sub a/1.jpg",
         "b/sub/deep/3.tif", "b/notes.txt", "B/1.tiff", "B/2.ppm", "B/3.JPG", "B/x/4.jpg", "B/x/0.jpg",
         "a b/é.jpg", "a b/e.jpg", "a b/z.jpg", "é/1.jpg", "é/2.jpg", "é/3.jpg", "é/4.jpg", "é/5.jpg", "é/6.jpg", "é/7.jpg"]
SPLITS = [0, 0.15, 0.2, 0.3, 0.5, 0.7]


def noise(width, height):
    i = np.arange(width * height * 3, dtype=np.uint64)
    return ((i * 2654435761 % 2**32) >> 24).astype(np.uint8).reshape(height, width, 3)


pictures, folders = [], []
with tempfile.TemporaryDirectory() as at:
    for width, height, to_width, to_height in SIZES:
        Image.fromarray(noise(width, height)).save(at + "/noise.png")
        for interpolation in "nearest", "bilinear":
            for keep in False, True:
                loaded = keras.utils.load_img(at + "/noise.png", target_size=(to_height, to_width), interpolation=interpolation,
                                              keep_aspect_ratio=keep)
                pictures.append(dict(width=width, height=height, to_width=to_width, to_height=to_height, keep=keep,
                                     interpolation=interpolation, sha256=hashlib.sha256(np.asarray(loaded).tobytes()).hexdigest()))
with tempfile.TemporaryDirectory() as at:
    for name in FILES:
        os.makedirs(os.path.dirname(os.path.join(at, name)), exist_ok=True)
        open(os.path.join(at, name), "w").close()
    for split in SPLITS:
        flow = lambda subset: ImageDataGenerator(validation_split=split).flow_from_directory(at, shuffle=False, subset=subset)
        training, validation = flow("training"), flow("validation") if split else None
        folders.append(dict(split=split, training=training.filenames, validation=validation.filenames if split else []))
    classes = sorted(training.class_indices, key=training.class_indices.get)
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keras_files.json")
with open(path, "w") as out:
    json.dump(dict(pictures=pictures, files=FILES, classes=classes, folders=folders), out)
    out.write("\n")
print(path, os.path.getsize(path), "bytes;", classes)
