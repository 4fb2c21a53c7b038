"""The tiles that the base is computed with: chosen by the weights for a new cache, reported, and kept from then on."""
import json, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from noise_images import make_images
from tap import program, run, scratch

import h5py
import numpy as np

LAYER = ["--weights", "random:1", "--layer", "block1_pool"]
SMALLER = [1, 4]  # F(4x4) where the shape of block1_conv2 has F(6x6)
HEAD = ["--hidden", 4, "--epochs", 1, "--validation-split", 0, "--no-checkpoint"]
DEBUG = dict(os.environ, G_MESSAGES_DEBUG="vggcache")


def chosen(done):
    """How many times tiles were chosen in this run."""
    return len(re.findall(r"tiles of the base chosen in \d+\.\d\d s", done.stdout + done.stderr))


def extract(*arguments, probes, **options):
    done = program("extract", *arguments, env=DEBUG, **options)
    assert chosen(done) == probes, (arguments, done.stdout, done.stderr)
    return done.stdout.splitlines()[-1]


def recipe(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)["recipe"]


def features(cache):
    program("extract", "--export", cache + "-export", cache)
    return np.load(cache + "-export/features.npy")


def make_old(at, name, like, tiles=None):
    """A cache of one vector (not the named image's) with this recipe or the given cache's, without tiles or with the given ones."""
    told = dict(like) if isinstance(like, dict) else recipe(like)
    del told["tiles"], told["rounding_error"]
    if tiles:
        told.update(tiles=tiles, rounding_error=1e-6)
    paths = [os.path.join(at, name + end) for end in (".npy", ".csv", "", ".json")]
    np.save(paths[0], np.zeros((1, int(np.prod(told["shape"]))), np.float32))
    with open(paths[1], "w") as file:
        file.write("a/0.png,a\n")
    with open(paths[3], "w") as file:
        json.dump(told, file)
    program("tools/make-cache", *paths[:3], "sparse", paths[3])
    return paths[2]


def a_cache_goes_on_with_its_tiles_and_is_not_measured_again():
    with scratch() as at:
        images, new = make_images(at + "/images"), at + "/new"
        assert extract(*LAYER, images, new, probes=1).startswith("2 new")
        told = recipe(new)
        assert told["tiles"] == [1, 6] and 0 < told["rounding_error"] < 2e-5, told
        assert extract(*LAYER, images, new, probes=0).startswith("0 new, 2 unchanged")
        old, smaller = make_old(at, "old", new), make_old(at, "smaller", new, SMALLER)
        for cache in (old, smaller):
            before = recipe(cache)
            assert extract(*LAYER, images, cache, probes=0).startswith("1 new, 0 unchanged, 1 changed")
            assert recipe(cache) == before
        assert "tiles" not in recipe(old) and recipe(smaller)["tiles"] == SMALLER
        x, y = features(new), [features(cache) for cache in (old, smaller)]
        assert np.array_equal(x, y[0])
        difference = np.linalg.norm(x - y[1]) / np.linalg.norm(x)
        assert 1e-8 < difference < 1e-5, difference

        refused = "rounded otherwise"
        for first, second in ((new, old), (old, new)):
            program("extract", "--merge", first + "-merged", first, second)
            program("extract", "--merge", first + "-merged", second)
        for first, second in ((new, smaller), (smaller, old)):
            error = program("extract", "--merge", at + "/none", first, second, status=1).stderr
            assert "its block1_conv2 is computed by F(" in error and refused in error, error
        assert refused in program("extract", "--duplicates", new, smaller, status=1).stderr


def both_parts_of_a_split_have_the_same_tiles():
    with scratch() as at:
        images, cache = make_images(at + "/images", each=2), at + "/cache"
        split = [*LAYER, "--split-test", 0.5, images, cache]
        extract(*split, probes=1)
        assert recipe(cache) == recipe(cache + ".test")
        os.rename(cache + ".test", at + "/away")
        make_old(at, "c.test", cache, SMALLER)
        split[-1] = at + "/c"  # its test part exists, and determines the tiles of the training part
        extract(*split, probes=0)
        assert recipe(at + "/c") == recipe(at + "/c.test") and recipe(at + "/c")["tiles"] == SMALLER


def tiles_and_their_rounding_are_told():
    with scratch() as at:
        images, cache = make_images(at + "/images", "a"), at + "/cache"
        extract(*LAYER, images, cache, probes=1)
        text = program("extract", "--info", cache).stdout
        assert "\nTiles    block1_conv1 direct, block1_conv2 F(6x6)\nRounding %.1e of the features" % \
            recipe(cache)["rounding_error"] in text, text
        text = program("extract", "--info", make_old(at, "old", cache)).stdout
        assert "\nRounding not measured" in text, text
        extract("--layer", "input", images, at + "/input", probes=0)
        assert "Tiles" not in program("extract", "--info", at + "/input").stdout


def models_keep_them_and_predict_with_them():
    with scratch() as at:
        images, model, other = make_images(at + "/images"), at + "/m.h5", at + "/other.h5"
        weights = ["--weights", "random:1"]
        done = program("train", "--approach", "bootstrap", *HEAD, *weights, "--images", images, model, env=DEBUG)
        told = model_recipe(model)
        assert chosen(done) == 1 and len(told["tiles"]) == 13 and 0 < told["rounding_error"] < 2e-5, told

        smaller = make_old(at, "smaller", told, [1] + 12 * [4])
        extract(*weights, images, smaller, probes=0)
        program("train", *HEAD, "--scale", "none", smaller, other)
        assert model_recipe(other)["tiles"] == [1] + 12 * [4]
        assert np.array_equal(predictions(at, other, smaller), predictions(at, other, *weights, images))
        error = program("evaluate", smaller, model, status=1).stderr
        assert "rounded otherwise" in error, error

        tune = ["--approach", "finetune", *HEAD, "--unfreeze", 1, *weights, "--images", images, at + "/tuned.h5", "--from"]
        for start, remarks in ((model, False), (other, True)):
            done = program("train", *tune, start, env=DEBUG)
            assert chosen(done) == 1
            assert ("rounded otherwise; training goes on" in done.stderr) == remarks, done.stderr


def model_recipe(model):
    with h5py.File(model, "r") as file:
        return json.loads(file.attrs["vggcache_recipe"])


def predictions(at, model, *source):
    """Predictions, for which no tiles are chosen."""
    done = program("evaluate", "--predictions", at + "/p.csv", *source, model, env=DEBUG)
    assert not chosen(done)
    rows = [line.split(",") for line in open(at + "/p.csv").read().splitlines()[1:]]
    return np.array([[float(p) for p in row[3:]] for row in rows])


run(a_cache_goes_on_with_its_tiles_and_is_not_measured_again,
    both_parts_of_a_split_have_the_same_tiles,
    tiles_and_their_rounding_are_told,
    models_keep_them_and_predict_with_them)
