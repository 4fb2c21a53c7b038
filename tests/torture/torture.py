#!/usr/bin/python3
"""Makes every system call of the programs fail in turn, kills the programs there, or lets allocations fail, and checks that
nothing is lost and every failure is reported.

    tests/torture/torture.py [--every] [SCENARIO…]

Each scenario is a command, what it starts from, and what it leaves. The command runs under build/tools/inject with the
N-th call of a kind broken, N from 1 to the last; without --every, one N, at another place in each scenario, but of forks all.
Allocations fail by build/tools/fail_allocation.so, the N-th alone or all from it on: large ones, whose failure is handled, and
small ones, of which there are so many that MOST of them, at equal distances, are tried. After each trial: at most one sentence,
beginning with the program's name, and exit status 1, or 0 and what an unbroken run leaves; no signal, no hang, no .part left
(unless it was killed); a cache opens or is told to hold nothing yet; and the same command again leaves
what an unbroken run leaves, byte for byte."""
import filecmp, os, shutil, struct, subprocess, sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import BUILD, ROOT, Skip, program, scratch

# LeakSanitizer does not work in a traced process.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"

INJECT, FAIL_ALLOCATION = os.path.join(BUILD, "tools/inject"), os.path.join(BUILD, "tools/fail_allocation.so")
SECONDS = 60
FAULTS = [("write", "ENOSPC"), ("write", "EIO"), ("write", "EINTR"), ("write", "short"), ("write", "before"), ("write", "after"),
          ("sync", "EIO"), ("sync", "ENOSPC"), ("sync", "before"), ("sync", "after"),
          ("truncate", "ENOSPC"), ("truncate", "before"),
          ("rename", "EIO"), ("rename", "before"), ("rename", "after"),
          ("unlink", "EIO"), ("unlink", "before"),
          ("open", "EMFILE"), ("open", "EIO"), ("read", "EIO"), ("read", "EINTR"), ("read", "short"),
          ("map", "ENOMEM"), ("fork", "EAGAIN"),
          ("allocation", "once"), ("allocation", "on"), ("small", "once"), ("small", "on")]
QUICK = [("write", "ENOSPC"), ("write", "short"), ("write", "after"), ("sync", "EIO"), ("truncate", "before"), ("rename", "before"),
         ("rename", "after"), ("unlink", "EIO"), ("open", "EMFILE"), ("read", "EIO"), ("map", "ENOMEM"), ("fork", "EAGAIN"),
         ("allocation", "once"), ("allocation", "on"), ("small", "once"), ("small", "on")]
KILLS = ("before", "after")
SMALL, MOST = 1 << 20, 100
SIZES = {"allocation": (SMALL + 1, sys.maxsize), "small": (1, SMALL)}  # of the allocations that fail, in bytes
DENSE = ["train", "--quiet", "--threads", "1", "--hidden", "4", "--epochs", "3", "--batch-size", "16"]
LINEAR = ["train", "--quiet", "--threads", "1", "--head", "linear"]


class Scenario:
    """command: its working directory is a copy of what prepare made. files: what it leaves, beside caches, which are compared by
    what --export writes."""

    def __init__(self, name, command, files=(), caches=()):
        self.name, self.command, self.files, self.caches = name, command, files, caches


SCENARIOS = [
    Scenario("extract", ["extract", "--quiet", "--threads", "1", "--batch", "2", "--layer", "input", "images", "new"], caches=["new"]),
    Scenario("extract-more", ["extract", "--quiet", "--threads", "1", "--layer", "input", "images", "half"], caches=["half"]),
    Scenario("merge", ["extract", "--quiet", "--merge", "whole", "part0", "part1"], caches=["whole"]),
    Scenario("import", ["extract", "--quiet", "--import", "x.npy", "x.csv", "imported"], caches=["imported"]),
    Scenario("apply", ["extract", "--quiet", "--apply", "d.csv", "cache"], caches=["cache"]),
    Scenario("export", ["extract", "--quiet", "--export", "out", "cache"], ["out/features.npy", "out/labels.npy", "out/items.csv"]),
    Scenario("preview", ["extract", "--quiet", "--limit-per-class", "1", "--preview", "sheet.png", "images"], ["sheet.png"]),
    Scenario("info", ["extract", "--info", "cache"]),
    Scenario("dense", DENSE + ["--epochs", "2", "--plot", "p.png", "--history", "h.csv", "cache", "new.h5"], ["new.h5", "p.png"]),
    Scenario("resume", DENSE + ["--resume", "cache", "cut.h5"], ["cut.h5"]),
    Scenario("linear", LINEAR + ["--export-libsvm", "s.txt", "cache", "new.h5"], ["new.h5", "s.txt"]),
    Scenario("linear-search", LINEAR + ["--search-cost", "--folds", "2", "cache", "new.h5"], ["new.h5"]),
    Scenario("evaluate", ["evaluate", "--quiet", "--threads", "1", "--json", "e.json", "--predictions", "e.csv", "--confusion", "e.png",
                          "--report", "r", "cache", "model.h5"], ["e.csv", "e.png", "e.json", "r/index.html"]),
]


def prepare(folder):
    rng, n = np.random.default_rng(0), 40
    labels = np.arange(n) % 4
    np.save(folder + "/x.npy", np.maximum(rng.normal(size=(n, 512)) + labels[:, None], 0).astype(np.float32))
    with open(folder + "/x.csv", "w") as out:
        out.writelines(["path,class\n"] + ["%s/%02d.jpg,%s\n" % ("abcd"[k], i, "abcd"[k]) for i, k in enumerate(labels)])
    with open(folder + "/d.csv", "w") as out:
        out.writelines(["path,action,label\n"] + ["%s/%02d.jpg,%s\n" % ("abcd"[k], i, ("relabel,z", "exclude,", "keep,")[i % 3])
                                                 for i, k in enumerate(labels)])
    for c in "ab":
        os.makedirs(folder + "/images/" + c)
        for i in range(2):
            Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder + "/images/%s/%d.png" % (c, i))
    run = lambda *a, **o: program(*a, cwd=folder, **o)
    run("extract", "--quiet", "--import", "x.npy", "x.csv", "cache")
    for part in "01":
        run("extract", "--quiet", "--layer", "input", "--shard", part + "/2", "images", "part" + part)
    run("extract", "--quiet", "--layer", "input", "--first-classes", "1", "images", "half")
    run(*DENSE, "cache", "model.h5")
    # Ends with a checkpoint, as it is killed at the rename of the second one.
    subprocess.run([INJECT, "rename", "4", "before", str(SECONDS), "/dev/null", BUILD + "/train"] + DENSE[1:] + ["cache", "cut.h5"],
                   cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for path in parts(folder):
        os.unlink(path)


def fail_allocation(kind, number, fault, command, folder):
    report = folder + ".report"
    open(report, "w").close()
    plan = "%d %s %d %d %s" % (number, fault, *SIZES[kind], report)
    done = subprocess.run([os.path.join(BUILD, command[0])] + command[1:], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          text=True, errors="replace", stdin=subprocess.DEVNULL, timeout=SECONDS,
                          env=dict(os.environ, FAIL_ALLOCATION=plan, LD_PRELOAD=FAIL_ALLOCATION))
    with open(report, "rb") as file:
        seen, hit = struct.unpack("QQ", file.read())
    os.unlink(report)
    return done.returncode, done.stderr, seen, bool(hit)


def inject(kind, number, fault, command, folder):
    """(exit status, stderr, calls of the kind, whether the N-th was reached)"""
    if kind in SIZES:
        return fail_allocation(kind, number, fault, command, folder)
    report = folder + ".report"
    done = subprocess.run([INJECT, kind, str(number), fault, str(SECONDS), report, os.path.join(BUILD, command[0])] + command[1:],
                          cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
                          stdin=subprocess.DEVNULL)
    if done.returncode == 125:
        raise Skip(done.stderr.strip())
    with open(report) as file:
        seen, hit = map(int, file.read().split())
    os.unlink(report)
    return done.returncode, done.stderr, seen, bool(hit)


def parts(folder):
    return [os.path.join(at, f) for at, _, files in os.walk(folder) for f in files if f.endswith(".part")]


def exported(folder, cache):
    target = os.path.join(folder, "exported-" + cache)
    program("extract", "--quiet", "--export", target, os.path.join(folder, cache))
    return [os.path.join("exported-" + cache, name) for name in ("features.npy", "labels.npy", "items.csv")]


def leftovers_told(scenario, folder):
    for cache in scenario.caches:
        path = os.path.join(folder, cache)
        if os.path.exists(path):
            done = program("extract", "--verify", path, status=(0, 1))
            assert done.returncode == 0 or "holds nothing yet" in done.stderr, done.stderr


def judge(scenario, fault, status, stderr, folder):
    lines = stderr.splitlines()
    if fault in KILLS:
        assert status in (0, 1, 137), (status, stderr)  # 0, 1: a child was killed
    else:
        assert status in (0, 1), (status, stderr)
        assert status == 0 or len(lines) == 1, (status, stderr)
        beginnings = scenario.command[0] + ": ", "vggcache: out of memory: "  # before main
        assert all(line.startswith(beginnings) for line in lines) and len(lines) <= 1, (status, stderr)
        assert not parts(folder), parts(folder)


def content(folder):
    """The contents of the folder: {name: bytes}."""
    found = {}
    for at, _, files in os.walk(folder):
        for name in files:
            if name != "lock.mdb" and "exported-" not in at:
                with open(os.path.join(at, name), "rb") as file:
                    found[os.path.relpath(file.name, folder)] = file.read()
    return found


def same_results(scenario, folder, unbroken, when):
    for name in list(scenario.files) + [f for c in scenario.caches for f in exported(folder, c)]:
        assert os.path.exists(os.path.join(folder, name)), "%s is missing %s" % (name, when)
        assert filecmp.cmp(os.path.join(folder, name), os.path.join(unbroken, name), shallow=False), "%s differs %s" % (name, when)


def trial(scenario, base, unbroken, kind, number, fault, folder):
    """Returns None, or what is wrong."""
    shutil.copytree(base, folder)
    try:
        status, stderr, _, _ = inject(kind, number, fault, scenario.command, folder)
        judge(scenario, fault, status, stderr, folder)
        left = content(folder)
        if left == content(unbroken):
            return None
        if status == 0:
            same_results(scenario, folder, unbroken, "with exit status 0")
        if left == content(base):
            return None  # the same command has the same result from here as before
        leftovers_told(scenario, folder)
        program(*scenario.command, cwd=folder)
        same_results(scenario, folder, unbroken, "after a rerun")
        assert not parts(folder), parts(folder)
    except (AssertionError, subprocess.TimeoutExpired) as wrong:
        return "%s: %s of call %s %d: %s" % (scenario.name, fault, kind, number, wrong)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return None


def one(count, place):
    """A number from 1 to count, as far in between as the part of place behind its point says."""
    return [1 + int(place % 1 * count)] if count else []


def run_scenario(scenario, base, folder, every, faults):
    """Returns (trials of each kind of call, what was wrong)."""
    unbroken = os.path.join(folder, scenario.name)
    shutil.copytree(base, unbroken)
    program(*scenario.command, cwd=unbroken)
    for cache in scenario.caches:
        exported(unbroken, cache)
    counts, tasks, place = {}, [], 0.23 * SCENARIOS.index(scenario)
    for kind, fault in faults:
        if kind not in counts:
            shutil.copytree(base, unbroken + ".count")
            counts[kind] = inject(kind, 0, "EIO", scenario.command, unbroken + ".count")[2]
            shutil.rmtree(unbroken + ".count")
        place += 0.38
        step = counts[kind] // MOST + 1 if kind == "small" else 1
        all_of_it = every or kind == "fork"  # of processes and threads there are few
        tasks += [(kind, n, fault) for n in (range(1, counts[kind] + 1, step) if all_of_it else one(counts[kind], place))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        done = list(pool.map(lambda t: trial(scenario, base, unbroken, *t, "%s.%s-%d-%s" % ((unbroken,) + t)), tasks))
    return Counter(kind for kind, _, _ in tasks), [wrong for wrong in done if wrong]


def need_tools():
    if not os.path.exists(INJECT):
        raise Skip("build/tools/inject and fail_allocation.so are made on x86-64 only")
    if os.path.basename(BUILD) in ("address", "thread", "undefined"):
        raise Skip("a sanitizer ends the program in its own way where a call of its own fails")


def prepared(folder):
    """A folder within this one, of which trials are copies. Skip where tracing is not allowed."""
    if not os.path.exists(INJECT):
        raise Skip("build/tools/inject is made on x86-64 only")
    base = folder + "/base"
    if not os.path.exists(base):
        os.mkdir(base)
        inject("write", 0, "EIO", ["extract", "--version"], base)
        prepare(base)
    return base


def torture(base, names=(), every=False, faults=FAULTS, say=print):
    """All scenarios, or those named, in copies of base (prepared); returns what was wrong."""
    need_tools()
    wrong = []
    with scratch() as folder:
        for scenario in SCENARIOS:
            if names and scenario.name not in names:
                continue
            trials, found = run_scenario(scenario, base, folder, every, faults)
            say("%-14s %5d trials, %d wrong  (%s)" % (scenario.name, sum(trials.values()), len(found),
                                                      ", ".join("%s %d" % each for each in trials.items())))
            for line in found:
                say(line)
            wrong += found
    return wrong


def kill_chain(base, optimizer):
    """A training that is killed at its first rename, resumed and killed at its second, and so on to its end, gives the same
    model as an uninterrupted one."""
    with scratch() as folder:
        shutil.copytree(base, folder, dirs_exist_ok=True)
        command = DENSE + ["--epochs", "5", "--optimizer", optimizer, "--resume", "cache", "chain.h5"]
        program(*command[:-1], "unbroken.h5", cwd=folder)
        kills, status = 0, 137
        while status == 137:
            kills += 1
            fault = KILLS[kills % 2]
            status, stderr, _, _ = inject("rename", kills, fault, command, folder)
            assert status in (0, 137), (status, stderr)
        assert kills > 2, kills  # a checkpoint is written only where it takes little of the time, so their number varies
        assert filecmp.cmp(folder + "/chain.h5", folder + "/unbroken.h5", shallow=False), "the models differ"
        assert not parts(folder), parts(folder)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    try:
        with scratch() as at:
            found = torture(prepared(at), [a for a in arguments if a != "--every"], "--every" in arguments,
                            say=lambda line: print(line, flush=True))
    except Skip as reason:
        print("skipped: %s" % reason)
        sys.exit(0)
    sys.exit(1 if found else 0)
