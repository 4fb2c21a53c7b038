"""evaluate --export-onnx: models with their base in onnxruntime, from pixels, against evaluate on the same images. `make
test-keras` installs onnxruntime, and runs this with it; seen with onnx 1.23.2 and onnxruntime 1.32.0.

Tolerance: 1e-5 for probabilities and 1e-5 of the largest decision value: sums in float32 are taken in another order there.
Calibrated heads are trained on labels of which a third is wrong: a temperature near 0 would magnify the rounding.
"""
import csv, json, os, shutil, sys
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import Skip, program, run, scratch

try:
    import onnx, onnxruntime
except ImportError:
    onnx = None

FOLDER = scratch()
SCALES = ("none", "max", "standard", "l2", "sqrt")


def at(*names):
    return os.path.join(FOLDER.path, *names)


def extracted(name, *options):
    """Caches of both parts; and of the training part with wrong labels."""
    if not onnx:
        raise Skip("onnxruntime is not installed here: make test-keras installs it")
    if os.path.exists(at("train." + name)):
        return
    for part in "train", "test":
        program("extract", "--weights", "random", *options, at("images", part), at("%s.%s" % (part, name)))
    told = json.loads(program("extract", "--info", "--json", at("train." + name)).stdout)
    classes = [row["name"] for row in told["classes"]]
    shutil.copytree(at("train." + name), at("hard." + name))
    program("extract", "--export", at("items"), at("hard." + name))
    with open(at("items", "items.csv"), newline="") as file:
        rows = [(row["path"], classes[(int(row["label"]) + (i % 3 == 0)) % len(classes)]) for i, row in enumerate(csv.DictReader(file))]
    with open(at("hard.csv"), "w", newline="") as file:
        csv.writer(file).writerows([("path", "class")] + rows)
    program("extract", "--labels", at("hard.csv"), at("hard." + name))


def pixels(name, *options):
    """The bytes that a preset makes of the test images, found back from the normalised tensors; and their paths."""
    cache = at("pixels " + name)
    program("extract", "--layer", "input", *options, at("images", "test"), cache)
    program("extract", "--export", cache + ".out", cache)
    recipe = json.loads(program("extract", "--info", "--json", cache).stdout)["recipe"]
    x = np.load(cache + ".out/features.npy").reshape([-1] + recipe["shape"]).astype(float)
    if recipe["normalization"] == "caffe":
        x = (x + [103.939, 116.779, 123.68])[..., ::-1]
    elif recipe["normalization"] == "torch":
        x = (x * [.229, .224, .225] + [.485, .456, .406]) * 255
    else:
        x = x * 255
    assert np.abs(x - x.round()).max() < 1e-3
    np.save(at(name + ".npy"), x.round().astype(np.uint8))
    with open(cache + ".out/items.csv", newline="") as file:
        return [row["path"] for row in csv.DictReader(file)]


def agrees(name, options, source, paths, pixels_name, output, *export):
    model, path = at("model.h5"), at("model.onnx")
    program("train", *options, model)
    program("evaluate", "--export-onnx", path, *export, model)
    program("evaluate", "--predictions", at("p.csv"), source, model)
    with open(at("p.csv"), newline="") as file:
        rows = list(csv.reader(file))
    ours = {row[0]: [float(v) for v in row[3:]] for row in rows[1:]}
    ours = np.array([ours[image] for image in paths])
    onnx.checker.check_model(path, full_check=True)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    theirs, = session.run(None, {"pixels": np.load(at(pixels_name + ".npy")).astype(np.float32)})
    about = session.get_modelmeta().custom_metadata_map
    assert session.get_outputs()[0].name == output, name
    assert json.loads(about["classes"]) == rows[0][3:], (name, about)
    error = np.abs(ours - theirs).max() / max(1, np.abs(ours).max())
    print("# %s: %.1e" % (name, error))
    assert error < 1e-5, (name, error)
    return session, about


def every_kind_of_head_on_the_base():
    extracted("pool")
    paths, train = pixels("vips", "--weights", "random"), at("train.pool")
    heads = {"dense-" + scale: (["--hidden", 16, "--epochs", 2, "--validation-split", 0, "--scale", scale, train], "probabilities")
             for scale in SCALES}
    heads.update({"linear-" + scale: (["--head", "linear", "--scale", scale, train], "decision_values") for scale in SCALES})
    heads.update({"softmax alone": (["--hidden", "none", "--epochs", 2, "--validation-split", 0, train], "probabilities"),
                  "logistic": (["--head", "linear", "--solver", 0, train], "probabilities"),
                  "logistic, calibrated": (["--head", "linear", "--solver", 0, "--folds", 3, at("hard.pool")], "probabilities"),
                  "calibrated": (["--head", "linear", "--folds", 3, at("hard.pool")], "probabilities")})
    for name, (options, output) in heads.items():
        session, about = agrees(name, options, at("test.pool"), paths, "vips", output)
        assert session.get_inputs()[0].shape == ["N", 224, 224, 3] and about["preprocessing"].startswith("preset vips: ")
        assert "threshold" not in about
    program("evaluate", "--set-threshold", 0.3, at("test.pool"), at("model.h5"))
    program("evaluate", "--export-onnx", at("model.onnx"), at("model.h5"))
    about = onnxruntime.InferenceSession(at("model.onnx")).get_modelmeta().custom_metadata_map
    assert 0 < float(about["threshold"]) <= 1, about


def pooled_features_and_a_fine_tuned_base():
    paths = None
    for pool in "avg", "max":
        extracted(pool, "--pool", pool)
        paths = paths or pixels("vips", "--weights", "random")
        agrees("pooled by " + pool, ["--head", "linear", at("train." + pool)], at("test." + pool), paths, "vips", "decision_values")
    extracted("side", "--side", 96)
    session, _ = agrees("of another size", ["--head", "linear", at("train.side")], at("test.side"), pixels("side", "--weights", "random", "--side", 96),
                        "side", "decision_values")
    assert session.get_inputs()[0].shape == ["N", 96, 96, 3]
    extracted("conv2", "--layer", "block5_conv2")
    for scale in "none", "sqrt", "l2":
        agrees("fine-tuned, " + scale, ["--approach", "finetune", "--scale", scale, "--hidden", 16, "--epochs", 1,
                                        "--validation-split", 0, "--weights", "random", at("train.conv2")],
               at("test.conv2"), paths, "vips", "probabilities", "--weights", "random")


def a_network_trained_from_scratch():
    extracted("pool")
    options = ["--approach", "scratch", "--preset", "keras", "--images", at("images", "train"), "--epochs", 1, "--validation-split", 0]
    from PIL import Image
    paths = sorted("%s/%s" % (c, name) for c in os.listdir(at("images", "test")) for name in os.listdir(at("images", "test", c)))
    np.save(at("scratch.npy"), np.stack([Image.open(at("images", "test", path)).convert("RGB").resize((128, 128), Image.NEAREST)
                                         for path in paths]))
    agrees("scratch", options, at("images", "test"), paths, "scratch", "probabilities")


def other_presets_have_their_own_normalisation():
    for preset in "keras", "torchvision":
        extracted(preset, "--preset", preset)
        paths = pixels(preset, "--weights", "random", "--preset", preset)
        _, about = agrees(preset, ["--head", "linear", "--folds", 3, at("hard." + preset)], at("test." + preset), paths, preset, "probabilities")
        assert json.loads(about["recipe"])["preset"] == preset


def small_model():
    if not os.path.exists(at("w.h5")):
        program("extract", "--weights", "random", "--limit-per-class", 1, at("images", "train"), at("small"))
        program("train", "--head", "linear", at("small"), at("w.h5"))
    return at("w.h5")


def what_cannot_be_exported_is_said_in_a_sentence():
    np.save(at("x.npy"), np.random.default_rng(1).random((8, 4), np.float32))
    np.save(at("y.npy"), np.arange(8) % 2)
    program("extract", "--import", at("x.npy"), at("y.npy"), at("imported"))
    program("train", "--head", "linear", at("imported"), at("i.h5"))
    done = program("evaluate", "--export-onnx", at("i.onnx"), at("i.h5"), status=1)
    assert "imported features" in done.stderr and not os.path.exists(at("i.onnx")), done.stderr
    done = program("evaluate", "--export-onnx", at("w.onnx"), "--weights", "random:3", small_model(), status=1)
    assert "was trained with the base weights" in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert "takes one model" in program("evaluate", "--export-onnx", at("w.onnx"), at("w.h5"), at("i.h5"), status=2).stderr


def the_same_model_gives_the_same_bytes():
    for name in "one", "two":
        program("evaluate", "--export-onnx", at(name + ".onnx"), small_model())
    with open(at("one.onnx"), "rb") as one, open(at("two.onnx"), "rb") as two:
        bytes_of_one = one.read()
        assert bytes_of_one == two.read() and 58.8e6 < len(bytes_of_one) < 60e6


with FOLDER:
    program("demo-images", at("images"), 6, 1)
    run(every_kind_of_head_on_the_base, pooled_features_and_a_fine_tuned_base, a_network_trained_from_scratch,
        other_presets_have_their_own_normalisation, what_cannot_be_exported_is_said_in_a_sentence, the_same_model_gives_the_same_bytes)
