"""The Test Anything Protocol for the tests written in Python: run(function…) runs each and prints ok or not ok.

A test is a function whose name states the behaviour (underscores become spaces) and that raises if it does not hold.
"""
import os, re, shutil, subprocess, sys, tempfile, traceback

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, os.environ.get("BUILD", "build"))
# An assertion of GLib that fails is a fault, not a line on stderr.
os.environ.setdefault("G_DEBUG", "fatal-criticals")


class Skip(Exception):
    """Raised by a test that cannot run here; its text is the reason. Without one, the test has failed."""


def need_small_address_space():
    """AddressSanitizer and ThreadSanitizer reserve terabytes and stop a program that is allowed less."""
    if os.path.basename(BUILD) in ("address", "thread"):
        raise Skip("the sanitizer reserves more address space than the limit")


def program(name, *arguments, status=0, timeout=600, **options):
    """Runs build/NAME; raises if the exit status differs, or GLib was called in a wrong way. Returns the CompletedProcess,
    output as text."""
    command = [os.path.join(BUILD, name)] + [str(a) for a in arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **options)
    expected = status if isinstance(status, (tuple, list)) else (status,)
    if done.returncode not in expected or "GLib-CRITICAL" in done.stderr:
        raise AssertionError("%s\nexit status %d, expected %s\nstdout: %s\nstderr: %s" %
                             (" ".join(command), done.returncode, expected, done.stdout[-2000:], done.stderr[-2000:]))
    return done


def start(name, *arguments, **options):
    """Starts build/NAME beside the test, with text pipes for its output, at a lower priority: on a busy machine it could
    otherwise end before the test has seen it start."""
    command = [os.path.join(BUILD, name)] + [str(a) for a in arguments]
    pipes = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return subprocess.Popen(command, **dict(pipes, preexec_fn=lambda: os.nice(5), **options))


def says(text, phrase):
    """Whether text contains the phrase without a digit before it: "10 unchanged" does not say "0 unchanged"."""
    return re.search(r"(?<![0-9.,])" + re.escape(phrase), text) is not None


class scratch:
    """with scratch() as folder: a temporary folder, removed at the end."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="vggcache-test-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def run(*tests):
    print("1..%d" % len(tests))
    failed = 0
    for number, test in enumerate(tests, 1):
        title = test.__name__.replace("_", " ")
        try:
            test()
            print("ok %d - %s" % (number, title), flush=True)
        except Exception as error:
            if isinstance(error, Skip) and str(error):
                print("ok %d - %s # SKIP %s" % (number, title, error), flush=True)
                continue
            failed += 1
            print("not ok %d - %s" % (number, title))
            for line in traceback.format_exc().splitlines():
                print("# " + line, flush=True)
    sys.exit(1 if failed else 0)
