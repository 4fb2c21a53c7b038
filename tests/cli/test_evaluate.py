"""evaluate on caches of generated vectors: its numbers against NumPy, its files against independent readers, its errors."""
import atexit, csv, html.parser, json, os, re, shutil, subprocess, sys, tempfile
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
import tap

D = 512
FOOD = ["apple_pie", "beef, raw", "crème \"brûlée\"", "donuts <&>"]
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def make_cache(folder, classes, per_class, seed, spread=0.25, features=D):
    """Vectors scattered around one centre per class; returns the cache, the vectors and the labels, in the cache's order."""
    centres = np.random.default_rng(1).normal(size=(len(classes), features)) * spread
    rng = np.random.default_rng(seed)
    y = np.repeat(np.arange(len(classes)), per_class)
    x = np.maximum(centres[y] + rng.normal(size=(len(y), features)), 0).astype("<f4")
    os.makedirs(folder)
    paths = ["%s/%04d.jpg" % (classes[t], i) for i, t in enumerate(y)]
    np.save(os.path.join(folder, "x.npy"), x)
    with open(os.path.join(folder, "labels.csv"), "w", encoding="utf-8") as out:
        for path, t in zip(paths, y):
            out.write("%s,%s\n" % (path.replace(",", ";"), classes[t].replace(",", ";")))
    cache = os.path.join(folder, "cache")
    tap.program("tools/make-cache", os.path.join(folder, "x.npy"), os.path.join(folder, "labels.csv"), cache)
    return cache, x, y


class Study:
    """One cache to train on, one to evaluate on, a dense and a linear model; made once."""
    folder = None

    @classmethod
    def make(cls):
        if cls.folder:
            return
        cls.folder = tempfile.mkdtemp(prefix="vggcache-test-")
        cls.names = [name.replace(",", ";") for name in FOOD]
        train, _, _ = make_cache(cls.file("train"), FOOD, 20, 2)
        cls.cache, cls.x, cls.y = make_cache(cls.file("test"), FOOD, 25, 3)
        cls.dense, cls.linear = cls.file("dense.h5"), cls.file("linear.h5")
        tap.program("train", "--quiet", "--hidden", "16", "--epochs", "8", "--dropout", "0", train, cls.dense)
        tap.program("train", "--quiet", "--head", "linear", train, cls.linear)

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder, name)


def softmax(z):
    e = np.exp(z - z.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def outputs_of(path, x):
    """The outputs of a model file, by NumPy: scaling, dense layers with ReLU, softmax if the model has one."""
    with h5py.File(path, "r") as f:
        attribute = lambda name: json.loads(f.attrs[name].decode() if isinstance(f.attrs[name], bytes) else f.attrs[name])
        scaling, layers = attribute("vggcache_scaling"), attribute("vggcache_network")["layers"]
        v = x.astype(float)
        if scaling["kind"] in ("l2", "sqrt"):
            v = np.sign(v) * np.sqrt(np.abs(v)) if scaling["kind"] == "sqrt" else v
            norm = np.linalg.norm(v, axis=1, keepdims=True)
            v = v / np.where(norm > 0, norm, 1)
        elif scaling["kind"] == "standard":
            v = (v - f["/vggcache/scaling_mean"][:]) * f["/vggcache/scaling_inverse"][:]
        elif scaling["kind"] == "max":
            v = v / scaling["max"]
        for layer in layers:
            if layer["kind"] != "dense":
                continue
            name = layer["name"]
            v = v @ f["/%s/%s/kernel:0" % (name, name)][:].astype(float) + f["/%s/%s/bias:0" % (name, name)][:]
            v = np.maximum(v, 0) if layer["activation"] == "relu" else softmax(v) if layer["activation"] == "softmax" else v
        calibration = attribute("vggcache_calibration")
        temperature = calibration["temperature"]
        if temperature > 0:
            v = softmax((np.log(np.maximum(v, 1e-37)) if calibration["probabilities"] else v) / temperature)
        return v


def evaluate(*arguments, **options):
    return tap.program("evaluate", "--quiet", *arguments, **options)


def refused(sentence, *arguments, status=1):
    error = tap.program("evaluate", *arguments, status=status).stderr
    lines = [l for l in error.strip().split("\n") if not l.startswith("Try 'evaluate --help'")]
    assert len(lines) == 1 and sentence in lines[0], error


def json_agrees_with_numpy():
    Study.make()
    path = Study.file("all.json")
    evaluate(Study.cache, Study.dense, Study.linear, "--json", path, "--top", 2)
    with open(path, encoding="utf-8") as file:
        report = json.load(file)
    assert report["images"] == len(Study.y) and report["classes"] == Study.names and report["skipped"] == []
    said = []
    for model, file in zip(report["models"], (Study.dense, Study.linear)):
        scores, y, n = outputs_of(file, Study.x), Study.y, len(Study.y)
        predicted = scores.argmax(1)
        said.append(predicted)
        matrix = np.zeros((4, 4), int)
        np.add.at(matrix, (y, predicted), 1)
        assert model["model"] == file and model["confusion_matrix"] == matrix.tolist()
        assert abs(model["accuracy"] - (predicted == y).mean()) < 1e-12
        rank = (scores > scores[np.arange(n), y][:, None]).sum(1)
        assert model["k"] == 2 and abs(model["top_k"] - (rank < 2).mean()) < 1e-12
        recall = np.diag(matrix) / matrix.sum(1)
        precision = np.diag(matrix) / np.maximum(matrix.sum(0), 1)
        f1 = 2 * recall * precision / np.maximum(recall + precision, 1e-300)
        for c, name in enumerate(Study.names):
            figures = model["per_class"][name]
            assert np.allclose([figures["precision"], figures["recall"], figures["f1-score"]],
                               [precision[c], recall[c], f1[c]], rtol=0, atol=1e-12)
            assert figures["support"] == 25
        assert abs(model["macro_avg"]["f1-score"] - f1.mean()) < 1e-12
        assert abs(model["weighted_avg"]["f1-score"] - f1.mean()) < 1e-12  # equal supports
        if model["probabilities"]:
            assert abs(model["log_loss"] + np.log(scores[np.arange(n), y]).mean()) < 1e-4
        else:
            assert model["log_loss"] is None and model["calibration_error"] is None and model["reliability"] == []
        wrong = (predicted != y).sum()
        assert sum(pair["count"] for pair in model["confused_pairs"]) == wrong
        assert len(model["worst_errors"]) == min(wrong, 100) and wrong > 0
        first = model["worst_errors"][0]
        assert abs(first["score"] - scores.max(1)[predicted != y].max()) < 1e-4
    b, c = ((said[0] == Study.y) & (said[1] != Study.y)).sum(), ((said[0] != Study.y) & (said[1] == Study.y)).sum()
    test = report["mcnemar"][0]
    assert [test["first"], test["second"], test["first_only"], test["second_only"]] == ["dense", "linear", b, c]


def predictions_hold_each_class_of_each_image():
    Study.make()
    evaluate(Study.cache, Study.dense, "--predictions", Study.file("one.csv"))
    with open(Study.file("one.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["path", "true", "predicted"] + Study.names
    scores = outputs_of(Study.dense, Study.x)
    assert len(rows) == 1 + len(scores)
    for i, row in enumerate(rows[1:]):
        assert row[1] == Study.names[Study.y[i]] and row[2] == Study.names[scores[i].argmax()]
        assert np.allclose([float(v) for v in row[3:]], scores[i], rtol=1e-4, atol=1e-6)
    evaluate(Study.cache, Study.dense, Study.linear, "--predictions", Study.file("many.csv"))
    with open(Study.file("many-linear.csv"), newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert np.allclose([[float(v) for v in row[3:]] for row in rows[1:]], outputs_of(Study.linear, Study.x), atol=1e-4)
    assert os.path.exists(Study.file("many-dense.csv")) and not os.path.exists(Study.file("many.csv"))
    shutil.copy(Study.linear, Study.file("dense.hdf5"))  # whose name without the ending would be the other's
    evaluate(Study.cache, Study.dense, Study.file("dense.hdf5"), "--json", Study.file("names.json"))
    with open(Study.file("names.json"), encoding="utf-8") as file:
        assert [model["name"] for model in json.load(file)["models"]] == [Study.dense, Study.file("dense.hdf5")]


def text_has_report_matrix_and_comparison():
    Study.make()
    text = evaluate(Study.cache, Study.dense, Study.linear).stdout
    assert re.search(r"precision +recall +f1-score +support", text)
    assert tap.says(text, "100 images of 4 classes") and "McNemar's exact test" in text
    accuracy = (outputs_of(Study.dense, Study.x).argmax(1) == Study.y).mean()
    assert re.search(r"^dense +%.4f " % accuracy, text, re.M), text
    assert re.search(r"accuracy +%.3f +100\n" % accuracy, evaluate(Study.cache, Study.dense, "--digits", 3).stdout)
    assert "McNemar" not in evaluate(Study.cache, Study.dense).stdout


def plots_are_written_in_three_formats():
    Study.make()
    for name, head in (("m.png", b"\x89PNG"), ("m.svg", b"<?xml"), ("m.pdf", b"%PDF")):
        for option in ("--confusion", "--reliability"):
            evaluate(Study.cache, Study.dense, Study.linear, option, Study.file(name), *["--normalize", "true"][:2 * (option == "--confusion")])
            with open(Study.file(name), "rb") as file:
                assert file.read(4).startswith(head[:4])
    evaluate(Study.cache, Study.dense, Study.dense, "--confusion", Study.file("m.png"))
    two = Image.open(Study.file("m.png")).size
    evaluate(Study.cache, Study.dense, "--confusion", Study.file("m.png"))
    assert two[0] > 1.5 * Image.open(Study.file("m.png")).size[0]


def a_model_that_does_not_fit_is_refused_in_one_sentence():
    Study.make()
    classes, _, _ = make_cache(Study.file("other classes"), ["apple_pie", "pho", "pizza", "ramen"], 2, 1)
    refused("cannot be evaluated", classes, Study.dense)
    three, _, _ = make_cache(Study.file("three"), FOOD[:3], 8, 1)
    tap.program("train", "--quiet", "--head", "linear", three, Study.file("three.h5"))
    refused("cannot be evaluated", Study.cache, Study.file("three.h5"))
    refused("it knows the class donuts <&>, which", three, Study.file("three.h5"), Study.dense)
    layer, _, _ = make_cache(Study.file("layer"), FOOD, 2, 1, features=3 * 4 * 4)
    refused("cannot be evaluated", layer, Study.linear)
    side, _, _ = make_cache(Study.file("side"), FOOD, 2, 1, features=512 * 4)
    refused("cannot be evaluated", side, Study.dense, Study.linear)


def a_test_set_that_lacks_a_class_is_evaluated_as_scikit_learn_does():
    """zero_division=0: recall 0 and support 0, and the macro average over all classes of the model."""
    Study.make()
    some = [0, 1, 3]
    two, x, y = make_cache(Study.file("lacking"), [FOOD[c] for c in some], 25, 5)
    y = np.array(some)[y]
    for source, options in ((two, []), (Study.cache, ["--classes", "apple_pie,donuts <&>"])):
        done = tap.program("evaluate", source, Study.linear, Study.dense, "--json", Study.file("lacking.json"),
                           "--predictions", Study.file("lacking.csv"), "--report", Study.file("lacking"), *options)
        assert "as in scikit-learn" in done.stderr and "crème" in done.stderr or "and others" in done.stderr, done.stderr
        report = json.load(open(Study.file("lacking.json"), encoding="utf-8"))
        assert report["classes"] == Study.names
        truth = y if source == two else Study.y[(Study.y == 0) | (Study.y == 3)]
        scores = outputs_of(Study.linear, x if source == two else Study.x[(Study.y == 0) | (Study.y == 3)])
        said = scores.argmax(1)
        matrix = np.zeros((4, 4), int)
        np.add.at(matrix, (truth, said), 1)
        model = report["models"][0]
        assert model["confusion_matrix"] == matrix.tolist()
        right, support = np.diag(matrix), matrix.sum(1)
        recall, precision = right / np.maximum(support, 1), right / np.maximum(matrix.sum(0), 1)
        assert recall[2] == support[2] == 0 and model["per_class"][Study.names[2]]["support"] == 0
        assert np.allclose([model["macro_avg"]["recall"], model["macro_avg"]["precision"], model["weighted_avg"]["recall"]],
                           [recall.mean(), precision.mean(), (recall * support).sum() / len(truth)], rtol=0, atol=1e-12)
        with open(Study.file("lacking-linear.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [row["true"] for row in rows] == [Study.names[t] for t in truth]
        assert report["verdict"]["weakest_class"] != Study.names[2]


def damaged_and_missing_files_are_refused_in_one_sentence():
    Study.make()
    with open(Study.dense, "rb") as file:
        whole = file.read()
    for name, content in (("short.h5", whole[:len(whole) // 2]), ("empty.h5", b""), ("text.h5", b"no model" * 100),
                          ("bit.h5", whole[:3000] + bytes([whole[3000] ^ 1]) + whole[3001:])):
        with open(Study.file(name), "wb") as file:
            file.write(content)
        refused(name, Study.cache, Study.file(name))
        refused(name, "--predict", Study.file(name), "any.jpg")
    refused("missing.h5", Study.cache, Study.file("missing.h5"))
    refused("nowhere", Study.file("nowhere"), Study.dense)
    refused("missing/x.json", Study.cache, Study.dense, "--json", Study.file("missing/x.json"))
    refused("missing/x.png", Study.cache, Study.dense, "--confusion", Study.file("missing/x.png"))


def wrong_usage_is_told_before_any_work():
    refused("at least one model", "--quiet", status=2)
    refused("at least one image", "--predict", "m.h5", status=2)
    refused(".png, .svg or .pdf", "c", "m.h5", "--confusion", "x.gif", status=2)
    refused("--report is not used by --predict", "--predict", "m.h5", "x.jpg", "--report", "r", status=2)
    Study.make()
    refused("--weights is not used with a CACHE", Study.cache, Study.dense, "--weights", "random", status=2)


# ---- The report ----

class Tags(html.parser.HTMLParser):
    """Raises if tags do not nest, an id is repeated, or a link within the page is broken; collects the visible text."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.text, self.sources = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        names = [name for name, _ in attributes]
        assert len(names) == len(set(names)), "%s has an attribute twice" % tag
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src"):
                (self.links if value.startswith("#") else self.sources).append(value)
        if tag == "img":
            assert "alt" in names
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert tag not in VOID and self.open and self.open[-1] == tag, "</%s> closes <%s>" % (tag, self.open[-1:])
        self.open.pop()

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)


def read_page(page):
    tags = Tags()
    tags.feed(page)
    tags.close()
    assert tags.open == [] and len(tags.ids) == len(set(tags.ids))
    assert all(link[1:] in tags.ids for link in tags.links), tags.links
    assert all(source.startswith("data:") for source in tags.sources), [s[:60] for s in tags.sources]
    return tags


def make_report(*arguments):
    shutil.rmtree(Study.file("report"), ignore_errors=True)
    evaluate(Study.cache, Study.dense, Study.linear, "--report", Study.file("report"), *arguments)
    assert os.listdir(Study.file("report")) == ["index.html"]
    with open(Study.file("report/index.html"), encoding="utf-8") as file:
        return file.read()


def the_report_is_one_valid_page_with_everything_escaped():
    Study.make()
    page = make_report("--title", "<b>Food & \"more\"</b>")
    assert page == make_report("--title", "<b>Food & \"more\"</b>")
    tags = read_page(page)
    text = "".join(tags.text)
    assert "<b>Food & \"more\"</b>" in text and "donuts <&>" in text and "crème \"brûlée\"" in text
    for section in ("figures", "confusion", "reliability", "training", "classes", "mistakes", "settings"):
        assert section in tags.ids, section
    assert "://" not in re.sub(r"data:[^\"]*", "", page), "the page refers to the network"


def the_report_shows_thumbnails_where_the_images_are():
    Study.make()
    wrong = outputs_of(Study.linear, Study.x).argmax(1) != Study.y
    images = Study.file("images")
    for i, t in enumerate(Study.y):
        os.makedirs(os.path.join(images, FOOD[t].replace(",", ";")), exist_ok=True)
        Image.new("RGB", (40, 30), (2 * i, 90, 10)).save(os.path.join(images, "%s/%04d.jpg" % (FOOD[t].replace(",", ";"), i)))
    page = make_report("--images", images)
    tags = read_page(page)
    shown = sum(source.startswith("data:image/jpeg") for source in tags.sources)
    assert shown >= min(24, wrong.sum()) > 0
    assert "data:image/jpeg" not in make_report()


def chromium(page, *arguments):
    with tap.scratch() as folder:
        return subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + folder,
             "--enable-logging=stderr", "--v=0", "--virtual-time-budget=2000", "--dump-dom", *arguments, "file://" + page],
            capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)


def a_browser_shows_the_report_without_an_error():
    Study.make()
    page = make_report()
    # The test's script, run after the report's: sorts by accuracy, filters, changes the theme, and records the results.
    probe = """<script>
      const table = document.querySelector("#figures table"), head = table.tHead.rows[0].cells[1];
      head.querySelector("button").click();
      const falling = Array.from(table.tBodies[0].rows, (r) => Number(r.cells[1].dataset.value));
      head.querySelector("button").click();
      const rising = Array.from(table.tBodies[0].rows, (r) => Number(r.cells[1].dataset.value));
      const filter = document.getElementById("filter");
      filter.value = "DONUT"; filter.dispatchEvent(new Event("input"));
      const rows = Array.from(document.querySelector("#classes table").tBodies[0].rows).filter((r) => !r.hidden).length;
      document.getElementById("theme").click();
      const note = document.createElement("p");
      note.id = "note";
      note.textContent = JSON.stringify({falling, rising, rows, sort: head.getAttribute("aria-sort"),
        theme: document.documentElement.dataset.theme,
        loaded: Array.from(document.images).filter((i) => i.complete && i.naturalWidth > 0).length,
        images: document.images.length});
      document.body.append(note);
    </script></body>"""
    with open(Study.file("probed.html"), "w", encoding="utf-8") as file:
        file.write(page.replace("</body>", probe))
    done = chromium(Study.file("probed.html"))
    assert done.returncode == 0, done.stderr[-2000:]
    console = [l for l in done.stderr.split("\n") if "CONSOLE" in l]
    assert console == [], console
    accuracy = [(outputs_of(model, Study.x).argmax(1) == Study.y).mean() for model in (Study.dense, Study.linear)]
    shown = re.findall(r'<td data-label="Accuracy"[^>]* data-value="([0-9.e-]+)">([0-9.]+)', done.stdout)
    assert len(shown) == 2, done.stdout[:2000]
    assert np.allclose(sorted(float(value) for value, _ in shown), sorted(accuracy), atol=1e-12)
    assert sorted(float(text) for _, text in shown) == sorted(round(100 * a, 1) for a in accuracy)
    note = json.loads(re.search(r'<p id="note">(.*?)</p>', done.stdout).group(1))
    assert note["falling"] == sorted(accuracy, reverse=True) and note["rising"] == sorted(accuracy)
    assert note["sort"] == "ascending" and note["rows"] == 1 and note["theme"] in ("dark", "light")
    assert note["loaded"] == note["images"] >= 6


def chromium_tells_of_console_errors():
    """Shows that the test above can fail."""
    Study.make()
    with open(Study.file("broken.html"), "w") as file:
        file.write("<!DOCTYPE html><title>x</title><script>nothing.at.all();</script>")
    assert "CONSOLE" in chromium(Study.file("broken.html")).stderr


# ---- Prediction and folders of images, with models on pixels, so that no base runs ----

class Pixels:
    """Images of three colours, a cache of their pixels (layer "input"), and a head trained on them."""
    folder = None
    classes = {"blue": (40, 60, 200), "green": (40, 200, 60), "red": (200, 50, 40)}

    @classmethod
    def make(cls):
        if cls.folder:
            return
        cls.folder = tempfile.mkdtemp(prefix="vggcache-test-")
        rng = np.random.default_rng(5)
        for name, color in cls.classes.items():
            os.makedirs(cls.file("images/" + name))
            for i in range(12):
                noise = np.clip(np.array(color) + rng.integers(-90, 90, (30, 40, 3)), 0, 255).astype("u1")
                Image.fromarray(noise).save(cls.file("images/%s/%02d.png" % (name, i)))
        cls.cache, cls.dense, cls.linear = cls.file("cache"), cls.file("dense.h5"), cls.file("linear.h5")
        tap.program("extract", "--quiet", "--preset", "keras", "--layer", "input", "--limit-per-class", 8, cls.file("images"), cls.cache)
        tap.program("train", "--quiet", "--hidden", "8", "--epochs", "3", cls.cache, cls.dense)
        tap.program("train", "--quiet", "--head", "linear", cls.cache, cls.linear)

    @classmethod
    def file(cls, name):
        return os.path.join(cls.folder, name)


def a_folder_gives_what_its_cache_gives():
    Pixels.make()
    for source, name in ((Pixels.cache, "cache"), (Pixels.file("images"), "folder")):
        more = ["--limit-per-class", 8] if name == "folder" else []
        evaluate(source, Pixels.dense, Pixels.linear, "--predictions", Pixels.file(name + ".csv"), *more)
    for model in ("dense", "linear"):
        with open(Pixels.file("cache-%s.csv" % model)) as a, open(Pixels.file("folder-%s.csv" % model)) as b:
            assert a.read() == b.read()


def a_folder_without_one_of_the_classes_gives_what_its_cache_gives():
    Pixels.make()
    for source, n in ((Pixels.file("images"), 12), (Pixels.cache, 8)):
        evaluate(source, Pixels.linear, "--classes", "red,green", "--json", Pixels.file("some.json"))
        model = json.load(open(Pixels.file("some.json")))["models"][0]
        assert [model["per_class"][name]["support"] for name in ("blue", "green", "red")] == [0, n, n]
        assert model["confusion_matrix"] == [[0, 0, 0], [0, n, 0], [0, 0, n]], model["confusion_matrix"]


def a_folder_with_bad_images_is_evaluated_without_them():
    Pixels.make()
    folder = Pixels.file("some")
    shutil.copytree(Pixels.file("images"), folder)
    with open(os.path.join(folder, "green/05.png"), "r+b") as file:
        file.truncate(200)
    open(os.path.join(folder, "red/00.jpg"), "w").close()
    done = tap.program("evaluate", folder, Pixels.dense, Pixels.linear, "--json", Pixels.file("some.json"), status=3)
    assert done.stderr.count("green/05.png") == 1 and done.stderr.count("red/00.jpg") == 1, done.stderr
    with open(Pixels.file("some.json")) as file:
        report = json.load(file)
    assert report["images"] == 35 and len(report["skipped"]) == 2
    assert report["models"][0]["per_class"]["green"]["support"] == 11


def prediction_tells_the_classes_in_order():
    Pixels.make()
    files = [Pixels.file("images/%s/%02d.png" % (name, i)) for name in ("red", "blue") for i in (10, 11)]
    lines = evaluate("--predict", Pixels.linear, *files).stdout.strip().split("\n")
    assert [line.split(": ")[0] for line in lines] == files
    assert [line.split(": ")[1].split()[0] for line in lines] == ["red", "red", "blue", "blue"]
    text = evaluate("--predict", Pixels.dense, Pixels.file("images/red"), "--format", "jsonl", "--top", 2).stdout
    rows = [json.loads(line) for line in text.strip().split("\n")]
    assert [row["path"] for row in rows] == [Pixels.file("images/red/%02d.png" % i) for i in range(12)]
    for row in rows:
        assert len(row["top"]) == 2 and row["predicted"] == row["top"][0]["class"]
        assert row["top"][0]["probability"] >= row["top"][1]["probability"]
    rows = list(csv.reader(evaluate("--predict", Pixels.dense, files[0], "--format", "csv").stdout.strip().split("\n")))
    assert rows[0] == ["path", "class_1", "probability_1", "class_2", "probability_2", "class_3", "probability_3"]
    assert abs(sum(float(v) for v in rows[1][2::2]) - 1) < 1e-5


def a_name_with_a_dash_comes_after_two_dashes():
    Pixels.make()
    with tap.scratch() as at:
        shutil.copy(Pixels.file("images/red/00.png"), at + "/-red.png")
        for arguments in (["--predict", Pixels.linear, "--", "-red.png"], ["--predict", "--", Pixels.linear, "-red.png"]):
            assert evaluate(*arguments, cwd=at).stdout.startswith("-red.png: red ")


def predictions_equal_the_evaluation_of_the_same_images():
    Pixels.make()
    evaluate(Pixels.file("images"), Pixels.dense, "--predictions", Pixels.file("all.csv"))
    with open(Pixels.file("all.csv"), newline="") as file:
        table = {row["path"]: row for row in csv.DictReader(file)}
    text = evaluate("--predict", Pixels.dense, Pixels.file("images"), "--format", "jsonl").stdout
    rows = [json.loads(line) for line in text.strip().split("\n")]
    assert len(rows) == len(table) == 36
    for row in rows:
        expected = table[os.path.relpath(row["path"], Pixels.file("images"))]
        assert row["predicted"] == expected["predicted"]
        for entry in row["top"]:
            assert abs(entry["probability"] - float(expected[entry["class"]])) < 1e-6


def a_cache_is_predicted_as_its_folder_also_what_has_no_label():
    Pixels.make()
    folder, cache = Pixels.file("images"), Pixels.file("partly")
    with open(Pixels.file("some.csv"), "w") as file:
        file.write("path,class\n" + "".join("red/%02d.png,red\n" % i for i in range(5, 12)))
    options = ["--quiet", "--preset", "keras", "--layer", "input", "--labels", Pixels.file("some.csv"), "--unlabelled", "keep"]
    tap.program("extract", *options, folder, cache)
    for form in "text", "csv", "jsonl":
        for model in Pixels.linear, Pixels.dense:
            of_folder = evaluate("--predict", model, "--format", form, folder).stdout
            assert evaluate("--predict", model, "--format", form, cache).stdout == of_folder.replace(folder + "/", "") != ""
    tap.program("extract", "--quiet", "--layer", "input", folder, Pixels.file("other"))
    error = evaluate("--predict", Pixels.linear, Pixels.file("other"), status=1).stderr
    assert error.count("\n") == 1 and "its preset is keras, not vips" in error, error
    for arguments in (["--weights", "random", cache], [cache, folder]):
        assert "takes a CACHE alone" in evaluate("--predict", Pixels.linear, *arguments, status=2).stderr


def bad_images_are_named_skipped_and_the_rest_evaluated():
    Pixels.make()
    good, torn, empty = Pixels.file("images/red/00.png"), Pixels.file("torn.png"), Pixels.file("empty.png")
    with open(good, "rb") as file, open(torn, "wb") as out:
        out.write(file.read()[:150])
    open(empty, "w").close()
    listed = "\n".join([good, torn, "", Pixels.file("gone.png"), empty, good]) + "\n"
    command = [os.path.join(tap.BUILD, "evaluate"), "--quiet", "--predict", Pixels.linear, "-"]
    done = subprocess.run(command, input=listed, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3 and len(done.stdout.strip().split("\n")) == 2, done
    assert len(done.stderr.strip().split("\n")) == 3
    assert "torn.png" in done.stderr and "gone.png: No such file" in done.stderr and "empty.png" in done.stderr
    done = subprocess.run(command + ["--format", "jsonl"], input=listed, capture_output=True, text=True, timeout=60)
    rows = [json.loads(line) for line in done.stdout.strip().split("\n")]
    assert ["error" in row for row in rows] == [False, True, True, True, False]
    assert [row["path"] for row in rows] == [line for line in listed.split("\n") if line]


def decision_values_are_not_called_probabilities():
    Pixels.make()
    with h5py.File(Pixels.linear, "r") as f:
        calibration = json.loads(bytes(f.attrs["vggcache_calibration"]) if not isinstance(f.attrs["vggcache_calibration"], str)
                                 else f.attrs["vggcache_calibration"])
    done = tap.program("evaluate", "--predict", Pixels.linear, Pixels.file("images/red/00.png"), "--format", "csv")
    calibrated = calibration["probabilities"] or calibration["temperature"] > 0
    assert ("probability_1" in done.stdout) == calibrated and ("margin_1" in done.stdout) == (not calibrated)
    assert ("decision values" in done.stderr) == (not calibrated)


def calibrated_decision_values_are_probabilities():
    Study.make()
    calibrated = Study.file("calibrated.h5")
    tap.program("train", "--quiet", "--head", "linear", "--folds", 5, Study.file("train/cache"), calibrated)
    for model, name in ((Study.linear, "margins"), (calibrated, "probabilities")):
        evaluate(Study.cache, model, "--predictions", Study.file(name + ".csv"), "--json", Study.file(name + ".json"))
    rows = {}
    for name in ("margins", "probabilities"):
        with open(Study.file(name + ".csv"), newline="", encoding="utf-8") as file:
            rows[name] = list(csv.reader(file))[1:]
    assert [row[:3] for row in rows["margins"]] == [row[:3] for row in rows["probabilities"]]
    z = np.array([[float(v) for v in row[3:]] for row in rows["margins"]])
    p = np.array([[float(v) for v in row[3:]] for row in rows["probabilities"]])
    with open(Study.file("probabilities.json"), encoding="utf-8") as file:
        model = json.load(file)["models"][0]
    assert model["probabilities"] and np.allclose(p, softmax(z / model["temperature"]), atol=1e-5)
    loss = lambda temperature: -np.log(softmax(z / temperature)[np.arange(len(z)), Study.y]).mean()
    assert abs(model["log_loss"] - loss(model["temperature"])) < 1e-4
    best = min(loss(t) for t in np.geomspace(0.01, 10, 200))  # for a temperature fitted to these same images
    assert model["log_loss"] < 0.5 * loss(1) and model["log_loss"] < 1.3 * best, (model["log_loss"], loss(1), best)
    refused("no model yields probabilities", Study.cache, Study.linear, "--reliability", Study.file("r.png"), "--quiet")


def the_base_comes_from_the_models_seed_and_no_other():
    Pixels.make()
    few, cache, model = ["--limit-per-class", 1], Pixels.file("based.cache"), Pixels.file("based.h5")
    images = Pixels.file("images")
    tap.program("extract", "--quiet", "--weights", "random:3", "--preset", "torchvision", *few, images, cache)
    tap.program("train", "--quiet", "--head", "linear", cache, model)
    evaluate(cache, model, "--predictions", Pixels.file("a.csv"))
    evaluate(images, model, "--predictions", Pixels.file("b.csv"), *few)
    with open(Pixels.file("a.csv")) as a, open(Pixels.file("b.csv")) as b:
        assert a.read() == b.read()
    refused("was trained with the base weights random:3", "--quiet", "--predict", model, images, "--weights", "random:4")
    refused("missing.h5", "--quiet", "--predict", model, images, "--weights", "missing.h5")
    # Models of two feature specifications, one with a base and one without, are evaluated on the same images.
    done = evaluate(images, model, Pixels.linear, *few)
    assert tap.says(done.stdout, "3 images of 3 classes") and "McNemar" in done.stdout


@atexit.register
def remove_what_was_made():
    for made in (Study, Pixels):
        if made.folder:
            shutil.rmtree(made.folder)


tap.run(json_agrees_with_numpy, predictions_hold_each_class_of_each_image, text_has_report_matrix_and_comparison,
        plots_are_written_in_three_formats, a_model_that_does_not_fit_is_refused_in_one_sentence,
        a_test_set_that_lacks_a_class_is_evaluated_as_scikit_learn_does,
        a_folder_without_one_of_the_classes_gives_what_its_cache_gives, a_name_with_a_dash_comes_after_two_dashes,
        damaged_and_missing_files_are_refused_in_one_sentence, wrong_usage_is_told_before_any_work,
        the_report_is_one_valid_page_with_everything_escaped, the_report_shows_thumbnails_where_the_images_are,
        a_browser_shows_the_report_without_an_error, chromium_tells_of_console_errors,
        a_folder_gives_what_its_cache_gives, a_folder_with_bad_images_is_evaluated_without_them,
        a_cache_is_predicted_as_its_folder_also_what_has_no_label, prediction_tells_the_classes_in_order, predictions_equal_the_evaluation_of_the_same_images,
        bad_images_are_named_skipped_and_the_rest_evaluated, decision_values_are_not_called_probabilities,
        calibrated_decision_values_are_probabilities,
        the_base_comes_from_the_models_seed_and_no_other)
