"""extract/read_cache.py, which knows the cache's format from its description, against --export, for each --store."""
import csv, os, subprocess, sys
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tap

sys.path.insert(0, os.path.join(tap.ROOT, "extract"))
import read_cache


def made(folder, store, *options):
    images = os.path.join(folder, "images")
    if not os.path.isdir(images):
        subprocess.run([os.path.join(tap.BUILD, "demo-images"), images, "2", "1"], check=True, stdout=subprocess.DEVNULL)
    cache = os.path.join(folder, store)
    tap.program("extract", "--weights", "random", "--layer", "block1_pool", "--store", store, *options,
                os.path.join(images, "train"), cache)
    return cache


def agrees(cache, exported):
    features, labels, classes, paths = read_cache.read(cache, verify=True)
    tap.program("extract", "--export", exported, cache)
    assert features.dtype == np.float32
    assert np.array_equal(features, np.load(os.path.join(exported, "features.npy")))
    assert np.array_equal(labels, np.load(os.path.join(exported, "labels.npy")))
    with open(os.path.join(exported, "items.csv"), newline="") as file:
        items = list(csv.DictReader(file))
    assert paths == [item["path"].encode() for item in items]
    assert [classes[label].decode() for label in labels] == [item["class"] for item in items]


def each_store_is_read_as_export_writes_it():
    with tap.scratch() as folder:
        for store in "sparse", "float32", "float16":
            agrees(made(folder, store), os.path.join(folder, "exported-" + store))


def augmented_copies_are_left_out():
    with tap.scratch() as folder:
        agrees(made(folder, "sparse", "--augment", 1, "--rotation-range", 20), os.path.join(folder, "exported"))


def a_record_that_was_changed_is_found():
    with tap.scratch() as folder:
        cache = made(folder, "float32")
        path = os.path.join(cache, "data.mdb")
        with open(path, "r+b") as file:
            data = file.read()
            place = data.index(read_cache.read(cache)[0][0].tobytes()[:4096])
            file.seek(place + 2000)
            file.write(bytes([data[place + 2000] ^ 1]))
        try:
            read_cache.read(cache, verify=True)
        except ValueError as error:
            assert "checksum" in str(error), error
        else:
            raise AssertionError("a changed record was read")


tap.run(each_store_is_read_as_export_writes_it, augmented_copies_are_left_out, a_record_that_was_changed_is_found)
