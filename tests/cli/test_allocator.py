"""Another allocator preloaded, as users preload jemalloc: no block of memory goes from one allocator to the other."""
import filecmp, os, shutil, signal, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from noise_images import make_images
from tap import BUILD, Skip, program, run, scratch

PRELOADED = dict(os.environ, LD_PRELOAD=os.path.join(BUILD, "tools/foreign_allocator.so"))
DENSE = ["train", "--quiet", "--threads", "2", "--hidden", "4", "--epochs", "2", "--validation-split", "0"]
SEEDED = ["--threads", "2", "--weights", "random:3"]
MODES = [  # each with what it leaves, but for the cache
    (["extract", "--quiet"] + SEEDED + ["--layer", "block1_pool", "images", "features"], []),
    (["extract", "--export", "out", "features"], ["out/features.npy", "out/labels.npy", "out/items.csv"]),
    (DENSE + ["--plot", "dense.svg", "features", "dense.h5"], ["dense.h5"]),
    (["train", "--quiet", "--head", "linear", "features", "linear.h5"], ["linear.h5"]),
    (["evaluate", "--quiet", "--confusion", "e.png", "--report", "r", "--json", "e.json", "features", "dense.h5", "linear.h5"],
     ["e.json"]),
    (["evaluate", "--quiet", "--predict", "dense.h5", "images/a/0.png"], []),
]


def need_own_allocator():
    if os.path.basename(BUILD) in ("address", "thread", "undefined"):
        raise Skip("a sanitizer comes with an allocator or checks of its own, which are not for preloading")


def a_preloaded_allocator_changes_nothing():
    need_own_allocator()
    with scratch() as folder:
        left = {}
        for name, environment in (("own", os.environ), ("preloaded", PRELOADED)):
            make_images(os.path.join(folder, name, "images"))
            said = [program(*command, cwd=os.path.join(folder, name), env=environment).stdout for command, _ in MODES]
            left[name] = said[-1]
        assert left["own"] == left["preloaded"], left
        for file in (f for _, files in MODES for f in files):
            assert filecmp.cmp(os.path.join(folder, "own", file), os.path.join(folder, "preloaded", file), shallow=False), file


def the_preloaded_allocator_notices_a_block_of_another():
    """So that the test above cannot pass for want of an allocator that minds."""
    need_own_allocator()
    code = """if True:
        import ctypes
        c = ctypes.CDLL(None)
        for take in (c.malloc, c.__libc_malloc):
            take.restype = ctypes.c_void_p
            c.free(ctypes.c_void_p(take(ctypes.c_size_t(100))))
            print("taken and freed", flush=True)"""
    done = subprocess.run(["/usr/bin/python3", "-c", code], env=PRELOADED, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, "taken and freed\n"), done
    assert done.stderr.startswith("foreign_allocator: free was given a block of another allocator\n"), done


run(a_preloaded_allocator_changes_nothing, the_preloaded_allocator_notices_a_block_of_another)
