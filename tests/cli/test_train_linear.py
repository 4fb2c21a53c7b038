"""train with a linear head, against liblinear's programs on exported data; searches, repeatability, bad input. Caches are
generated."""
import csv, hashlib, json, os, re, signal, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from tap import program, run, scratch, start

SOLVERS = range(8)
LOGISTIC, L1, PRIMAL = (0, 6, 7), (5, 6), (0, 2, 5, 6)


def clusters(n=90, features=192, classes=4, seed=0, spread=0.3):
    """Vectors that are non-negative, 40 % zeros, of overlapping classes of unequal size."""
    rng = np.random.default_rng(seed)
    labels = np.minimum(rng.integers(0, classes + 1, n), classes - 1)
    labels[:classes] = np.arange(classes)
    centres = np.random.default_rng(99).normal(size=(classes, features))
    return np.maximum(0.25 + centres[labels] * spread + rng.normal(size=(n, features)), 0).astype(np.float32), labels


def make_cache(folder, x, labels, name="cache"):
    paths = [os.path.join(folder, name + end) for end in (".npy", ".csv", "")]
    np.save(paths[0], x)
    with open(paths[1], "w") as out:
        out.writelines("%s/%05d.jpg,%s\n" % ("abcdefgh"[label], i, "abcdefgh"[label]) for i, label in enumerate(labels))
    program("tools/make-cache", *paths)
    return paths[2]


def by_key(x, labels):
    """In the cache's order: by class name, then number."""
    order = np.argsort(labels, kind="stable")
    return x[order], labels[order]


def train(*arguments, **options):
    return program("train", "--head", "linear", *arguments, **options)


class Model:
    def __init__(self, path):
        with h5py.File(path, "r") as file:
            self.kernel = file["dense/dense/kernel:0"][:].astype(np.float64)
            self.bias = file["dense/dense/bias:0"][:].astype(np.float64)
            self.settings = json.loads(file.attrs["vggcache_training"])["settings"]
            self.calibration = json.loads(file.attrs["vggcache_calibration"])

    def values(self, x):
        return x.astype(np.float64) @ self.kernel + self.bias


AVERAGED = 3  # what averages count for by default


def averages(x):
    """The further features by which averages count for more: of make-cache's 3 channels."""
    return np.sqrt((AVERAGED ** 2 - 1) / (x.shape[1] // 3)) * x.astype(np.float64).reshape(len(x), -1, 3).sum(1)


def scaled_by(path, x):
    """Of models that standardise, or do not scale."""
    with h5py.File(path, "r") as file:
        if "vggcache/scaling_mean" not in file:
            return x
        return (x - file["vggcache/scaling_mean"][:].astype(np.float64)) * file["vggcache/scaling_inverse"][:]


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def read_libsvm(path, features):
    rows, labels = [], []
    for line in open(path):
        label, *pairs = line.split()
        row = np.zeros(features, np.float32)
        for pair in pairs:
            index, value = pair.split(":")
            row[int(index) - 1] = float(value)
        rows.append(row)
        labels.append(int(label))
    return np.array(rows), np.array(labels)


def predict(exported, model, folder, *options):
    """liblinear-predict's labels, and the rest of each line (probabilities with -b 1)."""
    out = os.path.join(folder, "predicted")
    subprocess.run(["liblinear-predict", *options, exported, model, out], check=True, stdout=subprocess.DEVNULL)
    lines = [line.split() for line in open(out)]
    if options:
        order = np.argsort([int(label) for label in lines[0][1:]])
        return np.array([[float(p) for p in line[1:]] for line in lines[1:]])[:, order]
    return np.array([int(float(line[0])) for line in lines])


def liblinear_train(exported, model, solver, cost, tolerance, *options):
    """Trains by liblinear's program; returns its decision values on the same features, a column a class."""
    subprocess.run(["liblinear-train", "-q", "-s", str(solver), "-c", str(cost), "-e", str(tolerance), "-B", "1", *options,
                    exported, model], check=True, stdout=subprocess.DEVNULL)
    with open(model) as file:
        head, weights = file.read().split("\nw\n")
    w = np.array([line.split() for line in weights.splitlines()], np.float64)
    assert "\nbias 1" in head
    labels = [int(label) for label in head.split("\nlabel ")[1].split("\n")[0].split()]
    rows, _ = read_libsvm(exported, len(w) - 1)
    values = np.column_stack([rows, np.ones(len(rows))]).astype(np.float64) @ w
    return (np.column_stack([values, -values]) if values.shape[1] == 1 else values)[:, np.argsort(labels)]


def tolerance_of(solver):
    return 1e-7 if solver in PRIMAL else 1e-6


def exported_features_are_the_scaled_ones():
    with scratch() as folder:
        x, labels = by_key(*clusters())
        cache, out, model = make_cache(folder, x, labels), os.path.join(folder, "x.txt"), os.path.join(folder, "m.h5")
        deviation, root = x.astype(np.float64).std(0), np.sign(x) * np.sqrt(np.abs(x.astype(np.float64)))
        deviation = np.maximum(deviation, np.sort(deviation[deviation > 0])[(np.count_nonzero(deviation) - 1) // 2])
        scaled = {"none": x, "max": x / x.max(), "standard": (x - x.mean(0, dtype=np.float64)) / deviation,
                  "l2": x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True),
                  "sqrt": root / np.linalg.norm(root, axis=1, keepdims=True)}
        for scale, expected in scaled.items():
            train("--scale", scale, "--averages", 3, "--export-libsvm", out, cache, model)
            rows, found = read_libsvm(out, x.shape[1] + 3)
            assert (found == labels).all()
            np.testing.assert_allclose(rows, np.hstack([expected, averages(expected)]), rtol=1e-5, atol=2e-6, err_msg=scale)
            train("--scale", scale, "--export-libsvm", out, cache, model)
            rows, found = read_libsvm(out, x.shape[1])
            np.testing.assert_allclose(rows, expected, rtol=1e-5, atol=1e-6, err_msg=scale)


def liblinear_train_on_exported_data_finds_the_same_model_for_every_solver_and_for_two_classes():
    with scratch() as folder:
        for classes in (4, 2):
            x, labels = by_key(*clusters(classes=classes))
            cache = make_cache(folder, x, labels, "cache%d" % classes)
            exported, text, ours = (os.path.join(folder, name) for name in ("x.txt", "m.txt", "ours.h5"))
            for solver in SOLVERS:
                cost, width = 0.1 if solver in L1 else 0.02, x.shape[1]
                further = 3 if classes == 4 and solver not in L1 else 0
                train("--solver", solver, "--cost", cost, "--tolerance", tolerance_of(solver), "--scale", "standard",
                      *(("--averages", 3) if further else ()), "--export-libsvm", exported, cache, ours)
                theirs = liblinear_train(exported, text, solver, cost, tolerance_of(solver))
                rows, _ = read_libsvm(exported, width + further)
                values = Model(ours).values(rows[:, :width])
                np.testing.assert_allclose(values, theirs, atol=2e-5 * np.abs(theirs).max(), err_msg="solver %d" % solver)
                assert (values.argmax(1) == predict(exported, text, folder)).all(), solver
                assert (values.argmax(1) == labels).mean() > 0.5, solver
                if solver in LOGISTIC:
                    assert Model(ours).calibration["sigmoids"] and Model(ours).calibration["probabilities"]
                    own = 1 / (1 + np.exp(-values))
                    np.testing.assert_allclose(own / own.sum(1, keepdims=True),
                                               predict(exported, text, folder, "-b", "1"), atol=1e-5)
                else:
                    assert not Model(ours).calibration["probabilities"]


def averages_count_as_in_features_that_have_them_added():
    """A head on x + (W - 1) M x, imported without places, is one on x."""
    with scratch() as folder:
        x, labels = by_key(*clusters())
        cache, ours, theirs = make_cache(folder, x, labels), os.path.join(folder, "1.h5"), os.path.join(folder, "2.h5")
        def spread(kernel, weight):
            mean = kernel.reshape(64, 3, -1).mean(0)
            return kernel + (weight - 1) * np.tile(mean, (64, 1))
        for solver in (1, 2, 3, 4, 7):
            for options, weight in ((("--averages", 2.5), 2.5), (("--averages", 2.5, "--no-reduce"), 2.5), (("--averages", AVERAGED), AVERAGED)):
                np.save(folder + "/x.npy", np.ascontiguousarray(spread(x.T.astype(np.float64), weight).T, np.float32))
                np.save(folder + "/y.npy", labels)
                program("extract", "--quiet", "--import", folder + "/x.npy", folder + "/y.npy", folder + "/there%s" % weight)
                common = ("--scale", "none", "--solver", solver, "--cost", 0.001, "--tolerance", tolerance_of(solver))
                train(*common, *options, cache, ours)
                train(*common, folder + "/there%s" % weight, theirs)
                assert Model(ours).settings["averages"] == weight and Model(theirs).settings["averages"] == 1
                expected = spread(Model(theirs).kernel, weight)
                np.testing.assert_allclose(Model(ours).kernel, expected, atol=2e-5 * np.abs(expected).max())
                np.testing.assert_allclose(Model(ours).bias, Model(theirs).bias, atol=2e-5 * np.abs(expected).max())
        wrong = train("--averages", 2, "--solver", "l1-lr", cache, ours, status=2).stderr
        assert "--averages does not go with L1R_LR" in wrong, wrong


def class_weights_are_liblinears():
    with scratch() as folder:
        x, labels = by_key(*clusters(spread=0.15))
        cache = make_cache(folder, x, labels)
        exported, text, ours = (os.path.join(folder, name) for name in ("x.txt", "m.txt", "ours.h5"))
        balanced = ["%r" % float(len(labels) / (4 * (labels == k).sum())) for k in range(4)]
        for given, weights in (("b:5,d:0.25", ["1", "5", "1", "0.25"]), ("balanced", balanced)):
            train("--cost", 0.01, "--tolerance", 1e-6, "--class-weight", given, "--export-libsvm", exported, cache, ours)
            theirs = liblinear_train(exported, text, 1, 0.01, 1e-6, *sum((["-w%d" % k, w] for k, w in enumerate(weights)), []))
            rows, _ = read_libsvm(exported, x.shape[1] + 3)
            np.testing.assert_allclose(Model(ours).values(rows[:, :-3]), theirs, atol=2e-5 * np.abs(theirs).max())
        train("--class-weight", "nobody:2", cache, ours, status=1)
        train("--class-weight", "a:-2", cache, ours, status=1)


def the_reduced_problem_gives_the_same_model_for_every_solver_it_serves():
    with scratch() as folder:
        cache = make_cache(folder, *clusters())
        reduced, direct = os.path.join(folder, "reduced.h5"), os.path.join(folder, "direct.h5")
        for solver in SOLVERS:
            arguments = ("--solver", solver, "--cost", 0.02, "--tolerance", tolerance_of(solver))
            train(*arguments, cache, reduced)
            train(*arguments, "--no-reduce", cache, direct)
            assert Model(reduced).settings["reduced"] == (solver not in L1) and not Model(direct).settings["reduced"]
            a, b = Model(reduced), Model(direct)
            scale = np.abs(b.kernel).max()
            np.testing.assert_allclose(a.kernel, b.kernel, atol=2e-5 * scale, err_msg="solver %d" % solver)
            np.testing.assert_allclose(a.bias, b.bias, atol=2e-5 * max(scale, np.abs(b.bias).max()))


def more_images_than_features_are_trained_on_as_they_are():
    with scratch() as folder:
        cache, model = make_cache(folder, *clusters(n=120, features=27, spread=2)), os.path.join(folder, "m.h5")
        text = train("--folds", 3, cache, model).stdout
        assert not Model(model).settings["reduced"]
        assert float(text.split("training accuracy ")[1].split()[0]) > 0.9


def any_number_of_threads_gives_the_same_file():
    with scratch() as folder:
        cache = make_cache(folder, *clusters())
        for arguments in (("--search-cost",), ("--solver", 4, "--folds", 3), ("--solver", "lr"), ("--no-reduce",)):
            digests = set()
            for threads in (1, 2, 3):
                model = os.path.join(folder, "m.h5")
                train(*arguments, "--threads", threads, cache, model)
                digests.add(digest(model))
            assert len(digests) == 1, arguments


def a_search_lists_plots_explains_and_takes_the_best_cost():
    with scratch() as folder:
        cache = make_cache(folder, *clusters())
        model, table, plot = (os.path.join(folder, name) for name in ("m.h5", "costs.csv", "costs.svg"))
        text = train("--search-cost", "--folds", 3, "--history", table, "--plot", plot, cache, model).stdout
        with open(table) as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == 10 and list(rows[0]) == ["cost", "accuracy", "deviation", "iterations"]
        best = max(rows, key=lambda row: (float(row["accuracy"]), -float(row["cost"])))
        assert Model(model).settings["cost"] == float(best["cost"])
        assert "Cost %g: accuracy" % float(best["cost"]) in text and "<- best" in text
        assert "cost C" in open(plot).read() or os.path.getsize(plot) > 2000
        train("--costs", "0.1,0.001,0.01", cache, model)
        assert [point["cost"] for point in Model(model).settings["search"]] == [0.001, 0.01, 0.1]


def the_defaults_are_square_roots_at_unit_length_and_the_cost_for_these():
    with scratch() as folder:
        x, labels = clusters()
        cache, one, two = make_cache(folder, x, labels), os.path.join(folder, "1.h5"), os.path.join(folder, "2.h5")
        train(cache, one)
        root = np.sqrt(x) / np.linalg.norm(np.sqrt(x), axis=1, keepdims=True)
        cost = 1 / (1 + (averages(root) ** 2).sum(1).mean())
        assert Model(one).settings["averages"] == AVERAGED
        for stated in (("--scale", "sqrt"), ("--cost", 1), ("--solver", 3)):  # liblinear's problem, as stated
            train(*stated, cache, two)
            assert Model(two).settings["averages"] == 1
        train("--scale", "sqrt", "--averages", 3, "--solver", "svc-dual", "--cost", cost, "--bias", 1, cache, two)
        assert Model(one).settings["scale"] == "sqrt" and abs(Model(one).settings["cost"] / cost - 1) < 1e-6
        np.testing.assert_allclose(Model(one).kernel, Model(two).kernel, atol=1e-5)


def a_search_compares_scalings_and_says_what_it_gained():
    with scratch() as folder:
        x, labels = clusters(spread=0.2)
        x[:, :20] *= 50  # drowns the rest, unless features are standardised
        cache, model = make_cache(folder, x, labels), os.path.join(folder, "m.h5")
        told = train("--search", cache, model).stdout
        assert told == train("--search-cost", cache, model).stdout
        best = {name: float(accuracy) for name, accuracy in re.findall(r"^ *(\w+) +\S+ +(0\.\d{4}) +0\.\d{4}$", told, re.M)}
        assert sorted(best) == ["l2", "none", "sqrt", "standard"], told
        chosen = max(best, key=best.get)
        assert chosen == "standard" and Model(model).settings["scale"] == chosen, told
        assert abs(max(point["accuracy"] for point in Model(model).settings["search"]) - best[chosen]) < 1e-4
        default = float(re.search(r"accuracy (\S+) ±", train("--folds", 5, "--cost", 1, cache, model).stdout)[1])
        gained = float(re.search(r"gained (\S+) points over --scale sqrt", told)[1])  # warm starts: not to the last image
        assert abs(gained - 100 * (best[chosen] - default)) < 3, (told, default)
        told = train("--search", "--scale", "l2", cache, model).stdout
        assert "Scaling" not in told and "over --scale l2" in told or "--scale l2 with its own cost is as good" in told, told
        assert Model(model).settings["scale"] == "l2"


def a_cross_validation_equals_one_done_by_hand():
    """Leave-one-out, as its folds do not depend on how they are drawn; a standardisation has not seen the one left out."""
    with scratch() as folder:
        x, labels = by_key(*clusters(n=24, features=75, classes=3, spread=0.2))
        cache, model = make_cache(folder, x, labels), os.path.join(folder, "m.h5")
        rest = [np.delete(np.arange(24), i) for i in range(24)]
        parts = [make_cache(folder, x[r], labels[r], "part%d" % i) for i, r in enumerate(rest)]
        for scale, cost in ("none", 0.01), ("standard", 0.01):
            arguments = ("--scale", scale, "--cost", cost, "--tolerance", 1e-5)
            text = train(*arguments, "--folds", 24, cache, model).stdout
            right = 0
            for i in range(24):
                train(*arguments, parts[i], model)
                right += Model(model).values(scaled_by(model, x[i])).argmax() == labels[i]
            assert "accuracy %.4f" % (right / 24) in text, (right, text)


def the_iteration_limit_is_warned_of():
    with scratch() as folder:
        cache, model = make_cache(folder, *clusters()), os.path.join(folder, "m.h5")
        for more in ((), ("--no-reduce",)):
            done = train("--solver", 3, "--cost", 1e6, "--tolerance", 1e-13, "--scale", "none", *more, cache, model)
            assert "iteration limit" in done.stderr and "--tolerance" in done.stderr and "primal" in done.stderr, done.stderr
        many = make_cache(folder, *clusters(n=60, features=27, spread=0.1), "many")
        done = train("--solver", 3, "--cost", 1e6, "--tolerance", 1e-13, "--scale", "none", many, model)
        assert "iteration limit" in done.stderr and "primal" not in done.stderr, done.stderr
        assert "iteration limit" not in train(cache, model).stderr


def odd_data_gets_a_sentence_or_an_answer():
    with scratch() as folder:
        model = os.path.join(folder, "m.h5")
        x, labels = clusters()
        one = make_cache(folder, x, np.zeros(len(x), int), "one")
        assert "one class only" in train(one, model, status=1).stderr
        assert not os.path.exists(model)
        zero = make_cache(folder, x * 0, labels, "zero")
        for more in ((), ("--no-reduce",), ("--bias", -1), ("--bias", -1, "--no-reduce")):
            assert "all features are zero" in train(*more, zero, model, status=1).stderr
        constant = make_cache(folder, np.where(np.arange(x.shape[1]) % 3, x, 0.1).astype(np.float32), labels, "constant")
        train("--scale", "standard", constant, model)
        assert np.isfinite(Model(model).kernel).all() and np.abs(Model(model).kernel[::3]).max() < 1e-4
        tiny = x.copy()
        tiny[::7] = 0
        tiny[::7, 3] = 1e-40  # 1 over its length overflows
        small = make_cache(folder, tiny, labels, "tiny")
        for scale in "l2", "sqrt":
            for solver in ("l1-lr",), ("l1-svc",), ("1",), ("1", "--no-reduce"):
                train("--scale", scale, "--cost", 1, "--solver", *solver, small, model)
                assert np.isfinite(Model(model).kernel).all(), (scale, solver)
        twice = make_cache(folder, np.concatenate([x, x]), np.concatenate([labels, labels]), "twice")
        train("--solver", 3, "--cost", 0.1, "--tolerance", 1e-6, twice, model)
        kernel = Model(model).kernel
        train("--solver", 3, "--cost", 0.1, "--tolerance", 1e-6, "--no-reduce", twice, model)
        np.testing.assert_allclose(kernel, Model(model).kernel, atol=1e-6)


def folds_that_classes_cannot_fill_get_a_sentence_or_an_answer():
    with scratch() as folder:
        model = os.path.join(folder, "m.h5")
        x, labels = clusters(spread=1)
        labels = np.where(labels == 3, 0, labels)
        labels[5] = 3
        cache = make_cache(folder, x, labels)
        done = train("--folds", 5, cache, model)
        assert "smallest class has 1 image," in done.stderr and re.search(r"accuracy \S+ ± \S+ over 5 folds\.\n", done.stdout), done.stdout
        assert "needs at least as many images, and it has 90" in train("--folds", 91, cache, model, status=1).stderr
        train("--folds", 90, "--solver", 4, cache, model)


def wrong_options_are_refused_before_any_work():
    with scratch() as folder:
        cache, model = os.path.join(folder, "no-cache"), os.path.join(folder, "m.h5")
        for wrong in (("--cost", 0), ("--cost", -1), ("--cost", "nan"), ("--cost", "1x"), ("--tolerance", 0), ("--solver", "svr"),
                      ("--solver", 11), ("--costs", "1,,2"), ("--costs", "0"), ("--scale", "minmax"), ("--folds", 1),
                      ("--search", "--cost", 1), ("--bias", "x"), ("--plot", "x.png"),
                      ("--history", "x.csv")):
            done = train(*wrong, cache, model, status=2)
            assert wrong[0][2:] in done.stderr, done.stderr


def an_interrupt_ends_it_with_a_sentence_and_no_process_left():
    with scratch() as folder:
        cache, model = make_cache(folder, *clusters()), os.path.join(folder, "m.h5")
        slow = ["--head", "linear", "--solver", "4", "--cost", "1e7", "--tolerance", "1e-12", "--scale", "none"]
        process = start("train", *slow, cache, model, stdout=subprocess.DEVNULL)
        while "worker process" not in process.stderr.readline():
            assert process.poll() is None
        with open("/proc/%d/task/%d/children" % (process.pid, process.pid)) as children:
            while not children.read():
                assert process.poll() is None, "it was to be slow"
                time.sleep(0.01)
                children.seek(0)
        process.send_signal(signal.SIGTERM)
        words = process.communicate(timeout=60)[1]  # returns when no worker has stderr open
        assert process.returncode == 1 and "interrupted" in words and "was not written" in words, words
        assert not os.path.exists(model)


def the_summary_is_printed_without_training():
    with scratch() as folder:
        cache, model = make_cache(folder, *clusters()), os.path.join(folder, "m.h5")
        text = train("--summary", cache, model).stdout
        assert "(None, 4)" in text and "772" in text and not os.path.exists(model)


run(exported_features_are_the_scaled_ones,
    liblinear_train_on_exported_data_finds_the_same_model_for_every_solver_and_for_two_classes,
    averages_count_as_in_features_that_have_them_added,
    class_weights_are_liblinears,
    the_reduced_problem_gives_the_same_model_for_every_solver_it_serves,
    more_images_than_features_are_trained_on_as_they_are,
    any_number_of_threads_gives_the_same_file,
    a_search_lists_plots_explains_and_takes_the_best_cost,
    the_defaults_are_square_roots_at_unit_length_and_the_cost_for_these,
    a_search_compares_scalings_and_says_what_it_gained,
    a_cross_validation_equals_one_done_by_hand,
    the_iteration_limit_is_warned_of,
    odd_data_gets_a_sentence_or_an_answer,
    folds_that_classes_cannot_fill_get_a_sentence_or_an_answer,
    wrong_options_are_refused_before_any_work,
    an_interrupt_ends_it_with_a_sentence_and_no_process_left,
    the_summary_is_printed_without_training)
