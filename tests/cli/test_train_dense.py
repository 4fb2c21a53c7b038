"""train with a dense head: repeatability, resuming, kills, early stopping, metrics, refusals. Caches are generated."""
import csv, fcntl, hashlib, json, math, os, pty, re, signal, struct, subprocess, sys, termios, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from tap import BUILD, program, run, scratch, start

CLASSES, FEATURES = 4, 48  # an "input" cache of images of side 4


def clusters(n, seed=0, spread=0.5):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % CLASSES
    centres = np.random.default_rng(99).normal(size=(CLASSES, FEATURES))
    return (centres[labels] * spread + rng.normal(size=(n, FEATURES))).astype(np.float32), labels


def make_cache(folder, name, x, labels, names="abcdefgh"):
    features, table, cache = (os.path.join(folder, name + end) for end in (".npy", ".csv", ""))
    np.save(features, x)
    with open(table, "w") as out:
        out.writelines("%s/%05d.jpg,%s\n" % (names[label], i, names[label]) for i, label in enumerate(labels))
    program("tools/make-cache", features, table, cache)
    return cache


def train(*arguments, **options):
    return program("train", "--hidden", "40,20", "--batch-size", 16, *arguments, **options)


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def history(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def training_of(model):
    with h5py.File(model, "r") as file:
        return json.loads(file.attrs["vggcache_training"])["settings"]


def the_same_seed_gives_the_same_file_whatever_the_threads():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        models = [os.path.join(folder, "%d.h5" % i) for i in range(4)]
        for model, threads, seed in zip(models, (1, 2, 3, 2), (42, 42, 42, 43)):
            train("--epochs", 5, "--threads", threads, "--seed", seed, cache, model)
        assert digest(models[0]) == digest(models[1]) == digest(models[2])
        assert digest(models[0]) != digest(models[3])
        assert not os.path.exists(models[0] + ".checkpoint")


def wait_for_line(process, start):
    for line in process.stdout:
        if line.startswith(start):
            return
    raise AssertionError("train ended before it printed " + start)


def start_training(*arguments):
    """With a pipe that holds few lines, so that the training cannot finish while nobody reads them."""
    process = start("train", "--hidden", "40,20", "--batch-size", 16, *arguments)
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    return process


def check_interruption(how, status):
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(400))
        whole, broken = os.path.join(folder, "whole.h5"), os.path.join(folder, "broken.h5")
        settings = ["--epochs", 120, "--patience", 120, "--learning-rate", 0.0003, "--reduce-lr-factor", 0.5,
                    "--reduce-lr-patience", 3]
        train(*settings, "--history", whole + ".csv", cache, whole)
        process = start_training(*settings, cache, broken)
        wait_for_line(process, "Epoch 7/")
        process.send_signal(how)
        error = process.communicate(timeout=60)[1]
        assert process.returncode == status, (process.returncode, error)
        assert os.path.exists(broken + ".checkpoint")
        assert training_of(broken)["best_epoch"] <= 120  # the best so far exists and is complete
        left_over = ["%s.%d.part" % (name, 2**31 - 5) for name in (broken, broken + ".checkpoint")]
        for path in left_over:  # what a killed writer leaves: no process has this number
            open(path, "w").close()
        resumed = train(*settings, "--history", broken + ".csv", "--resume", cache, broken)
        assert "continuing in epoch" in resumed.stderr, resumed.stderr
        assert digest(whole) == digest(broken)
        assert not any(os.path.exists(path) for path in left_over + [broken + ".checkpoint"])
        for ours, theirs in zip(history(whole + ".csv"), history(broken + ".csv")):
            ours.pop("seconds"), theirs.pop("seconds")
            assert ours == theirs
        return error


def after_kill_9_the_best_model_is_there_and_resume_ends_as_if_nothing_had_been():
    check_interruption(signal.SIGKILL, -signal.SIGKILL)


def ctrl_c_keeps_all_and_resume_ends_as_if_nothing_had_been():
    error = check_interruption(signal.SIGINT, -signal.SIGINT)
    assert "--resume" in error, error


def a_checkpoint_of_another_training_or_a_damaged_one_is_refused():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(400))
        model = os.path.join(folder, "model.h5")
        settings = ["--epochs", 100000, "--patience", 100000, "--learning-rate", 1e-5]
        process = start_training(*settings, cache, model)
        wait_for_line(process, "Epoch 3/")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        checkpoint = model + ".checkpoint"
        with open(checkpoint, "rb") as file:
            good = file.read()
        other = make_cache(folder, "other", *clusters(400, seed=1))
        for arguments in ((*settings, "--dropout", 0.3, cache), (*settings, other)):
            refused = train(*arguments, model, "--resume", status=1)
            assert "other settings or other data" in refused.stderr, refused.stderr
        middle = len(good) // 2
        for bad, word in ((good[:-100], "bytes where"), (good[:50], "truncated"), (b"", "not a checkpoint"),
                          (good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1:], "damaged"),
                          (b"x" + good[1:], "not a checkpoint"), (good + b"x", "bytes where")):
            with open(checkpoint, "wb") as file:
                file.write(bad)
            refused = train(*settings, cache, model, "--resume", status=1)
            assert word in refused.stderr and checkpoint in refused.stderr, refused.stderr


def a_checkpoint_whose_best_epoch_is_gone_is_refused_and_stays():
    """It holds the last state only: the best epoch's parameters are in the model file."""
    with scratch() as folder:
        cache, model = make_cache(folder, "cache", *clusters(400)), os.path.join(folder, "model.h5")
        settings = ["--epochs", 100000, "--patience", 100000, "--learning-rate", 1e-5]
        process = start_training(*settings, cache, model)
        wait_for_line(process, "Epoch 3/")
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        checkpoint = digest(model + ".checkpoint")
        os.rename(model, model + ".away")
        for missing in (True, False):
            refused = train("--epochs", 1, *settings[2:], "--resume", cache, model, status=1).stderr
            assert re.search(r"model\.h5: does not hold epoch \d+, the best of this training so far", refused), refused
            assert digest(model + ".checkpoint") == checkpoint
            if missing:
                train("--epochs", 1, "--learning-rate", 0.01, "--no-checkpoint", cache, model)
        os.rename(model + ".away", model)
        train("--epochs", 1, *settings[2:], "--resume", cache, model)
        assert not os.path.exists(model + ".checkpoint")


def resume_without_a_checkpoint_begins_at_the_beginning():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        one, two = os.path.join(folder, "1.h5"), os.path.join(folder, "2.h5")
        train("--epochs", 3, cache, one)
        assert "beginning" in train("--epochs", 3, "--resume", cache, two).stderr
        assert digest(one) == digest(two)


def history_has_its_columns_and_the_best_epoch_is_the_lowest_val_loss():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130, spread=0.15))
        model, table = os.path.join(folder, "model.h5"), os.path.join(folder, "history.csv")
        done = train("--epochs", 60, "--patience", 3, "--learning-rate", 0.01, "--history", table, cache, model)
        with open(table) as file:
            assert file.readline() == "epoch,loss,accuracy,val_loss,val_accuracy,seconds\n"
        rows = history(table)
        losses = [float(row["val_loss"]) for row in rows]
        best = losses.index(min(losses)) + 1
        assert [int(row["epoch"]) for row in rows] == list(range(1, len(rows) + 1))
        assert len(rows) == best + 3 < 60, "stops when three epochs brought nothing"
        assert "epoch %d of %d" % (best, len(rows)) in done.stdout, done.stdout
        settings = training_of(model)
        assert settings["best_epoch"] == best and len(settings["history"]) == len(rows)


def the_model_file_holds_the_best_epochs_weights_as_numpy_recomputes_them():
    with scratch() as folder:
        x, labels = clusters(130, spread=0.15)
        cache = make_cache(folder, "cache", x, labels)
        model = os.path.join(folder, "model.h5")
        train("--validation-order", "keras", "--scale", "none", "--epochs", 40, "--patience", 3, "--learning-rate", 0.01, cache, model)
        settings = training_of(model)
        first = np.zeros(len(labels), bool)  # Keras: the first int(split * n) of each class in the order of names
        for c in range(CLASSES):
            own = np.flatnonzero(labels == c)
            first[own[:int(0.15 * len(own))]] = True
        y = x[first].astype(np.float64)
        with h5py.File(model, "r") as file:
            layers = [n for n in (v.decode() if isinstance(v, bytes) else v for v in file.attrs["layer_names"]) if "dense" in n]
            for i, name in enumerate(layers):
                names = [v.decode() if isinstance(v, bytes) else v for v in file[name].attrs["weight_names"]]
                kernel, bias = (np.array(file[name][n], np.float64) for n in names)
                y = y @ kernel + bias
                y = np.maximum(y, 0) if i + 1 < len(layers) else y
        y -= y.max(axis=1, keepdims=True)
        loss = np.log(np.exp(y).sum(axis=1)) - y[np.arange(len(y)), labels[first]]
        expected = settings["history"][settings["best_epoch"] - 1]
        assert abs(loss.mean() - expected["val_loss"]) < 1e-5, (loss.mean(), expected)
        assert abs((y.argmax(axis=1) == labels[first]).mean() - expected["val_accuracy"]) < 1e-9


def without_validation_the_training_loss_decides():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        model, table = os.path.join(folder, "model.h5"), os.path.join(folder, "history.csv")
        train("--validation-split", 0, "--epochs", 3, "--history", table, cache, model)
        rows = history(table)
        assert [row["val_loss"] for row in rows] == [""] * 3
        losses = [float(row["loss"]) for row in rows]
        assert training_of(model)["best_epoch"] == losses.index(min(losses)) + 1


def another_cache_validates_by_the_names_of_its_classes():
    with scratch() as folder:
        x, labels = clusters(130)
        cache = make_cache(folder, "cache", x, labels)
        table = os.path.join(folder, "history.csv")
        some = labels >= 2
        validation = make_cache(folder, "validation", x[some], labels[some])
        train("--validation", validation, "--validation-split", 0, "--dropout", 0, "--epochs", 80, "--history", table,
              cache, os.path.join(folder, "model.h5"))
        assert max(float(row["val_accuracy"]) for row in history(table)) > 0.95
        stranger = make_cache(folder, "stranger", x, labels, names="abcx")
        refused = train("--validation", stranger, cache, os.path.join(folder, "m.h5"), status=1)
        assert "its class x" in refused.stderr, refused.stderr


def a_loss_that_is_no_number_stops_and_keeps_the_best():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        model = os.path.join(folder, "model.h5")
        failed = train("--optimizer", "sgd", "--learning-rate", 1e6, "--epochs", 30, cache, model, status=1)
        assert "no longer finite" in failed.stderr and "--learning-rate" in failed.stderr, failed.stderr
        assert failed.stderr.count("\n") <= 2
        x, labels = clusters(130)
        x[7, 3] = math.nan
        poisoned = make_cache(folder, "poisoned", x, labels)
        failed = train("--epochs", 3, poisoned, os.path.join(folder, "none.h5"), status=1)
        assert "no model was kept" in failed.stderr, failed.stderr
        assert not os.path.exists(os.path.join(folder, "none.h5"))


def class_weights_weigh_each_image_by_its_class():
    """The loss of one epoch at a vanishing learning rate, recomputed in NumPy from the starting weights."""
    with scratch() as folder:
        x, labels = clusters(800, spread=0.25)
        keep = (labels < 2) & ((labels == 0) | (np.arange(800) % 40 == 1))
        x, labels = x[keep], labels[keep]
        cache = make_cache(folder, "cache", x, labels)
        table, model = os.path.join(folder, "history.csv"), os.path.join(folder, "model.h5")
        for weight, weights in (("none", np.ones(2)), ("balanced", len(labels) / (2 * np.bincount(labels))),
                                ("b:2.5", np.array([1, 2.5]))):
            program("train", "--scale", "none", "--hidden", "none", "--learning-rate", 1e-12, "--class-weight", weight,
                    "--validation-split", 0, "--epochs", 1, "--history", table, cache, model)
            with h5py.File(model, "r") as file:
                y = x.astype(np.float64) @ np.array(file["dense/dense/kernel:0"], np.float64)
            loss = np.log(np.exp(y).sum(axis=1)) - y[np.arange(len(y)), labels]
            expected = (loss * weights[labels]).mean()
            assert abs(float(history(table)[0]["loss"]) - expected) < 1e-5, (weight, expected)


def curves_are_drawn_after_every_epoch():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        for ending, start in (("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")):
            plot = os.path.join(folder, "curves." + ending)
            train("--epochs", 2, "--plot", plot, cache, os.path.join(folder, "model.h5"))
            with open(plot, "rb") as file:
                assert file.read(len(start)) == start


def optimizers_all_learn():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(400, spread=0.8))
        table = os.path.join(folder, "history.csv")
        for arguments in (["--optimizer", "adam", "--learning-rate", 0.003], ["--optimizer", "rmsprop", "--weight-decay", 0.001],
                          ["--optimizer", "sgd", "--momentum", 0.9, "--learning-rate", 0.02]):
            train(*arguments, "--epochs", 15, "--history", table, cache, os.path.join(folder, "model.h5"))
            assert max(float(row["val_accuracy"]) for row in history(table)) > 0.85, (arguments, history(table))


def summary_prints_the_default_head_and_stops():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        model = os.path.join(folder, "model.h5")
        done = program("train", "--summary", cache, model)
        assert "dense (Dense)                (None, 256)               12544" in done.stdout, done.stdout
        assert "Total params: 13,572" in done.stdout, done.stdout
        assert not os.path.exists(model)


def what_cannot_fit_in_memory_is_refused_in_a_sentence():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(130))
        # AddressSanitizer's malloc aborts instead of returning NULL unless configured, and then adds its own lines.
        environment = dict(os.environ, ASAN_OPTIONS="allocator_may_return_null=1")
        refused = program("train", "--hidden", "200000,200000", cache, os.path.join(folder, "model.h5"), status=1,
                          env=environment)
        told = [line for line in refused.stderr.splitlines() if line.startswith("train: ")]
        assert "memory" in told[-1] and len(told) <= 2, refused.stderr
        assert "Sanitizer" in refused.stderr or len(refused.stderr.splitlines()) == len(told), refused.stderr
        refused = program("train", "--hidden", "1048576,1048576", cache, os.path.join(folder, "model.h5"), status=1,
                          env=environment)
        assert re.search(r"; use --hidden \d+,\d+", refused.stderr), refused.stderr


def kernels(path):
    with h5py.File(path, "r") as file:
        return [file["%s/%s/%s:0" % (n, n, part)][()] for n in ("dense", "dense_1", "dense_2") for part in ("kernel", "bias")]


def predicted(cache, model, folder):
    table = os.path.join(folder, "predictions.csv")
    program("evaluate", "--predictions", table, cache, model)
    return np.array([[float(v) for v in list(row.values())[3:]] for row in csv.DictReader(open(table))])


def scaled_as_numpy_scales(x, labels, kind, split=0.15):
    """Scaling is fitted to the training rows, which are all but the first int(split * n) of each class."""
    trains = np.ones(len(x), bool)
    for label in range(CLASSES):
        own = np.flatnonzero(labels == label)
        trains[own[: int(split * len(own))]] = False
    used = x[trains].astype(np.float64)
    if kind == "standard":
        deviation = used.std(0)
        floor = np.sort(deviation[deviation > 0])[(np.count_nonzero(deviation) - 1) // 2]
        return ((x - used.mean(0)) / np.maximum(deviation, floor)).astype(np.float32)
    if kind == "sqrt":
        x = np.sign(x) * np.sqrt(np.abs(x))
    return (x / np.abs(used).max()).astype(np.float32) if kind == "max" else \
        (x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)


def scaled_features_train_as_if_numpy_had_scaled_them():
    with scratch() as folder:
        x, labels = clusters(120)
        x = x * 50 + 300
        cache = make_cache(folder, "cache", x, labels)
        for kind in ("standard", "max", "l2", "sqrt"):
            by_numpy = make_cache(folder, "numpy-" + kind, scaled_as_numpy_scales(x, labels, kind), labels)
            one, other = os.path.join(folder, kind + ".h5"), os.path.join(folder, kind + "-numpy.h5")
            train("--validation-order", "keras", "--scale", kind, "--epochs", 3, cache, one)
            train("--validation-order", "keras", "--scale", "none", "--epochs", 3, by_numpy, other)
            for a, b in zip(kernels(one), kernels(other)):
                assert np.abs(a - b).max() < 1e-4 * np.abs(b).max(), (kind, np.abs(a - b).max())
            assert np.abs(predicted(cache, one, folder) - predicted(by_numpy, other, folder)).max() < 1e-4
            assert training_of(one)["scale"] == kind and "scale" not in training_of(other)
        plain = os.path.join(folder, "plain.h5")
        train("--scale", "sqrt", "--averages", 3, "--hidden", 256, "--learning-rate", 0.001, "--epochs", 3, cache, plain)
        first = digest(plain)
        program("train", "--batch-size", 16, "--epochs", 3, cache, plain)  # the defaults
        assert digest(plain) == first


def averages_count_as_in_features_that_have_them_added():
    """A head on x + (W - 1) M x is one on x in the file, and keeping it on the way changes nothing of the training."""
    with scratch() as folder:
        def spread(x, weight):
            return x + np.float32((weight - 1) * np.tile(x.astype(np.float64).reshape(len(x), -1, 3).mean(1), FEATURES // 3))
        def of(weight):
            return ("--scale", "none", "--averages", weight, "--epochs", 6, "--history", folder + "/%s.csv" % weight)
        x, labels = clusters(120)
        cache, added = make_cache(folder, "cache", x, labels), make_cache(folder, "added", spread(x, 2.5), labels)
        for hidden in ("40,20", "none"):
            ours, theirs = folder + "/ours.h5", folder + "/theirs.h5"
            train("--hidden", hidden, *of(2.5), cache, ours)
            train("--hidden", hidden, *of(1), added, theirs)
            for a, b in zip(history(folder + "/2.5.csv"), history(folder + "/1.csv")):
                assert abs(float(a["val_loss"]) - float(b["val_loss"])) < 1e-5
            with h5py.File(ours) as a, h5py.File(theirs) as b:
                a, b = (file["dense/dense/kernel:0"][()] for file in (a, b))
            mean = b.reshape(FEATURES // 3, 3, -1).mean(0)
            np.testing.assert_allclose(a, b + 1.5 * np.tile(mean, (FEATURES // 3, 1)), atol=1e-5)
            assert np.abs(predicted(cache, ours, folder) - predicted(added, theirs, folder)).max() < 1e-5
            assert training_of(ours)["averages"] == 2.5 and "averages" not in training_of(theirs)
        refused = train("--from", ours, "--averages", 2, cache, theirs, status=2).stderr
        assert "cannot be combined with --averages" in refused, refused


def a_head_on_scaled_features_starts_one_on_features_as_they_are():
    with scratch() as folder:
        x, labels = clusters(120)
        cache = make_cache(folder, "cache", x * 50 + 300, labels)
        for kind in ("standard", "max"):
            scaled, warm = os.path.join(folder, "scaled.h5"), os.path.join(folder, "warm.h5")
            train("--scale", kind, "--epochs", 8, cache, scaled)
            train("--from", scaled, "--epochs", 1, "--learning-rate", 1e-12, cache, warm)
            assert np.abs(predicted(cache, scaled, folder) - predicted(cache, warm, folder)).max() < 1e-4
        for kind in ("l2", "sqrt"):  # by the image's own length: kept
            train("--scale", kind, "--epochs", 8, cache, scaled)
            train("--from", scaled, "--epochs", 1, "--learning-rate", 1e-12, cache, warm)
            assert np.abs(predicted(cache, scaled, folder) - predicted(cache, warm, folder)).max() < 1e-5
        assert "--scale" in train("--from", scaled, "--scale", "max", cache, warm, status=2).stderr
        # Before convolutions, a scaling with means would change the padding's zeros.
        refused = train("--approach", "finetune", "--scale", "standard", "--augmented-cache", cache, warm, status=2).stderr
        assert "--scale standard requires a head on cached features" in refused, refused


def a_loss_that_starts_far_above_guessing_is_told_with_what_helps():
    with scratch() as folder:
        x, labels = clusters(120)
        cache, model = make_cache(folder, "cache", x * 1000, labels), os.path.join(folder, "m.h5")
        told = train("--scale", "none", "--epochs", 1, cache, model).stderr
        assert "while guessing gives 1.39" in told and "--scale sqrt or a --learning-rate below 0.001" in told, told
        assert "guessing" not in train("--epochs", 1, cache, model).stderr
        small = make_cache(folder, "small", x, labels)
        assert "guessing" not in train("--epochs", 1, small, model).stderr
        heavy = ["--class-weight", "a:9,b:9,c:9,d:9"]  # the loss of guessing weighs as much
        assert "guessing" not in train("--epochs", 5, "--validation-split", 0, *heavy, small, model).stderr


def a_training_that_learnt_nothing_is_told_so_at_its_end():
    with scratch() as folder:
        noise, signal_ = (make_cache(folder, name, *clusters(120, spread=spread)) for name, spread in (("n", 0), ("s", 0.5)))
        model = os.path.join(folder, "m.h5")
        told = train("--validation-order", "keras", "--epochs", 5, noise, model).stderr
        assert re.search(r"the best val_loss is 1\.\d+, where guessing gives 1\.386: nothing was learnt", told), told
        assert float(re.search(r"best val_loss is (\S+),", told).group(1)) > 0.99 * math.log(CLASSES)
        assert "nothing was learnt" not in train("--epochs", 4, noise, model).stderr
        assert "nothing was learnt" not in train("--epochs", 5, signal_, model).stderr


def a_terminal_shows_how_long_all_epochs_may_take():
    with scratch() as folder:
        cache = make_cache(folder, "cache", *clusters(4000))
        shown, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))  # room for the bar
        process = subprocess.Popen([os.path.join(BUILD, "train"), "--hidden", "400,200", "--batch-size", "4", "--epochs", "3",
                                    cache, os.path.join(folder, "m.h5")], stdout=subprocess.DEVNULL, stderr=end,
                                   env=dict(os.environ, TERM="xterm"))
        os.close(end)
        text = b""
        while True:
            try:
                part = os.read(shown, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        os.close(shown)
        assert process.wait() == 0
        assert re.search(rb"Epoch 1/3 \[", text) and re.search(rb"Epoch [23]/3 \(all: at most \d+:\d\d left\) \[", text), text[-500:]


def a_long_training_is_foretold_and_a_short_one_not():
    with scratch() as folder:
        cache, model = make_cache(folder, "cache", *clusters(130)), os.path.join(folder, "model")
        assert "will take about" not in train("--epochs", 2, cache, model).stderr
        begun = time.monotonic()
        process = start_training("--epochs", 100000, "--patience", 100000, cache, model)
        wait_for_line(process, "Epoch 100/")
        hundred = time.monotonic() - begun
        process.send_signal(signal.SIGINT)
        error = process.communicate(timeout=60)[1]
        hours, minutes, seconds = re.search(r"train: 100000 epochs will take about (?:(\d+):)?(\d+):(\d\d), less if stopped early",
                                            error).groups()
        told = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
        assert 30 <= told < 100000 * hundred, (told, hundred)  # a hundred epochs with the start, the files and this test's reading


def wrong_usage_is_told_before_any_work():
    with scratch() as folder:
        for arguments in (["cache"], ["--hidden", "12,x", "cache", "model"], ["--hidden", "0", "cache", "model"],
                          ["--plot", "curves.gif", "cache", "model"], ["--momentum", 0.9, "cache", "model"],
                          ["--resume", "--no-checkpoint", "cache", "model"], ["--batch-size", 0, "cache", "model"], ["cache", "m.keras"], ["cache", "m.weights.h5"]):
            done = program("train", *arguments, status=2, cwd=folder)
            assert "--help" in done.stderr and not os.listdir(folder)


def caches_that_cannot_be_trained_on_are_refused():
    with scratch() as folder:
        x, labels = clusters(130)
        one = make_cache(folder, "one", x, labels * 0)
        assert "at least two" in train(one, os.path.join(folder, "m.h5"), status=1).stderr
        few = make_cache(folder, "few", x[:8], labels[:8])
        assert "--validation-split" in train(few, os.path.join(folder, "m.h5"), status=1).stderr
        assert "nothing" in train(os.path.join(folder, "nothing"), os.path.join(folder, "m.h5"), status=1).stderr


def names_that_a_model_file_cannot_hold_are_refused_before_training():
    with scratch() as folder:
        for name in (b"a", b"caf\xe9"):
            os.makedirs(folder.encode() + b"/images/" + name)
            for i in range(4):
                with open(b"%s/images/%s/%d.ppm" % (folder.encode(), name, i), "wb") as out:
                    out.write(b"P6 4 4 255\n" + bytes([16 * i]) * 48)
        program("extract", "--quiet", "--layer", "input", folder + "/images", folder + "/cache")
        for arguments in (["--head", "linear", folder + "/cache"], ["--hidden", 4, "--validation-split", 0, folder + "/cache"],
                          ["--approach", "scratch", "--images", folder + "/images"]):
            refused = program("train", *arguments, folder + "/m.h5", status=1)
            assert "its class caf\ufffd has a name that is not UTF-8" in refused.stderr and "Epoch" not in refused.stdout, refused


run(the_same_seed_gives_the_same_file_whatever_the_threads,
    after_kill_9_the_best_model_is_there_and_resume_ends_as_if_nothing_had_been,
    ctrl_c_keeps_all_and_resume_ends_as_if_nothing_had_been,
    a_checkpoint_of_another_training_or_a_damaged_one_is_refused,
    a_checkpoint_whose_best_epoch_is_gone_is_refused_and_stays,
    resume_without_a_checkpoint_begins_at_the_beginning,
    history_has_its_columns_and_the_best_epoch_is_the_lowest_val_loss,
    the_model_file_holds_the_best_epochs_weights_as_numpy_recomputes_them,
    without_validation_the_training_loss_decides,
    another_cache_validates_by_the_names_of_its_classes,
    a_loss_that_is_no_number_stops_and_keeps_the_best,
    class_weights_weigh_each_image_by_its_class,
    curves_are_drawn_after_every_epoch,
    optimizers_all_learn,
    summary_prints_the_default_head_and_stops,
    what_cannot_fit_in_memory_is_refused_in_a_sentence,
    scaled_features_train_as_if_numpy_had_scaled_them,
    averages_count_as_in_features_that_have_them_added,
    a_head_on_scaled_features_starts_one_on_features_as_they_are,
    a_loss_that_starts_far_above_guessing_is_told_with_what_helps,
    a_training_that_learnt_nothing_is_told_so_at_its_end,
    a_terminal_shows_how_long_all_epochs_may_take,
    a_long_training_is_foretold_and_a_short_one_not,
    wrong_usage_is_told_before_any_work,
    caches_that_cannot_be_trained_on_are_refused,
    names_that_a_model_file_cannot_hold_are_refused_before_training)
