"""evaluate --trained-on: test images that were trained on are named, and the accuracy without them is what NumPy counts."""
import csv, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import program, run, scratch


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
        assert done.stdout.endswith("\n0 of 4 test images have the content of an image in %s\n" % train), done.stdout
        again = make_cache(at, "again", np.load(at + "/x.npy"), ["a/0", "a/1", "b/2", "b/3"])
        done = program("evaluate", "--trained-on", other, again, at + "/m.h5")
        assert "4 of 4 test images" in done.stdout and "none is left" in done.stdout, done.stdout
        done = program("evaluate", "--trained-on", at + "/nothing", test, at + "/m.h5", status=1)
        assert at + "/nothing" in done.stderr and done.stderr.count("\n") == 1 and not done.stdout, done
        os.makedirs(at + "/images/a")
        program("evaluate", "--trained-on", train, at + "/images", at + "/m.h5", status=2)
        program("evaluate", "--predict", "--trained-on", train, at + "/m.h5", at + "/images", status=2)


run(leaked_images_are_named_and_the_accuracy_without_them_is_numpys, none_and_all_are_said_and_what_cannot_be_told_is_refused)
