"""Images of no class: --unknown and --set-known against NumPy and scikit-learn's definitions, and what --predict says of them."""
import csv, json, os, re, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
from tap import program, run, scratch

COLOURS = {"blue": (60, 60, 200), "green": (60, 200, 60), "red": (200, 60, 60)}


def draw(folder, colours, seed, shots=1, each=12):
    """NAME/SCENE-I.png: scenes differ in hue and brightness, the shots of one hardly."""
    rng = np.random.default_rng(seed)
    for name, colour in colours.items():
        os.makedirs("%s/%s" % (folder, name))
        for i in range(each):
            if i % shots == 0:
                scene = np.array(colour) * rng.uniform(0.6, 1.2) + rng.normal(0, 14, 3)
            pixels = scene + rng.normal(0, 3, (9, 9, 3))
            Image.fromarray(pixels.clip(0, 255).astype("u1")).save("%s/%s/%d-%d.png" % (folder, name, i // shots, i % shots))
    return folder


def make(at):
    draw(at + "/train", COLOURS, 1)
    draw(at + "/test", COLOURS, 2)
    draw(at + "/other", {"deep/violet": (160, 40, 160), "orange": (210, 130, 40)}, 3)
    Image.new("RGB", (9, 9), (10, 10, 10)).save(at + "/other/black.png")
    for name in ("train", "test"):
        program("extract", "-q", "--preset", "keras", "--layer", "input", at + "/" + name, "%s/%s.cache" % (at, name))
    program("train", "-q", "--head", "linear", "--folds", 3, at + "/train.cache", at + "/m.h5")


def features(at, cache):
    """Averaged over the places and scaled to length 1, in double precision."""
    program("extract", "-q", "--export", at + "/x", cache)
    x = np.load(at + "/x/features.npy").astype(float)
    with open(at + "/x/items.csv", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    return x, paths


def summary(x, channels):
    x = x.reshape(len(x), -1, channels).mean(1)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def held(x, groups):
    apart = np.array(groups)[:, None] != np.array(groups)[None]
    return np.sort(np.where(apart, x @ x.T, -9).max(1))


def separation(known, unknown):
    above = (known[:, None] > unknown[None]).mean() + (known[:, None] == unknown[None]).mean() / 2
    limit = max(t for t in known if (known >= t).mean() >= 0.95)
    return above, (unknown < limit).mean()


def figures(at, *arguments):
    done = program("evaluate", "--json", at + "/f.json", *arguments)
    with open(at + "/f.json") as file:
        return [model["unknown"] for model in json.load(file)["models"]], done.stdout


def figures_agree_with_numpy():
    with scratch() as at:
        make(at)
        program("extract", "-q", "--preset", "keras", "--layer", "input", at + "/other", at + "/other.cache")
        x, test, other = (summary(features(at, "%s/%s.cache" % (at, name))[0], 3) for name in ("train", "test", "other"))
        assert len(other) == 24  # black.png lies beside the folders of classes
        ours, text = figures(at, "--unknown", at + "/other.cache", at + "/test.cache", at + "/m.h5")
        known, unknown = (y @ x.T for y in (test, other))
        auroc, told = separation(known.max(1), unknown.max(1))
        assert 0.6 < auroc < 1 and 0 < told < 1, (auroc, told)
        assert abs(ours[0]["similarity"]["auroc"] - auroc) < 1e-9 and ours[0]["similarity"]["told"] == told
        groups = range(len(x))
        limit = max(t for t in held(x, groups) if (held(x, groups) >= t).mean() >= 0.95)
        assert abs(ours[0]["limit"] - limit) < 1e-6
        assert abs(ours[0]["kept"] - (known.max(1) >= limit).mean()) < 1e-9
        assert abs(ours[0]["told"] - (unknown.max(1) < limit).mean()) < 1e-9
        line = "m  %.4f  %5.1f %%  by similarity to the images trained on\n" % (auroc, 100 * told)
        assert line in text, text

        program("evaluate", "-q", "--unknown", at + "/other.cache", "--report", at + "/r", at + "/test.cache", at + "/m.h5")
        with open(at + "/r/index.html") as file:
            section = re.search(r'<section id="unknown">.*?</section>', file.read(), re.S)[0]
        assert section.count("<img") == 2 and "24 images of none of the classes" in section
        assert '>similarity to the images trained on</th><td data-label="AUROC">%.3f</td><td data-label="unknown told">%.1f&nbsp;%%' % (auroc, 100 * told) in section
        assert "Known from a similarity of %.4f on: %.1f %% of the known are, and %.1f %% of the unknown are not." % (
            limit, 100 * ours[0]["kept"], 100 * ours[0]["told"]) in section

        scores = []  # of the labelled images, and of the unknown ones as if they were images to predict
        program("evaluate", "-q", "--predictions", at + "/p.csv", at + "/test.cache", at + "/m.h5")
        with open(at + "/p.csv", newline="") as file:
            scores.append([max(float(row[name]) for name in COLOURS) for row in csv.DictReader(file)])
        ours, text = figures(at, "--unknown", at + "/other", at + "/test.cache", at + "/m.h5")
        lines = program("evaluate", "-q", "--predict", at + "/m.h5", "--format", "jsonl", at + "/other").stdout.splitlines()
        scores.append([json.loads(line)["top"][0]["probability"] for line in lines])
        assert ours[0]["images"] == 25 == len(scores[1])
        auroc, told = separation(*(np.array(s, np.float32) for s in scores))
        assert abs(ours[0]["score"]["auroc"] - auroc) < 1e-9 and abs(ours[0]["score"]["told"] - told) < 1e-9
        assert "m  %.4f  %5.1f %%  by probability\n" % (auroc, 100 * told) in text, text
        assert figures(at, at + "/test.cache", at + "/m.h5")[0] == [None]


def images_of_a_group_are_not_held_against_each_other():
    with scratch() as at:
        draw(at + "/train", COLOURS, 1, shots=2)
        program("extract", "-q", "--preset", "keras", "--layer", "input", "--group", "(.*)-", at + "/train", at + "/grouped")
        x, paths = features(at, at + "/grouped")
        groups = [re.match("(.*)-", path)[1] for path in paths]
        expected = held(summary(x, 3), groups)
        for head in ("linear", "dense"):
            program("train", "-q", "--head", head, *([] if head == "linear" else ["--hidden", 4, "--epochs", 1, "--validation-split", 0]),
                    at + "/grouped", at + "/g.h5")
            with h5py.File(at + "/g.h5") as model:
                assert np.allclose(model["vggcache/novelty_held"][()], expected, atol=1e-6)
                assert np.allclose(model["vggcache/novelty_images"][()].T, summary(x, 3), atol=1e-6)
        assert np.abs(expected - held(summary(x, 3), range(len(x)))).max() > 1e-3


def of_many_images_some_are_kept():
    with scratch() as at:
        rng = np.random.default_rng(4)
        x = np.abs(rng.normal(0, 1, (150, 8192))).astype("f4")
        np.save(at + "/x.npy", x)
        np.save(at + "/y.npy", np.arange(150) // 75)
        program("extract", "-q", "--import", at + "/x.npy", at + "/y.npy", at + "/c")
        program("train", "-q", "--head", "linear", at + "/c", at + "/m.h5")
        stored, _ = features(at, at + "/c")
        with h5py.File(at + "/m.h5") as model:
            kept = model["vggcache/novelty_images"][()].T
        assert np.allclose(kept, summary(stored, 8192)[np.arange(64) * 150 // 64], atol=1e-6)
        assert os.path.getsize(at + "/m.h5") < 3e6


def prediction_answers_unknown_below_the_limit():
    with scratch() as at:
        make(at)
        x = summary(features(at, at + "/train.cache")[0], 3)
        asked = ["evaluate", "-q", "--predict", at + "/m.h5", at + "/test", at + "/other"]
        assert "unknown" not in program(*asked).stdout and '"known"' not in program(*asked, "--format", "jsonl").stdout
        before = [json.loads(line)["top"] for line in program(*asked, "--format", "jsonl").stdout.splitlines()]
        program("extract", "-q", "--preset", "keras", "--layer", "input", at + "/other", at + "/other.cache")
        done = program("evaluate", "--set-known", 0.9, "--set-threshold", 0.9, "--unknown", at + "/other.cache", "--report", at + "/r",
                       "--json", at + "/e.json", at + "/test.cache", at + "/m.h5")
        limit = held(x, range(len(x)))[int(0.1 * len(x) + 1e-9)]
        assert "answers unknown below a similarity of %.4f" % limit in done.stderr, done.stderr
        assert "known from a similarity of %.4f on" % limit in done.stdout, done.stdout
        with open(at + "/e.json") as file:
            assert abs(json.load(file)["models"][0]["unknown"]["limit"] - limit) < 1e-6
        with open(at + "/r/index.html") as file:
            assert "Known from a similarity of %.4f on" % limit in file.read()  # as the model has it that the page is of
        rows = [json.loads(line) for line in program(*asked, "--format", "jsonl").stdout.splitlines()]
        nearest = np.concatenate([(summary(features(at, at + "/%s.cache" % name)[0], 3) @ x.T).max(1) for name in ("test", "other")])
        compared = [row for row in rows if not row["path"].endswith("black.png")]
        assert [row["known"] for row in compared] == (nearest >= limit).tolist() and 0 < sum(row["known"] for row in compared) < len(compared)
        assert [row["top"] for row in rows] == before and {row["accepted"] for row in rows} == {True, False}
        words = [re.search(": (unknown, |unsure, |)", line)[1] for line in program(*asked).stdout.splitlines()]
        assert words == ["unknown, " if not row["known"] else "" if row["accepted"] else "unsure, " for row in rows]
        table = list(csv.DictReader(program(*asked, "--format", "csv").stdout.splitlines()))
        assert [row["known"] == "true" for row in table] == [row["known"] for row in rows]
        ours, _ = figures(at, "--unknown", at + "/other.cache", at + "/test.cache", at + "/m.h5")
        assert abs(ours[0]["limit"] - limit) < 1e-6  # the model's own from now on


def what_cannot_be_told_is_refused_in_one_sentence():
    with scratch() as at:
        make(at)
        os.mkdir(at + "/none")
        program("train", "-q", "--approach", "scratch", "--images", at + "/train", "--epochs", 1, "--validation-split", 0, at + "/s.h5")
        for arguments, said, status in ((["--set-known", 0.9, at + "/test", at + "/s.h5"], "keeps no images trained on", 1),
                                        (["--set-known", 0.9, at + "/test.cache", at + "/m.h5", at + "/m.h5"], "takes one model", 2),
                                        (["--unknown", at + "/none", at + "/test.cache", at + "/m.h5"], "contains no images", 1),
                                        (["--unknown", at + "/absent", at + "/test.cache", at + "/m.h5"], "absent", 1),
                                        (["--unknown", at + "/test.cache", at + "/test.cache", at + "/m.h5"], "takes other images", 2),
                                        (["--weights", "random", at + "/test.cache", at + "/m.h5"], "is not used with a CACHE", 2)):
            error = program("evaluate", "-q", *arguments, status=status).stderr
            assert said in error, error


run(figures_agree_with_numpy, images_of_a_group_are_not_held_against_each_other, of_many_images_some_are_kept,
    prediction_answers_unknown_below_the_limit, what_cannot_be_told_is_refused_in_one_sentence)
