"""evaluate --explain: maps against NumPy's sums from the model file and the exported features, the effect of covering a map's
regions on the decision value, and the files written."""
import base64, csv, io, json, os, re, shutil, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
from tap import program, run, says, scratch

PLACES = ["r%uc%u" % (r, c) for r in range(7) for c in range(7)]


def make_cache(at, name, classes, n, seed=1, side=7):
    """Vectors like those of block5_pool: mostly zeros, with a few channels for each class."""
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = np.maximum(rng.standard_normal((n, side * side, 512)) - 0.7, 0)
    for i in range(n):
        x[i, rng.integers(0, side * side, 9), 10 * y[i]:10 * y[i] + 10] += 0.6
    np.save(at + "/x.npy", x.reshape(n, -1).astype("<f4"))
    with open(at + "/x.csv", "w") as out:
        out.writelines("c%d/%03d.png,c%d\n" % (t, i, t) for i, t in enumerate(y))
    program("tools/make-cache", at + "/x.npy", at + "/x.csv", "%s/%s" % (at, name))
    return "%s/%s" % (at, name)


class Head:
    """A model file's head, in double precision."""

    def __init__(self, path):
        with h5py.File(path, "r") as file:
            names = [n.decode() if isinstance(n, bytes) else n for n in file.attrs["layer_names"]]
            self.layers = [[np.array(file[n][n][p], float) for p in ("kernel:0", "bias:0")] for n in names if n.startswith("dense")]
            self.scaling = json.loads(file.attrs["vggcache_scaling"])
            self.temperature = json.loads(file.attrs["vggcache_calibration"])["temperature"] or 1
            self.classes = json.loads(file.attrs["vggcache_classes"])
            if self.scaling["kind"] == "standard":
                self.mean, self.inverse = (np.array(file["vggcache/scaling_" + n], float) for n in ("mean", "inverse"))

    def scaled(self, x):
        kind = self.scaling["kind"]
        return ((x - self.mean) * self.inverse if kind == "standard" else x / np.linalg.norm(x) if kind == "l2"
                else np.sqrt(x / x.sum()) if kind == "sqrt"
                else x / self.scaling["max"] if kind == "max" else x)

    def explain(self, x, label):
        """Decision value, bias, and gradient x input of each region."""
        s, active = self.scaled(x), []
        out = s
        for kernel, bias in self.layers:
            out = (np.maximum(out, 0) if active else out) @ kernel + bias
            active.append(out > 0)
        gradient = self.layers[-1][0][:, label]
        for (kernel, _), on in zip(self.layers[-2::-1], active[-2::-1]):
            gradient = kernel @ (gradient * on)
        t = self.temperature
        return out[label] / t, self.layers[-1][1][label] / t, (gradient * s).reshape(49, 512).sum(1) / t


def exported(cache, folder):
    program("extract", "--export", folder, cache)
    with open(folder + "/items.csv", newline="") as file:
        return dict(zip((row["path"] for row in csv.DictReader(file)), np.load(folder + "/features.npy").astype(float)))


def maps(folder):
    with open(folder + "/maps.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["map"] = np.array([float(row[p]) for p in PLACES])
        row["z"], row["bias"] = float(row["decision_value"]), float(row["bias"])
    return rows


def compare(at, cache, features, *training):
    program("train", "--quiet", *training, cache, at + "/m.h5")
    program("evaluate", "--quiet", "--explain", at + "/e", cache, at + "/m.h5")
    head, rows = Head(at + "/m.h5"), maps(at + "/e")
    assert len({row["path"] for row in rows}) == len(features), len(rows)
    for row in rows:
        z, bias, expected = head.explain(features[row["path"]], head.classes.index(row["class"]))
        size = np.abs(expected).sum() + abs(z)
        assert np.allclose(row["map"], expected, rtol=0, atol=1e-6 * size), (training, row["map"] - expected)
        precision = 1e-5 if "linear" in training else 1e-4
        assert abs(row["z"] - z) < precision * max(1, abs(z)) and abs(row["bias"] - bias) < 1e-6, (row["z"], z)
        if "linear" in training:
            assert abs(row["map"].sum() - (row["z"] - row["bias"])) < 1e-5 * max(1, abs(z)), (training, row["z"], row["map"].sum())
    return rows, head


def the_map_of_a_linear_head_sums_to_the_decision_value_less_the_bias():
    with scratch() as at:
        three, two = (make_cache(at, "c%d" % k, k, 6) for k in (3, 2))
        features = exported(three, at + "/x3")
        for scale in ("none", "max", "standard", "l2", "sqrt"):
            _, head = compare(at, three, features, "--head", "linear", "--scale", scale)
            assert head.temperature == 1 and head.scaling["kind"] == scale
        features = exported(two, at + "/x2")
        rows, head = compare(at, two, features, "--head", "linear", "--folds", 3)
        assert head.temperature != 1 and len(rows) == len({r["path"] for r in rows}), "the second map is the first mirrored"
        compare(at, two, features, "--head", "linear", "--scale", "max", "--solver", "lr")


def the_map_of_a_dense_head_is_gradient_times_input():
    with scratch() as at:
        cache = make_cache(at, "c", 3, 6)
        features = exported(cache, at + "/x")
        for scale in ("none", "standard"):
            compare(at, cache, features, "--hidden", "20,9", "--epochs", 3, "--validation-split", 0, "--scale", scale)
        page = open(at + "/e/index.html").read()
        assert "Gradient x input" in page and "Exact" not in page


def images_are_chosen_for_three_reasons_and_the_sample_by_the_seed():
    with scratch() as at:
        cache, test = make_cache(at, "train", 3, 24), make_cache(at, "test", 3, 60, seed=2)
        program("train", "--quiet", "--head", "linear", "--folds", 3, cache, at + "/m.h5")
        chosen = []
        for seed in (42, 7):
            program("evaluate", "--quiet", "--seed", seed, "--predictions", at + "/p.csv", "--explain", at + "/e", test, at + "/m.h5")
            rows = [r for r in maps(at + "/e") if r["class"] == r["predicted"]]
            chosen.append({reason: [r["path"] for r in rows if r["reason"] == reason] for reason in ("wrong", "unsure", "sample")})
        with open(at + "/p.csv", newline="") as file:
            said = list(csv.DictReader(file))
        score = {r["path"]: sorted(float(r["c%d" % k]) for k in range(3))[::-1] for r in said}
        wrong = sorted((r["path"] for r in said if r["true"] != r["predicted"]), key=lambda p: (-score[p][0], p))[:6]
        unsure = sorted((p for p in score if p not in wrong), key=lambda p: (score[p][0] - score[p][1], p))[:6]
        assert wrong and [c["wrong"] for c in chosen] == [wrong] * 2 and [c["unsure"] for c in chosen] == [unsure] * 2, chosen
        assert chosen[0]["sample"] != chosen[1]["sample"] and len(chosen[1]["sample"]) == 6
        assert len(set(wrong + unsure + chosen[0]["sample"])) == len(wrong) + 12


def draw(at, train, test):
    program("demo-images", at, train, test)
    return at + "/train", at + "/test"


def covering_the_strongest_places_lowers_the_value_more_than_covering_others():
    with scratch() as at:
        _, test = draw(at, 1, 3)
        program("extract", "--quiet", "--weights", "random", test, test + ".cache")
        # The seeded base sees nearly the same everywhere: averages would tell classes by brightness, and no place more than another.
        program("train", "--quiet", "--head", "linear", "--scale", "none", "--averages", 1, test + ".cache", at + "/m.h5")
        program("evaluate", "--quiet", "--explain", at + "/e", test + ".cache", at + "/m.h5")
        rows = [r for r in maps(at + "/e") if r["class"] == r["predicted"]][:10]
        head, rng = Head(at + "/m.h5"), np.random.default_rng(0)
        assert len(rows) == 10

        def cover(name, places):
            for row in rows:
                with Image.open("%s/%s" % (test, row["path"])) as image:
                    pixels = np.asarray(image.convert("RGB").resize((224, 224), Image.BILINEAR)).copy()
                for place in places(np.argsort(-row["map"])):
                    y, x = 32 * (place // 7), 32 * (place % 7)
                    pixels[y:y + 32, x:x + 32] = 127
                path = "%s/covered/%s/%s.png" % (at, name, row["path"][:-4])
                os.makedirs(os.path.dirname(path), exist_ok=True)
                Image.fromarray(pixels).save(path)

        cover("strongest", lambda order: order[:6])
        cover("others", lambda order: rng.permutation(order[6:])[:6])
        program("extract", "--quiet", "--weights", "random", at + "/covered", at + "/covered.cache")
        features = exported(at + "/covered.cache", at + "/x")

        def drops(name):
            after = [head.explain(features["%s/%s.png" % (name, r["path"][:-4])], head.classes.index(r["class"]))[0] for r in rows]
            return np.array([row["z"] for row in rows]) - after

        strongest, others = drops("strongest"), drops("others")
        assert strongest.mean() > 2 * others.mean() and np.mean(strongest > others) >= 0.8, (strongest, others)


def maps_lie_over_the_base_s_input_and_missing_or_changed_images_are_reported():
    with scratch() as at:
        _, test = draw(at, 1, 2)
        program("extract", "--quiet", "--weights", "random", "--preset", "torchvision", "--classes", "ring,star", test, at + "/c")
        program("train", "--quiet", "--head", "linear", at + "/c", at + "/m.h5")
        with_images = ["evaluate", "--images", test, "--explain", at + "/e", "--report", at + "/report", at + "/c", at + "/m.h5"]
        done = program(*with_images)
        assert not re.search("could not|not what", done.stderr), done.stderr
        cached = maps(at + "/e")
        pages = [open(at + "/%s/index.html" % name).read() for name in ("e", "report")]
        section = re.search(r'<section id="explanations">.*?</section>', pages[1], re.S)[0]
        assert section in pages[0] and section.count("<li>") == 4 and "Exact" in section
        with Image.open("%s/%s" % (test, cached[0]["path"])) as image:  # 240 x 200 becomes 307 x 256, cropped to its centre
            expected = np.asarray(image.convert("RGB").resize((307, 256), Image.BILINEAR))[16:240, 42:266].astype(int)
        shown, overlay = (np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)
                          for data in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', section)[:2])
        assert shown.shape == (224, 224, 3) and np.abs(shown - expected).mean() < 6, np.abs(shown - expected).mean()
        place = int(np.argmax(np.abs(cached[0]["map"])))  # orange where it speaks for the class, blue where against it
        red, _, blue = overlay[32 * (place // 7) + 16, 32 * (place % 7) + 16]
        assert (red > blue + 60) if cached[0]["map"][place] > 0 else (blue > red + 60), (cached[0]["map"][place], red, blue)
        for row in cached:
            with Image.open(at + "/e/" + row["picture"]) as image:
                assert image.size[0] > 1000

        program("evaluate", "--quiet", "--classes", "ring,star", "--explain", at + "/f", test, at + "/m.h5")
        folder = maps(at + "/f")
        assert [(r["path"], r["reason"]) for r in folder] == [(r["path"], r["reason"]) for r in cached]
        assert all(np.allclose(a["map"], b["map"], atol=1e-5 * np.abs(b["map"]).sum()) for a, b in zip(folder, cached))

        os.remove("%s/%s" % (test, cached[0]["path"]))
        Image.new("RGB", (50, 50)).save("%s/%s" % (test, cached[1]["path"]))
        done = program(*with_images)
        assert says(done.stderr, "1 of the images to explain could not be read below"), done.stderr
        assert says(done.stderr, "1 of the images to explain, below") and [r["z"] for r in maps(at + "/e")] == [r["z"] for r in cached]
        done = program("evaluate", "--explain", at + "/e", at + "/c", at + "/m.h5")
        assert "give --images DIR" in done.stderr and "could not" not in done.stderr, done.stderr


def the_maps_of_pooled_features_are_exact_too():
    with scratch() as at:
        _, test = draw(at, 1, 1)
        for kind in ("spots", "stripes"):
            shutil.rmtree("%s/%s" % (test, kind))
        weights = ["--weights", "random"]
        program("extract", "-q", *weights, test, at + "/full")
        full = exported(at + "/full", at + "/x")
        for pool, scales in ("avg", ("standard", "sqrt", "max")), ("max", ("sqrt",)):
            cache, models = "%s/%s" % (at, pool), ["%s/%s.h5" % (at, scale) for scale in scales]
            program("extract", "-q", "--pool", pool, at + "/full", cache)
            for scale, model in zip(scales, models):
                program("train", "-q", "--head", "linear", "--scale", scale, cache, model)
            program("evaluate", "-q", *weights, "--images", test, "--explain", at + "/e", cache, *models)
            rows = maps(at + "/e")
            assert {row["model"] for row in rows} == set(scales), rows
            for row in rows:
                scale, head = row["model"], Head("%s/%s.h5" % (at, row["model"]))
                x, label = full[row["path"]].reshape(49, 512), head.classes.index(row["class"])
                pooled = x.mean(0) if pool == "avg" else x.max(0)
                weights_of, s = head.layers[-1][0][:, label], head.scaled(pooled)
                if pool == "max":
                    share = np.eye(49)[x.argmax(0)].T * s
                elif scale == "standard":
                    share = (x - head.mean) * head.inverse / 49
                else:
                    share = np.divide(x, x.sum(0), out=np.zeros_like(x), where=x.sum(0) > 0) * s
                expected, z = share @ weights_of, s @ weights_of + head.layers[-1][1][label]
                size = np.abs(expected).sum() + abs(z)
                assert np.allclose(row["map"], expected, rtol=0, atol=1e-5 * size), (pool, scale, row["map"] - expected)
                assert abs(row["map"].sum() - (row["z"] - row["bias"])) < 1e-5 * max(1, abs(z)), (pool, scale)
                assert abs(row["z"] - z) < 1e-4 * max(1, abs(z)), (pool, scale, row["z"], z)
        with_images = ["evaluate", "-q", *weights, "--images", test, "--explain", at + "/f", at + "/avg", at + "/m.h5"]
        program("train", "-q", "--head", "linear", at + "/avg", at + "/m.h5")
        program("evaluate", "-q", *weights, "--explain", at + "/g", test, at + "/m.h5")
        program(*with_images)
        assert [r["map"].tolist() for r in maps(at + "/f")] == [r["map"].tolist() for r in maps(at + "/g")]
        Image.new("RGB", (50, 50)).save("%s/%s" % (test, maps(at + "/f")[0]["path"]))
        assert "has changed since its features were made" in program(*with_images, status=1).stderr
        os.remove("%s/%s" % (test, maps(at + "/f")[0]["path"]))
        assert "cannot be explained: " in program(*with_images, status=1).stderr


def imported_maps_are_drawn_without_the_images_of_their_base():
    with scratch() as at:
        make_cache(at, "c", 2, 12)
        np.save(at + "/x.npy", np.load(at + "/x.npy").reshape(-1, 7, 7, 512))
        np.save(at + "/y.npy", np.arange(12) % 2)
        program("extract", "-q", "--import", at + "/x.npy", at + "/y.npy", at + "/imported")
        program("train", "-q", "--head", "linear", at + "/imported", at + "/m.h5")
        os.mkdir(at + "/images")
        for arguments in [], ["--images", at + "/images"]:
            done = program("evaluate", *arguments, "--explain", at + "/e", at + "/imported", at + "/m.h5")
            rows, x = maps(at + "/e"), np.load(at + "/x.npy")
            with open(at + "/e/index.html") as file:
                shown = [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")).astype(int)
                         for data in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', file.read())]
            assert len(shown) == len(rows) > 0 and not re.search("could not|changed", done.stderr), done.stderr
            for row, overlay in zip(rows, shown):
                place = int(np.argmax(np.abs(row["map"])))
                red, _, blue = overlay[32 * (place // 7) + 16, 32 * (place % 7) + 16]
                assert overlay.shape == (224, 224, 3) and ((red > blue) == (row["map"][place] > 0)), (row, red, blue)
                with Image.open(at + "/e/" + row["picture"]) as image:
                    assert image.size[0] > 1000


def what_cannot_be_explained_is_one_sentence():
    with scratch() as at:
        cache = make_cache(at, "c", 2, 6, side=1)
        program("train", "--quiet", "--head", "linear", cache, at + "/m.h5")
        done = program("evaluate", "--explain", at + "/e", cache, at + "/m.h5", status=1)
        assert "the features of block5_pool, such as 7x7x512; this model takes 1x1x512" in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1 and not done.stdout and not os.path.exists(at + "/e")
        three = make_cache(at, "three", 2, 3)
        program("train", "--quiet", "--head", "linear", three, at + "/n.h5")
        program("evaluate", "--quiet", "--explain", at + "/e", three, at + "/n.h5")
        assert len(maps(at + "/e")) == 3
        done = program("evaluate", "--explain", at + "/e", "--report", at + "/e", three, at + "/n.h5", status=1)
        assert "index.html" in done.stderr and done.stderr.count("\n") == 1, done.stderr
        open(at + "/file", "w").close()
        done = program("evaluate", "--quiet", "--explain", at + "/file", three, at + "/n.h5", status=1)
        assert done.stderr.count("\n") == 1, done.stderr


run(the_map_of_a_linear_head_sums_to_the_decision_value_less_the_bias, the_map_of_a_dense_head_is_gradient_times_input,
    images_are_chosen_for_three_reasons_and_the_sample_by_the_seed,
    covering_the_strongest_places_lowers_the_value_more_than_covering_others,
    maps_lie_over_the_base_s_input_and_missing_or_changed_images_are_reported, the_maps_of_pooled_features_are_exact_too,
    imported_maps_are_drawn_without_the_images_of_their_base, what_cannot_be_explained_is_one_sentence)
