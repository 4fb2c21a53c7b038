"""The published base against Keras's activations of it (tests/golden/make_keras_base.py), where its weights are at hand:
WEIGHTS=FILE, or weights/ as `make weights` fills it."""
import glob, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import numpy as np
from PIL import Image
from make_keras_base import POOLS, SAMPLES, samples
from pictures import PICTURES, picture
from tap import ROOT, Skip, program, run, scratch


def published_weights():
    given = os.environ.get("WEIGHTS", "random")
    found = [given] if os.path.isfile(given) else glob.glob(os.path.join(ROOT, "weights", "vgg16_*_notop.h5"))
    if not found:
        raise Skip("the published weights are not here: make weights, or WEIGHTS=FILE")
    return found[0]


def each_pool_of_the_published_base_is_that_of_keras():
    """2e-5, the project's own bound of the relative L2 error; Keras's own is 4e-6."""
    weights, golden = published_weights(), np.fromfile(os.path.join(ROOT, "tests/golden/keras_base.bin"), "<f4")
    golden = golden.reshape(PICTURES, len(POOLS), SAMPLES).astype(np.float64)
    with scratch() as at:
        os.makedirs(at + "/images/drawn")
        for k in range(PICTURES):
            Image.fromarray(picture(k).astype(np.uint8)).save("%s/images/drawn/%d.png" % (at, k))
        for p, pool in enumerate(POOLS):
            program("extract", "--quiet", "--weights", weights, "--preset", "keras", "--layer", pool, at + "/images", at + "/" + pool)
            program("extract", "--quiet", "--export", at + "/x", at + "/" + pool)
            features = np.load(at + "/x/features.npy")
            ours = features[:, samples(features.shape[1])].astype(np.float64)
            error = np.linalg.norm(ours - golden[:, p], axis=1) / np.linalg.norm(golden[:, p], axis=1)
            assert error.max() < 2e-5, (pool, error)


run(each_pool_of_the_published_base_is_that_of_keras)
