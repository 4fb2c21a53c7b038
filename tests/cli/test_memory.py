"""The memory that programs say they need, compared with what they use; and their advice when it is missing, followed."""
import os, re, resource, shutil, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import BUILD, Skip, need_small_address_space, program, run, scratch, start

WITHIN = 0.15
SEEDED = ["--weights", "random:3"]
IMAGES = ["--images", "images", "--epochs", "1", "--hidden", "64", "--batch-size", "8"]


def prepare(folder):
    rng = np.random.default_rng(0)
    for c in "ab":
        os.makedirs(folder + "/images/" + c)
        for i in range(8):
            Image.fromarray(rng.integers(0, 255, (90, 120, 3), dtype=np.uint8)).save(folder + "/images/%s/%02d.png" % (c, i))
    os.makedirs(folder + "/few")
    for i in range(2):
        shutil.copy(folder + "/images/a/%02d.png" % i, folder + "/few")
    x = np.maximum(rng.normal(size=(200, 7 * 7 * 512)), 0).astype(np.float32)
    x[np.arange(200), np.arange(200) % 4] += 3
    np.save(folder + "/x.npy", x)
    with open(folder + "/x.csv", "w") as out:
        out.writelines("%s/%03d.jpg,%s\n" % ("abcd"[i % 4], i, "abcd"[i % 4]) for i in range(200))
    for store, cache in ("sparse", "cache"), ("float32", "plain"):
        program("tools/make-cache", folder + "/x.npy", folder + "/x.csv", folder + "/" + cache, store)
    program("train", "--quiet", "--hidden", "64", "--epochs", "1", "cache", "cached.h5", cwd=folder)
    program("extract", *SEEDED, "--layer", "block5_conv2", "images", "cut", cwd=folder)


# Commands before --threads and the output's name; each writes to different files.
FROM_CUT = ["train", "--approach", "finetune", "--hidden", "64", "--epochs", "1", "--batch-size", "8", "cut", "cut.h5"]
STANDALONE = ["train", "--hidden", "512,64", "--epochs", "1", "cache", "standalone.h5"]
EXTRACT = ["extract"] + SEEDED + ["--batch", "16", "--layer", "block3_pool", "images", "new"]
FROM_IMAGES = ["train", "--approach", "bootstrap"] + SEEDED + IMAGES + ["bootstrap.h5"]
COMMANDS = [
    EXTRACT,
    ["extract", "--layer", "input", "images", "input"],
    STANDALONE,
    ["train", "--hidden", "256", "--epochs", "2", "--scale", "standard", "cache", "scaled.h5"],
    ["train", "--hidden", "128", "--epochs", "1", "--scale", "none", "--batch-size", "150", "plain", "plain.h5"],
    ["train", "--head", "linear", "cache", "linear.h5"],
    ["train", "--head", "linear", "--no-reduce", "--solver", "5", "cache", "rows.h5"],
    ["train", "--approach", "scratch", "--images", "images", "--epochs", "1", "--batch-size", "4", "scratch.h5"],
    FROM_IMAGES,
    ["train", "--approach", "finetune"] + SEEDED + IMAGES + ["finetune.h5"],
    FROM_CUT,
    ["evaluate", "cache", "cached.h5"],
]


def number_after(pattern, text):
    found = re.search(pattern + r"([0-9.]+) (MB|GB)", text)
    assert found, (pattern, text)
    return float(found[1]) * {"MB": 1e6, "GB": 1e9}[found[2]]


def kilobytes(process, file, key):
    try:
        with open("/proc/%d/%s" % (process, file)) as lines:
            return sum(int(line.split()[1]) for line in lines if line.startswith(key))
    except OSError:  # it has ended
        return 0


def below(process):
    try:
        tasks = os.listdir("/proc/%d/task" % process)
        children = [int(c) for t in tasks for c in open("/proc/%d/task/%s/children" % (process, t)).read().split()]
    except OSError:
        children = []
    return children + [d for c in children for d in below(c)]


def peak(command, folder):
    """(peak bytes of its own memory and its children's, its estimate)"""
    process = start(*command, cwd=folder, stderr=subprocess.STDOUT, env=dict(os.environ, G_MESSAGES_DEBUG="vggcache"))
    peak, turn = 0, 0
    while process.poll() is None:
        peak = max(peak, kilobytes(process.pid, "status", "VmHWM:"))
        if turn % 4 == 3 and below(process.pid):  # expensive to inspect; a child that has ended takes nothing
            peak = max(peak, kilobytes(process.pid, "status", "VmRSS:") +
                       sum(kilobytes(child, "smaps_rollup", "Private_Dirty:") for child in below(process.pid)))
        turn += 1
        time.sleep(0.02)
    said = process.stdout.read()
    assert process.returncode == 0, (command, said)
    return 1024 * peak, said


def told_and_measured(command, folder):
    command = command[:1] + ["--threads", "2"] + command[1:]
    measured, said = peak(command, folder)
    return command, number_after("memory: ", said), measured


def what_is_told_is_what_is_taken():
    if os.path.basename(BUILD) in ("address", "thread", "undefined", "coverage"):
        raise Skip("this build takes memory of its own")
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda c: told_and_measured(c, FOLDER), COMMANDS))
    done.append(told_and_measured(["evaluate", "images", "bootstrap.h5"], FOLDER))
    for command, told, measured in done:
        print("# told %7.1f MB, measured %7.1f MB, %+5.1f %%: %s" % (told / 1e6, measured / 1e6, 100 * (told / measured - 1), " ".join(command)))
    wrong = [d for d in done if abs(d[1] / d[2] - 1) > WITHIN]
    assert not wrong, wrong


def what_is_there_is_not_told_again():
    """The weights serve the images of no class, too."""
    if not os.path.exists(os.path.join(FOLDER, "bootstrap.h5")):
        program(*FROM_IMAGES, cwd=FOLDER)
    _, said = peak(["evaluate", "--threads", "2", "--limit-per-class", "1", "--unknown", "few", "images", "bootstrap.h5"], FOLDER)
    first, second = [number_after("memory: ", line) for line in said.splitlines() if "memory: " in line]
    assert abs(second / first - 1) < 0.05, (first, second)


def limited(command, folder, size):
    for made in ("new", "new.test", "input"):
        shutil.rmtree(os.path.join(folder, made), ignore_errors=True)
    return program(*command, cwd=folder, status=(0, 1, 127), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (size, size)))


def advice_fits():
    """The address space is made too small for the given settings, then smaller, until no settings fit."""
    need_small_address_space()
    for command in (EXTRACT, STANDALONE[:-2] + ["--limit-per-class", "8"] + STANDALONE[-2:]):
        command = command[:1] + ["--threads", "4"] + command[1:]
        refused = limited(command, FOLDER, 320 << 20)
        assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1, refused.stderr
        needed, followed = number_after("memory in ", refused.stderr), []
        for share in (0.97, 0.8):
            size = int(needed * share)
            refused = limited(command, FOLDER, size)
            assert refused.returncode == 1 and len(refused.stderr.splitlines()) == 1, (share, refused.stderr)
            use = re.search(r"; use (--.*)$", refused.stderr.strip())
            if not use:
                assert "; even with --" in refused.stderr, refused.stderr
                continue
            smaller = command[:-1] + use[1].split() + command[-1:]
            done = limited(smaller, FOLDER, size)
            assert done.returncode == 0, (share, smaller, done.stderr)
            followed.append(use[1])
        assert followed, command
        print("# %s: %s" % (" ".join(command), "; ".join(followed)))


def what_is_not_refused_works():
    """The smallest address space that is not refused up front, by bisection: no run ends late for want of it."""
    need_small_address_space()
    one = ["extract", "--threads", "1"] + SEEDED + ["--batch", "1", "--limit-per-class", "2", "--layer"]
    for command in (one + ["block5_pool", "images", "new"], one + ["block2_pool", "--split-test", "0.5", "images", "new"],
                    ["train", "--threads", "2", "--limit-per-class", "10"] + STANDALONE[1:],
                    ["train", "--threads", "2"] + FROM_CUT[1:], ["evaluate", "--threads", "2", "cache", "cached.h5"]):
        refusals = (limited(command, FOLDER, size << 20).stderr for size in range(100, 500, 10))  # the first are too small to begin with
        refused = next(said for said in refusals if " of address space, but only " in said)
        low, high = (int(number_after("memory in ", refused)) + step for step in (-10 << 20, 10 << 20))
        while high - low > 2 << 20:
            size = (low + high) // 2
            done = limited(command, FOLDER, size)
            if done.returncode:
                assert " of address space, but only " in done.stderr and len(done.stderr.splitlines()) == 1, (command, size, done.stderr)
                low = size
            else:
                high = size
        assert limited(command, FOLDER, high).returncode == 0, (command, high)
        assert limited(command, FOLDER, low).returncode == 1, (command, low)


with scratch() as FOLDER:
    prepare(FOLDER)
    run(what_is_told_is_what_is_taken, what_is_there_is_not_told_again, advice_fits, what_is_not_refused_works)
