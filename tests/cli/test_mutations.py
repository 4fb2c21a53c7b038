"""Forty seeded mutations of every file that is read: each is refused in a sentence or gives the same result."""
import fcntl, glob, os, random, shutil, signal, struct, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from PIL import Image
from tap import BUILD, ROOT, program, run, scratch, start

TRIALS = 40
SECONDS = 60
CONVS = [("block%d_conv%d" % (b, c), ci, co, n) for b, c, ci, co, n in [
    (1, 1, 3, 64, 0), (1, 2, 64, 64, 2), (2, 1, 64, 128, 5), (2, 2, 128, 128, 7), (3, 1, 128, 256, 10),
    (3, 2, 256, 256, 12), (3, 3, 256, 256, 14), (4, 1, 256, 512, 17), (4, 2, 512, 512, 19), (4, 3, 512, 512, 21),
    (5, 1, 512, 512, 24), (5, 2, 512, 512, 26), (5, 3, 512, 512, 28)]]


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def mutated(data, seed, end=None):
    """data with one to three bytes changed, a run zeroed, a piece doubled or cut out, or its end cut off; within [0, end)."""
    chance, out, end = random.Random(seed), bytearray(data), end or len(data)
    kind, at, size = chance.randrange(8), chance.randrange(end), chance.randrange(1, 40)
    if kind < 4:
        for _ in range(chance.randrange(1, 4)):
            out[chance.randrange(end)] ^= 1 << chance.randrange(8)
    elif kind == 4:
        out[at:at + size] = bytes(len(out[at:at + size]))
    elif kind == 5:
        out[at:at] = out[at:at + size]
    elif kind == 6:
        del out[at:at + size]
    else:
        del out[at:]
    return bytes(out)


def ends_well(folder, *command):
    """The exit status, 0, 1 or 3, of a program that says one sentence where it fails."""
    done = subprocess.run([os.path.join(BUILD, command[0])] + list(command[1:]), cwd=folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, errors="replace", timeout=SECONDS, stdin=subprocess.DEVNULL)
    lines = [line for line in done.stderr.splitlines() if "nothing was learnt" not in line]
    assert done.returncode in (0, 1, 3), (command, done.returncode, done.stderr)
    assert done.returncode != 1 or len(lines) == 1, (command, done.stderr)
    assert all(line.startswith(command[0] + ": ") for line in lines), (command, done.stderr)
    return done.returncode


def make_cache(folder):
    rng, n = np.random.default_rng(0), 40
    labels = np.arange(n) % 4
    np.save(folder + "/x.npy", np.maximum(rng.normal(size=(n, 512)) + labels[:, None], 0).astype(np.float32))
    with open(folder + "/x.csv", "w") as out:
        out.writelines("%s/%02d.jpg,%s\n" % ("abcd"[k], i, "abcd"[k]) for i, k in enumerate(labels))
    program("tools/make-cache", folder + "/x.npy", folder + "/x.csv", folder + "/cache")
    program("train", "--quiet", "--hidden", "4", "--epochs", "2", folder + "/cache", folder + "/model.h5")


def make_images(folder):
    rng = np.random.default_rng(1)
    os.makedirs(folder + "/images/a")
    for i in range(3):
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder + "/images/a/%d.png" % i)


def refused_or_the_same(folder, path, data, command, result, end=None):
    """TRIALS mutations of the file path (in folder) of which command makes the file result; at least some must be refused."""
    assert ends_well(folder, *command) == 0
    expected, refused = bytes_of(folder + "/" + result), 0
    for seed in range(TRIALS):
        os.unlink(folder + "/" + result)
        with open(folder + "/" + path, "wb") as file:
            file.write(mutated(data, seed, end))
        status = ends_well(folder, *command)
        refused += status == 1
        assert os.path.exists(folder + "/" + result) == (status != 1), (path, seed, status)
        if status == 1:
            open(folder + "/" + result, "w").close()
        else:
            assert bytes_of(folder + "/" + result) == expected, (path, seed)
    assert refused > TRIALS // 4, (path, refused)


def a_mutated_cache():
    with scratch() as folder:
        make_cache(folder)
        refused_or_the_same(folder, "cache/data.mdb", bytes_of(folder + "/cache/data.mdb"),
                            ["evaluate", "--predictions", "p.csv", "cache", "model.h5"], "p.csv", 40000)


def a_mutated_model():
    with scratch() as folder:
        make_cache(folder)
        refused_or_the_same(folder, "model.h5", bytes_of(folder + "/model.h5"),
                            ["evaluate", "--predictions", "p.csv", "cache", "model.h5"], "p.csv")


def interrupt(folder, *command):
    """In its third epoch or later; it prints more than the pipe holds, so that it cannot end while nobody reads."""
    process = start(*command, cwd=folder)
    fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
    assert any(line.startswith("Epoch 3/") for line in process.stdout)
    process.send_signal(signal.SIGTERM)
    error = process.communicate(timeout=SECONDS)[1]
    assert process.returncode == 1 and "with --resume" in error, (process.returncode, error)


def a_mutated_checkpoint():
    with scratch() as folder:
        make_cache(folder)
        command = ["train", "--threads", "1", "--hidden", "4", "--epochs", "300", "--patience", "300", "cache", "m.h5"]
        interrupt(folder, *command)
        checkpoint = bytes_of(folder + "/m.h5.checkpoint")
        command[1:1] = ["--quiet", "--resume"]
        assert ends_well(folder, *command) == 0
        expected, refused = bytes_of(folder + "/m.h5"), 0
        for seed in range(TRIALS):
            with open(folder + "/m.h5.checkpoint", "wb") as file:
                file.write(mutated(checkpoint, seed))
            status = ends_well(folder, *command)
            refused += status == 1
            assert bytes_of(folder + "/m.h5") == expected, seed
        assert refused == TRIALS, refused


def extract_with(folder, weights):
    shutil.rmtree(folder + "/c", ignore_errors=True)
    status = ends_well(folder, "extract", "--quiet", "--weights", weights, "--layer", "block1_pool", "images", "c")
    if status == 0:
        program("extract", "--quiet", "--export", "out", "c", cwd=folder)
    return status


def mutated_weights_of_keras():
    """What HDF5's own structure says is changed, as nothing in it guards the values."""
    with scratch() as folder:
        make_images(folder)
        with h5py.File(folder + "/w.h5", "w") as f:
            f.attrs["layer_names"] = np.array([name.encode() for name, *_ in CONVS])
            for name, ci, co, _ in CONVS:
                f.create_group(name).attrs["weight_names"] = np.array([b"W", b"b"])
                f[name].create_dataset("W", (3, 3, ci, co), "f4", chunks=(3, 3, ci, co), compression=1, data=np.zeros((3, 3, ci, co)))
                f[name].create_dataset("b", (co,), "f4", data=np.linspace(0, 1, co))
        data, refused = bytes_of(folder + "/w.h5"), 0
        assert extract_with(folder, "w.h5") == 0
        for seed in range(TRIALS):
            with open(folder + "/w.h5", "wb") as file:
                file.write(mutated(data, seed))
            refused += extract_with(folder, "w.h5") == 1
        assert 0 < refused, refused


def mutated_weights_of_torchvision():
    """The header, which says where every tensor lies."""
    with scratch() as folder:
        make_images(folder)
        header, at = [], 0
        for _, ci, co, n in CONVS:
            for kind, shape in (("weight", [co, ci, 3, 3]), ("bias", [co])):
                size = 4 * int(np.prod(shape))
                header.append('"features.%d.%s":{"dtype":"F32","shape":%s,"data_offsets":[%d,%d]}' % (n, kind, shape, at, at + size))
                at += size
        text = ("{" + ",".join(header) + "}").encode()
        head = struct.pack("<Q", len(text)) + text
        path, size = folder + "/w.safetensors", len(head) + at

        def write(start):
            with open(path, "wb") as file:
                file.write(start)
                file.truncate(size + len(start) - len(head))

        write(head)
        assert extract_with(folder, "w.safetensors") == 0
        expected, refused = bytes_of(folder + "/out/features.npy"), 0
        for seed in range(TRIALS):
            write(mutated(head, seed))
            status = extract_with(folder, "w.safetensors")
            refused += status == 1
            assert status == 1 or bytes_of(folder + "/out/features.npy") == expected, seed
        assert refused > TRIALS // 2, refused


def a_mutated_list():
    with scratch() as folder:
        make_images(folder)
        text, ended = b"a/0\na/1.png\na/2\n", set()
        for seed in range(TRIALS):
            with open(folder + "/list", "wb") as file:
                file.write(mutated(text, seed))
            shutil.rmtree(folder + "/c", ignore_errors=True)
            status = ends_well(folder, "extract", "--quiet", "--layer", "input", "--list", "list", "images", "c")
            ended.add(status)
            if status != 1:
                program("extract", "--verify", "c", cwd=folder)
        assert len(ended) > 1, ended


def mutated_images_of(endings):
    """Used or skipped alike by one thread, one at a time, and by eight threads, 64 at a time; whoever reads them first."""
    with scratch() as folder:
        sources = sorted(f for ending in endings for f in glob.glob(ROOT + "/tests/golden/images/*." + ending))
        sources = [f for f in sources if os.path.getsize(f) < 200000]
        os.makedirs(folder + "/images/a")
        for seed in range(TRIALS):
            source = sources[seed % len(sources)]
            with open(folder + "/images/a/%02d.%s" % (seed, source.rsplit(".", 1)[1]), "wb") as file:
                file.write(mutated(bytes_of(source), seed))
        made = []
        for name, threads, batch in (("one", "1", "1"), ("many", "8", "64")):
            status = ends_well(folder, "extract", "--quiet", "--threads", threads, "--batch", batch, "--layer", "input", "images", name)
            assert status in (0, 3), status
            program("extract", "--quiet", "--export", "out-" + name, name, cwd=folder)
            info = program("extract", "--info", name, cwd=folder).stdout.split("\n\n", 1)[1]
            made.append([info] + [bytes_of(folder + "/out-%s/%s" % (name, f)) for f in ("features.npy", "labels.npy", "items.csv")])
        assert made[0] == made[1]
        assert "skipped" in made[0][0], made[0][0]


def images(*endings):
    def test():
        mutated_images_of(endings)

    test.__name__ = "mutated_images_" + endings[0]
    return test


run(a_mutated_cache, a_mutated_model, a_mutated_checkpoint, mutated_weights_of_keras, mutated_weights_of_torchvision, a_mutated_list,
    images("jpg"), images("png"), images("gif"), images("webp"), images("tif"), images("bmp"), images("ppm", "pgm", "pbm"))
