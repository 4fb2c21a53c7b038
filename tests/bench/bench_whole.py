"""From a folder of photographs to a trained head and its report, as whole commands: README's three lines against Keras's script
(whole_keras.py), alternating.

    tests/bench/bench_whole.py [--photos DIR] [--weights FILE] [--rounds N]

DIR holds a folder a class; without it JPEG files of 500x375 are drawn. Without FILE both take untrained weights, and only the times
mean something.
"""
import argparse, os, re, shutil, statistics, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from bench_extract import write_jpegs
from peers import BUILD, HERE, has, machine


def ours(work, photos, weights, head):
    cache, model = os.path.join(work, "photos.cache"), os.path.join(work, "photos.h5")
    program = lambda name, *rest: [os.path.join(BUILD, name), "--quiet", *rest]
    return [program("extract", "--weights", weights or "random", "--split-test", "0.2", photos, cache),
            program("train", "--head", head, cache, model),
            program("evaluate", cache + ".test", model, "--report", os.path.join(work, "report"))]


def run(work, commands):
    """Seconds of all commands, and the share of the test images that is right, by the last one's output."""
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    start = time.perf_counter()
    for command in commands:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit("%s\n%s" % (" ".join(command), done.stderr[-2000:]))
    return time.perf_counter() - start, float(re.search(r"(?:accuracy|right on) +(0\.\d+|1\.0+)", done.stdout).group(1))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--photos")
    p.add_argument("--weights")
    p.add_argument("--rounds", type=int, default=3)
    a = p.parse_args()
    print(machine()[0])
    with tempfile.TemporaryDirectory() as folder:
        photos, work = a.photos or os.path.join(folder, "photos"), os.path.join(folder, "work")
        if not a.photos:
            write_jpegs(photos, 160)
        ways = {"vggcache, linear": ours(work, photos, a.weights, "linear"), "vggcache, dense": ours(work, photos, a.weights, "dense")}
        if has("keras") and has("sklearn"):
            ways["Keras"] = [[sys.executable, os.path.join(HERE, "whole_keras.py"), a.weights or "none", photos,
                              os.path.join(work, "photos.keras")]]
        done = {way: [] for way in ways}
        for _ in range(a.rounds):
            for way, commands in ways.items():
                done[way].append(run(work, commands))
        images = sum(len(files) for _, _, files in os.walk(photos))
    print("%d images to a head and its report, whole commands, medians of %d alternating rounds" % (images, a.rounds))
    first = next(iter(done.values()))
    for way, runs in done.items():
        print("%-18s %8.1f s %13.2fx %s" % (way, statistics.median(s for s, _ in runs),
                                            statistics.median(s / o for (s, _), (o, _) in zip(runs, first)),
                                            "right on %.3f" % runs[0][1] if a.weights else ""))


if __name__ == "__main__":
    main()
