"""The study's approaches from end to end: equal where they must be, augmented, fine-tuned, from scratch, refused, by make.

The base takes about a tenth of a second per image of 224 pixels, so there are few images here.
"""
import csv, json, os, re, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
from tap import BUILD, ROOT, program, run, says, scratch

WEIGHTS = ["--weights", "random:1"]
HEAD = ["--hidden", "16"]
FIT = ["--batch-size", 4, "--epochs", 2, "--learning-rate", 0.0001, "--validation-split", 0.25, "--quiet"]
AUGMENT = ["--rotation-range", 90, "--width-shift-range", 0.5, "--height-shift-range", 0.5, "--horizontal-flip",
           "--vertical-flip", "--brightness-range", "0.1,0.7"]


def make_images(folder, n=4, seed=0):
    """Two classes, n images each: noise of one hue or another."""
    rng = np.random.default_rng(seed)
    for name, hue in (("cold", [40, 80, 200]), ("warm", [210, 120, 30])):
        os.makedirs(os.path.join(folder, name))
        for i in range(n):
            pixels = np.clip(rng.normal(hue, 60, size=(48, 56, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(os.path.join(folder, name, "%d.png" % i))
    return folder


def train(approach, *arguments, **options):
    return program("train", "--approach", approach, *([] if approach == "scratch" else HEAD), *FIT, *arguments, **options)


PREPARED = scratch()  # images, and of these the features and the activations before the last convolution


def prepared(name):
    return os.path.join(PREPARED.path, name)


def prepare():
    make_images(prepared("images"))
    program("extract", *WEIGHTS, "--quiet", prepared("images"), prepared("full"))
    program("extract", *WEIGHTS, "--layer", "block5_conv2", "--quiet", prepared("images"), prepared("cut"))


def parameters(path):
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def assert_same_model(one, other, tolerance):
    """But for the vectors by which novelty is told, which a model keeps of a cache only."""
    a, b = ({name: x for name, x in parameters(model).items() if "novelty" not in name} for model in (one, other))
    assert a.keys() == b.keys(), (a.keys(), b.keys())
    for name in a:
        worst = np.abs(a[name] - b[name]).max() / max(np.abs(a[name]).max(), 1e-30)
        assert worst <= tolerance, (name, worst)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def bootstrapped_without_augmentation_is_standalone_to_rounding():
    with scratch() as folder:
        images, cache = prepared("images"), prepared("full")
        alone, booted = os.path.join(folder, "alone.h5"), os.path.join(folder, "booted.h5")
        train("standalone", "--scale", "none", cache, alone)
        log = program("train", "--approach", "bootstrap", *HEAD, *(o for o in FIT if o != "--quiet"), *WEIGHTS, "--images", images,
                      booted).stderr
        # Two epochs of 8 images: the second reuses all that the first computed.
        assert re.search(r"8 decoded images, which saved decoding 8 times .* saved 8 runs of the base", log), log
        assert_same_model(alone, booted, 1e-5)
        with h5py.File(booted, "r") as file:
            recipe = json.loads(file.attrs["vggcache_recipe"])
            assert recipe["layer"] == "block5_pool" and len(recipe["weights_hash"]) == 64, recipe
        shown = program("evaluate", *WEIGHTS, images, booted).stdout
        assert re.search(r"accuracy +\d\.\d\d +8\n", shown), shown
        train("standalone", "--scale", "sqrt", cache, alone)  # its features are divided by each image's length, which no parameter can do
        train("bootstrap", *WEIGHTS, "--scale", "sqrt", "--images", images, booted)
        assert_same_model(alone, booted, 1e-5)
        train("bootstrap", *WEIGHTS, "--images", images, "--from", alone, "--epochs", 1, "--learning-rate", 1e-12, booted)
        assert_same_model(alone, booted, 1e-6)


def augmentation_is_the_same_for_any_threads_and_differs_by_seed():
    with scratch() as folder:
        images = make_images(os.path.join(folder, "images"), 2)
        models = [os.path.join(folder, "%d.h5" % i) for i in range(3)]
        for model, threads, seed in zip(models, (1, 3, 1), (42, 42, 7)):
            train("scratch", "--validation-split", 0, *AUGMENT, "--threads", threads, "--seed", seed, "--images", images, model)
        assert read(models[0]) == read(models[1]) and read(models[0]) != read(models[2])


def fine_tuning_from_a_cache_is_fine_tuning_from_images():
    with scratch() as folder:
        images, cache = prepared("images"), prepared("cut")
        cached, live, warm = (os.path.join(folder, name) for name in ("cached.h5", "live.h5", "warm.h5"))
        train("finetune", *WEIGHTS, cache, cached)
        train("finetune", *WEIGHTS, "--unfreeze", 2, "--images", images, live)
        assert_same_model(cached, live, 1e-5)
        tuned = parameters(cached)
        assert tuned["block5_conv3/block5_conv3/kernel:0"].shape == (3, 3, 512, 512), tuned.keys()
        train("finetune", *WEIGHTS, "--from", cached, "--epochs", 1, "--learning-rate", 1e-12, cache, warm)
        assert_same_model(cached, warm, 1e-6)  # a tiny step leaves the initial weights

        wrong = train("finetune", "--weights", "random:2", cache, warm, status=1).stderr
        assert cache in wrong and "made with weights" in wrong, wrong
        assert "--unfreeze 2, not 3" in train("finetune", *WEIGHTS, "--unfreeze", 3, cache, warm, status=1).stderr
        wrong = train("finetune", *WEIGHTS, "--hidden", 8, "--from", cached, cache, warm, status=1).stderr
        assert cached in wrong and "--hidden" in wrong, wrong


def probabilities(model, cache, folder):
    program("evaluate", "--quiet", "--predictions", os.path.join(folder, "p.csv"), cache, model)
    with open(os.path.join(folder, "p.csv"), newline="") as file:
        return np.array([[float(p) for p in row[3:]] for row in list(csv.reader(file))[1:]])


def fine_tuning_goes_on_from_a_head_on_scaled_features():
    with scratch() as folder:
        full, cut, pooled = prepared("full"), prepared("cut"), os.path.join(folder, "pooled")
        start, warm, again = (os.path.join(folder, name) for name in ("start.h5", "warm.h5", "again.h5"))
        program("extract", "--quiet", "--pool", "avg", full, pooled)
        still = ["--epochs", 1, "--learning-rate", 1e-12]
        linear, dense = ["--head", "linear", "--folds", 2], [*FIT, "--learning-rate", 0.01, "--hidden", 16]
        for scale, pool, head in (("sqrt", "none", linear), ("sqrt", "none", dense), ("l2", "none", linear), ("sqrt", "avg", dense),
                                  ("max", "none", linear), ("standard", "none", dense)):
            cache = pooled if pool == "avg" else full
            program("train", *head, "--scale", scale, cache, start)
            hidden = "none" if head is linear else 16
            train("finetune", *WEIGHTS, "--pool", pool, "--hidden", hidden, *still, "--from", start, cut, warm)
            expected = probabilities(start, cache, folder)
            assert expected.std() > 0.01 and np.abs(probabilities(warm, cut, folder) - expected).max() < 1e-4, (scale, pool, head)
        train("finetune", *WEIGHTS, "--scale", "sqrt", cut, warm)
        train("finetune", *WEIGHTS, *still, "--from", warm, cut, again)
        assert np.abs(probabilities(warm, cut, folder) - probabilities(again, cut, folder)).max() < 1e-5
        program("train", "--head", "linear", full, start)
        refused = train("finetune", *WEIGHTS, "--from", start, cut, warm, status=1).stderr
        assert start in refused and "none for a linear head" in refused, refused


def augmented_copies_are_stored_once_and_drawn_from():
    with scratch() as folder:
        images, cache = make_images(os.path.join(folder, "images"), 2), os.path.join(folder, "cache")
        split = ["--validation-split", 0]
        extract = ["extract", "--layer", "block1_pool", *WEIGHTS, "--quiet", *AUGMENT, "--augment", 2]
        assert program(*extract, images, cache).stdout.startswith("12 new, 0 unchanged")
        assert program(*extract, images, cache).stdout.startswith("0 new, 12 unchanged")
        assert program(*extract, "--rotation-range", 10, images, cache).stdout.startswith("0 new, 4 unchanged, 8 changed")
        about = json.loads(program("extract", "--info", "--json", cache).stdout)
        assert about["items"] == 4 and about["copies"] == 8, about
        program("extract", "--verify", cache)
        model, other = os.path.join(folder, "a.h5"), os.path.join(folder, "b.h5")
        train("bootstrap", *split, "--augmented-cache", cache, model)
        train("standalone", *split, cache, other)
        assert read(model) != read(other)  # copies instead of the images
        assert "no copy 3" in train("bootstrap", *split, "--copies", 3, "--augmented-cache", cache, model, status=1).stderr
        os.remove(os.path.join(images, "cold", "0.png"))
        assert says(program(*extract, "--rotation-range", 10, "--prune", images, cache).stdout, "3 pruned")


def a_contact_sheet_shows_the_augmentation():
    with scratch() as folder:
        sheet = os.path.join(folder, "sheet.png")
        program("extract", *AUGMENT, "--preview", sheet, make_images(os.path.join(folder, "images"), 3))
        with Image.open(sheet) as image:
            assert image.width > 1000 and len(image.convert("RGB").getcolors(1 << 24)) > 1000


def bad_images_are_named_and_left_out():
    with scratch() as folder:
        images = make_images(os.path.join(folder, "images"), 3)
        bad = os.path.join(images, "warm", "broken.jpg")
        with open(bad, "wb") as file:
            file.write(b"\xff\xd8\xff\xe0 no more")
        done = train("scratch", "--validation-split", 0, "--images", images, os.path.join(folder, "m.h5"), status=3)
        assert bad in done.stderr and "val_loss" not in done.stdout, done.stderr


def an_archive_is_not_a_folder_of_images():
    with scratch() as folder:
        archive = os.path.join(folder, "images.tar")
        subprocess.run(["tar", "-cf", archive, "-C", make_images(os.path.join(folder, "images"), 1), "."], check=True)
        error = train("scratch", "--images", archive, os.path.join(folder, "m.h5"), status=1).stderr
        assert archive + ": is not a folder of images" in error and error.count("\n") == 1, error


def summaries_need_no_images():
    scratch_table = program("train", "--approach", "scratch", "--summary").stdout
    shapes = re.findall(r"\(None, (\d+), \d+, \d+\)", scratch_table)
    assert [int(s) for s in shapes] == [128, 126, 63, 63, 63, 61, 30, 30, 30, 28, 28, 14, 14, 14, 10, 2, 2], shapes
    assert "Total params: 10,588,458\n" in scratch_table
    tuned = program("train", "--approach", "finetune", "--summary").stdout
    assert "Non-trainable params: 12,354,880\n" in tuned and "block5_conv3 (Conv2D)" in tuned, tuned
    booted = program("train", "--approach", "bootstrap", "--summary").stdout
    assert "Non-trainable params: 14,714,688\n" in booted, booted


def what_does_not_go_together_is_wrong_usage():
    for arguments in (["--approach", "bootstrap", "cache", "model"], ["--images", "x", "model"],
                      ["--approach", "scratch", "--augmented-cache", "c", "model"], ["--copies", 2, "cache", "model"],
                      ["--approach", "bootstrap", "--images", "x", "--brightness-range", "high", "model"]):
        program("train", *arguments, status=2)
    program("extract", "--augment", 3, "images", "cache", status=2)


def make_runs_only_missing_steps():
    """The Makefile's rules with programs that only record their arguments."""
    with scratch() as folder:
        fake, data, out = (os.path.join(folder, name) for name in ("bin", "data", "out"))
        log = os.path.join(folder, "log")
        os.makedirs(fake)
        for name in ("extract", "train", "evaluate"):
            path = os.path.join(fake, name)
            with open(path, "w") as file:
                file.write('#!/bin/sh\necho "%s $*" >>%s\nfor last; do :; done\n' % (name, log) +
                           'while [ $# -gt 0 ]; do [ "$1" = --history ] && echo "epoch\n1,0,0,0,0,2.5" >"$2"; '
                           '[ "$1" = --json ] && cp "$0.json" "$2"; shift; done; true\n')
            os.chmod(path, 0o755)
        with open(os.path.join(fake, "evaluate.json"), "w") as file:
            json.dump({"models": [{"accuracy": i / 8, "accuracy_interval": [i / 10, i / 7]} for i in range(6)]}, file)
        os.symlink(os.path.join(BUILD, "copies-figure"), os.path.join(fake, "copies-figure"))
        made = ["-o", os.path.join(fake, "copies-figure")] + [a for name in ("extract", "train", "evaluate") for a in ("-o", os.path.join(fake, name))]
        make_images(os.path.join(data, "images"), 1)
        os.makedirs(os.path.join(data, "meta"))
        for name in ("train", "test"):
            with open(os.path.join(data, "meta", name + ".txt"), "w") as file:
                file.write("cold/0\nwarm/0\nwarm/absent\n")

        def run_make(*arguments):
            open(log, "w").close()
            environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
            return subprocess.run(["make", "-C", ROOT, *made, "BUILD=" + fake, "DATA=" + data, "OUT=" + out, "WEIGHTS=random",
                                   "SCALE=small", *arguments], capture_output=True, text=True, env=environment)

        def make(*arguments):
            """The calls of the programs, and what was printed."""
            done = run_make(*arguments)
            assert done.returncode == 0, done.stdout + done.stderr
            with open(log) as file:
                return [re.sub(r"(extract|evaluate|train(?: --(?:approach|head) \w+)?).*", r"\1", line.strip())
                        for line in file if "/plan/" not in line], done.stdout

        refused = run_make("study", "WEIGHTS=" + out + "/absent").stderr
        assert out + "/absent: there is no such file; download" in refused and not os.path.getsize(log), refused
        measured = run_make("study-plan")
        assert [line.split()[-1] for line in measured.stderr.splitlines() if line.startswith("measuring")] == [
            "extract", "standalone", "cached", "bootstrap", "finetune", "scratch"], measured.stderr
        assert re.search(r"^weights: random, a stand-in", measured.stdout, re.M) and "measuring" not in run_make("study-plan").stderr
        assert make("features")[0] == ["extract"]
        calls, shown = make("study")
        with open(os.path.join(out, "study-small", "plan", "extract")) as file:
            assert float(file.read()) >= 0
        assert re.search(r"^train +features of 2 images .* done$", shown, re.M), shown
        assert re.findall(r"^(\w+) .* MB ", shown, re.M) == ["train", "large", "standalone", "linear", "cached", "bootstrap", "cut",
                                                           "finetune", "mild", "tuned", "scratch", "compare"], shown
        assert re.search(r"^scratch +2 images, up to 5 epochs .* to do$", shown, re.M), shown
        assert re.search(r"^left: about .*\nfrom the start with SCALE=full: .*\nfrom the start with SCALE=medium: ", shown, re.M), shown
        assert calls.count("extract") == 3 and calls.count("evaluate") == 1, calls  # features were there
        assert sorted(c for c in calls if c.startswith("train")) == [
            "train --approach bootstrap", "train --approach finetune", "train --approach finetune", "train --approach scratch",
            "train --approach standalone", "train --head linear", "train --head linear"], calls
        assert re.search(r"scratch +1 +2\.5", shown), shown
        assert make("study")[0] == []
        os.remove(os.path.join(out, "study-small", "scratch.done"))
        calls = make("study")[0]
        assert calls == ["train --approach scratch", "evaluate"], calls
        calls, shown = make("study-copies")
        assert calls == ["extract", "train --approach bootstrap"] * 4 + ["evaluate"], calls
        assert re.search(r"^8 +\d+\.5 +0\.500 +0\.400 to 0\.571\nlive +\d+\.5 +0\.625 ", shown, re.M), shown
        with Image.open(os.path.join(out, "study-small", "copies.png")) as image:
            assert image.width > image.height
        assert make("study-copies")[0] == []
        with open(os.path.join(out, "study-small", "train.txt")) as file:
            assert file.read() == "cold/0\nwarm/0\n"


with PREPARED:
    prepare()
    run(bootstrapped_without_augmentation_is_standalone_to_rounding,
        augmentation_is_the_same_for_any_threads_and_differs_by_seed, fine_tuning_from_a_cache_is_fine_tuning_from_images,
        fine_tuning_goes_on_from_a_head_on_scaled_features,
        augmented_copies_are_stored_once_and_drawn_from, a_contact_sheet_shows_the_augmentation,
        bad_images_are_named_and_left_out, an_archive_is_not_a_folder_of_images, summaries_need_no_images, what_does_not_go_together_is_wrong_usage,
        make_runs_only_missing_steps)
