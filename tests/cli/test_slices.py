"""Accuracy by slices of a table: --slices against exact fractions in Python, and measures against Pillow and NumPy."""
import csv, itertools, json, os, sys
from fractions import Fraction
from math import comb
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import program, run, scratch


def make(at, n=240):
    """Two classes that overlap; a table in which only the column `hard` says something of them, and `brightness` in part."""
    rng = np.random.default_rng(8)
    labels = np.arange(n) % 2
    hard = rng.random(n) < 0.3
    x = np.zeros((n, 4), "f4")
    x[:, 0] = (2 * labels - 1) * np.where(hard, 0.2, 2) + rng.normal(0, 0.6, n)
    x[:, 1:] = rng.normal(0, 0.3, (n, 3))
    np.save(at + "/x.npy", x)
    np.save(at + "/y.npy", labels)
    program("extract", "-q", "--import", at + "/x.npy", at + "/y.npy", at + "/c")
    program("train", "-q", "--head", "linear", at + "/c", at + "/m.h5")
    program("evaluate", "-q", "--predictions", at + "/p.csv", at + "/c", at + "/m.h5")
    with open(at + "/p.csv", newline="") as file:
        right = {row["path"]: row["true"] == row["predicted"] for row in csv.DictReader(file)}
    program("extract", "-q", "--export", at + "/e", at + "/c")
    with open(at + "/e/items.csv", newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    at_ = {p: i for i, p in enumerate(paths)}
    stored = np.load(at + "/e/features.npy")
    said = {}
    for path in paths:
        weak = bool(abs(stored[at_[path], 0]) < 0.7)
        said[path] = {"hard": "weak, \"dim\"" if weak else "clear", "camera": rng.choice(["phone", "slr", ""]), "hour": str(rng.integers(24)),
                      "brightness": "%.3f" % (abs(stored[at_[path], 0]) + rng.uniform(0, 1)), "one": "same", "id": "image " + path}
    return right, said


def write(path, said, names):
    with open(path, "w", newline="") as file:
        table = csv.DictWriter(file, ["path", *names])
        table.writeheader()
        table.writerows(dict({name: said[p][name] for name in names}, path=p) for p in sorted(said, reverse=True))
    return path


def fisher(a, n, b, m):
    ways = {k: comb(n, k) * comb(m, a + b - k) for k in range(max(0, a + b - m), min(n, a + b) + 1)}
    return float(Fraction(sum(w for w in ways.values() if w <= ways[a]), comb(n + m, a + b)))


def holm(values):
    order, out, largest = sorted(range(len(values)), key=lambda i: values[i]), [0] * len(values), 0
    for rank, i in enumerate(order):
        largest = out[i] = max(largest, min(1, values[i] * (len(values) - rank)))
    return out


def quarters(numbers):
    ends = [sorted(numbers, key=float)[len(numbers) * q // 4 - 1] for q in (1, 2, 3)]
    names = ["to " + ends[0], "above %s, to %s" % (ends[0], ends[1]), "above %s, to %s" % (ends[1], ends[2]), "above " + ends[2]]
    return names, lambda text: names[sum(float(text) > float(end) for end in ends)]


def figures_agree_with_python():
    with scratch() as at:
        right, said = make(at)
        names = ["hard", "camera", "hour", "brightness", "one", "id"]
        done = program("evaluate", "--json", at + "/f.json", "--slices", write(at + "/t.csv", said, names), at + "/c", at + "/m.h5")
        with open(at + "/f.json") as file:
            ours = json.load(file)["models"][0]["slices"]
        expected = []
        for name in names[:4]:  # `one` has one value, and `id` one for each image
            value = {p: row[name] for p, row in said.items() if row[name]}
            values = sorted(set(value.values()), key=int if name == "hour" else str)
            if name == "brightness":
                values, quarter = quarters(list(value.values()))
                value = {p: quarter(text) for p, text in value.items()}
            for v in values:
                inside, others = ([right[p] for p in value if (value[p] == v) == same] for same in (True, False))
                expected.append((name, v, len(inside), sum(inside), len(others), sum(others), fisher(sum(inside), len(inside), sum(others), len(others))))
        assert [(s["column"], s["value"], s["images"], s["right"], s["others"], s["others_right"]) for s in ours] == [e[:6] for e in expected]
        p = holm([e[6] for e in expected])
        assert np.allclose([s["p"] for s in ours], p, rtol=1e-9, atol=1e-15)
        differ = [s for s in ours if s["differs"]]
        assert [s["differs"] for s in ours] == [v < 0.05 for v in p] and {"hard"} <= {s["column"] for s in differ} <= {"hard", "brightness"}
        text = done.stdout[done.stdout.index("Right by slice"):]
        assert text.count("differs from") == len(differ) and "m  %d of %d slices differ" % (len(differ), len(ours)) in text, text
        assert 'm  hard = weak, "dim": ' in text
        assert "the column id has 240 values" in done.stderr, done.stderr


def the_report_names_those_that_differ():
    with scratch() as at:
        right, said = make(at)
        write(at + "/t.csv", said, ["hard"])
        program("evaluate", "-q", "--slices", at + "/t.csv", "--report", at + "/r", at + "/c", at + "/m.h5")
        with open(at + "/r/index.html") as file:
            page = file.read()
        section = page[page.index('<section id="slices">'):]
        section = section[:section.index("</section>")]
        assert section.count("<strong>differs") == 2 and "hard = weak, &quot;dim&quot;" in section, section
        program("evaluate", "-q", "--report", at + "/r", at + "/c", at + "/m.h5")
        with open(at + "/r/index.html") as file:
            assert 'id="slices"' not in file.read()


def grouped(at, name, x, labels, groups):
    """A cache of two classes whose file names tell their groups; its paths."""
    np.save("%s/%s.npy" % (at, name), x.astype("f4"))
    paths = ["%s/g%02d-%d.jpg" % ("ab"[k], g, i) for i, (k, g) in enumerate(zip(labels, groups))]
    with open("%s/%s.csv" % (at, name), "w") as file:
        file.write("path,class\n" + "".join("%s,%s\n" % (path, path[0]) for path in paths))
    program("extract", "-q", "--import", "%s/%s.npy" % (at, name), "%s/%s.csv" % (at, name), "%s/%s" % (at, name))
    return paths


def sliced(at, name, table):
    """The slices of a table, what was said, and by path whether the model is right."""
    done = program("evaluate", "--json", at + "/f.json", "--predictions", at + "/p.csv", "--slices", table, "--report", at + "/r", at + "/" + name, at + "/m.h5")
    with open(at + "/f.json") as file, open(at + "/p.csv", newline="") as predictions:
        right = {row["path"]: row["true"] == row["predicted"] for row in csv.DictReader(predictions)}
        return json.load(file)["models"][0]["slices"], " ".join(done.stdout.split()), right


def learn(at):
    labels = np.arange(40) % 2
    grouped(at, "train", np.stack([2 * labels - 1, np.random.default_rng(0).normal(0, 0.1, 40)], 1), labels, labels)
    program("train", "-q", "--head", "linear", "--scale", "none", at + "/train", at + "/m.h5")


def copies_of_a_few_images_do_not_make_a_slice_differ():
    """Four images, fifty times each: two from one camera, right, two from another, wrong."""
    with scratch() as at:
        learn(at)
        groups, labels = np.repeat(range(4), 50), np.repeat(range(4), 50) % 2
        paths = grouped(at, "test", np.stack([(2 * labels - 1) * np.where(groups < 2, 1, -1), 0 * labels], 1), labels, groups)
        table = write(at + "/t.csv", {path: {"camera": "AB"[g // 2]} for path, g in zip(paths, groups)}, ["camera"])
        alone, said, _ = sliced(at, "test", table)
        assert [(s["right"], s["images"], s["differs"]) for s in alone] == [(100, 100, True), (0, 100, True)] and alone[0]["p"] < 1e-50, alone
        assert "p: Fisher's exact test, corrected" in said and "2 of 2 slices differ" in said, said
        program("extract", "-q", "--group", "g[0-9]+", at + "/test")
        ours, said, _ = sliced(at, "test", table)
        assert [(s["right"], s["images"], s["differs"]) for s in ours] == [(100, 100, False), (0, 100, False)], ours
        assert all(abs(s["p"] - 2 * 2 / 2**4) < 0.04 for s in ours), ours  # all signs alike, twice by Holm
        low = 2 / (2 + 1.959963984540054**2)  # Wilson's of two of two
        assert np.allclose([s["interval"] for s in ours], [[low, 1], [0, 1 - low]]), ours
        assert "p: a test of signs over 4 groups, corrected" in said and "0 of 2 slices differ" in said, said
        with open(at + "/r/index.html") as file:
            assert "a test of signs over 4 groups against" in file.read()


def signs(inside, right, groups):
    """How many of all signs of the groups' parts in the covariance lead at least as far from 0."""
    part = (inside - inside.mean()) * (right - right.mean())
    parts = np.array([part[groups == g].sum() for g in np.unique(groups)])
    sums = np.array(list(itertools.product((-1, 1), repeat=len(parts)))) @ parts
    return (abs(sums) >= abs(parts.sum()) - 1e-9).mean()


def over_groups_figures_agree_with_numpy():
    with scratch() as at:
        learn(at)
        rng = np.random.default_rng(4)
        groups = np.repeat(range(12), rng.integers(8, 24, 12))
        labels, camera, shot = rng.integers(0, 2, len(groups)), groups % 2, rng.integers(0, 2, len(groups))
        away = 0.1 + 0.4 * camera + 0.25 * shot + rng.normal(0, 0.3, 12)[groups] + rng.normal(0, 0.3, len(groups))
        paths = grouped(at, "test", np.stack([(2 * labels - 1) * away, 0 * away], 1), labels, groups)
        program("extract", "-q", "--group", "g[0-9]+", at + "/test")
        for name, column in (("camera", camera), ("shot", shot)):
            said = {path: {name: "AB"[v]} for path, v in zip(paths, column)}
            del said[paths[0]]  # it is in no slice
            ours, _, answers = sliced(at, "test", write(at + "/t.csv", said, [name]))
            assert ours == sliced(at, "test", at + "/t.csv")[0]
            right, inside, group = np.array([answers[path] for path in paths[1:]]), column[1:] == 0, groups[1:]
            p = 2 * signs(inside, right, group)
            alone = 2 * fisher(right[inside].sum().item(), inside.sum().item(), right[~inside].sum().item(), (~inside).sum().item())
            error = 2 * np.sqrt(p / 2 * (1 - p / 2) / 4000)  # of as many draws
            assert 0.004 < p < 0.9 and abs(p - alone) > 6 * error and all(abs(s["p"] - p) < 4 * error + 0.001 for s in ours), (name, p, alone, ours)
            for s, of in zip(ours, (inside, ~inside)):
                sums = np.array([(right[of & (group == g)].sum(), (of & (group == g)).sum()) for g in np.unique(group[of])])
                draws = sums[rng.integers(0, len(sums), (20000, len(sums)))].sum(1)
                assert np.allclose(s["interval"], np.quantile(draws[:, 0] / draws[:, 1], [0.025, 0.975]), atol=0.02), (s, sums)


def laplacian(grey):
    return grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]


def photograph(at, n=90):
    """Images whose class shows in the colour, which a dark one hides; what Pillow and NumPy measure of each."""
    rng = np.random.default_rng(5)
    measured = {}
    for i in range(n):
        dark = i % 3 == 0
        colour = np.array([(150, 90, 90), (90, 90, 150)][i % 2]) * (0.15 if dark else 1) + rng.normal(0, 25 if dark else 4, 3)
        pixels = colour + rng.normal(0, rng.uniform(0.5, 30), (20, 20, 3))
        side = (30, 40, 40, 40, 48)[i % 5] + (i % 29 if i % 5 == 0 else 0)  # 40x20 lies on two quarters' ends
        image = Image.fromarray(pixels.clip(0, 255).astype("u1")).resize((side, 20))
        path = "%s/%02d.png" % ("ab"[i % 2], i)
        os.makedirs(at + "/images/" + path[0], exist_ok=True)
        image.save(at + "/images/" + path)
        grey = np.asarray(Image.open(at + "/images/" + path)).astype(float) @ (0.299, 0.587, 0.114)
        measured[path] = {"brightness": "%.1f" % grey.mean(), "sharpness": "%.1f" % laplacian(grey).var(), "size": str(20 * side)}
    return measured


def distinct_quarters(numbers):
    """Quarters as above; of equal ends there is one, and none is the largest number."""
    numbers = sorted(numbers, key=float)
    below = [x for x in numbers if float(x) < float(numbers[-1])]
    ends = []
    for q in (1, 2, 3):
        end = min(numbers[len(numbers) * q // 4 - 1], below[-1], key=float)
        if not ends or float(end) > float(ends[-1]):
            ends.append(end)
    names = ["to " + ends[0], *("above %s, to %s" % pair for pair in zip(ends, ends[1:])), "above " + ends[-1]]
    return names, lambda text: names[sum(float(text) > float(end) for end in ends)]


def measures_agree_with_pillow_and_numpy():
    with scratch() as at:
        measured = photograph(at)
        program("extract", "-q", "--preset", "keras", "--layer", "input", at + "/images", at + "/c")
        program("train", "-q", "--head", "linear", at + "/c", at + "/m.h5")
        program("evaluate", "-q", "--predictions", at + "/p.csv", at + "/c", at + "/m.h5")
        with open(at + "/p.csv", newline="") as file:
            right = {row["path"]: row["true"] == row["predicted"] for row in csv.DictReader(file)}
        with open(at + "/t.csv", "w") as file:
            file.write("path,camera\n" + "".join("%s,%d\n" % (path, i % 3) for i, path in enumerate(sorted(measured))))
        for source, images in ((at + "/c", ["--images", at + "/images"]), (at + "/images", [])):
            done = program("evaluate", "--json", at + "/f.json", "--slices", at + "/t.csv,brightness,sharpness", "--slices", "size", *images, "--report", at + "/r", source, at + "/m.h5")
            with open(at + "/f.json") as file:
                ours = [s for s in json.load(file)["models"][0]["slices"] if s["column"] != "camera"]
            expected = []
            for name in ("brightness", "sharpness", "size"):
                values, quarter = distinct_quarters([row[name] for row in measured.values()])
                assert len(values) == (3 if name == "size" else 4)
                for v in values:
                    inside = [right[p] for p, row in measured.items() if quarter(row[name]) == v]
                    expected.append((name, v, len(inside), sum(inside)))
            assert [(s["column"], s["value"], s["images"], s["right"]) for s in ours] == expected, (ours, expected)
            dark = [s for s in ours if s["differs"]]
            assert any(s["column"] == "brightness" and s["value"].startswith("to ") for s in dark), ours
            assert "camera = 2: " in done.stdout and "m  brightness = to " in done.stdout
            with open(at + "/r/index.html") as file:
                assert "brightness = to " in file.read()


def what_cannot_be_measured_is_said():
    with scratch() as at:
        measured = photograph(at, 12)
        program("extract", "-q", "--preset", "keras", "--layer", "input", at + "/images", at + "/c")
        program("train", "-q", "--head", "linear", at + "/c", at + "/m.h5")
        asked = ["evaluate", "--slices", "brightness", at + "/c", at + "/m.h5"]
        assert "needs --images DIR" in program(*asked, status=2).stderr
        assert "none of the images could be read" in program(*asked, "--images", at + "/m.h5", status=1).stderr
        os.remove(at + "/images/a/00.png")
        done = program(*asked, "--images", at + "/images")
        assert "1 of the images could not be read" in " ".join(done.stderr.split())
        for path in measured:
            Image.new("RGB", (9, 9)).save(at + "/images/" + path)
        assert "do not differ" in program(*asked, "--images", at + "/images", status=1).stderr


def what_is_wrong_with_a_table_is_one_sentence():
    with scratch() as at:
        _, said = make(at, 20)
        path = next(iter(said))
        for text, words in (("", "is empty"), ("camera\nx\n", "column path"), ("path,camera\nnone,x\n", "none of the images"),
                            ("path,camera\n%s\n" % path, "record 2: it has 1 fields, not 2"), ("path,camera\n\"%s\n" % path, "not closed"),
                            ("path,camera\n%s,x\n" % path, "no column besides the paths"), ("path\n%s\n" % path, "no column besides the paths")):
            with open(at + "/t.csv", "w") as file:
                file.write(text)
            error = program("evaluate", "-q", "--slices", at + "/t.csv", at + "/c", at + "/m.h5", status=1).stderr
            assert words in error and error.count("\n") == 1, (text, error)


run(figures_agree_with_python, copies_of_a_few_images_do_not_make_a_slice_differ, over_groups_figures_agree_with_numpy,
    the_report_names_those_that_differ, measures_agree_with_pillow_and_numpy, what_cannot_be_measured_is_said,
    what_is_wrong_with_a_table_is_one_sentence)
