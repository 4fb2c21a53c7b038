"""The answers at the top of evaluate's report and text, against NumPy and exact arithmetic, and the report in a browser."""
import csv, html, json, math, os, re, subprocess, sys
from fractions import Fraction

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from browser import FLAGS
from tap import BUILD, program, run, scratch


def make_cache(folder, name, classes, per_class, seed, spread=0.4, features=192, uneven=0):
    """Vectors around one centre per class, with `uneven` more of the first class."""
    centres = np.random.default_rng(1).normal(size=(classes, features)) * spread
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.repeat(np.arange(classes), per_class), np.zeros(uneven, int)])
    x = np.maximum(centres[y] + rng.normal(size=(len(y), features)), 0).astype("<f4")
    npy, items, cache = (os.path.join(folder, name + end) for end in (".npy", ".csv", ".cache"))
    np.save(npy, x)
    with open(items, "w") as out:
        out.writelines("class_%03d/%05d.jpg,class_%03d\n" % (t, i, t) for i, t in enumerate(y))
    program("tools/make-cache", npy, items, cache)
    return cache


def make_models(folder, classes, per_class=12, **options):
    train = make_cache(folder, "train", classes, per_class, 2, **options)
    dense, linear = os.path.join(folder, "dense.h5"), os.path.join(folder, "linear.h5")
    program("train", "--quiet", "--hidden", "16", "--epochs", "4", "--history", os.path.join(folder, "dense.csv"), train, dense)
    program("train", "--quiet", "--head", "linear", "--folds", 3, train, linear)
    return dense, linear


def words_of(text):
    """The text without line breaks, which may be anywhere."""
    return " ".join(text.split())


def predictions(folder, test, *models):
    program("evaluate", "--quiet", "--predictions", os.path.join(folder, "p.csv"), test, *models)
    truth, said = None, []
    for model in models:
        name = os.path.splitext(os.path.basename(model))[0]
        with open(os.path.join(folder, "p-%s.csv" % name), newline="") as file:
            rows = list(csv.DictReader(file))
        truth = np.array([row["true"] for row in rows])
        said.append(np.array([row["predicted"] for row in rows]))
    return truth, said


def upper_tail(k, n, share):
    return float(sum(math.comb(n, i) * share**i * (1 - share)**(n - i) for i in range(k, n + 1)))


def the_verdict_agrees_with_numpy_and_exact_arithmetic():
    with scratch() as at:
        dense, linear = make_models(at, 5)
        test = make_cache(at, "test", 5, 20, 3, uneven=7)
        program("evaluate", "--quiet", "--json", at + "/f.json", test, dense, linear)
        with open(at + "/f.json") as file:
            verdict = json.load(file)["verdict"]
        truth, said = predictions(at, test, dense, linear)
        right = [(s == truth) for s in said]
        n, names = len(truth), ["dense", "linear"]
        best = int(right[1].sum() > right[0].sum())
        assert n == 107 and verdict["best"] == names[best] and verdict["second"] == names[1 - best]
        b, c = (right[best] & ~right[1 - best]).sum(), (~right[best] & right[1 - best]).sum()
        assert b > c and abs(verdict["ahead"] - (b - c) / n) < 1e-12
        d, variance = (b - c) / (n + 2), (b + c + 1 - (b - c)**2 / (n + 2)) / (n + 2)**2  # Agresti & Min
        assert np.allclose(verdict["ahead_interval"], [d - 1.959963984540054 * variance**0.5, d + 1.959963984540054 * variance**0.5])
        assert verdict["images_needed"] == math.ceil(7.849 * n * (b + c) / (b - c)**2)
        p = min(1, 2 * upper_tail(int(max(b, c)), int(b + c), Fraction(1, 2)))
        assert abs(verdict["p"] - p) < 1e-12 and verdict["not_told_apart"] == ([] if p < 0.05 else [names[1 - best]])
        guess = verdict["guessing"]
        assert guess["class"] == "class_000" and abs(guess["accuracy"] - 27 / 107) < 1e-12
        exact = upper_tail(int(right[best].sum()), n, Fraction(27, 107))
        assert abs(guess["p"] - exact) < 1e-9 * exact, (guess["p"], exact)
        assert verdict["beats_guessing"] == (exact < 0.05)
        recall = {k: right[best][truth == k].mean() for k in sorted(set(truth))}
        assert recall[verdict["weakest_class"]] == min(recall.values()) < 1


def several_models_are_compared_by_holms_rule():
    """Two equal models and one that guesses: p of the guessing one is not halved, that of the equal one is 1."""
    with scratch() as at:
        dense, linear = make_models(at, 4, spread=0.6)
        with open(linear, "rb") as file, open(at + "/same.h5", "wb") as out:
            out.write(file.read())
        program("train", "--quiet", "--hidden", "2", "--epochs", "1", "--learning-rate", "1e-9", at + "/train.cache", at + "/dull.h5")
        test = make_cache(at, "test", 4, 40, 3, spread=0.6)
        done = program("evaluate", "--quiet", "--json", at + "/f.json", test, at + "/dull.h5", linear, at + "/same.h5")
        with open(at + "/f.json") as file:
            verdict = json.load(file)["verdict"]
        assert verdict["best"] == "linear" and verdict["second"] == "same" and verdict["not_told_apart"] == ["same"]
        assert verdict["images_needed"] is None and "It is right as often as same." in words_of(done.stdout)
        assert "dull is no better than that" in words_of(done.stdout)


def evaluate_voters(at, n, *right):
    """evaluate's text on n images of two classes, by models m0, m1, …: model j is right on the images in right[j]. Its one
    weight takes feature j, which says what it answers."""
    truth = np.arange(n) % 2
    x = np.ones((n, len(right)), "<f4")
    for j, images in enumerate(right):
        said = 1 - truth
        said[list(images)] = truth[list(images)]
        x[:, j] = 1 - 2 * said

    def cache_of(name, x):
        np.save(at + "/x.npy", x)
        np.save(at + "/y.npy", np.arange(len(x)) % 2)
        program("extract", "--quiet", "--import", at + "/x.npy", at + "/y.npy", at + name)
        return at + name

    models = [at + "/m%d.h5" % j for j in range(len(right))]
    for j, model in enumerate(models):
        one = np.zeros((8, len(right)), "<f4")
        one[:, j] = 1 - 2 * (np.arange(8) % 2)
        program("train", "--quiet", "--head", "linear", "--scale", "none", "--bias", "-1", cache_of("/one%d" % j, one), model)
    cache_of("/cache", x)
    return words_of(program("evaluate", "--quiet", at + "/cache", *models).stdout)


def the_second_may_be_told_from_the_best_where_one_further_behind_is_not():
    """The second loses 10 images and wins none; the third loses 60 and wins 45: of these two it is the third that chance
    could explain."""
    with scratch() as at:
        text = evaluate_voters(at, 400, range(300), range(290), [*range(240), *range(300, 345)])
        assert "It is 2.5 points ahead of m1" in text and "Chance does not explain that (McNemar's exact test, p = 0.002); " \
            "1 other cannot be distinguished from it, though further behind." in text, text
        assert "may be chance" not in text and "Were the difference real" not in text
    with scratch() as at:
        text = evaluate_voters(at, 400, range(300), [*range(240), *range(300, 345)], [*range(243), *range(300, 341)])
        assert "That may be chance (McNemar's exact test, p = 0.17); 1 other cannot be distinguished from it either. " \
            "Were the difference real, " in text, text
    with scratch() as at:
        text = evaluate_voters(at, 400, range(300), range(280), range(250))
        assert "Chance does not explain that (McNemar's exact test, p = 1.9e-06), and the others are further behind." in text, text


def what_is_no_better_than_chance_is_called_so():
    with scratch() as at:
        dense, linear = make_models(at, 3, spread=0)
        test = make_cache(at, "test", 3, 20, 3, spread=0)
        text = program("evaluate", "--quiet", "--report", at + "/r", test, linear).stdout
        assert max(map(len, text[text.index("In short"):].splitlines())) <= 100
        text = words_of(text)
        with open(at + "/r/index.html", encoding="utf-8") as file:
            page = file.read()
        for said in (text, page):
            assert "No better than chance: always answering class_000 is right on 33.3" in said, text
            assert "Check that the folder names" in said
        assert "By how much" not in text


def the_time_of_training_comes_from_the_history():
    with scratch() as at:
        dense, linear = make_models(at, 3)
        test = make_cache(at, "test", 3, 10, 3)
        with open(at + "/long.csv", "w") as file:
            file.write("epoch,loss,accuracy,val_loss,val_accuracy,seconds\n1,1,0.5,,,100.5\n2,1,0.5,,,199.5\n")
        with open(at + "/torn.csv", "w") as file:
            file.write("epoch,seconds\n1,100.5\n2\n")
        text = program("evaluate", "--quiet", "--history", at + "/long.csv,", test, dense, linear).stdout
        assert "parameters, trained in 5 min; linear: 579 parameters." in words_of(text), text
        timed = program("evaluate", "--quiet", "--history", at + "/dense.csv", "--timing", test, dense).stdout
        assert re.search(r"trained in [0-9.e-]+ s, [0-9.e-]+ ms per image", words_of(timed)), timed
        for history, models, sentence in (
            (at + "/long.csv", (dense, linear), "1 name for 2 models"),
            (at + "/train.csv", (dense,), "has no column seconds"),
            (at + "/gone.csv", (dense,), "gone.csv"),
            (at + "/torn.csv", (dense,), "torn.csv: record 3: it has no number of seconds"),
        ):
            error = program("evaluate", "--quiet", "--history", history, test, *models, status=1).stderr
            assert sentence in error and error.count("\n") == 1, error
        program("evaluate", "--quiet", "--history", at + "/long.csv", "--json", at + "/long.csv", test, dense, status=1)


def the_components_agree_with_numpys_svd():
    rng = np.random.default_rng(8)
    for n, d, count in ((7, 300, 2), (61, 2100, 3), (410, 192, 2), (3, 64, 4), (1, 64, 2)):
        x = (np.maximum(rng.normal(size=(n, d)), 0) + rng.normal(size=d) * (np.arange(n) % 2)[:, None] + 3).astype(np.float32)
        centred = x.astype(float) - x.astype(float).mean(0)
        u, s, _ = np.linalg.svd(centred, full_matrices=False)
        rank = min(count, n - 1)
        expected, shares = np.zeros((n, count)), np.zeros(count)
        expected[:, :rank] = (u * s)[:, :rank]
        shares[:rank] = s[:rank]**2 / max((s**2).sum(), 1e-300)
        said = [subprocess.run([os.path.join(BUILD, "tools/components"), str(n), str(d), str(count), str(threads)],
                               input=x.tobytes(), capture_output=True, check=True).stdout for threads in (1, 3)]
        assert said[0] == said[1], "threads change the result"
        numbers = np.frombuffer(said[0], float)
        scores, told = numbers[:-count].reshape(n, count), numbers[-count:]
        assert np.allclose(told, shares, atol=1e-9), (told, shares)
        for k in range(count):
            assert scores[np.abs(scores[:, k]).argmax(), k] >= 0
            error = min(np.abs(scores[:, k] - expected[:, k]).max(), np.abs(scores[:, k] + expected[:, k]).max())
            assert error < 1e-6 * max(s[0], 1), (n, k, error)


def the_scatter_marks_the_mistakes_of_the_best_model():
    with scratch() as at:
        dense, linear = make_models(at, 14, spread=0.2)
        test = make_cache(at, "test", 14, 6, 3, spread=0.2)
        program("evaluate", "--quiet", "--scatter", at + "/s.svg", "--json", at + "/f.json", test, dense, linear)
        with open(at + "/f.json") as file:
            figures = json.load(file)
        best = next(m for m in figures["models"] if m["name"] == figures["verdict"]["best"])
        wrong = round((1 - best["accuracy"]) * figures["images"])
        strokes = re.findall(r"<path [^>]*?>", open(at + "/s.svg").read())
        crosses = [p for p in strokes if re.search(r' d="M [-0-9.]+ [-0-9.]+ L [-0-9.]+ [-0-9.]+ "', p)
                   and re.search(r'stroke-width(:|=")1[";]', p) and "10.588235%" in p]
        assert 0 < wrong < figures["images"] and len(crosses) == 2 * (wrong + 1), (wrong, len(crosses))  # + 1: the legend's
        for name, head in (("s.png", b"\x89PNG"), ("s.pdf", b"%PDF")):
            program("evaluate", "--quiet", "--scatter", os.path.join(at, name), test, linear)
            with open(os.path.join(at, name), "rb") as file:
                assert file.read(4) == head
        os.makedirs(at + "/images/class_000")
        assert "it is for evaluating on a CACHE" in program("evaluate", "--scatter", at + "/s.png", at + "/images", linear, status=2).stderr
        assert "--scatter is not used by --predict" in program("evaluate", "--scatter", "s.png", "--predict", linear, "x.jpg", status=2).stderr


def thousands_of_classes_are_written_as_the_cells_that_are_not_zero():
    """2,401 classes are one more than a figure shows: it is left out, and a line says so. The images are of three."""
    n = 2401
    with scratch() as at:
        rng = np.random.default_rng(4)
        for name, y in (("train", np.arange(n)), ("test", np.arange(60) % 3 * 800)):
            np.save(at + "/x.npy", rng.normal(size=(len(y), 4)).astype("f4"))
            with open(at + "/items.csv", "w") as out:
                out.write("path,class\n" + "".join("c%04d/%d.jpg,c%04d\n" % (t, i, t) for i, t in enumerate(y)))
            program("extract", "-q", "--import", at + "/x.npy", at + "/items.csv", "%s/%s" % (at, name))
        program("train", "-q", "--epochs", "1", "--hidden", "2", "--validation-split", "0", at + "/train", at + "/m.h5")
        done = program("evaluate", "--json", at + "/f.json", "--predictions", at + "/p.csv", "--report", at + "/r", at + "/test", at + "/m.h5")
        assert "Confusion matrix of m is not drawn: 2401 classes are more than" in done.stderr, done.stderr
        with open(at + "/r/index.html", encoding="utf-8") as file:
            page = file.read()
        assert "is not drawn: 2401 classes" in page and 'id="classes"' in page
        with open(at + "/f.json") as file:
            model = json.load(file)["models"][0]
        with open(at + "/p.csv", newline="") as file:
            rows = [(row["true"], row["predicted"]) for row in csv.DictReader(file)]
        cells = {("c%04d" % t, "c%04d" % p): k for t, p, k in model["confusion_cells"]}
        assert "confusion_matrix" not in model and sum(cells.values()) == 60
        assert cells == {pair: rows.count(pair) for pair in set(rows)}
        done = program("evaluate", "--confusion", at + "/c.png", at + "/test", at + "/m.h5", status=1)
        assert done.stderr.strip().endswith("--json has its cells") and at + "/c.png" in done.stderr, done.stderr


def browser(page, *arguments):
    with scratch() as folder:
        return subprocess.run(
            ["chromium", *FLAGS, "--user-data-dir=" + folder,
             "--virtual-time-budget=2000", *arguments, "file://" + page],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def the_answers_are_on_the_first_screen_and_nothing_is_wider_than_it():
    probe = """<script>
      const answers = document.querySelector("#verdict dl").getBoundingClientRect();
      const note = document.createElement("p");
      note.id = "note";
      note.textContent = JSON.stringify({bottom: answers.bottom, high: window.innerHeight, wide: window.innerWidth,
        page: document.documentElement.scrollWidth, questions: document.querySelectorAll("#verdict dt").length});
      document.body.append(note);
    </script></body>"""
    for classes in (2, 10, 101):
        with scratch() as at:
            dense, linear = make_models(at, classes, 8)
            program("evaluate", "--quiet", "--report", at + "/r", make_cache(at, "test", classes, 4, 3), dense, linear)
            with open(at + "/r/index.html", encoding="utf-8") as file:
                page = file.read()
            with open(at + "/r/probed.html", "w", encoding="utf-8") as file:
                file.write(page.replace("</body>", probe))
            shown = browser(at + "/r/probed.html", "--window-size=1280,800", "--dump-dom").stdout
            note = json.loads(re.search(r'<p id="note">(.*?)</p>', shown).group(1))
            assert note["questions"] == 6 and note["bottom"] <= note["high"], (classes, note)
            assert note["page"] <= note["wide"], (classes, note)


def nothing_is_cut_off_at_any_width_in_light_dark_and_print():
    """No element reaches beyond the window, and no table needs to be scrolled sideways: with four models, all unfolded. A figure scrolls
    within itself where its text, of 11 points, would be smaller than 8; on paper it does not."""
    probe = """<script>
      for (const part of document.querySelectorAll("details.model")) part.open = true;
      const cut = [];
      for (const part of document.querySelectorAll("body *")) {
        const box = part.getBoundingClientRect();
        if (box.width && !part.closest(".fold thead, .skip, details:not([open]) > :not(summary)") && (PRINTED || !part.matches(".figure img"))
            && (box.right > window.innerWidth + 1 || box.left < -1 || (part.matches(".scroll, pre") && part.scrollWidth > part.clientWidth + 1)))
          cut.push(part.tagName + "." + part.className + " " + Math.round(box.right) + " " + part.textContent.slice(0, 40));
      }
      const dark = document.querySelector(".on-dark");
      const figures = Array.from(document.querySelectorAll(".figure img")).filter((p) => p.getBoundingClientRect().width > 0 && p.naturalWidth <= 900);
      const small = figures.filter((p) => 11 * p.getBoundingClientRect().width / p.naturalWidth < 8).length;
      const stuck = Array.from(document.querySelectorAll(".figure")).filter((p) => p.scrollWidth > p.clientWidth + 1 && (getComputedStyle(p).overflowX != "auto" || p.tabIndex < 0)).length;
      parent.postMessage(JSON.stringify({cut, small, stuck, figures: figures.length, wide: window.innerWidth, dark: dark.getBoundingClientRect().width > 0,
        text: Array.from(document.querySelectorAll("td, dd, code")).filter((p) => p.getBoundingClientRect().width > 0).length}), "*");
    </script></body>"""
    # Frames, as a window of Chromium's own is at least 500 pixels wide.
    frames = """<!DOCTYPE html><p id="note">[]</p><script>onmessage = (e) => { const note = document.getElementById("note");
        note.textContent = JSON.stringify(JSON.parse(note.textContent).concat(JSON.parse(e.data))); };</script>
      <iframe src="probed.html" style="border:0;width:390px;height:900px"></iframe>
      <iframe src="probed.html" style="border:0;width:768px;height:900px"></iframe>
      <iframe src="probed.html" style="border:0;width:1280px;height:900px"></iframe>"""
    with scratch() as at:
        make_models(at, 10, 8)
        names = ("dense", "linear", "a model with a long name, such as vgg16_block5_pool_standardised_cost_0.001", "dull")
        program("train", "--quiet", "--hidden", "4", "--epochs", "1", at + "/train.cache", "%s/%s.h5" % (at, names[2]))
        program("train", "--quiet", "--hidden", "2", "--epochs", "1", "--learning-rate", "1e-9", at + "/train.cache", at + "/dull.h5")
        for t in range(10):
            os.makedirs("%s/images/class_%03d" % (at, t))
        for i in range(40):
            Image.new("RGB", (40, 30), (6 * i, 90, 10)).save("%s/images/class_%03d/%05d.jpg" % (at, i // 4, i))
        program("evaluate", "--quiet", "--report", at + "/r", "--images", at + "/images", "--trained-on", at + "/train.cache", "--similarity", "0.6",
                make_cache(at, "test", 10, 4, 3), *("%s/%s.h5" % (at, name) for name in names))
        with open(at + "/r/index.html", encoding="utf-8") as file:
            page = file.read()
        with open(at + "/r/frames.html", "w") as file:
            file.write(frames)
        for form in ("light", "dark", "print", "unfolded"):
            shown = page.replace("</body>", probe.replace("PRINTED", str(form == "print").lower())).replace('<html lang="en">', '<html lang="en" data-theme="%s">' % ("dark" if form == "dark" else "light"))
            shown = shown.replace("@media print", "@media all") if form == "print" else shown
            shown = shown.replace("@media (max-width: 48rem)", "@media (max-width: 1px)") if form == "unfolded" else shown
            with open(at + "/r/probed.html", "w", encoding="utf-8") as file:
                file.write(shown)
            text = browser(at + "/r/frames.html", "--window-size=1400,1000", "--dump-dom").stdout
            notes = json.loads(html.unescape(re.search(r'<p id="note">(.*?)</p>', text).group(1)))
            assert sorted(note["wide"] for note in notes) == [390, 768, 1280], notes
            for note in notes:
                assert bool(note["cut"]) == (form == "unfolded" and note["wide"] <= 768), (form, note["wide"], note["cut"][:5])
                assert note["figures"] > 5 and not note["stuck"] and (form in ("print", "unfolded") or note["wide"] != 390 or not note["small"]), (form, note)
                assert note["dark"] == (form == "dark") and note["text"] > 200, (form, note)


def what_guesses_is_never_marked_best_and_what_is_missing_is_said():
    with scratch() as at:
        make_models(at, 3, spread=0)
        test = make_cache(at, "test", 3, 20, 3, spread=0)
        program("train", "--quiet", "--head", "linear", at + "/train.cache", at + "/margins.h5")
        text = program("evaluate", "--quiet", "--report", at + "/r", test, at + "/margins.h5", at + "/dense.h5").stdout
        with open(at + "/r/index.html", encoding="utf-8") as file:
            page = file.read()
        assert 'class="accuracy' in page and not re.search(r'class="[a-z0-9 -]*best"', page)
        for said in (words_of(text), page):
            assert "None: none is better than guessing. Of all, " in said
        assert "Not drawn of models that give decision values" in page and "It was fitted in one piece" in page and "Without thumbnails" in page
        assert "<code>train --suspects</code>" in page and "<code>" not in text and "\x0e" not in text + page
        program("evaluate", "--quiet", "--report", at + "/r", test, at + "/margins.h5")
        with open(at + "/r/index.html", encoding="utf-8") as file:
            assert "no model gives probabilities: <code>train --folds 5</code>" in file.read()


def images_that_were_trained_on_are_grouped_by_what_they_copy():
    with scratch() as at:
        _, linear = make_models(at, 3)
        x = np.load(at + "/train.npy")
        npy, items = at + "/copies.npy", at + "/copies.csv"
        copies = [0, 1, 0, 20, 0]  # three are one image of the training set, slightly changed
        np.save(npy, np.concatenate([x[copies] * np.float32(1.0001), -x[5:9].clip(0)]).astype("<f4"))
        with open(items, "w") as out:
            out.writelines("class_000/copy%d.jpg,class_000\n" % i for i in range(9))
        program("tools/make-cache", npy, items, at + "/copies.cache")
        program("evaluate", "--quiet", "--report", at + "/r", "--trained-on", at + "/train.cache", at + "/copies.cache", linear, "--classes", "class_000")
        with open(at + "/r/index.html", encoding="utf-8") as file:
            section = re.search(r'<section id="leakage">.*?</section>', file.read(), re.S).group()
        groups = re.findall(r"<li><code>([^<]*)</code><ul>(.*?)</ul>", section)
        shown = {twin: re.findall(r"<code>([^<]*)</code>", inside) for twin, inside in groups}
        assert shown == {"class_000/00000.jpg": ["class_000/copy%d.jpg" % i for i in (0, 2, 4)], "class_000/00001.jpg": ["class_000/copy1.jpg"],
                         "class_001/00020.jpg": ["class_000/copy3.jpg"]}, section


def names_stand_in_the_answers_as_they_are():
    """Backquotes mark what is typed: neither those of a name do, nor is a name markup, or a command of ours."""
    with scratch() as at:
        names = ["a`b`c", "`<i>train --folds 5</i>``"]
        y = np.arange(40) % 2
        x = np.where(y == 1, -1, 1).astype("<f4").reshape(-1, 1) * np.where(np.arange(40) < 12, -1, 1).reshape(-1, 1)
        for name, rows in ("train", slice(12, 40)), ("test", slice(0, 40)):
            np.save(at + "/x.npy", x[rows].astype("<f4"))
            with open(at + "/items.csv", "w", newline="") as file:
                csv.writer(file).writerows([("path", "class"), *(("%d.jpg" % i, names[t]) for i, t in enumerate(y[rows]))])
            program("extract", "-q", "--import", at + "/x.npy", at + "/items.csv", "%s/%s.cache" % (at, name))
        models = [at + "/m`1`&.h5", at + "/m`2.h5"]
        for model in models:
            program("train", "-q", "--head", "linear", at + "/train.cache", model)
        os.symlink(os.path.abspath(BUILD + "/evaluate"), at + "/vggcache-evaluate")
        done = subprocess.run([at + "/vggcache-evaluate", "-q", "--report", at + "/r", at + "/test.cache", *models], capture_output=True, text=True, check=True)
        with open(at + "/r/index.html", encoding="utf-8") as file:
            answers = re.findall("<dt>([^<]*)</dt><dd>(.*?)</dd>", re.search('<dl class="answers">(.*?)</dl>', file.read(), re.S).group(1), re.S)
        said = {question: html.unescape(re.sub("</?code>", "", answer)) for question, answer in answers}
        typed = {html.unescape(code).split()[0] for _, answer in answers for code in re.findall("<code>(.*?)</code>", answer)}
        assert typed and typed <= {"make", "--dropout", "vggcache-train", "vggcache-extract"}, typed
        assert said["Best model"].startswith("m`1`& is right on 70.0 % of 40 images"), said
        assert said["By how much"] == "It is right as often as m`2." and "m`2: " in said["Cost"], said
        assert any("always answering %s" % name in said["Against guessing"] for name in names), said
        assert any("of the 20 images of %s right" % name in said["Where it fails"] for name in names), said
        assert any("it takes %s for %s (" % tuple(pair) in said["Where it fails"] for pair in (names, names[::-1])), said
        for question, answer in said.items():
            assert words_of(question + " " + answer) in words_of(done.stdout), (answer, done.stdout)


run(nothing_is_cut_off_at_any_width_in_light_dark_and_print, what_guesses_is_never_marked_best_and_what_is_missing_is_said,
    images_that_were_trained_on_are_grouped_by_what_they_copy, names_stand_in_the_answers_as_they_are, thousands_of_classes_are_written_as_the_cells_that_are_not_zero,
    the_verdict_agrees_with_numpy_and_exact_arithmetic, several_models_are_compared_by_holms_rule,
    the_second_may_be_told_from_the_best_where_one_further_behind_is_not,
    what_is_no_better_than_chance_is_called_so, the_time_of_training_comes_from_the_history,
    the_components_agree_with_numpys_svd, the_scatter_marks_the_mistakes_of_the_best_model,
    the_answers_are_on_the_first_screen_and_nothing_is_wider_than_it)
