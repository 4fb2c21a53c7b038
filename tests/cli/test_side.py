"""--side: images of another size through the base, against Pillow's pixels and images that have that size already; and heads on
what comes out."""
import csv, json, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
from tap import program, run, says, scratch

FOLDER = scratch()
COMMON = ["--weights", "random", "--side", 96]


def at(*names):
    return os.path.join(FOLDER.path, *names)


def extract(*arguments, **options):
    return program("extract", "-q", *arguments, **options)


def exported(cache):
    extract("--export", at("exported"), cache)
    with open(at("exported", "items.csv"), newline="") as file:
        return np.load(at("exported", "features.npy")), [row["path"] for row in csv.DictReader(file)]


def prepare():
    program("demo-images", at("images"), 3, 2)
    for part in "train", "test":
        extract(*COMMON, at("images", part), at(part))


def pixels_are_pillows_at_that_size():
    extract(*COMMON, "--preset", "keras", "--layer", "input", at("images", "test"), at("input"))
    tensors, paths = exported(at("input"))
    for tensor, path in zip(tensors.reshape(-1, 96, 96, 3), paths):
        pixels = Image.open(at("images", "test", path)).convert("RGB").resize((96, 96), Image.NEAREST)
        expected = np.asarray(pixels, float)[..., ::-1] - [103.939, 116.779, 123.68]
        assert np.abs(tensor - expected).max() < 1e-4, path


def features_are_those_of_images_that_have_the_size_already():
    """Corners of 128 x 128 of larger images: where the maps do not see the other two borders, they are the same."""
    for path in exported(at("test"))[1]:
        os.makedirs(os.path.dirname(at("large", path)), exist_ok=True)
        os.makedirs(os.path.dirname(at("small", path)), exist_ok=True)
        image = Image.open(at("images", "test", path)).convert("RGB").resize((224, 224), Image.NEAREST)
        image.save(at("large", path[:-4] + ".png"))
        image.crop((0, 0, 128, 128)).save(at("small", path[:-4] + ".png"))
    base = ["--weights", "random", "--preset", "keras", "--layer", "block3_pool"]
    extract(*base, at("large"), at("large.cache"))
    extract(*base, "--side", 128, at("small"), at("small.cache"))
    large, small = exported(at("large.cache"))[0].reshape(-1, 28, 28, 256), exported(at("small.cache"))[0].reshape(-1, 16, 16, 256)
    seen = 13  # of 16 places: block3_pool sees 22 pixels to each side, or fewer
    difference = np.linalg.norm(large[:, :seen, :seen] - small[:, :seen, :seen]) / np.linalg.norm(small[:, :seen, :seen])
    assert difference < 4e-5, difference
    assert np.abs(large[:, :16, :16] - small).max() > 1e-2 * small.max()  # where it sees the border, not


def threads_and_batches_change_no_bit_and_the_cache_goes_on():
    extract(*COMMON, "--threads", 1, "--batch", 1, at("images", "train"), at("one"))
    extract(*COMMON, "--threads", 2, "--batch", 5, at("images", "train"), at("two"))
    assert (exported(at("one"))[0] == exported(at("two"))[0]).all() and exported(at("one"))[0].shape == (15, 9 * 512)
    done = program("extract", *COMMON, at("images", "train"), at("one"))
    assert says(done.stdout, "0 new, 15 unchanged"), done.stdout
    told = json.loads(program("extract", "--info", "--json", at("one")).stdout)["recipe"]
    assert told["side"] == 96 and told["shape"] == [3, 3, 512], told
    assert "Images   96x96, " in program("extract", "--info", at("one")).stdout


def heads_predict_from_images_as_from_the_cache():
    extract("--pool", "avg", at("train"), at("train.avg"))
    extract("--pool", "avg", at("test"), at("test.avg"))
    for train, test, options in (("train", "test", ["--head", "linear"]), ("train.avg", "test.avg", ["--head", "linear"]),
                                 ("train", "test", ["--epochs", 2, "--validation-split", 0])):
        program("train", "-q", *options, at(train), at("m.h5"))
        program("evaluate", "-q", "--predictions", at("cache.csv"), at(test), at("m.h5"))
        program("evaluate", "-q", "--predictions", at("folder.csv"), at("images", "test"), at("m.h5"))
        assert open(at("cache.csv")).read() == open(at("folder.csv")).read()


def maps_have_the_places_of_the_size():
    """Of two models, the larger one's columns."""
    extract("--weights", "random", "--side", 64, at("images", "train"), at("two.places"))
    kernels = {}
    for name, cache in ("m2", "two.places"), ("m3", "train"):
        program("train", "-q", "--head", "linear", at(cache), at(name + ".h5"))
        with h5py.File(at(name + ".h5")) as file:
            kernels[name] = file["dense/dense/kernel:0"][()].astype(float), json.loads(file.attrs["vggcache_classes"])
    extract("--weights", "random", "--side", 64, at("images", "test"), at("two.test"))
    features = {name: dict(zip(*exported(at(cache))[::-1])) for name, cache in (("m2", "two.test"), ("m3", "test"))}
    program("evaluate", "-q", "--limit-per-class", 1, "--explain", at("e"), at("images", "test"), at("m2.h5"), at("m3.h5"))
    with open(at("e", "maps.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [c for c in rows[0] if c[0] == "r" and c[1:2].isdigit()] == ["r%dc%d" % (r, c) for r in range(3) for c in range(3)]
    for row in rows:
        name, side = row["model"], int(row["model"][1])
        kernel, classes = kernels[name]
        x = np.sqrt(features[name][row["path"]].astype(float))
        parts = (kernel[:, classes.index(row["class"])] * x / np.linalg.norm(x)).reshape(side, side, 512).sum(2)
        for r in range(3):
            for c in range(3):
                told = row["r%dc%d" % (r, c)]
                assert (told == "") if max(r, c) >= side else abs(float(told) - parts[r, c]) < 1e-6, (row, parts)
    assert {row["model"] for row in rows} == {"m2", "m3"} and Image.open(at("e", rows[0]["picture"])).width > 300


def another_size_is_refused_in_a_sentence():
    program("train", "-q", "--head", "linear", at("train"), at("m.h5"))
    extract("--weights", "random", "--limit-per-class", 1, at("images", "test"), at("usual"))
    extract("--weights", "random", "--side", 32, at("images", "test"), at("dot"))
    program("train", "-q", "--head", "linear", at("dot"), at("dot.h5"))
    for arguments, sentence, status in (
            (["extract", "--weights", "random", at("images", "train"), at("train")], "its images are 96 pixels wide, not 224", 1),
            (["evaluate", at("usual"), at("m.h5")], "its images are 96 pixels wide, not 224", 1),
            (["evaluate", "--explain", at("e"), at("dot"), at("dot.h5")], "needs a head of dense layers on the features of block5_pool", 1),
            (["extract", "--side", 100, at("images", "train"), at("none")], "--side takes a multiple of 32", 2),
            (["extract", "--side", 16, at("images", "train"), at("none")], "--side", 2),
            (["extract", "--side", 96, "--layer", "fc1", at("images", "train"), at("none")], "with --layer fc1 and fc2 only 224", 2)):
        error = program(*arguments, status=status).stderr
        lines = [line for line in error.splitlines() if "seeded stand-in" not in line and not line.startswith("Try ")]
        assert len(lines) == 1 and sentence in lines[0], (arguments, error)


with FOLDER:
    prepare()
    run(pixels_are_pillows_at_that_size, features_are_those_of_images_that_have_the_size_already,
        threads_and_batches_change_no_bit_and_the_cache_goes_on, heads_predict_from_images_as_from_the_cache,
        maps_have_the_places_of_the_size,
        another_size_is_refused_in_a_sentence)
