"""train --suspects and --learning-curve: deliberately flipped labels are found as well as by the published rule in NumPy."""
import csv, os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import program, run, scratch

NAMES = "abcd"


def make_cache(folder, n=400, features=192, flipped=20, spread=0.5):
    """Four classes; `flipped` images have another class's label. Returns the cache and which images these are."""
    rng = np.random.default_rng(3)
    true = np.arange(n) % 4
    x = np.maximum(rng.normal(size=(4, features))[true] * spread + rng.normal(size=(n, features)), 0).astype(np.float32)
    labels = true.copy()
    wrong = rng.choice(n, flipped, replace=False)
    labels[wrong] = (true[wrong] + rng.integers(1, 4, flipped)) % 4
    paths = ["%s/%05d.jpg" % (NAMES[k], i) for i, k in enumerate(labels)]
    npy, items, cache = (os.path.join(folder, name) for name in ("x.npy", "x.csv", "cache"))
    np.save(npy, x)
    with open(items, "w") as out:
        out.writelines("%s,%s\n" % (path, NAMES[k]) for path, k in zip(paths, labels))
    program("tools/make-cache", npy, items, cache)
    return cache, x, labels, {paths[i]: NAMES[true[i]] for i in wrong}


def confident_learning(x, labels, folds=5):
    """Indices by cleanlab's published rule (Northcutt et al. 2021, section 3.1), most certain first, on held-out probabilities
    of regularised least squares."""
    scaled = (x - x.mean(0)) / np.where(x.std(0) > 0, x.std(0), 1)
    targets, fold, values = np.eye(4)[labels], np.arange(len(x)) // 4 % folds, np.zeros((len(x), 4))
    for k in range(folds):
        a, b = scaled[fold != k], targets[fold != k]
        values[fold == k] = scaled[fold == k] @ np.linalg.solve(a.T @ a + 50 * np.eye(x.shape[1]), a.T @ (b - 0.25))
    p = np.exp(6 * values)
    p /= p.sum(1, keepdims=True)
    thresholds = np.array([p[labels == k, k].mean() for k in range(4)])
    confident = np.where(p >= thresholds, p, -1)
    suggested = confident.argmax(1)
    found = np.flatnonzero((confident.max(1) >= 0) & (suggested != labels))
    return found[np.argsort(-(p[found, suggested[found]] - p[found, labels[found]]))]


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def flipped_labels_are_found_as_the_published_rule_finds_them():
    with scratch() as folder:
        cache, x, labels, wrong = make_cache(folder)
        out = os.path.join(folder, "suspects.csv")
        for solver in ("lr", "svc-dual"):
            done = program("train", "--head", "linear", "--solver", solver, "--suspects", out, cache, os.path.join(folder, "m.h5"))
            suspects = rows(out)
            scores = [float(row["score"]) for row in suspects]
            assert scores == sorted(scores, reverse=True) and scores[-1] >= 0.1
            told = "%d of 400 labels may be wrong" % len(suspects), "about %.0f of these are, and %d more likely than not" % \
                (sum(scores), sum(score >= 0.5 for score in scores))
            assert all(words in done.stdout for words in told), done.stdout
            found = sum(row["path"] in wrong for row in suspects)
            assert -3 < found - sum(scores) < 10, (found, sum(scores))
            first = suspects[: len(wrong)]
            hits = [row for row in first if row["path"] in wrong]
            peer = confident_learning(x, labels)
            peer_hits = sum("%s/%05d.jpg" % (NAMES[labels[i]], i) in wrong for i in peer[: len(wrong)])
            assert len(hits) >= 0.7 * len(wrong) and len(hits) >= peer_hits - 3, (solver, len(hits), peer_hits)
            assert len(hits) >= 0.9 * len(first), (solver, len(hits), len(first))
            assert sum(wrong[row["path"]] == row["suggested"] for row in hits) >= 0.9 * len(hits)


def a_contact_sheet_says_which_images_are_gone():
    with scratch() as folder:
        cache, _, _, _ = make_cache(folder)
        sheet = os.path.join(folder, "sheet.png")
        done = program("train", "--head", "linear", "--suspects", os.path.join(folder, "s.csv"), "--suspects-sheet", sheet,
                       "--images", folder, cache, os.path.join(folder, "m.h5"))
        assert "could not be read below %s" % folder in done.stderr, done.stderr
        assert open(sheet, "rb").read(8) == b"\x89PNG\r\n\x1a\n"


def the_learning_curve_rises_towards_the_accuracy_of_all_images():
    with scratch() as folder:
        cache, _, _, _ = make_cache(folder, flipped=0, spread=0.2)
        out, plot = os.path.join(folder, "curve.csv"), os.path.join(folder, "curve.svg")
        done = program("train", "--head", "linear", "--folds", "5", "--learning-curve", out, "--learning-curve-plot", plot, cache,
                       os.path.join(folder, "m.h5"))
        curve = rows(out)
        assert list(curve[0]) == ["size", "accuracy", "low", "high"]
        sizes, accuracy = [int(row["size"]) for row in curve], [float(row["accuracy"]) for row in curve]
        assert sizes == sorted(sizes) and sizes[-1] == 320 and len(sizes) == 10, sizes
        assert accuracy[-1] > accuracy[0] + 0.1
        assert all(float(row["low"]) <= float(row["accuracy"]) <= float(row["high"]) for row in curve)
        folds = next(float(line.split()[1]) for line in done.stdout.splitlines() if "<- best" in line)
        assert abs(folds - accuracy[-1]) < 0.06, (folds, accuracy[-1])
        assert "With 320 images, the accuracy is" in done.stdout
        assert "<svg" in open(plot).read(300)


def what_cannot_be_answered_is_said_in_a_sentence():
    with scratch() as folder:
        cache, _, _, _ = make_cache(folder, n=4, flipped=0)
        done = program("train", "--head", "linear", "--suspects", os.path.join(folder, "s.csv"), cache, os.path.join(folder, "m.h5"),
                       status=1)
        assert "needs at least as many images, and it has 4: add images" in done.stderr, done.stderr
    with scratch() as folder:
        cache, _, _, _ = make_cache(folder, n=8, flipped=0)
        model = os.path.join(folder, "m.h5")
        for arguments, status, sentence in (
            (["--learning-curve", os.path.join(folder, "c.csv")], 1, "a learning curve needs at least 10 images"),
            (["--suspects-sheet", "s.png"], 2, "--suspects-sheet draws the images that --suspects lists"),
            (["--learning-curve-plot", "s.png"], 2, "--learning-curve-plot draws what --learning-curve writes"),
        ):
            done = program("train", "--head", "linear", *arguments, cache, model, status=status)
            assert sentence in done.stderr, done.stderr
        assert not os.path.exists(model)


run(flipped_labels_are_found_as_the_published_rule_finds_them,
    a_contact_sheet_says_which_images_are_gone,
    the_learning_curve_rises_towards_the_accuracy_of_all_images,
    what_cannot_be_answered_is_said_in_a_sentence)
