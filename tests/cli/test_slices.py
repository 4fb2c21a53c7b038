"""Accuracy by slices of a table: --slices against exact fractions in Python."""
import csv, json, os, sys
from fractions import Fraction
from math import comb
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
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


run(figures_agree_with_python, the_report_names_those_that_differ, what_is_wrong_with_a_table_is_one_sentence)
