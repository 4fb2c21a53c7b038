"""evaluate --next: what to label next, against NumPy: the nearest scores, and of these what stands for the others."""
import csv, os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import program, run, scratch

CLASSES = ("blue", "green", "red")


def make(at, labelled=12, pool=90):
    """A flat folder of colours that blend into one another, some of them labelled; a cache of it, one of all with labels, a model."""
    rng = np.random.default_rng(6)
    os.mkdir(at + "/images")
    tables = {name: ["path,class"] for name in ("some", "all")}
    for i in range(labelled + pool):
        weights = rng.dirichlet((0.7, 0.7, 0.7))
        colour = 40 + 170 * weights[::-1] + rng.normal(0, 6, 3)
        Image.fromarray((colour + rng.normal(0, 4, (8, 8, 3))).clip(0, 255).astype("u1")).save("%s/images/%03d.png" % (at, i))
        for name in ("some", "all") if i < labelled else ("all",):
            tables[name].append("%03d.png,%s" % (i, CLASSES[weights.argmax()]))
    for name, lines in tables.items():
        with open("%s/%s.csv" % (at, name), "w") as file:
            file.write("\n".join(lines) + "\n")
        program("extract", "-q", "--preset", "keras", "--layer", "input", "--labels", "%s/%s.csv" % (at, name), "--unlabelled", "keep",
                at + "/images", "%s/%s.cache" % (at, name))
    program("train", "-q", "--head", "linear", "--folds", 3, at + "/some.cache", at + "/m.h5")
    return ["%03d.png" % i for i in range(labelled, labelled + pool)]


def table(text):
    return list(csv.DictReader(text.splitlines()))


def summaries(at):
    program("extract", "-q", "--export", at + "/x", at + "/all.cache")
    with open(at + "/x/items.csv", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    x = np.load(at + "/x/features.npy").astype(float).reshape(len(paths), -1, 3).mean(1)
    return dict(zip(paths, x / np.linalg.norm(x, axis=1, keepdims=True)))


def the_choice_is_uncertain_and_stands_for_the_others():
    with scratch() as at:
        unlabelled, k = make(at), 5
        answers = {row["path"]: row for row in table(program("evaluate", "-q", "--predict", at + "/m.h5", "--top", 2, "--format", "csv", at + "/some.cache").stdout)}
        margin = {p: np.float32(answers[p]["probability_1"]) - np.float32(answers[p]["probability_2"]) for p in unlabelled}
        uncertain = sorted(unlabelled, key=lambda p: (margin[p], p))[:10 * k]
        assert len(uncertain) < len(unlabelled)
        x = summaries(at)
        cosines = np.array([x[p] for p in uncertain]) @ np.array([x[p] for p in uncertain]).T
        rows = table(program("evaluate", "-q", "--next", k, at + "/m.h5", at + "/some.cache").stdout)
        assert len({row["path"] for row in rows}) == k and all(row == answers[row["path"]] for row in rows), rows
        nearest = np.full(len(uncertain), -1.0)
        for row in rows:  # each is, but for rounding, the best there was
            gains = np.maximum(cosines - nearest, 0).sum(1)
            chosen = uncertain.index(row["path"])
            assert gains[chosen] > gains.max() - 1e-4, (row, gains[chosen], gains.max())
            nearest = np.maximum(nearest, cosines[chosen])
        assert nearest.sum() > np.maximum.reduce(cosines[:k]).sum() + 0.1  # the least certain alone stand for fewer


def all_that_have_no_label_come_the_least_certain_first():
    with scratch() as at:
        unlabelled = make(at, pool=7)
        done = program("evaluate", "--next", 20, "--images", at + "/images", "--sheet", at + "/s.svg", at + "/m.h5", at + "/some.cache")
        rows = table(done.stdout)
        margins = [float(row["probability_1"]) - float(row["probability_2"]) for row in rows]
        assert sorted(row["path"] for row in rows) == unlabelled and margins == sorted(margins)
        assert "has 7 images without a label" in done.stderr
        with open(at + "/s.svg") as file:
            assert file.read().count("<image") >= 7
        with open(at + "/next.csv", "w") as file:  # answered: the table gets a column, and the cache learns from it
            file.write("path,class\n" + "".join("%s,red\n" % row["path"] for row in rows))
        assert program("extract", "--labels", at + "/next.csv", at + "/some.cache").stdout == "7 relabelled, 12 unchanged\n"
        assert "no images without a label" in program("evaluate", "--next", 3, at + "/m.h5", at + "/some.cache", status=1).stderr


def what_cannot_be_chosen_from_is_refused_in_one_sentence():
    with scratch() as at:
        make(at, pool=3)
        for arguments, said, status in (([at + "/m.h5", at + "/images"], "is no cache", 1), ([at + "/m.h5"], "takes a model and a cache", 2),
                                        (["--predict", at + "/m.h5", at + "/some.cache"], "mutually exclusive", 2),
                                        (["--sheet", at + "/s.svg", at + "/m.h5", at + "/some.cache"], "--sheet needs --images", 2),
                                        (["--weights", "random", at + "/m.h5", at + "/some.cache"], "--weights is not used by --next", 2)):
            error = program("evaluate", "-q", "--next", 2, *arguments, status=status).stderr
            assert said in error, error


run(the_choice_is_uncertain_and_stands_for_the_others, all_that_have_no_label_come_the_least_certain_first,
    what_cannot_be_chosen_from_is_refused_in_one_sentence)
