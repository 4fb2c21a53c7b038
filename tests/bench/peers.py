"""What the benchmarks share: contenders that alternate, and the table of their medians.

A contender is a process that prints "ready" when it is prepared, after it a better name if it has one, and then for each line on its input does the work once and
prints "SECONDS PEAK_KB".
"""
import functools, importlib.util, os, statistics, subprocess, sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from tap import BUILD
THREADS = len(os.sched_getaffinity(0))


@functools.cache
def has(module):
    """In this interpreter, that of `make bench-peers` if it was run; else a line says that its peer is left out."""
    found = importlib.util.find_spec(module) is not None
    if not found:
        print("%s is left out; make bench-peers installs it" % module)
    return found


def machine():
    """Processor, instruction set and BLAS as the programs print them, and the name of the BLAS's core."""
    lines = subprocess.run([os.path.join(BUILD, "train"), "--version"], capture_output=True, text=True,
                           check=True).stdout.splitlines()[1:]
    return "\n".join(lines), lines[-1].split("core ")[1].split(",")[0].split(";")[0]


class Contender:
    def __init__(self, name, command, **environment):
        self.name, self.seconds, self.peak = name, [], 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **environment))
        ready, *better = self.process.stdout.readline().split()[:3] or [""]
        if ready != "ready":
            sys.exit("%s did not start: %s" % (name, " ".join(command)))
        self.name = " ".join(better) or name

    def run(self, line="run"):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        seconds, peak = self.process.stdout.readline().split()
        self.peak = int(peak)
        return float(seconds)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def alternate(contenders, rounds):
    for _ in range(rounds):
        for c in contenders:
            c.seconds.append(c.run())
    for c in contenders:
        c.close()


def table(contenders, work, unit, extra={}):
    """work: units per run. The first contender is ours; ratios are medians over the rounds."""
    print("%-22s %9s %14s %9s  %s" % ("", unit, "vggcache is", "peak MB", "rel. L2 error" if extra else ""))
    for c in contenders:
        ratio = statistics.median(t / o for t, o in zip(c.seconds, contenders[0].seconds))
        print("%-22s %9.2f %13.2fx %9.0f  %s" % (c.name, work / statistics.median(c.seconds), ratio, c.peak / 1024,
                                                 "%.1e" % extra[c.name] if c.name in extra else ""))
