"""Model files and the base, run by Keras itself. `make test-keras` installs Keras and starts this; seen with Keras 3.15.1
and TensorFlow 2.21.0. WEIGHTS=FILE adds the published base.

Tolerance: 1e-5 for probabilities and 1e-5 of the largest decision value, as sums of 25,088 products in float32 are taken in
another order there; 2e-5 relative (L2) for features, the project's own bound. Calibrated heads are trained on labels of
which a third is wrong: a temperature near 0, of images that are told apart with ease, would magnify that rounding.
"""
import csv, glob, os, shutil, sys

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow", CUDA_VISIBLE_DEVICES="-1")
import h5py
import keras
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

SCALES = ("none", "max", "standard", "l2", "sqrt")
FOLDER = tap.scratch()
HEADS = {"dense-" + scale: ["--hidden", 32, "--epochs", 2, "--scale", scale] for scale in SCALES}
HEADS.update({"linear-" + scale: ["--head", "linear", "--scale", scale] for scale in SCALES})
HEADS.update({
    "dense by default": ["--hidden", 32, "--epochs", 2],
    "linear by default": ["--head", "linear"],
    "softmax alone": ["--hidden", "none", "--epochs", 2, "--scale", "l2"],
    "logistic": ["--head", "linear", "--solver", 0],
    "logistic, calibrated": ["--head", "linear", "--solver", 0, "--folds", 3],
    "calibrated": ["--head", "linear", "--folds", 3]})


def at(*names):
    return os.path.join(FOLDER.path, *names)


def prepare():
    tap.program("demo-images", at("images"), 8, 3)
    for part in "train", "test":
        for layer in "block5_pool", "block5_conv2":
            tap.program("extract", "--weights", "random", "--layer", layer, at("images", part), at(part + "." + layer))
        for pool in "avg", "max":
            tap.program("extract", "--pool", pool, at(part + ".block5_pool"), at(part + "." + pool))
    for pool in "avg", "max":
        tap.program("extract", "--export", at(pool), at("test." + pool))
    tap.program("extract", "--export", at("features"), at("test.block5_pool"))
    tap.program("extract", "--export", at("activations"), at("test.block5_conv2"))


def mislabel():
    """A cache of the training images, a third of them in another class."""
    shutil.copytree(at("train.block5_pool"), at("hard"))
    tap.program("extract", "--export", at("items"), at("hard"))
    with open(at("items", "items.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    classes = sorted({row["class"] for row in rows})
    with open(at("hard.csv"), "w", newline="") as file:
        csv.writer(file).writerows([("path", "class")] + [
            (row["path"], classes[(classes.index(row["class"]) + (i % 3 == 0)) % len(classes)]) for i, row in enumerate(rows)])
    tap.program("extract", "--labels", at("hard.csv"), at("hard"))


def predictions(path, model):
    """What evaluate says: {path: [a number for each class]}."""
    tap.program("evaluate", "--predictions", at("predictions.csv"), path, model)
    with open(at("predictions.csv"), newline="") as file:
        rows = list(csv.reader(file))[1:]
    return {row[0]: [float(v) for v in row[3:]] for row in rows}


def agrees(model, x, paths, ours):
    keras.backend.clear_session()
    theirs = keras.models.load_model(model, compile=False).predict(x, verbose=0)
    ours = np.array([ours[path] for path in paths])
    largest = max(1, np.abs(ours).max())
    assert np.abs(ours - theirs).max() < 1e-5 * largest, (model, np.abs(ours - theirs).max())


def exported(folder, shape):
    with open(at(folder, "items.csv"), newline="") as file:
        paths = [row["path"] for row in csv.DictReader(file)]
    return np.load(at(folder, "features.npy")).reshape([-1] + shape), paths


def every_kind_of_head_is_loaded_whole():
    x, paths = exported("features", [7, 7, 512])
    mislabel()
    for name, options in HEADS.items():
        tap.program("train", *options, at("hard" if "calibrated" in name else "train.block5_pool"), at(name + ".h5"))
        agrees(at(name + ".h5"), x, paths, predictions(at("test.block5_pool"), at(name + ".h5")))


def pooled_features_are_those_of_keras_s_layers_and_so_are_heads_on_them():
    x, _ = exported("features", [7, 7, 512])
    for pool, layer in ("avg", keras.layers.GlobalAveragePooling2D()), ("max", keras.layers.GlobalMaxPooling2D()):
        pooled, paths = exported(pool, [512])
        assert np.abs(np.asarray(layer(x)) - pooled).max() < 1e-6 * x.max(), pool
        for name in "dense-sqrt", "linear-standard", "calibrated":
            tap.program("train", *HEADS[name], at("train." + pool), at("pooled.h5"))
            agrees(at("pooled.h5"), pooled, paths, predictions(at("test." + pool), at("pooled.h5")))


def a_head_is_loaded_by_name_into_a_network_of_ones_own():
    x, paths = exported("features", [7, 7, 512])
    layers = [keras.layers.Input((7, 7, 512)), keras.layers.Flatten(name="flatten"),
              keras.layers.Dense(32, "relu", name="dense"), keras.layers.Dropout(0.2, name="dropout"),
              keras.layers.Dense(5, "softmax", name="dense_1")]
    network = keras.Sequential(layers)
    network.load_weights(at("dense-none.h5"), by_name=True)
    ours = predictions(at("test.block5_pool"), at("dense-none.h5"))
    assert np.abs(network.predict(x, verbose=0) - [ours[path] for path in paths]).max() < 1e-5


def a_fine_tuned_base_is_loaded_whole():
    x, paths = exported("activations", [14, 14, 512])
    for pool in "none", "avg", "max":
        tap.program("train", "--approach", "finetune", "--hidden", 16, "--epochs", 1, "--weights", "random", "--pool", pool,
                    at("train.block5_conv2"), at("tuned.h5"))
        agrees(at("tuned.h5"), x, paths, predictions(at("test.block5_conv2"), at("tuned.h5")))
        for scale in "l2", "sqrt":
            tap.program("train", "--approach", "finetune", "--hidden", 16, "--epochs", 1, "--weights", "random", "--pool", pool,
                        "--scale", scale, at("train.block5_conv2"), at("tuned.h5"))
            agrees(at("tuned.h5"), x, paths, predictions(at("test.block5_conv2"), at("tuned.h5")))


def a_network_trained_from_scratch_is_loaded_whole():
    tap.program("train", "--approach", "scratch", "--preset", "keras", "--images", at("images", "train"), "--epochs", 1,
                at("scratch.h5"))
    paths = [os.path.relpath(p, at("images", "test")) for p in sorted(glob.glob(at("images", "test", "*", "*")))]
    load = lambda path: keras.utils.img_to_array(keras.utils.load_img(at("images", "test", path), target_size=(128, 128)))
    x = np.stack([load(path) for path in paths]) / 255
    agrees(at("scratch.h5"), x, paths, predictions(at("images", "test"), at("scratch.h5")))


def base_agrees(network, weights, layers=("block1_pool", "block2_conv2", "block3_pool", "block4_conv3", "block5_pool")):
    """At every layer that can be cached: relative L2 of the features of five images."""
    paths = sorted(glob.glob(at("images", "test", "*", "001.*")))
    load = lambda path: keras.utils.img_to_array(keras.utils.load_img(path, target_size=(224, 224)))
    x = keras.applications.vgg16.preprocess_input(np.stack([load(path) for path in paths]))
    with open(at("five.txt"), "w") as file:
        file.writelines(os.path.relpath(path, at("images", "test")) + "\n" for path in paths)
    for layer in layers:
        cache, folder = (at("%s %s%s" % (layer, os.path.basename(weights), suffix)) for suffix in (".cache", ""))
        tap.program("extract", "--weights", weights, "--preset", "keras", "--layer", layer, "--list", at("five.txt"),
                    at("images", "test"), cache)
        tap.program("extract", "--export", folder, cache)
        ours = np.load(os.path.join(folder, "features.npy")).astype(np.float64)
        theirs = keras.Model(network.input, network.get_layer(layer).output).predict(x, verbose=0).reshape(len(x), -1)
        error = np.linalg.norm(ours - theirs, axis=1) / np.linalg.norm(theirs, axis=1)
        assert error.max() < 2e-5, (layer, error.max())


def the_base_agrees_at_each_layer_for_weights_of_its_initialisers():
    keras.utils.set_random_seed(1)
    network = keras.applications.VGG16(weights=None, include_top=False, input_shape=(224, 224, 3))
    with h5py.File(at("drawn.h5"), "w") as file:
        layers = [layer for layer in network.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group, names = file.create_group(layer.name), []
            for suffix, value in zip(("W", "b"), layer.get_weights()):
                names.append("%s_%s_1:0" % (layer.name, suffix))
                group.create_dataset(names[-1], data=value)
            group.attrs["weight_names"] = [name.encode() for name in names]
    base_agrees(network, at("drawn.h5"))


def the_top_agrees_with_weights_as_keras_saves_them():
    keras.utils.set_random_seed(2)
    network = keras.applications.VGG16(weights=None)
    network.save_weights(at("top.weights.h5"))
    base_agrees(network, at("top.weights.h5"), ("block5_pool", "fc1", "fc2"))
    os.remove(at("top.weights.h5"))


def the_published_base_agrees_at_each_layer():
    weights = os.environ.get("WEIGHTS", "")
    if not os.path.isfile(weights):
        raise tap.Skip("WEIGHTS names no file: the published weights are not here (make weights)")
    base_agrees(keras.applications.VGG16(weights=weights, include_top=False, input_shape=(224, 224, 3)), weights)


with FOLDER:
    prepare()
    tap.run(every_kind_of_head_is_loaded_whole, pooled_features_are_those_of_keras_s_layers_and_so_are_heads_on_them,
            a_head_is_loaded_by_name_into_a_network_of_ones_own,
            a_fine_tuned_base_is_loaded_whole, a_network_trained_from_scratch_is_loaded_whole,
            the_base_agrees_at_each_layer_for_weights_of_its_initialisers, the_top_agrees_with_weights_as_keras_saves_them,
            the_published_base_agrees_at_each_layer)
