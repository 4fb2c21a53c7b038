"""--precision bfloat16: its definition, computed by NumPy, and that it is refused together with float32."""
import json, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
from noise_images import make_images
from tap import program, run, scratch
from vgg16_files import seeded, write_safetensors

import h5py
import numpy as np
from PIL import Image

BFLOAT16 = ["--precision", "bfloat16"]
RANDOM = ["--weights", "random:1", "--quiet"]
CAFFE = np.array([103.939, 116.779, 123.68], np.float32)
HEAD = ["--hidden", 4, "--epochs", 1, "--validation-split", 0, "--no-checkpoint", "--quiet"]


def rounded(x):
    """To 8 significant bits, ties to even, computed by the exponent rather than by bits."""
    fraction, exponent = np.frexp(x.astype(np.float64))
    return np.ldexp(np.rint(fraction * 256), exponent - 8)


def convolution(x, kernel, bias):
    """x (H, W, C) in float64, kernel (K, C, 3, 3): 'same' padding, ReLU; rounded to float32, like the base's activations."""
    h, w, _ = x.shape
    padded = np.pad(rounded(x), ((1, 1), (1, 1), (0, 0)))
    out = np.zeros((h, w, len(kernel))) + bias
    for y in range(3):
        for i in range(3):
            out += padded[y:y + h, i:i + w] @ rounded(kernel[:, :, y, i]).T
    return np.maximum(out, 0).astype(np.float32)


def export(cache, to):
    program("extract", "--export", to, cache)
    return np.load(os.path.join(to, "features.npy"))


def relative(a, b):
    return np.linalg.norm(a.astype(np.float64) - b) / np.linalg.norm(b)


def features_are_sums_of_rounded_inputs_and_kernels():
    with scratch() as at:
        images = make_images(at + "/images", "a")
        weights = seeded(5)
        write_safetensors(at + "/w.safetensors", weights)
        pixels = np.asarray(Image.open(at + "/images/a/0.png"))
        x = pixels[:, :, ::-1].astype(np.float32) - CAFFE
        for (kernel, bias), layer, close, far in zip(weights, ("block1_conv1", "block1_conv2"), (2e-6, 1e-4), (1e-3, 1e-3)):
            x = convolution(x, kernel, bias)
            got = []
            for precision in ("bfloat16", "float32"):
                cache = "%s/%s-%s" % (at, layer, precision)
                program("extract", "--quiet", "--preset", "keras", "--weights", at + "/w.safetensors", "--layer", layer,
                        "--precision", precision, images, cache)
                got.append(relative(export(cache, cache + "-export").reshape(x.shape), x))
            assert got[0] < close and far < got[1] < 1e-2, got


def recipe(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)["recipe"]


def refusal(name, *arguments):
    done = program(name, *arguments, status=1)
    sentence = [line for line in done.stderr.splitlines() if "seeded stand-in" not in line]
    assert len(sentence) == 1, done.stderr
    assert re.search(r"precision is (bfloat16, not float32|float32, not bfloat16)", sentence[0]), sentence
    return sentence[0]


def caches_of_two_precisions_do_not_go_together():
    with scratch() as at:
        images = make_images(at + "/images", each=2)
        single, half, model, other = (at + "/" + n for n in ("float32", "bfloat16", "float32.h5", "bfloat16.h5"))
        program("extract", *RANDOM, images, single)
        program("extract", *RANDOM, *BFLOAT16, images, half)
        assert (recipe(single)["precision"], recipe(half)["precision"]) == ("float32", "bfloat16")
        assert "\nProducts bfloat16\n" in program("extract", "--info", half).stdout
        difference = relative(export(half, at + "/e1"), export(single, at + "/e2"))
        assert 1e-3 < difference < 1e-2, difference
        again = program("extract", *RANDOM, *BFLOAT16, images, half).stdout
        assert again.startswith("0 new, 4 unchanged"), again

        assert half in refusal("extract", *RANDOM, images, half)
        assert single in refusal("extract", *RANDOM, *BFLOAT16, images, single)
        refusal("extract", "--merge", single, half)
        refusal("extract", "--merge", half, single)
        refusal("extract", "--duplicates", single, half)
        program("train", *HEAD, single, model)
        program("train", *HEAD, half, other)
        refusal("train", *[o for o in HEAD if o not in ("--validation-split", 0)], "--validation", half, single, at + "/x.h5")
        refusal("train", *HEAD, "--from", model, half, at + "/x.h5")
        refusal("evaluate", half, model)
        refusal("evaluate", single, other)
        program("evaluate", single, model)
        program("evaluate", half, other)


def predictions(at, source, model):
    program("evaluate", "--quiet", "--predictions", at + "/p.csv", source, model)
    rows = [line.split(",") for line in open(at + "/p.csv").read().splitlines()[1:]]
    return np.array([[float(p) for p in row[3:]] for row in rows])


def training_and_evaluating_images_take_it_along():
    with scratch() as at:
        images, cache, model = make_images(at + "/images", each=2), at + "/cache", at + "/m.h5"
        program("train", "--approach", "bootstrap", *HEAD, *RANDOM, *BFLOAT16, "--images", images, model)
        with h5py.File(model, "r") as file:
            assert json.loads(file.attrs["vggcache_recipe"])["precision"] == "bfloat16"
        program("extract", *RANDOM, *BFLOAT16, images, cache)
        assert np.array_equal(predictions(at, images, model), predictions(at, cache, model))
        assert "bfloat16" in open(report(at, cache, model)).read()


def report(at, cache, model):
    program("evaluate", "--quiet", "--report", at + "/report", cache, model)
    return at + "/report/index.html"


def it_is_refused_where_no_base_runs():
    with scratch() as at:
        images = make_images(at + "/images")
        error = program("extract", "--layer", "input", *BFLOAT16, images, at + "/c", status=2).stderr
        assert "--precision" in error and "--layer input" in error, error
        error = program("train", "--approach", "bootstrap", "--augmented-cache", "c", *BFLOAT16, "m.h5", status=2).stderr
        assert "--precision" in error and "--images" in error, error
        assert "float32, bfloat16" in program("extract", "--precision", "half", images, at + "/c", status=2).stderr


run(features_are_sums_of_rounded_inputs_and_kernels,
    caches_of_two_precisions_do_not_go_together,
    training_and_evaluating_images_take_it_along,
    it_is_refused_where_no_base_runs)
