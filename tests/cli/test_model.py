"""Model files read by h5py in the way of Keras, and their predictions computed in NumPy."""
import json, os, subprocess, sys
import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap


def written(folder):
    subprocess.run([os.path.join(tap.BUILD, "tests", "model", "test_model"), "--write", folder], check=True)


def keras_weights(f):
    """{layer: [kernel, bias]} in the way of Keras's load_weights_from_hdf5_group and load_subset_weights_from_hdf5_group."""
    text = lambda name: name.decode("utf8") if hasattr(name, "decode") else name
    names = [text(n) for n in f.attrs["layer_names"]]
    return {name: [np.asarray(f[name][text(weight)]) for weight in f[name].attrs["weight_names"]] for name in names}


def convolve(x, layer, kernel, bias):
    size = kernel.shape[0]
    if layer["padding"] == "same":
        x = np.pad(x, ((0, 0), (size // 2, size // 2), (size // 2, size // 2), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), axis=(1, 2))
    return np.einsum("nhwcyx,yxck->nhwk", windows, kernel) + bias


def activate(x, name):
    if name == "softmax":
        e = np.exp(x - x.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
    return np.maximum(x, 0) if name == "relu" else x


def predict(f, x):
    scaling, network = json.loads(f.attrs["vggcache_scaling"]), json.loads(f.attrs["vggcache_network"])
    if scaling["kind"] == "standard":
        x = (x - f["vggcache/scaling_mean"][:].astype(np.float64)) * f["vggcache/scaling_inverse"][:]
    weights, x = keras_weights(f), x.reshape([-1] + network["input"])
    for layer in network["layers"]:
        if layer["kind"] == "conv2d":
            x = convolve(x, layer, *weights[layer["name"]])
        elif layer["kind"] == "dense":
            kernel, bias = weights[layer["name"]]
            x = x.reshape(len(x), -1) @ kernel.astype(np.float64) + bias
        elif layer["kind"] == "max_pooling2d":
            n, h, w, c, s = *x.shape, layer["size"]
            x = x[:, :h // s * s, :w // s * s].reshape(n, h // s, s, w // s, s, c).max((2, 4))
        elif layer["kind"] == "flatten":
            x = x.reshape(len(x), -1)
        x = activate(x, layer.get("activation"))
    return x.reshape(len(x), -1)


def predictions_computed_from_the_file_agree():
    with tap.scratch() as folder:
        written(folder)
        for name in ("none", "standard", "convolutional"):
            stem = os.path.join(folder, name)
            expected = np.fromfile(stem + ".predictions", np.float32).reshape(-1, 3)
            x = np.fromfile(stem + ".inputs", np.float32).reshape(len(expected), -1).astype(np.float64)
            with h5py.File(stem + ".h5", "r") as f:
                np.testing.assert_allclose(predict(f, x), expected, atol=1e-5, rtol=0)
            assert np.ptp(expected) > 0.01


def the_layout_is_the_one_of_keras_2():
    with tap.scratch() as folder:
        written(folder)
        with h5py.File(os.path.join(folder, "convolutional.h5"), "r") as f:
            assert [n.decode() for n in f.attrs["layer_names"]] == \
                ["conv2d", "conv2d_1", "activation", "max_pooling2d", "flatten", "dense"]
            assert f.attrs["backend"] == "tensorflow" and f.attrs["keras_version"].startswith("2.")
            assert [n.decode() for n in f["dense"].attrs["weight_names"]] == ["dense/kernel:0", "dense/bias:0"]
            assert len(f["flatten"].attrs["weight_names"]) == 0
            assert f["conv2d/conv2d/kernel:0"].shape == (3, 3, 3, 4)
            assert f["dense"]["dense"]["kernel:0"].dtype == np.float32
            assert json.loads(f.attrs["vggcache_classes"]) == ["crème_0", "crème_1", "crème_2"]
            assert json.loads(f.attrs["vggcache_recipe"])["preset"] == "keras"
            assert json.loads(f.attrs["vggcache_training"])["settings"]["optimizer"] == "adam"


tap.run(predictions_computed_from_the_file_agree, the_layout_is_the_one_of_keras_2)
