"""--layer fc1|fc2 from full weights files of both kinds, whose kernels are mostly zeros (holes in the files), from images and from
caches without images, against NumPy."""
import csv, json, os, struct, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from tap import BUILD, program, run, says, scratch, start

FOLDER = scratch()
CONVS = [(b, c, ci, co, n) for b, c, ci, co, n in (
    (1, 1, 3, 64, 0), (1, 2, 64, 64, 2), (2, 1, 64, 128, 5), (2, 2, 128, 128, 7), (3, 1, 128, 256, 10), (3, 2, 256, 256, 12),
    (3, 3, 256, 256, 14), (4, 1, 256, 512, 17), (4, 2, 512, 512, 19), (4, 3, 512, 512, 21), (5, 1, 512, 512, 24),
    (5, 2, 512, 512, 26), (5, 3, 512, 512, 28))]
FILLED = 48  # units with a kernel that is not zero
RNG = np.random.default_rng(1)
NOISE = RNG.standard_normal(99991).astype("<f4")
BASE = [(np.resize(NOISE[i:], (3, 3, ci, co)) * np.float32((2 / 9 / ci) ** 0.5 / (64 if ci == 3 else 1)), np.abs(NOISE[i:i + co]) / 50)
        for i, (_, _, ci, co, _) in enumerate(CONVS)]
TOP = [(np.resize(NOISE[i:], (inputs, FILLED)) * np.float32(inputs ** -0.5), NOISE[i:i + 4096] / 10)
       for i, inputs in ((20, 25088), (30, 4096))]


def at(*names):
    return os.path.join(FOLDER.path, *names)


def write_keras(path, layers=2, numbered=False, shift=0):
    with h5py.File(path, "w") as file:
        names = ["block%d_conv%d" % layer[:2] for layer in CONVS] + ["fc1", "fc2"][:layers]
        numbers = ["conv2d_%d" % i if i else "conv2d" for i in range(13)] + ["dense", "dense_1"][:layers]
        file.attrs["layer_names"] = [] if numbered else [name.encode() for name in names]
        for name, number, (kernel, bias) in zip(names, numbers, BASE + TOP):
            group = file.create_group("layers/%s/vars" % number if numbered else name)
            parts = ("0", "1") if numbered else (name + "_W_1:0", name + "_b_1:0")
            group.attrs["weight_names"] = [part.encode() for part in parts]
            group[parts[1]] = bias + np.float32(shift)
            if kernel.ndim == 4:
                group[parts[0]] = kernel
            else:
                group.create_dataset(parts[0], (kernel.shape[0], 4096), "f4")[:, :FILLED] = kernel


def write_torchvision(path):
    tensors = []
    for (_, _, _, _, n), (kernel, bias) in zip(CONVS, BASE):
        tensors += [("features.%d.weight" % n, kernel.transpose(3, 2, 0, 1)), ("features.%d.bias" % n, bias)]
    fc1 = TOP[0][0].reshape(7, 7, 512, FILLED).transpose(3, 2, 0, 1).reshape(FILLED, 25088)
    for n, kernel, bias in (0, fc1, TOP[0][1]), (3, TOP[1][0].T, TOP[1][1]):
        tensors += [("classifier.%d.weight" % n, kernel), ("classifier.%d.bias" % n, bias)]
    header, offset = {}, 0
    for name, array in tensors:
        shape = [4096, array.shape[1]] if name.startswith("classifier") and array.ndim == 2 else list(array.shape)
        size = 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, array in tensors:
            file.seek(8 + len(text) + header[name]["data_offsets"][0])
            file.write(np.ascontiguousarray(array, "<f4").tobytes())
        file.truncate(8 + len(text) + offset)


def extract(*arguments, **options):
    return program("extract", "--normalize", "caffe", *arguments, **options)


def exported(cache):
    program("extract", "-q", "--export", at("exported"), cache)
    with open(at("exported", "items.csv"), newline="") as file:
        return np.load(at("exported", "features.npy")), list(csv.DictReader(file))


def prepare():
    program("demo-images", at("images"), 1, 1)
    write_keras(at("full.h5"))
    extract("-q", "--weights", at("full.h5"), at("images", "train"), at("maps"))
    for layer in "fc1", "fc2":
        program("extract", "-q", "--weights", at("full.h5"), "--layer", layer, at("maps"), at(layer))


def the_top_is_two_dense_layers_with_relu():
    x, items = exported(at("maps"))
    for (kernel, bias), layer in zip(TOP, ("fc1", "fc2")):
        full = np.zeros((len(kernel), 4096))
        full[:, :FILLED] = kernel
        x = np.maximum(x @ full + bias, 0)
        ours, theirs = exported(at(layer))
        assert theirs == items and ours.shape == (5, 4096)
        assert np.abs(ours - x).max() < 1e-5 * x.max() and x[:, :FILLED].std(0).max() > 0.01 * x.max(), np.abs(ours - x).max()


def images_give_the_same_to_the_bit_and_go_on_from_there():
    for layer in "fc1", "fc2":
        done = extract("--weights", at("full.h5"), "--layer", layer, at("images", "train"), at("images." + layer))
        assert says(done.stdout, "5 new")
        assert (exported(at("images." + layer))[0] == exported(at(layer))[0]).all()
    program("extract", "-q", "--weights", at("full.h5"), "--layer", "fc2", at("images.fc1"), at("from.fc1"))
    assert (exported(at("from.fc1"))[0] == exported(at("fc2"))[0]).all()
    done = extract("--weights", at("full.h5"), "--layer", "fc2", at("images", "train"), at("from.fc1"))
    assert says(done.stdout, "0 new, 5 unchanged"), done.stdout


def every_layout_of_weights_gives_the_same_features():
    write_torchvision(at("full.safetensors"))
    write_keras(at("numbered.weights.h5"), numbered=True)
    for name in "full.safetensors", "numbered.weights.h5":
        program("extract", "-q", "--weights", at(name), "--layer", "fc2", at("maps"), at(name + ".fc2"))
        assert (exported(at(name + ".fc2"))[0] == exported(at("fc2"))[0]).all(), name
        one, other = (json.loads(program("extract", "--info", "--json", at(c)).stdout)["recipe"] for c in ("fc2", name + ".fc2"))
        assert one["weights_hash"] == other["weights_hash"] and other["shape"] == [1, 1, 4096], name
        os.remove(at(name))


def a_kernel_is_read_without_a_copy_of_it():
    """fc1's has 411 MB."""
    for name in "full.h5", "full.safetensors":
        if name.endswith("safetensors"):
            write_torchvision(at(name))
        child = start("extract", "-q", "--weights", at(name), "--layer", "fc1", at("maps"), at("peak." + name))
        child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0, child.stderr.read()
        assert usage.ru_maxrss < 640 << 10 or "address" in BUILD or "thread" in BUILD, (name, usage.ru_maxrss)
    os.remove(at("full.safetensors"))


def a_head_on_it_predicts_from_images():
    program("train", "-q", "--head", "linear", at("fc1"), at("fc1.h5"))
    program("extract", "-q", "--pool", "avg", at("maps"), at("avg"))
    program("train", "-q", "--head", "linear", at("avg"), at("avg.h5"))
    program("evaluate", "-q", "--predictions", at("cache.csv"), at("fc1"), at("fc1.h5"))
    program("evaluate", "-q", "--weights", at("full.h5"), "--predictions", at("folder.csv"), at("images", "train"), at("fc1.h5"), at("avg.h5"))
    assert open(at("cache.csv")).read() == open(at("folder-fc1.csv")).read()


def what_does_not_fit_is_refused_in_one_sentence():
    write_keras(at("other.h5"), layers=0)
    write_keras(at("shifted.h5"), shift=1)
    for arguments, sentence in (
            (["extract", "--weights", at("other.h5"), "--layer", "fc1", at("images", "train"), at("none")], "has no layer fc1; expected VGG16's weights with Keras's names and with its top, such as Keras's vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
            (["extract", "--layer", "fc1", at("images", "train"), at("none")], "fc1 needs weights with the top: give such a file with --weights, Keras's vgg16_weights_tf"),
            (["extract", "--layer", "fc1", at("maps"), at("none")], "fc1 needs weights with the top: give such a file"),
            (["extract", "--weights", at("shifted.h5"), "--layer", "fc1", at("maps"), at("none")], "it was made with the base weights full.h5"),
            (["extract", "--weights", at("full.h5"), "--layer", "fc1", at("fc2"), at("none")], "fc1 does not follow from fc2"),
            (["extract", "--weights", at("full.h5"), "--pool", "avg", at("maps"), at("none")], "--weights is not used"),
            (["extract", "--pool", "avg", at("fc1"), at("none")], "needs square maps of a layer of the base; fc1 is 1x1x4096"),
            (["extract", "--weights", at("full.h5"), "--layer", "fc1", at("avg"), at("none")], "fc1 does not follow from block5_pool (pooled by avg)"),
            (["evaluate", at("fc2"), at("fc1.h5")], "its layer is fc1, not fc2"),
            (["evaluate", "-q", "--weights", at("other.h5"), "--predict", at("fc1.h5"), at("images", "test")], "has no layer fc1"),
            (["evaluate", "--explain", at("e"), at("fc1"), at("fc1.h5")], "this model takes 1x1x4096 from fc1"),
            (["train", "--approach", "finetune", "--validation-split", 0, at("fc1"), at("none.h5")], "no layer of the base follows its fc1")):
        error = program(*arguments, status=1).stderr
        lines = [line for line in error.splitlines() if "seeded stand-in" not in line]
        assert len(lines) == 1 and sentence in lines[0], (arguments, error)


with FOLDER:
    prepare()
    run(the_top_is_two_dense_layers_with_relu, images_give_the_same_to_the_bit_and_go_on_from_there,
        every_layout_of_weights_gives_the_same_features, a_kernel_is_read_without_a_copy_of_it, a_head_on_it_predicts_from_images,
        what_does_not_fit_is_refused_in_one_sentence)
