"""Weights files as different programs write them, made by h5py and NumPy, read by build/tests/vgg16/test_weights --describe."""
import hashlib, json, os, struct, subprocess, sys, zipfile
import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import noise_images, tap

CONVS = [("block%d_conv%d" % (b, c), ci, co, n) for b, c, ci, co, n in [
    (1, 1, 3, 64, 0), (1, 2, 64, 64, 2), (2, 1, 64, 128, 5), (2, 2, 128, 128, 7), (3, 1, 128, 256, 10),
    (3, 2, 256, 256, 12), (3, 3, 256, 256, 14), (4, 1, 256, 512, 17), (4, 2, 512, 512, 19), (4, 3, 512, 512, 21),
    (5, 1, 512, 512, 24), (5, 2, 512, 512, 26), (5, 3, 512, 512, 28)]]
POOLS = {"block1_conv2": "block1_pool", "block2_conv2": "block2_pool", "block3_conv3": "block3_pool",
         "block4_conv3": "block4_pool", "block5_conv3": "block5_pool"}
NOISE = np.random.default_rng(1).standard_normal(99991).astype(np.float32)


def make_weights():
    """(kernel HWIO, bias) of each convolution; repeated noise, which is fast, with a period that no shape is a multiple of."""
    return [(np.resize(NOISE[i:], (3, 3, ci, co)), NOISE[-co - i:][:co].copy())
            for i, (_, ci, co, _) in enumerate(CONVS)]


WEIGHTS = make_weights()


def layer_names(full):
    names = ["input_1"]
    for name, *_ in CONVS:
        names += [name] + ([POOLS[name]] if name in POOLS else [])
    return names + (["flatten", "fc1", "fc2", "predictions"] if full else [])


def as_bytes(names):
    return np.array([name.encode() for name in names])


def write_keras(path, naming="%(layer)s_%(old)s_1:0", full=False, strings=as_bytes, root="/", split=False,
                weights=WEIGHTS, **options):
    with h5py.File(path, "w") as f:
        top = f.require_group(root)
        names = layer_names(full)
        if split:
            for part in range(3):
                top.attrs["layer_names%d" % part] = strings(names[8 * part:8 * part + 8])
        else:
            top.attrs["layer_names"] = strings(names)
        arrays = {name: weight for (name, *_), weight in zip(CONVS, weights)}
        arrays.update({n: (np.zeros((2, 2), "f4"), np.zeros(2, "f4")) for n in ("fc1", "fc2", "predictions")})
        for name in names:
            group = top.create_group(name)
            if name not in arrays:
                group.attrs["weight_names"] = []
                continue
            datasets = [naming % {"layer": name, "old": old, "new": new}
                        for old, new in (("W", "kernel"), ("b", "bias"))]
            group.attrs["weight_names"] = strings(datasets)
            for dataset, array in zip(datasets, arrays[name]):
                group.create_dataset(dataset, data=array, **options)


def write_nested(path, naming="%s/%s:0", root="/", names=None):
    """VGG16 as one layer of a Sequential, in the layout of names."""
    with h5py.File(path, "w") as f:
        f.require_group(root).attrs["layer_names"] = as_bytes(["vgg16", "flatten", "dense"])
        datasets = {naming % (name, part): array for (name, *_), weight in zip(CONVS, WEIGHTS)
                    for part, array in zip(("kernel", "bias"), weight)}
        for layer in "flatten", "dense":
            f.create_group(root + "/" + layer).attrs["weight_names"] = []
        group = f.create_group(root + "/vgg16")
        group.attrs["weight_names"] = as_bytes(names or list(datasets))
        for dataset, array in datasets.items():
            group[dataset] = array


def write_keras_3(path, top="layers", convolutions=13):
    """save_weights of Keras 3: layers numbered by class, those without weights as empty groups."""
    with h5py.File(path, "w") as f:
        f.create_group(top + "/input_layer/vars")
        for i in range(convolutions):
            group = f.create_group(top + ("/conv2d_%d/vars" % i if i else "/conv2d/vars"))
            group["0"], group["1"] = WEIGHTS[min(i, 12)]


def write_zip(path, members):
    """Keras 3's .keras: two descriptions, then the weights."""
    with zipfile.ZipFile(path, "w") as z:
        for name in "metadata.json", "config.json":
            z.writestr(name, "{}")
        for name, content in members.items():
            z.writestr(name, content)


def write_safetensors(path, weights=WEIGHTS, extra=(), metadata=False, change=None):
    tensors = []
    for (_, _, _, n), (kernel, bias) in zip(CONVS, weights):
        tensors += [("features.%d.weight" % n, np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))),
                    ("features.%d.bias" % n, bias)]
    tensors += list(extra)
    if change:
        tensors = change(tensors)
    header, at = {"__metadata__": {"format": "pt"}} if metadata else {}, 0
    kinds = {"<f4": "F32", "<f2": "F16", "<f8": "F64", "<u2": "BF16", "<i4": "I32"}
    for name, array in tensors:
        header[name] = {"dtype": kinds[array.dtype.str], "shape": list(array.shape),
                        "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        for _, array in tensors:
            f.write(array.tobytes())


def describe(*specs):
    done = subprocess.run([os.path.join(tap.BUILD, "tests", "vgg16", "test_weights"), "--describe"] + list(specs),
                          capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def load(write, name="vgg16.h5", **arguments):
    with tap.scratch() as folder:
        path = os.path.join(folder, name)
        write(path, **arguments)
        return describe(path)[0]


def accepted(found, normalization, weights=WEIGHTS):
    assert "error" not in found, found["error"]
    content = b"".join(k.tobytes() + b.tobytes() for k, b in weights)
    assert found["hash"] == hashlib.sha256(content).hexdigest(), "the hash is of other weights"
    assert found["normalization"] == normalization and not found["seeded"]
    for i, (kernel, bias) in enumerate(weights):
        assert found["kernels"][i] == [float(v) for v in kernel.ravel()[:8]], i
        assert found["biases"][i] == [float(v) for v in bias[:8]], i


def refused(found, *parts):
    assert "error" in found, "accepted"
    for part in parts:
        assert part in found["error"], found["error"]


def keras_2_files_load_by_their_lists_of_names():
    accepted(load(write_keras), "caffe")


def published_weights_are_found_by_all_programs_where_make_weights_puts_them():
    """And the seed of untrained ones in what was made with it."""
    with tap.scratch() as at:
        os.mkdir(at + "/weights")
        flat = [(k * np.float32(0.03), b * np.float32(0)) for k, b in WEIGHTS]
        write_keras(at + "/weights/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5", weights=flat)
        noise_images.make_images(at + "/images", classes=("ant", "bee"), each=2)
        here = dict(cwd=at, env=dict(os.environ, HOME=at))
        tap.program("extract", "--quiet", "images", "cache", **here)
        tap.program("train", "--quiet", "--head", "linear", "cache", "m.h5", **here)
        assert "ant/0.png: ant" in tap.program("evaluate", "--quiet", "--predict", "m.h5", "images", **here).stdout
        tap.program("evaluate", "--similar", 1, "images/ant/0.png", "cache", **here)
        os.rename(at + "/weights", at + "/away")
        refused = tap.program("evaluate", "--predict", "m.h5", "images", status=1, **here).stderr
        assert "needs the base weights it was trained with, vgg16_weights_tf" in refused, refused
        tap.program("extract", "--quiet", "--layer", "block5_conv2", "--weights", "random:7", "images", "cut", **here)
        tap.program("train", "--quiet", "--approach", "finetune", "--hidden", "none", "--epochs", 1, "--validation-split", 0, "cut", "f.h5", **here)


def files_with_a_group_more_and_variable_length_strings_load():
    accepted(load(write_keras, naming="%(layer)s/%(new)s:0", strings=list), "caffe")


def full_files_saved_as_whole_models_load():
    accepted(load(write_keras, naming="%(layer)s/%(new)s", full=True, root="/model_weights"), "caffe")


def full_files_with_split_lists_of_names_load():
    accepted(load(write_keras, full=True, split=True), "caffe")


def keras_3_weights_h5_files_load_by_their_numbers():
    accepted(load(write_keras_3, "vgg16.weights.h5"), "caffe")
    refused(load(write_keras_3, "vgg16.weights.h5", top="_layer_checkpoint_dependencies", convolutions=2),
            "has no dataset /_layer_checkpoint_dependencies/conv2d_2/vars/0")
    refused(load(write_keras_3, "vgg19.weights.h5", convolutions=14), "more than VGG16's 13 convolutions")


def torchvision_safetensors_have_the_same_hash():
    accepted(load(write_safetensors, "vgg16.safetensors"), "torch")


def timm_s_full_file_loads():
    extra = [("pre_logits.fc1.weight", np.zeros((4, 2, 7, 7), "<f4")), ("pre_logits.fc1.bias", np.zeros(4, "<f2")),
             ("head.fc.weight", np.zeros((10, 4), "<f4")), ("classifier.6.weight", np.zeros((10, 4), "<f8"))]
    accepted(load(write_safetensors, "model.safetensors", extra=extra, metadata=True,
                  change=lambda tensors: sorted(tensors, key=lambda t: t[0])), "torch")


def each(weights, change):
    return [tuple(change(array) for array in layer) for layer in weights]


def floats_of_other_sizes_become_float32():
    """Exactly, or rounded to the nearest; half floats also below their smallest normal number."""
    halves = each(WEIGHTS, lambda array: (array * np.float32(1e-5)).astype("<f2"))
    doubles = each(WEIGHTS, lambda array: array.astype("<f8") * (1 + np.pi * 1e-8))
    brains = each(WEIGHTS, lambda array: (array.view("<u4") >> 16).astype("<u2"))
    assert (abs(halves[0][0][halves[0][0] != 0]) < 6e-5).mean() > 0.5
    for weights in halves, doubles:
        singles = each(weights, lambda array: array.astype("<f4"))
        accepted(load(write_keras, weights=weights), "caffe", singles)
        accepted(load(write_safetensors, "vgg16.safetensors", weights=weights), "torch", singles)
    widened = each(brains, lambda array: (array.astype("<u4") << 16).view("<f4"))
    accepted(load(write_safetensors, "vgg16.safetensors", weights=brains), "torch", widened)
    accepted(load(write_keras, weights=each(brains, lambda array: array.view("V2"))), "caffe", widened)  # as Keras has them


def a_filter_that_is_missing_is_named():
    accepted(load(write_keras, compression="gzip"), "caffe")
    refused(load(write_keras, weights=WEIGHTS[:1], compression="lzf"), "/block1_conv1/block1_conv1_W_1:0",
            "compressed by the filter lzf (number 32000), which is missing here; write it with gzip")


def vgg16_is_found_within_another_model():
    """Layouts of Keras 2 and 3, checked against both."""
    accepted(load(write_nested), "caffe")
    accepted(load(write_nested, naming="vgg16/%s/%s", root="/model_weights"), "caffe")
    accepted(load(write_keras_3, "m.weights.h5", top="layers/functional/layers"), "caffe")
    accepted(load(write_keras_3, "m.weights.h5", top="layers/sequential/layers/functional/layers"), "caffe")
    refused(load(write_nested, names=["block1_conv1/kernel:0", "block9_conv1/kernel:0"]), "block9_conv1", "another")
    refused(load(write_nested, names=["block1_conv1/kernel:0"]), "block1_conv1 of /vgg16 has 1 weights")
    refused(load(write_keras_3, "m.weights.h5", top="layers/functional/layers", convolutions=14), "more than VGG16's 13")


def keras_files_load_from_their_archive():
    with tap.scratch() as folder:
        path = os.path.join(folder, "vgg16.keras")
        write_keras_3(os.path.join(folder, "weights.h5"))
        content = open(os.path.join(folder, "weights.h5"), "rb").read()
        write_zip(path, {"model.weights.h5": content})
        accepted(describe(path)[0], "caffe")
        whole = open(path, "rb").read()
        with open(path, "wb") as f:
            f.write(whole[:len(whole) // 2])
        refused(describe(path)[0], path + ": ", "model.weights.h5")
        write_zip(path, {"other.h5": b"content"})
        refused(describe(path)[0], "zip archive without model.weights.h5")
        write_zip(path, {"model.weights.h5": b"not HDF5"})
        refused(describe(path)[0], "is not an HDF5 file")


# Files to be refused contain only the first layers, as reading ends at the first wrong one.
def altered(layer, kernel=None, bias=None):
    weights = list(WEIGHTS[:4])
    weights[layer] = (weights[layer][0] if kernel is None else kernel, weights[layer][1] if bias is None else bias)
    return weights


def wrong_keras_files_are_refused_by_name():
    k, b = WEIGHTS[1]
    for weights, parts in (
            (altered(1, kernel=k.astype("i4")),
             ("/block1_conv2/block1_conv2_W_1:0", "int32", "expected float32 (3, 3, 64, 64)")),
            (altered(1, kernel=k[..., :32]), ("(3, 3, 64, 32)", "expected float32 (3, 3, 64, 64)")),
            (altered(1, bias=b[:63]), ("block1_conv2_b_1:0", "(63)", "expected float32 (64)")),
            (altered(1, kernel=np.where(np.arange(k.size).reshape(k.shape) == 77, np.float32(np.nan), k)),
             ("/block1_conv2/block1_conv2_W_1:0", "nan")),
            (altered(1, bias=np.full(64, np.inf, "f4")), ("/block1_conv2/block1_conv2_b_1:0", "inf")),
            (altered(0)[:1], ("its layer block1_conv2 has 0 weights; expected kernel and bias",))):
        refused(load(write_keras, weights=weights), *parts)


def keras_files_of_other_networks_are_refused_by_what_they_hold():
    def write(path, names):
        with h5py.File(path, "w") as f:
            f.attrs["layer_names"] = names
    refused(load(write, names=["input_1", "conv1_conv", "conv1_bn", "conv1_relu", "pool1"]),
            "has no layer block1_conv1", "input_1, conv1_conv, conv1_bn, conv1_relu, … (5 in all)")
    refused(load(write, names=layer_names(True) + ["block3_conv4"]), "block3_conv4", "another network")
    refused(load(lambda path: h5py.File(path, "w").close()),
            "no attribute layer_names; expected VGG16's weights as Keras")


def wrong_safetensors_files_are_refused_by_name():
    def changed(index, array):
        def change(tensors):
            tensors = tensors[:6]
            tensors[index] = (tensors[index][0], array(tensors[index][1]))
            return tensors
        return change
    for change, parts in (
            (changed(2, lambda k: k.astype("i4")), ("features.2.weight", "I32", "expected F32 (64, 64, 3, 3)")),
            (changed(2, lambda k: k[:, :3]), ("features.2.weight", "(64, 3, 3, 3)")),
            (changed(1, lambda b: b * np.float32(np.nan)), ("features.0.bias", "nan")),
            (lambda tensors: tensors[:3], ("has no tensor features.2.bias", "found features.0.weight")),
            (lambda tensors: tensors[:4] + [("features.16.weight", np.zeros(1, "f4"))],
             ("features.16.weight", "another network"))):
        refused(load(write_safetensors, "vgg16.safetensors", change=change), *parts)


def damaged_keras_files_are_refused():
    with tap.scratch() as folder:
        path = os.path.join(folder, "vgg16.h5")
        write_keras(path, weights=WEIGHTS[:4])
        whole = open(path, "rb").read()
        for size in (len(whole) - 1, len(whole) // 2, 2048, 100, 9):
            with open(path, "wb") as f:
                f.write(whole[:size])
            refused(describe(path)[0], path + ": ", "truncated")


def xoshiro(seed, stream):
    """An independent implementation of common/core/rng.h's generator: yields 64 bits at a time."""
    mask = (1 << 64) - 1

    def splitmix(x):
        x = (x + 0x9e3779b97f4a7c15) & mask
        z = ((x ^ (x >> 30)) * 0xbf58476d1ce4e5b9) & mask
        z = ((z ^ (z >> 27)) * 0x94d049bb133111eb) & mask
        return x, z ^ (z >> 31)

    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) & mask

    x, s = splitmix(seed)[1] ^ stream, []
    for _ in range(4):
        x, z = splitmix(x)
        s.append(z)
    while True:
        yield (rotate((s[0] + s[3]) & mask, 23) + s[0]) & mask
        t = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotate(s[3], 45)


def seeded_weights_are_drawn_as_documented():
    found = describe("random:7")[0]
    assert found["seeded"] and found["source"] == "random:7" and found["normalization"] == "caffe"
    for i, (_, ci, _, _) in enumerate(CONVS):
        bits, normals = xoshiro(7, 2 * i), []
        uniform = lambda: (next(bits) >> 11) * 2.0 ** -53
        while len(normals) < 8:
            radius, angle = np.sqrt(-2 * np.log(1 - uniform())), 2 * np.pi * uniform()
            normals += [radius * np.cos(angle), radius * np.sin(angle)]
        std = np.sqrt(2 / (9 * ci)) / (64 if i == 0 else 1)
        np.testing.assert_allclose(found["kernels"][i], std * np.array(normals), rtol=1e-6)
        bits = xoshiro(7, 2 * i + 1)
        biases = [0.02 * (next(bits) >> 11) * 2.0 ** -53 for _ in range(8)]
        np.testing.assert_allclose(found["biases"][i], biases, rtol=1e-6)


tap.run(published_weights_are_found_by_all_programs_where_make_weights_puts_them,
        keras_2_files_load_by_their_lists_of_names, files_with_a_group_more_and_variable_length_strings_load,
        full_files_saved_as_whole_models_load, full_files_with_split_lists_of_names_load,
        keras_3_weights_h5_files_load_by_their_numbers, torchvision_safetensors_have_the_same_hash,
        timm_s_full_file_loads, floats_of_other_sizes_become_float32, a_filter_that_is_missing_is_named,
        vgg16_is_found_within_another_model, keras_files_load_from_their_archive, wrong_keras_files_are_refused_by_name,
        keras_files_of_other_networks_are_refused_by_what_they_hold,
        wrong_safetensors_files_are_refused_by_name, damaged_keras_files_are_refused,
        seeded_weights_are_drawn_as_documented)
