"""Answering only what is sure: --coverage and --set-threshold against NumPy, and what --predict says below the threshold."""
import csv, json, math, os, re, shutil, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
from tap import program, run, scratch


def draw(folder, seed, each=30):
    """Colours that overlap: some images are nearly certain, some a guess."""
    rng = np.random.default_rng(seed)
    for c, name in enumerate(("blue", "green", "red")):
        os.makedirs("%s/%s" % (folder, name))
        for i in range(each):
            colour = np.full(3, 100.0)
            colour[2 - c] += 30
            pixels = rng.normal(colour, 30, (12, 12, 3)) + rng.normal(0, 22, 3)
            Image.fromarray(pixels.clip(0, 255).astype("u1")).save("%s/%s/%02d.png" % (folder, name, i))
    return folder


MADE = scratch()


def prepare(at):
    for name, seed in (("train", 1), ("test", 2)):
        program("extract", "-q", "--preset", "keras", "--layer", "input", draw(at + "/" + name, seed), "%s/%s.cache" % (at, name))
    program("train", "-q", "--head", "linear", "--scale", "standard", "--folds", 3, at + "/train.cache", at + "/m.h5")
    program("train", "-q", "--head", "linear", "--scale", "standard", at + "/train.cache", at + "/margins.h5")


def make(at):
    shutil.copytree(MADE.path, at, dirs_exist_ok=True)


def probabilities(at, *options):
    program("evaluate", "-q", "--predictions", at + "/p.csv", *options, at + "/test.cache", at + "/m.h5")
    with open(at + "/p.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    confidence = np.array([[float(row[name]) for name in ("blue", "green", "red")] for row in rows], np.float32).max(1)
    return confidence, np.array([row["true"] for row in rows]), np.array([row["predicted"] for row in rows])


def accept(confidence, right, target):
    """The lowest confidence from which the answers are right often enough, by trying each."""
    good = [t for t in np.unique(confidence) if right[confidence >= t].mean() >= target]
    return min(good) if good else None


def wilson(k, n, z=1.959963984540054):
    centre, half = (k / n + z * z / (2 * n)) / (1 + z * z / n), z / (1 + z * z / n) * np.sqrt(k / n * (1 - k / n) / n + z * z / (4 * n * n))
    return [max(0, centre - half), min(1, centre + half)]


def thresholds_agree_with_numpy():
    with scratch() as at:
        make(at)
        confidence, truth, said = probabilities(at)
        right = truth == said
        assert 0.5 < right.mean() < 0.95, right.mean()
        done = program("evaluate", "--json", at + "/f.json", "--coverage", at + "/c.svg", at + "/test.cache", at + "/m.h5", at + "/margins.h5")
        with open(at + "/f.json") as file:
            models = json.load(file)["models"]
        assert models[1]["coverage"] == [] and "margins gives no probabilities" in done.stdout
        expected = {target: accept(confidence, right, target) for target in (0.9, 0.95, 0.99)}
        assert {point["target"]: np.float32(point["threshold"]) for point in models[0]["coverage"]} == \
            {target: t for target, t in expected.items() if t is not None}
        agree_with_numpy(done.stdout, "m", confidence, *(np.searchsorted(["blue", "green", "red"], names) for names in (truth, said)), ("blue", "green", "red"))
        for point in models[0]["coverage"]:
            taken = confidence >= np.float32(point["threshold"])
            assert (point["answered"], point["right"]) == (taken.sum(), (taken & right).sum())
            assert np.allclose(point["interval"], wilson(point["right"], point["answered"]))
            assert point["per_class"] == {name: {"answered": (taken & (truth == name)).sum(), "right": (taken & right & (truth == name)).sum()}
                                          for name in ("blue", "green", "red")}
        with open(at + "/c.svg") as file:
            assert "<svg" in file.read()
        assert "no model yields probabilities" in program("evaluate", "--coverage", at + "/d.svg", at + "/test.cache", at + "/margins.h5", status=1).stderr


def grouped(at, name, strength, seed):
    """A cache of 20 groups of six images that a model takes for one class, the right one the likelier the larger strength."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(20) % 3, 6)
    x = (rng.normal(0, 0.5, (20, 5)).repeat(6, 0) + rng.normal(0, 0.25, (120, 5))).astype("f4")
    x[np.arange(120), labels] += strength
    np.save("%s/%s.npy" % (at, name), x)
    with open("%s/%s.csv" % (at, name), "w") as file:
        file.write("path,class\n" + "".join("%s/g%02d-%d.jpg,%s\n" % ("abc"[k], i // 6, i, "abc"[k]) for i, k in enumerate(labels)))
    program("extract", "-q", "--import", "%s/%s.npy" % (at, name), "%s/%s.csv" % (at, name), "%s/%s" % (at, name))
    program("extract", "-q", "--group", "g[0-9]+", "%s/%s" % (at, name))
    return "%s/%s" % (at, name)


def evaluated(at, cache):
    done = program("evaluate", "--json", at + "/g.json", "--predictions", at + "/g.csv", "--coverage", at + "/g.svg", "--report", at + "/r",
                   cache, at + "/g.h5")
    with open(at + "/g.json") as file, open(at + "/g.csv", newline="") as table:
        found, rows = json.load(file), list(csv.DictReader(table))
    right = np.array([row["true"] == row["predicted"] for row in rows])
    confidence = np.array([[float(row[name]) for name in "abc"] for row in rows], np.float32).max(1)
    return found, " ".join(done.stdout.split()), right, confidence, np.array([row["path"].split("-")[0] for row in rows])


def drawn(right, groups, seed):
    """Shares of right answers over groups drawn with replacement."""
    sums = np.array([(right[groups == g].sum(), (groups == g).sum()) for g in np.unique(groups)])
    draws = sums[np.random.default_rng(seed).integers(0, len(sums), (20000, len(sums)))].sum(1)
    return draws[:, 0] / draws[:, 1]


def intervals_and_the_test_against_guessing_are_over_groups():
    with scratch() as at:
        program("train", "-q", "--head", "linear", "--scale", "none", "--folds", 3, grouped(at, "train", 0.6, 0), at + "/g.h5")
        found, said, right, confidence, groups = evaluated(at, grouped(at, "test", 0.6, 1))
        points = found["models"][0]["coverage"]
        assert len(points) >= 2
        for point in points:
            taken = confidence >= np.float32(point["threshold"])
            assert (point["answered"], point["right"]) == (taken.sum(), (taken & right).sum())
            low, high = np.quantile(drawn(right[taken], groups[taken], 1), [0.025, 0.975])
            if low < high:
                assert np.allclose(point["interval"], [low, high], atol=0.02), (point, low, high)
            else:  # no group differs: as many images as there are groups
                assert np.allclose(point["interval"], wilson(len(set(groups[taken])), len(set(groups[taken])))), point
        assert max(np.diff(point["interval"])[0] for point in points) > 1.3 * max(
            np.diff(wilson(point["right"], point["answered"]))[0] for point in points)
        lines = lambda done, name: re.findall(r"^%s  (\d+ %% right .*)$" % name, done.stdout, re.M)
        done = program("train", "--hidden", "none", "--epochs", 30, "--validation", at + "/test", "--coverage", at + "/d.svg", at + "/train", at + "/d.h5")
        assert "right, over groups)" in done.stdout
        assert lines(done, "d.h5") == lines(program("evaluate", "--coverage", at + "/d.svg", at + "/test", at + "/d.h5"), "d") and len(lines(done, "d.h5")) == 3
        assert "right, over groups)" in program("train", "--head", "linear", "--coverage", at + "/l.svg", at + "/train", at + "/l.h5").stdout
        found, said, right, confidence, groups = evaluated(at, grouped(at, "hard", 0.4, 2))
        guess = found["verdict"]["guessing"]
        expected = (drawn(right, groups, 2) <= guess["accuracy"]).mean()
        assert abs(guess["accuracy"] - 0.35) < 1e-9 and abs(guess["p"] - expected) < 0.015 and 0.05 < expected < 0.5, (guess, expected)
        assert sum(math.comb(120, k) * 0.35**k * 0.65**(120 - k) for k in range(right.sum(), 121)) < 0.05  # were images independent
        assert not found["verdict"]["beats_guessing"] and "(cluster bootstrap over 20 groups, p = " in said, said
        assert "cluster bootstrap over 20 groups" in open(at + "/r/index.html").read()


def a_threshold_is_kept_in_the_model_and_prediction_is_unsure_below_it():
    with scratch() as at:
        make(at)
        confidence, truth, said = probabilities(at)
        threshold = accept(confidence, truth == said, 0.9)
        with h5py.File(at + "/m.h5") as model:
            before = {name: model[name][()].tolist() for name in ("vggcache/trained_on",)}
        line = program("evaluate", "--predict", at + "/m.h5", at + "/test/red/00.png").stdout
        assert "unsure" not in line and '"accepted"' not in program("evaluate", "--predict", at + "/m.h5", "--format", "jsonl", at + "/test/red/00.png").stdout
        done = program("evaluate", "--set-threshold", 0.9, at + "/test.cache", at + "/m.h5")
        assert "answers unsure below a probability of %.4f" % threshold in done.stderr, done.stderr
        with h5py.File(at + "/m.h5") as model:
            assert np.float32(json.loads(model.attrs["vggcache_calibration"])["threshold"]) == threshold
            assert before == {name: model[name][()].tolist() for name in before}
        assert np.array_equal(probabilities(at)[0], confidence)
        asked = ["evaluate", "-q", "--predict", at + "/m.h5", at + "/test"]
        rows = [json.loads(row) for row in program(*asked, "--format", "jsonl").stdout.splitlines()]
        accepted = np.array([row["accepted"] for row in rows])
        assert np.array_equal(accepted, confidence >= threshold) and 0 < accepted.sum() < len(accepted)
        lines = program(*asked).stdout.splitlines()
        assert [": unsure, " in line for line in lines] == [not yes for yes in accepted]
        table = list(csv.DictReader(program(*asked, "--format", "csv").stdout.splitlines()))
        assert [row["accepted"] == "true" for row in table] == accepted.tolist()


def agree_with_numpy(text, model, confidence, labels, predicted, classes, slack=6e-5):
    """What --coverage prints of one model."""
    right = labels == predicted
    for target in (0.9, 0.95, 0.99):
        threshold = accept(confidence, right, target)
        line = re.search(r"^%s  %d %% right (.*)$" % (re.escape(model), 100 * target), text, re.M)[1]
        if threshold is None:
            assert line == "at no probability", line
            continue
        taken = confidence >= threshold
        numbers = [float(v) for v in re.match(r"from (\S+) on \((\S+) to (\S+)\), answering (\S+) %", line).groups()]
        interval = wilson(right[taken].sum(), taken.sum())
        assert abs(numbers[0] - threshold) < slack and np.allclose(numbers[1:], [*(100 * v for v in interval), 100 * taken.mean()], atol=0.06), (line, threshold)
    main = next((t for t in (accept(confidence, right, target) for target in (0.95, 0.9)) if t is not None), None)
    if main is None:
        assert "by class" not in text
        return
    table = re.search(r"^%s  from (\S+) on, by class: right, answered, images\n((?: .*\n)+)" % re.escape(model), text, re.M)
    taken = confidence >= main
    assert abs(float(table[1]) - main) < slack
    assert [line.split() for line in table[2].splitlines()] == \
        [[str((taken & right & (labels == c)).sum()), str((taken & (labels == c)).sum()), str((labels == c).sum()), name] for c, name in enumerate(classes)]


def a_dense_head_is_judged_by_the_images_it_is_validated_on():
    with scratch() as at:
        make(at)
        for more in ([], ["--scale", "standard", "--dropout", 0]):  # the best epoch is the last, or an earlier one
            done = program("train", "--hidden", 8, "--epochs", 40, "--patience", 3, "--learning-rate", 0.02, *more, "--validation", at + "/test.cache", "--coverage", at + "/c.png",
                           "--set-threshold", 0.5, at + "/train.cache", at + "/m.h5")
            confidence, truth, said = probabilities(at)
            names = ("blue", "green", "red")
            agree_with_numpy(done.stdout, "m.h5", confidence, np.array([names.index(name) for name in truth]), np.array([names.index(name) for name in said]), names)
            threshold = accept(confidence, truth == said, 0.5)
            with h5py.File(at + "/m.h5") as model:
                kept = json.loads(model.attrs["vggcache_calibration"])["threshold"]
            assert abs(kept - threshold) < 1e-6, (kept, threshold)
            assert "of %d images held out" % len(truth) in done.stdout and os.path.getsize(at + "/c.png") > 1000
        error = program("train", "-q", "--validation-split", 0, "--coverage", at + "/c.png", at + "/train.cache", at + "/n.h5", status=1).stderr
        assert "need images to validate on" in error and not os.path.exists(at + "/n.h5"), error


def training_sets_a_threshold_by_images_that_each_fold_holds_out():
    with scratch() as at:
        rng = np.random.default_rng(3)
        labels = np.arange(15) % 3
        x = rng.normal(0, 0.7, (15, 5)).astype("f4")
        x[np.arange(15), labels] += 1.4
        np.save(at + "/x.npy", x)
        with open(at + "/items.csv", "w") as file:
            file.write("path,class\n" + "".join("%s/%02d,%s\n" % ("abc"[k], i, "abc"[k]) for i, k in enumerate(labels)))
        program("extract", "-q", "--import", at + "/x.npy", at + "/items.csv", at + "/c")
        for solver in ("svc", "lr"):
            same = ["-q", "--head", "linear", "--solver", solver, "--scale", "none", "--cost", 1, "--tolerance", 1e-6]
            done = program("train", *same, "--folds", 15, "--set-threshold", 0.85, "--coverage", at + "/c.svg",
                           at + "/c", at + "/m.h5")  # each image is a fold
            with h5py.File(at + "/m.h5") as model:
                kept = json.loads(model.attrs["vggcache_calibration"])
            held = np.zeros((15, 3))
            for i, k in enumerate(labels):
                with open(at + "/list.txt", "w") as file:
                    file.write("".join("%s/%02d\n" % ("abc"[l], j) for j, l in enumerate(labels) if j != i))
                program("train", *same, "--list", at + "/list.txt", at + "/c", at + "/one.h5")
                rows = program("evaluate", "-q", "--predict", at + "/one.h5", "--top", 3, "--format", "csv", at + "/c").stdout.splitlines()
                row = next(row for row in csv.DictReader(rows) if row["path"] == "%s/%02d" % ("abc"[k], i))
                for place in "123":
                    held[i, "abc".index(row["class_" + place])] = float(row["%s_%s" % ("probability" if solver == "lr" else "margin", place)])
            if solver == "svc":
                held = np.exp(held / kept["temperature"])
                held /= held.sum(1, keepdims=True)
            right = held.argmax(1) == labels
            expected = accept(held.max(1), right, 0.85)
            assert abs(kept["threshold"] - expected) < 1e-3 and 0.4 < right.mean() < 0.9, (kept, expected, right.mean())
            agree_with_numpy(done.stdout, "m.h5", held.max(1), labels, held.argmax(1), "abc", slack=1e-3)
            taken = held.max(1) >= expected
            said = re.search(r"from a probability of (\S+) on: of the images held out, (\d+) of 15 are then answered, (\S+) % of these right", done.stdout)
            assert said[1] == "%.4f" % kept["threshold"] and int(said[2]) == taken.sum() and said[3] == "%.1f" % (100 * right[taken].mean()), said
            with open(at + "/c.svg") as file:
                assert "<svg" in file.read()
        assert '"accepted": ' in program("evaluate", "-q", "--predict", at + "/m.h5", "--format", "jsonl", at + "/c").stdout.replace('":', '": ')


def the_report_draws_it_and_tells_by_class():
    with scratch() as at:
        make(at)
        program("evaluate", "-q", "--report", at + "/r", "--json", at + "/f.json", at + "/test.cache", at + "/m.h5", at + "/margins.h5")
        with open(at + "/f.json") as file:
            coverage = json.load(file)["models"][0]["coverage"]
        with open(at + "/r/index.html") as file:
            page = file.read()
        section = re.search(r'<section id="coverage">.*?</section>', page, re.S)[0]
        assert section.count("<img") == 2 and ">m</h3>" in section and ">margins</h3>" not in section
        for point in coverage:
            assert ">%.4f</td>" % point["threshold"] in section and ">%.1f&nbsp;%%</td>" % (100 * point["answered"] / 90) in section
        told = max((point for point in coverage if point["target"] <= 0.95), key=lambda point: point["target"])
        rows = re.findall(r'<tr><th scope="row">(\w+)</th><td data-label="Images" data-value="\d+">(\d+)</td><td data-label="Answered" data-value="\d+">(\d+)</td><td data-label="Right" data-value="\d+">(\d+)</td></tr>', section)
        assert rows == [(name, "30", str(of["answered"]), str(of["right"])) for name, of in told["per_class"].items()], rows
        program("evaluate", "-q", "--report", at + "/r", at + "/test.cache", at + "/margins.h5")
        with open(at + "/r/index.html") as file:
            assert 'id="coverage"' not in file.read()


def what_has_no_threshold_is_refused_in_one_sentence():
    with scratch() as at:
        make(at)
        for arguments, said, status in ((["--set-threshold", 0.9, at + "/test.cache", at + "/margins.h5"], "has no probabilities", 1),
                                        (["--set-threshold", 0.9, at + "/test.cache", at + "/m.h5", at + "/margins.h5"], "takes one model", 2),
                                        (["--set-threshold", 1.5, at + "/test.cache", at + "/m.h5"], "from 0 to 1", 2)):
            error = program("evaluate", "-q", *arguments, status=status).stderr
            assert said in error, error


with MADE:
    prepare(MADE.path)
    run(thresholds_agree_with_numpy, intervals_and_the_test_against_guessing_are_over_groups,
        a_threshold_is_kept_in_the_model_and_prediction_is_unsure_below_it,
        training_sets_a_threshold_by_images_that_each_fold_holds_out, a_dense_head_is_judged_by_the_images_it_is_validated_on,
        the_report_draws_it_and_tells_by_class, what_has_no_threshold_is_refused_in_one_sentence)
