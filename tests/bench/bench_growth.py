#!/usr/bin/env python3
"""How time and memory grow with the number of images: a table, a CSV file and a plot on logarithmic axes.

    bench_growth.py [--sizes 100,1000,10000,100000] [--out out/growth] [--images-up-to 1000]

Vectors are generated (tests/bench/generate.c): 25,088 features, 75 % zeros, ten classes; stored as sparse, 29 KB each, in
three caches (4 GB per 45,000 images). The images are PPMs of one pixel, so that the cost per file is measured, not that of
its bytes. Times are of whole processes, start included. Memory is the largest anonymous memory seen by polling; mapped pages
of the cache are not counted.
    extract    through the base, up to --images-up-to images
    check      the folder scanned and compared with the cache (--merge --check)
    resume     extract again, nothing to do: scan, and hash each file
    info, verify; merge: four shards into a new cache
    epoch      train --hidden 64 --epochs 1
    fit        train --head linear --scale standard, all solver passes
    evaluate   of that linear head on the same cache
"""
import argparse, os, shutil, subprocess, sys, tempfile, time
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from peers import BUILD, machine

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHARDS = 4


def anonymous(pid):
    """MB of the process's anonymous memory at this moment."""
    try:
        for line in open("/proc/%d/status" % pid):
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) / 1e3
    except OSError:
        pass
    return 0


def measure(*command):
    """Seconds, and peak MB of anonymous memory."""
    start, peak, pause = time.perf_counter(), 0, 0.0005
    process = subprocess.Popen([os.path.join(BUILD, command[0]), *command[1:]], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(pause)
        pause = min(pause * 1.05, 0.05)
    seconds = time.perf_counter() - start
    if process.returncode not in (0, 3):
        sys.exit("%s: %s" % (" ".join(command), process.stderr.read().decode()))
    return seconds, peak


def generate(n, cache, *options):
    subprocess.run([os.path.join(BUILD, "bench/generate"), *options, str(n), cache], check=True)


def grow(n, at, images_up_to):
    """(operation, seconds, MB) of each operation on n images."""
    images, cache, model = at + "/images", at + "/cache", at + "/model.h5"
    shards = ["%s/shard%d" % (at, i) for i in range(SHARDS)]
    generate(n, cache, "--images", images)
    base = ["--weights", "random:0", "--quiet"]
    if n <= images_up_to:
        yield ("extract", *measure("extract", *base, images, at + "/extracted"))
    yield ("check", *measure("extract", "--quiet", "--merge", "--check", images, cache))
    yield ("resume", *measure("extract", *base, images, cache))
    yield ("info", *measure("extract", "--info", cache))
    yield ("verify", *measure("extract", "--quiet", "--verify", cache))
    yield ("epoch", *measure("train", "--quiet", "--hidden", "64", "--epochs", "1", cache, at + "/dense.h5"))
    yield ("fit", *measure("train", "--quiet", "--head", "linear", "--scale", "standard", cache, model))
    yield ("evaluate", *measure("evaluate", "--quiet", cache, model))
    for i, shard in enumerate(shards):
        generate(n, shard, "--shard", "%d/%d" % (i, SHARDS))
    yield ("merge", *measure("extract", "--quiet", "--merge", at + "/merged", *shards))


def table(results, sizes, title, column, format):
    operations = list(dict.fromkeys(r[0] for r in results))
    print("\n%-10s" % title + "".join("%12s" % format_size(n) for n in sizes))
    for operation in operations:
        cells = {n: r for o, n, *r in results if o == operation}
        print("%-10s" % operation + "".join("%12s" % (format % cells[n][column] if n in cells else "") for n in sizes))


def format_size(n):
    return "{:,}".format(n)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="100,1000,10000,100000")
    parser.add_argument("--out", default=os.path.join(ROOT, "out/growth"))
    parser.add_argument("--images-up-to", type=int, default=1000)
    arguments = parser.parse_args()
    sizes, results = [int(n) for n in arguments.sizes.split(",")], []
    os.makedirs(arguments.out, exist_ok=True)
    print(machine()[0])
    for n in sizes:
        folder = tempfile.mkdtemp(prefix="vggcache-growth-", dir=arguments.out)
        try:
            for operation, seconds, memory in grow(n, folder, arguments.images_up_to):
                results.append((operation, n, 1e3 * seconds / n, memory))
                print("# %s, %s images: %.2f s, %.0f MB" % (operation, format_size(n), seconds, memory), flush=True)
        finally:
            shutil.rmtree(folder)
    csv = arguments.out + "/growth.csv"
    with open(csv, "w") as out:
        out.write("operation,images,milliseconds,MB\n")
        out.writelines("%s,%d,%.6g,%.6g\n" % r for r in results)
    table(results, sizes, "ms/image", 0, "%.3f")
    table(results, sizes, "MB", 1, "%.0f")
    subprocess.run([os.path.join(BUILD, "bench/growth_plot"), csv, arguments.out + "/growth.png"], check=True)
    print("\n%s and growth.png beside it" % os.path.relpath(csv))


main()
