"""Makes keras_base.bin: the published base at each pool, by Keras.

    python tests/golden/make_keras_base.py vgg16-imagenet-notop.h5      (Keras 3.15.1, TensorFlow 2.21.0)

(PICTURES, POOLS, SAMPLES) float32, little-endian: of each picture of pictures.py, through preprocess_input and VGG16, and of
each block's pool, the numbers at samples(). Keras's own are float32, 4e-6 from float64 (relative L2).
"""
import os, sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np
from pictures import PICTURES, picture

POOLS = ["block%d_pool" % b for b in range(1, 6)]
SAMPLES = 1000


def samples(size):
    """Of an activation of this size, flattened: about evenly over all of it, in every channel's turn."""
    return np.arange(SAMPLES, dtype=np.uint64) * 2654435761 % size


if __name__ == "__main__":
    import keras
    base = keras.applications.VGG16(weights=sys.argv[1], include_top=False, input_shape=(224, 224, 3))
    x = keras.applications.vgg16.preprocess_input(np.stack([picture(k) for k in range(PICTURES)]).astype(np.float32))
    network = keras.Model(base.input, [base.get_layer(pool).output for pool in POOLS])
    pools = [p.reshape(PICTURES, -1) for p in network.predict(x, batch_size=2, verbose=0)]
    golden = np.stack([p[:, samples(p.shape[1])] for p in pools], 1).astype("<f4")
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keras_base.bin")
    golden.tofile(path)
    print(path, os.path.getsize(path), "bytes; zeros of each pool:", *(np.mean(golden == 0, (0, 2)).round(2)))
