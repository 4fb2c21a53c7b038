"""Every block of commands in the manuals, in order, from one folder that holds photos/, holiday/, build/ and weights/ alone."""
import os, re, subprocess, sys
import h5py
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

CHANNELS = (3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)
NAMES = [(block, number) for block, count in enumerate((2, 2, 3, 3, 3), 1) for number in range(1, count + 1)]


def write_weights(path):
    """He normal weights in Keras's no-top layout, as nothing of what `make weights` downloads is at hand."""
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [b"block%d_conv%d" % name for name in NAMES]
        for layer, (inputs, outputs) in enumerate(zip(CHANNELS, CHANNELS[1:])):
            stem = "block%d_conv%d" % NAMES[layer]
            names = [stem + "_W_1:0", stem + "_b_1:0"]
            group = file.create_group(stem)
            group[names[0]] = random.normal(0, np.sqrt(2 / (9 * inputs)), (3, 3, inputs, outputs)).astype(np.float32)
            group[names[1]] = np.zeros(outputs, np.float32)
            group.attrs["weight_names"] = [name.encode() for name in names]


def a_users_folder(folder):
    """A class of ten images, of which a share can validate, and four of six, of which five folds can be made."""
    subprocess.run([os.path.join(tap.BUILD, "demo-images"), os.path.join(folder, "drawn"), "10", "1"], check=True)
    os.rename(os.path.join(folder, "drawn", "train"), os.path.join(folder, "photos"))
    for kind in os.listdir(os.path.join(folder, "photos")):
        for i in range(7, 11) if kind != "checks" else ():
            os.remove(os.path.join(folder, "photos", kind, "%03d.jpg" % i))
    os.mkdir(os.path.join(folder, "holiday"))
    for kind in os.listdir(os.path.join(folder, "drawn", "test")):
        os.rename(os.path.join(folder, "drawn", "test", kind, "001.jpg"), os.path.join(folder, "holiday", kind + ".jpg"))
    os.symlink(tap.BUILD, os.path.join(folder, "build"))
    os.mkdir(os.path.join(folder, "weights"))
    write_weights(os.path.join(folder, "weights", "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"))


def blocks(manual):
    with open(os.path.join(tap.ROOT, manual)) as file:
        return re.findall(r"^```sh\n(.*?)^```", file.read(), re.S | re.M)


def every_block_of_the_manuals_works():
    with tap.scratch() as folder:
        a_users_folder(folder)
        for manual in "README.md", "extract/README.md", "train/README.md", "evaluate/README.md":
            found = blocks(manual)
            assert found, manual + " has no block of commands"
            for block in found:
                done = subprocess.run(["sh", "-eu"], input=block, cwd=folder, capture_output=True, text=True, timeout=300)
                assert done.returncode == 0, "%s\n%s\nexit status %d\n%s" % (manual, block, done.returncode, done.stderr[-2000:])


tap.run(every_block_of_the_manuals_works)
