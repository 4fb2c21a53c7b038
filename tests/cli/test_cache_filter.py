"""Choosing classes and images from a cache gives the same as a cache of only those."""
import csv, hashlib, json, os, shutil, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from tap import program, run, scratch


def make_cache(folder, name, items):
    """items: (path, vector); the class is the path's first part."""
    paths = [os.path.join(folder, name + end) for end in (".npy", ".csv", "")]
    np.save(paths[0], np.array([x for _, x in items], np.float32))
    with open(paths[1], "w") as out:
        out.writelines("%s,%s\n" % (path, path.split("/")[0]) for path, _ in items)
    program("tools/make-cache", *paths)
    return paths[2]


def items(classes="abcd", images=8, features=192):
    rng = np.random.default_rng(5)
    return [("%s/%02d.jpg" % (c, i), np.maximum(rng.normal(0.3 * k, 1, features), 0)) for k, c in enumerate(classes) for i in range(images)]


def lists(folder, lines):
    path = os.path.join(folder, "list.txt")
    with open(path, "w") as out:
        out.write("\n".join(lines) + "\n")
    return path


def choices(folder):
    """(options, the items they select)."""
    listed = ["c/03", "a/01", "a/00.jpg", "c/05", "c/01", "a/07", "b/99", "a/02", "d/00"]
    return ((["--classes", "c,a", "--limit-per-class", "6"], lambda p: p[0] in "ac" and int(p[2:4]) < 6),
            (["--first-classes", "2"], lambda p: p[0] in "ab"),
            (["--list", lists(folder, listed), "--classes", "a,c"],
             lambda p: p[0] in "ac" and p[:4] in {l[:4] for l in listed}))


HEADS = (["--hidden", "4", "--epochs", "2", "--validation-split", "0"], ["--head", "linear", "--cost", "0.1"])


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def training_takes_the_images_chosen_and_no_others():
    with scratch() as at:
        everything = items()
        whole = make_cache(at, "whole", everything)
        for number, (options, takes) in enumerate(choices(at)):
            part = make_cache(at, "part%d" % number, [item for item in everything if takes(item[0])])
            for head in HEADS:
                weights = []
                for cache, more in ((whole, options), (part, [])):
                    predictions = os.path.join(at, "p.csv")
                    program("train", *head, *more, cache, at + "/m.h5")
                    program("evaluate", "--predictions", predictions, part, at + "/m.h5")
                    weights.append(digest(predictions))
                    os.remove(at + "/m.h5")
                assert weights[0] == weights[1], (options, head)


def evaluation_judges_the_images_chosen_and_no_others():
    with scratch() as at:
        everything = items()
        whole = make_cache(at, "whole", everything)
        for number, (options, takes) in enumerate(choices(at)):
            part = make_cache(at, "part%d" % number, [item for item in everything if takes(item[0])])
            program("train", *HEADS[1], part, at + "/m.h5")
            tables = []
            for cache, more in ((whole, options), (part, [])):
                program("evaluate", *more, "--predictions", at + "/p.csv", "--scatter", at + "/s.png", cache, at + "/m.h5")
                tables.append(open(at + "/p.csv").read())
            assert tables[0] == tables[1], options
            assert tables[0].count("\n") - 1 == sum(takes(path) for path, _ in everything), options
            os.remove(at + "/m.h5")


def what_the_cache_does_not_have_is_refused_by_name():
    with scratch() as at:
        whole = make_cache(at, "whole", items())
        for options, sentence in ((["--classes", "a,zebra"], "has no class 'zebra'"),
                                  (["--list", lists(at, ["a/77", "b/88"])], "has none of the images that "),
                                  (["--classes", "a"], "at least two")):
            for head in HEADS:
                error = program("train", *head, *options, whole, at + "/m.h5", status=1).stderr
                assert sentence in error and whole in error and error.count("\n") == 1, error
        error = program("train", "--classes", "a,b", "--first-classes", "2", whole, at + "/m.h5", status=2).stderr
        assert "mutually exclusive" in error, error


def import_cache(folder, name, items):
    np.save(folder + "/x.npy", np.stack([x for _, x in items]).astype("<f4"))
    with open(folder + "/items.csv", "w", newline="") as out:
        csv.writer(out).writerows([("path", "class"), *((path, path.split("/")[0]) for path, _ in items)])
    program("extract", "-q", "--import", folder + "/x.npy", folder + "/items.csv", os.path.join(folder, name))
    return os.path.join(folder, name)


def class_names_with_commas_are_named_as_they_are_in_quotes_or_one_by_one():
    """Also where a part of a name is a class of its own: quotes, or the option once for each, then decide."""
    names = ("bell, red", "bell", "red", "x")
    with scratch() as at:
        whole = import_cache(at, "whole", items(names))
        for k, name in enumerate(names):
            os.makedirs("%s/images/%s" % (at, name))
            with open("%s/images/%s/1.ppm" % (at, name), "wb") as out:
                out.write(b"P6 1 1 255\n%c%c%c" % (10 * k, 20, 30))
        for options, taken in ((["--classes", '"bell, red",x'], {"bell, red", "x"}), (["--classes", "bell,red"], {"bell", "red"}),
                               (["--classes", "bell", "--classes", "x , red"], {"bell", "red", "x"})):
            program("train", *HEADS[1], *options, whole, at + "/m.h5")
            program("evaluate", "--json", at + "/f.json", *options, whole, at + "/m.h5")
            assert set(json.load(open(at + "/f.json"))["classes"]) == taken, options
            program("extract", "-q", "--weights", "random:1", "--layer", "input", *options, at + "/images", at + "/new")
            info = json.loads(program("extract", "--info", "--json", at + "/new").stdout)
            assert {c["name"] for c in info["classes"]} == taken, info
            shutil.rmtree(at + "/new")
        some = import_cache(at, "some", items(("bell, red", "x")))
        for head in HEADS:  # no class is named "bell": the parts together are
            program("train", *head, "--classes", "bell, red,x", "--class-weight", "bell, red:2,x:3", some, at + "/m.h5")
            program("train", *head, "--class-weight", '"bell, red:2"', "--class-weight", "x:3", some, at + "/n.h5")
            with h5py.File(at + "/m.h5") as one, h5py.File(at + "/n.h5") as two:
                assert all((one[path][()] == two[path][()]).all() for path in datasets(one))
        for wrong in ('"bell', "x:0x3", "x: 3"):
            assert "--class-weight" in program("train", *HEADS[1], "--class-weight", wrong, some, at + "/n.h5", status=1).stderr
        assert "a quote is not closed" in program("train", *HEADS[1], "--classes", '"bell', some, at + "/n.h5", status=1).stderr


def datasets(file):
    paths = []
    file.visititems(lambda path, node: paths.append(path) if isinstance(node, h5py.Dataset) else None)
    assert len(paths) > 1
    return paths


def names_without_an_ending_can_be_listed():
    with scratch() as folder:
        plain = [(path[:-4], x) for path, x in items("ab")]
        whole, some = make_cache(folder, "whole", plain), make_cache(folder, "some", [i for i in plain if i[0][-1] in "135"])
        chosen = lists(folder, [path for path, _ in plain if path[-1] in "135"])
        program("train", *HEADS[1], "--list", chosen, whole, folder + "/one.h5")
        program("train", *HEADS[1], some, folder + "/two.h5")
        for name in ("one", "two"):
            program("evaluate", "--predictions", "%s/%s.csv" % (folder, name), some, "%s/%s.h5" % (folder, name))
        assert open(folder + "/one.csv").read() == open(folder + "/two.csv").read()


run(names_without_an_ending_can_be_listed, training_takes_the_images_chosen_and_no_others, evaluation_judges_the_images_chosen_and_no_others,
    what_the_cache_does_not_have_is_refused_by_name, class_names_with_commas_are_named_as_they_are_in_quotes_or_one_by_one)
