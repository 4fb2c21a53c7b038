"""Test images that were trained on, by the model file's record and by evaluate --trained-on: they are listed, and the accuracy
without them equals NumPy's."""
import csv, hashlib, json, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from tap import program, run, says, scratch


def make_cache(at, name, x, paths):
    np.save(at + "/x.npy", x.astype("<f4"))
    with open(at + "/x.csv", "w") as out:
        out.writelines("%s,%s\n" % (p, p.split("/")[0]) for p in paths)
    program("tools/make-cache", at + "/x.npy", at + "/x.csv", at + "/" + name)
    return at + "/" + name


def prepare(at):
    rng = np.random.default_rng(4)
    x, y = rng.random((40, 192)), rng.random((30, 192))
    y[[2, 7, 20]] = x[[11, 3, 39]]
    train = make_cache(at, "train", x, ["%s/%02d" % ("ab"[i % 2], i) for i in range(40)])
    test = make_cache(at, "test", y, ["%s/%02d" % ("ba"[i < 15], i) for i in range(30)])
    program("train", "--quiet", "--head", "linear", train, at + "/m.h5")
    return train, test


def leaked_images_are_named_and_the_accuracy_without_them_is_numpys():
    with scratch() as at:
        train, test = prepare(at)
        done = program("evaluate", "--predictions", at + "/p.csv", "--trained-on", train, test, at + "/m.h5")
        tail = done.stdout[done.stdout.index("\n3 of 30 test images have the content of an image in "):]
        assert "and 0 more are nearly the same as one" in tail
        assert re.findall(r"^  (\S+) is (\S+)$", tail, re.M) == [("a/02", "b/11"), ("a/07", "b/03"), ("b/20", "b/39")], tail
        with open(at + "/p.csv", newline="") as file:
            right = np.array([row["true"] == row["predicted"] for row in csv.DictReader(file)])
        new = np.delete(right, [2, 7, 20])
        everything, without = re.search(r"^ +(\S+) +(\S+)  \S+ to \S+  m$", tail, re.M).groups()
        assert (everything, without) == ("%.4f" % right.mean(), "%.4f" % new.mean()), (tail, right.mean(), new.mean())

        done = program("evaluate", "--limit-per-class", 10, "--trained-on", train, test, at + "/m.h5")
        assert "\n3 of 20 test images have the content" in done.stdout and "  b/20 is b/39\n" in done.stdout, done.stdout


def none_and_all_are_said_and_what_cannot_be_told_is_refused():
    with scratch() as at:
        train, test = prepare(at)
        rng = np.random.default_rng(5)
        other = make_cache(at, "other", rng.random((4, 192)), ["a/0", "a/1", "b/2", "b/3"])
        done = program("evaluate", "--trained-on", train, other, at + "/m.h5")
        assert done.stdout.endswith("\n0 of 4 test images have the content of an image in %s, and 0 more are nearly the same as "
                                    "one (cosine of the features >= 0.99)\n" % train), done.stdout
        again = make_cache(at, "again", np.load(at + "/x.npy"), ["a/0", "a/1", "b/2", "b/3"])
        done = program("evaluate", "--trained-on", other, again, at + "/m.h5")
        assert says(done.stdout, "4 of 4 test images") and "none is left" in done.stdout, done.stdout
        done = program("evaluate", "--trained-on", at + "/nothing", test, at + "/m.h5", status=1)
        assert at + "/nothing" in done.stderr and done.stderr.count("\n") == 1 and not done.stdout, done
        os.makedirs(at + "/images/a")
        program("evaluate", "--trained-on", train, at + "/images", at + "/m.h5", status=2)
        program("evaluate", "--predict", "--trained-on", train, at + "/m.h5", at + "/images", status=2)


def figures(at, *arguments):
    program("evaluate", "--json", at + "/f.json", "--predictions", at + "/p.csv", *arguments)
    with open(at + "/f.json") as file, open(at + "/p.csv", newline="") as rows:
        return json.load(file)["models"][0]["leakage"], np.array([row["true"] == row["predicted"] for row in csv.DictReader(rows)])


def a_model_knows_what_it_was_trained_on_itself():
    with scratch() as at:
        train, test = prepare(at)
        done = program("evaluate", "--report", at + "/report", test, at + "/m.h5")
        assert "\n3 of 30 test images were in a training set\n" in done.stdout, done.stdout
        for path in ("a/02", "a/07", "b/20"):
            assert "  %s is in a training set\n" % path in done.stdout, done.stdout
        assert "\nTrained on        3 of the 30 images. On the 27 others m is right on" in done.stdout, done.stdout
        assert "Evaluate on images it was not trained on" in done.stdout
        with open(at + "/report/index.html") as page:
            assert says(page.read(), "3 of 30 test images were in a training set")
        leakage, right = figures(at, test, at + "/m.h5")
        assert (leakage["same_content"], leakage["nearly_same"], leakage["cache"], leakage["similarity"]) == (3, 0, None, None)
        assert [image["path"] for image in leakage["images"]] == ["a/02", "a/07", "b/20"]
        assert abs(leakage["accuracy_without"] - np.delete(right, [2, 7, 20]).mean()) < 1e-12, leakage
        done = program("evaluate", train, at + "/m.h5")
        assert "accuracy is that on training images" in done.stdout.replace("\n" + " " * 18, " "), done.stdout
        assert "none is left: nothing is known about new images" in done.stdout


def the_model_file_holds_the_hashes_of_the_training_part():
    """The dense head's split by Keras's rule: the first int(0.2 n) images of each class are for validation."""
    with scratch() as at:
        x = np.random.default_rng(7).random((41, 192)).astype("<f4")
        train = make_cache(at, "train", x, ["%s/%02d" % ("ab"[i % 2], i) for i in range(41)])
        prefix = np.array([np.frombuffer(hashlib.sha256(row.tobytes()).digest()[:8], "<u8")[0] for row in x])
        program("train", "--quiet", "--hidden", 4, "--epochs", 2, "--validation-split", 0.2, "--validation-order", "keras", train, at + "/d.h5")
        program("train", "--quiet", "--head", "linear", "--classes", "a,b", train, at + "/l.h5")
        trained = np.concatenate([np.arange(c, 41, 2)[int(0.2 * len(np.arange(c, 41, 2))):] for c in (0, 1)])
        for name, expected in (("d.h5", prefix[trained]), ("l.h5", prefix)):
            with h5py.File(at + "/" + name, "r") as file:
                held = file["vggcache/trained_on"]
                assert held.dtype == np.dtype("<u8") and np.array_equal(held[:], np.sort(expected)), name
        leakage, _ = figures(at, train, at + "/d.h5")
        assert leakage["same_content"] == len(trained)
        more = make_cache(at, "more", np.random.default_rng(8).random((20, 192)), ["%s/%02d" % ("ab"[i % 2], i) for i in range(20)])
        assert figures(at, more, at + "/d.h5")[0]["images"] == []


def images_that_are_nearly_the_same_are_those_of_numpy_s_cosines():
    with scratch() as at:
        rng = np.random.default_rng(9)
        x, y = rng.random((600, 192)).astype("<f4"), rng.random((290, 192)).astype("<f4")
        y[7], y[100], y[289] = x[3], 1.7 * x[599] + 0.02, x[256] + 0.1 * rng.random(192)
        train = make_cache(at, "train", x, ["%s/%03d" % ("ab"[i % 2], i) for i in range(600)])
        test = make_cache(at, "test", y, ["%s/%03d" % ("ba"[i < 150], i) for i in range(290)])
        program("train", "--quiet", "--head", "linear", train, at + "/m.h5")
        order = np.argsort(["%s/%03d" % ("ab"[i % 2], i) for i in range(600)])
        unit = lambda m: m / np.linalg.norm(m.astype("f8"), axis=1, keepdims=True)
        cosines = unit(y) @ unit(x[order]).T
        names = np.array(["%s/%03d" % ("ab"[i % 2], i) for i in range(600)])[order]
        for threshold in (0.99, 0.83):
            leakage, right = figures(at, "--threads", 2, "--trained-on", train, "--similarity", threshold, test, at + "/m.h5")
            expected = {i: names[row.argmax()] for i, row in enumerate(cosines) if row.max() >= threshold}
            assert 3 <= len(expected) < 200 and (threshold > 0.9 or len(expected) > 3), len(expected)
            assert leakage["same_content"] == 1 and leakage["nearly_same"] == len(expected) - 1, leakage
            found = {int(image["path"][2:]): image for image in leakage["images"]}
            assert {i: image["trained_on"] for i, image in found.items()} == expected
            for i, image in found.items():
                assert i == 7 and image["similarity"] is None or abs(image["similarity"] - cosines[i].max()) < 1e-5, image
            without = np.delete(right, list(expected))
            assert abs(leakage["accuracy_without"] - without.mean()) < 1e-12
        text = program("evaluate", "--trained-on", train, test, at + "/m.h5").stdout
        assert says(text, "1 of 290 test images have the content") and "and 2 more are nearly the same as one (cosine of the features >= 0.99)" in text
        assert "  a/100 is nearly b/599 (0.99" in text and "3 of the 290 images, or nearly identical ones. On the 287 others" in text.replace("\n" + " " * 18, " "), text
        error = program("evaluate", "--similarity", 0.9, test, at + "/m.h5", status=2).stderr
        assert "--similarity requires --trained-on" in error


def images_of_a_folder_are_known_again_too():
    with scratch() as at:
        for c, name in enumerate("ab"):
            os.makedirs(at + "/train/" + name), os.makedirs(at + "/test/" + name)
            for i in range(6):
                with open("%s/train/%s/%d.ppm" % (at, name, i), "wb") as out:
                    out.write(b"P6 4 4 255\n" + bytes((c * 90 + i * 11 + j * (i + 3)) % 256 for j in range(48)))
        with open(at + "/train/a/2.ppm", "rb") as old, open(at + "/test/a/copy.ppm", "wb") as new:
            new.write(old.read())
        for name in "ab":
            with open(at + "/test/%s/x.ppm" % name, "wb") as out:
                out.write(b"P6 4 4 255\n" + bytes(range(48)) if name == "a" else b"P6 4 4 255\n" + bytes(range(100, 148)))
        program("extract", "--quiet", "--layer", "input", at + "/train", at + "/c")
        program("train", "--quiet", "--head", "linear", at + "/c", at + "/m.h5")
        leakage, right = figures(at, at + "/test", at + "/m.h5")
        assert [image["path"] for image in leakage["images"]] == ["a/copy.ppm"], leakage
        assert abs(leakage["accuracy_without"] - right[1:].mean()) < 1e-12


run(leaked_images_are_named_and_the_accuracy_without_them_is_numpys, none_and_all_are_said_and_what_cannot_be_told_is_refused,
    a_model_knows_what_it_was_trained_on_itself, the_model_file_holds_the_hashes_of_the_training_part,
    images_that_are_nearly_the_same_are_those_of_numpy_s_cosines, images_of_a_folder_are_known_again_too)
