"""How a cache stores features: sparse and float32 are lossless, float16 within its error; merging converts; old caches open."""
import json, os, shutil, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, scratch

import numpy as np

D = 512 * 4


def relu_features(n, seed=1):
    """Like features of a trained base: three quarters are zero, and the classes differ."""
    random = np.random.RandomState(seed)
    x = random.randn(n, D).astype(np.float32)
    x[np.arange(n) % 2 == 1, :64] += 1.5
    return np.where(x > 0.67, x, 0).astype(np.float32)


def make(at, name, x, store="sparse", first=0):
    np.save(at + "/x.npy", x)
    with open(at + "/x.csv", "w") as out:
        for i in range(len(x)):
            out.write("%s/%05d.jpg,%s\n" % ("ab"[i % 2], first + i, "ab"[i % 2]))
    program("tools/make-cache", at + "/x.npy", at + "/x.csv", at + "/" + name, store)
    return at + "/" + name


def features(cache, at):
    program("extract", "--export", at + "/exported", cache)
    return np.load(at + "/exported/features.npy")


def by_class(x):
    return np.concatenate([x[0::2], x[1::2]])


def info(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)


def sparse_and_float32_give_every_bit_back_and_float16_keeps_its_bound():
    with scratch() as at:
        x = relu_features(60)
        x[3, 5], x[4, 6] = -0.0, 1e-41
        for store in ("sparse", "float32"):
            cache = make(at, store, x, store)
            assert features(cache, at).tobytes() == by_class(x).tobytes()
            program("extract", "--verify", cache)
        half = features(make(at, "float16", x, "float16"), at)
        assert half.tobytes() == by_class(x).astype(np.float16).astype(np.float32).tobytes()
        assert np.all(np.abs(half - by_class(x)) <= np.maximum(np.abs(by_class(x)) * 2.0**-11, 2.0**-25))


def info_tells_store_bytes_and_zeros():
    with scratch() as at:
        x = relu_features(40)
        zeros = np.mean(x == 0)
        assert 0.7 < zeros < 0.8
        for store, share in (("sparse", 1 - zeros + 1 / 32), ("float16", (1 - zeros) / 2 + 1 / 32), ("float32", 1)):
            told = info(make(at, store, x, store))
            assert told["store"] == store and abs(told["zeros"] - zeros) < 1e-9, told
            assert abs(told["bytes_an_image"] - share * 4 * D) < 1, told
        text = program("extract", "--info", at + "/sparse").stdout
        line = "Store    sparse, %.0f bytes per image (%.3f of float32), %.1f %% of the features are zero\n"
        assert line % ((1 - zeros + 1 / 32) * 4 * D, 1 - zeros + 1 / 32, 100 * zeros) in text, text


def heads_and_figures_do_not_depend_on_a_lossless_store():
    with scratch() as at:
        x = relu_features(80)
        said = {}
        for store in ("sparse", "float32"):
            cache = make(at, store, x, store)
            for head in (["dense", "--hidden", "16", "--epochs", "3"], ["linear", "--scale", "standard"],
                         ["linear", "--scale", "max", "--no-reduce", "--solver", "svc"]):
                program("train", "--head", *head, cache, at + "/model")
                program("evaluate", "--predictions", at + "/p.csv", cache, at + "/model")
                said.setdefault(" ".join(head), []).append(open(at + "/p.csv").read())
        for head, (one, other) in said.items():
            assert one == other, head


def merging_converts():
    with scratch() as at:
        x = relu_features(30)
        plain = make(at, "plain", x, "float32")
        for store in ("sparse", "float16", "float32"):
            done = program("extract", "--merge", "--store", store, at + "/to-" + store, plain)
            assert done.stdout == "30 new, 0 unchanged, 0 skipped\n", done.stdout
            assert info(at + "/to-" + store)["store"] == store
            assert features(at + "/to-" + store, at).tobytes() == features(make(at, store, x, store), at).tobytes()
            shutil.rmtree(at + "/" + store)
        program("extract", "--merge", at + "/default", plain)
        assert info(at + "/default")["store"] == "sparse"
        program("extract", "--merge", at + "/halves", at + "/to-float16")
        assert info(at + "/halves")["store"] == "float16"


def half_floats_are_not_passed_off_as_whole_ones():
    with scratch() as at:
        half, whole = make(at, "half", relu_features(6), "float16"), make(at, "whole", relu_features(6, 2), first=10)
        for command in (["--merge", whole, half], ["--merge", at + "/new", whole, half],
                        ["--merge", "--store", "sparse", at + "/new2", half]):
            done = program("extract", *command, status=1)
            assert done.stderr.count("\n") == 1 and "half" in done.stderr, done.stderr
        program("extract", "--merge", "--store", "float16", at + "/rounded", whole, half)
        assert info(at + "/rounded")["items"] == 12


def a_cache_is_continued_with_its_own_store_only():
    with scratch() as at:
        images = at + "/images/a"
        os.makedirs(images)
        for i in range(3):
            with open("%s/%d.ppm" % (images, i), "wb") as out:
                out.write(b"P6 2 2 255\n" + bytes((i * 20 + j) % 256 for j in range(12)))
        command = ["--layer", "input", at + "/images", at + "/cache"]
        program("extract", "--store", "float16", *command)
        for options in ([], ["--store", "float16"]):
            assert program("extract", *options, *command).stdout.startswith("0 new, 3 unchanged")
        done = program("extract", "--store", "sparse", *command, status=1)
        assert "stores its features as float16, not as sparse" in done.stderr and done.stderr.count("\n") == 1
        program("extract", "--store", "float64", *command, status=2)


run(sparse_and_float32_give_every_bit_back_and_float16_keeps_its_bound, info_tells_store_bytes_and_zeros,
    heads_and_figures_do_not_depend_on_a_lossless_store, merging_converts,
    half_floats_are_not_passed_off_as_whole_ones,
    a_cache_is_continued_with_its_own_store_only)
