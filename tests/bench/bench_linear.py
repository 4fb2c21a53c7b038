#!/usr/bin/env python3
"""The linear head compared with scikit-learn's LinearSVC: same solver, cost, tolerance, scaling and data, alternating.

    bench_linear.py [--images 600,6000] [--rounds N] [--cases SCALE:COST,…]

Features are synthetic, 25,088 per image, and similar to those of the seeded base (make_features). COST auto is
1 / mean ||x||². Our times are of whole runs from the cache to the model file, with process start and checksums;
scikit-learn's are of fit() only. Peak memory is of the process: ours with the pages of the cache it has read, scikit-learn's
with its imports and the float32 features. A search over 10 costs x 5 folds is timed too. with core: scikit-learn with the
BLAS core that our programs choose (OPENBLAS_CORETYPE). cpu: processor seconds, less affected by other load on the machine.
"""
import argparse, os, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import machine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
FEATURES, CLASSES, TOLERANCE = 25088, 10, 1e-4

PEER = """
import json, sys, time, warnings
warnings.simplefilter("ignore")
import numpy as np
from sklearn.svm import LinearSVC
features, labels, test, out, cost = sys.argv[1:]
x, y = np.load(features), np.load(labels)
fit = LinearSVC(C=float(cost), tol=%g)
start, used = time.perf_counter(), time.process_time()
fit.fit(x, y)
seconds, processor = time.perf_counter() - start, time.process_time() - used
np.save(out, fit.decision_function(np.load(test)))
print(seconds, processor, int(np.max(fit.n_iter_)))
""" % TOLERANCE


def make_features(n, seed):
    """ReLU of a common part, 50 factors, a small class-dependent part, and noise: 41 % zeros, cosines of 0.93 between images, and
    as many passes of the solver as needed for the seeded base's features of Food-101 (which have 37 % and 0.92)."""
    import numpy as np
    rng, shared = np.random.default_rng(seed), np.random.default_rng(7)
    centres = shared.standard_normal((CLASSES, FEATURES), np.float32)
    factors = shared.standard_normal((50, FEATURES), np.float32) / np.sqrt(np.arange(1, 51, dtype=np.float32) * 50)[:, None]
    common = 0.35 + 1.5 * shared.standard_normal(FEATURES, np.float32)
    labels = np.sort(np.arange(n) % CLASSES)
    x = np.empty((n, FEATURES), np.float32)
    for i in range(n):
        own = 1.05 * rng.standard_normal(50, np.float32) @ factors + 0.35 * rng.standard_normal(FEATURES, np.float32)
        x[i] = 1.5 * np.maximum(common + 0.03 * centres[labels[i]] + own, 0)
    return x, labels


def scaled(x, train, scale):
    import numpy as np
    if scale == "standard":
        mean, deviation = train.mean(0, dtype=np.float64), train.std(0, dtype=np.float64)
        floor = np.quantile(deviation[deviation > 0], 0.5, method="lower")  # as in common/model/scaling.h
        return ((x - mean) / np.where(deviation > 0, np.maximum(deviation, floor), 1)).astype(np.float32)
    if scale == "max":
        return x / train.max()
    if scale == "l2":
        return (x / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)).astype(np.float32)
    return x


# A process's peak memory starts at that of its parent, so a small process starts it.
RUNNER = """
import resource, subprocess, sys, time
start = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, text=True, check=True)
seconds, usage = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
print(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
print(done.stdout, end="")
"""


def run(command, **environment):
    """Seconds, processor seconds, peak MiB and output of a process."""
    done = subprocess.run(["/usr/bin/python3", "-S", "-E", "-c", RUNNER, *command], stdout=subprocess.PIPE, text=True, check=True,
                          env=dict(os.environ, **environment))
    first, _, rest = done.stdout.partition("\n")
    return (*map(float, first.split()), rest)


def median(values):
    return sorted(values)[len(values) // 2]


def compare(folder, n, scale, cost, rounds):
    import numpy as np, h5py
    path = lambda name: os.path.join(folder, name)
    x, labels = make_features(n, 1)
    test, test_labels = make_features(500, 2)
    if not os.path.isdir(path("cache%d" % n)):
        np.save(path("x.npy"), x)
        with open(path("x.csv"), "w") as out:
            out.writelines("%s/%06d.jpg,%s\n" % ("abcdefghij"[k], i, "abcdefghij"[k]) for i, k in enumerate(labels))
        subprocess.run([os.path.join(BUILD, "tools/make-cache"), path("x.npy"), path("x.csv"), path("cache%d" % n)], check=True)
    a, b = scaled(x, x, scale), scaled(test, x, scale)
    np.save(path("a.npy"), a), np.save(path("b.npy"), b), np.save(path("y.npy"), labels)
    cost = float(1 / (a.astype(np.float64) ** 2).sum(1).mean() if cost == "auto" else cost)
    del x, test, a
    common = [os.path.join(BUILD, "train"), "--head", "linear", "--quiet", "--averages", "1", "--scale", scale, "--tolerance", str(TOLERANCE)]
    cache, model = path("cache%d" % n), path("m.h5")
    ours, peers, cored, memory, peer_memory, cpu, peer_cpu = [], [], [], [], [], [], []
    peer = [sys.executable, "-c", PEER, path("a.npy"), path("y.npy"), path("b.npy"), path("d.npy"), repr(cost)]
    for _ in range(rounds):
        seconds, processor, peak, _ = run(common + ["--cost", repr(cost), cache, model])
        ours.append(seconds), cpu.append(processor), memory.append(peak)
        _, _, peak, output = run(peer)
        cored.append(float(run(peer, OPENBLAS_CORETYPE=machine()[1])[3].split()[0]))
        seconds, processor, iterations = map(float, output.split())
        peers.append(seconds), peer_cpu.append(processor), peer_memory.append(peak)
    with h5py.File(model) as file:
        decisions = b.astype(np.float64) @ file["dense/dense/kernel:0"][:] + file["dense/dense/bias:0"][:]
    theirs = np.load(path("d.npy"))
    differ = int((decisions.argmax(1) != theirs.argmax(1)).sum())
    search = run(common + ["--search-cost", "--folds", "5", cache, model])[0] if n <= 1000 else None
    print("%7d %9s %9.3g %9.2f s %9.2f s %9.2f s %7.1fx %7.2f %8.2f %8.0f %8.0f %6.2f %6d %10.1e %7d %9.3f %s" % (
        n, scale, cost, median(ours), median(peers), median(cored), median([p / o for p, o in zip(peers, ours)]), median(cpu), median(peer_cpu),
        max(memory), min(peer_memory), max(memory) / min(peer_memory), iterations, np.abs(decisions - theirs).max(), differ,
        (decisions.argmax(1) == test_labels).mean(), "%9.2f s" % search if search else ""), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", default="600,6000")
    parser.add_argument("--cases", default="l2:1,none:1,standard:auto")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    try:
        import numpy, sklearn, h5py
    except ImportError as missing:
        print("linear: left out, as %s is not installed; make bench-peers installs it" % missing.name)
        return
    print(machine()[0])
    print("LinearSVC of scikit-learn %s (L2R_L2LOSS_SVC_DUAL, tolerance %g), %d features, %d processors" % (
        sklearn.__version__, TOLERANCE, FEATURES, len(os.sched_getaffinity(0))))
    print("%7s %9s %9s %11s %11s %11s %8s %7s %8s %8s %8s %6s %6s %10s %7s %9s %s" % (
        "images", "scale", "cost", "ours", "sklearn", "with core", "faster", "cpu", "sk. cpu", "MiB", "sk. MiB", "share", "passes", "decisions",
        "labels", "accuracy", "search 10x5"))
    folder = tempfile.mkdtemp(prefix="vggcache-bench-", dir=os.environ.get("TMPDIR"))
    try:
        for n in map(int, arguments.images.split(",")):
            cases = arguments.cases.split(",")
            for case in cases if n <= 1000 else cases[:1]:  # thousands of images take scikit-learn minutes
                compare(folder, n, *case.split(":"), arguments.rounds if n <= 1000 else 1)
    finally:
        shutil.rmtree(folder)


main()
