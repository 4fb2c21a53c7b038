"""tests/run: its last line counts every test that was to run, also those that printed no result."""
import os, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import ROOT, run, scratch

# A GTest program of two cases as GLib prints: 2.74 lists them bare, 2.84 as comments after "TAP version 14".
GTEST = """#!/bin/sh
[ "$1" = -l ] || { echo "%(head)s"; echo "ok 1 $3%(note)s"; echo 1..1; exit; }
printf '%%s\\n' "%(head)s" 1..2 "# Start of a tests" "%(mark)s/a/b" "%(mark)s/a/c"
"""
SCRIPT = """import sys
sys.path.insert(0, "%s/tests")
from tap import Skip, run
def passes(): pass
def is_skipped(): raise Skip("no such machine")
def is_skipped_without_reason(): raise Skip
def fails(): assert False
def ends_all(): sys.exit(0)
run(%s)
"""


def last_line(**files):
    """Of tests/run with these files, whose names end in _py or in nothing; asserts that its exit status agrees."""
    with scratch() as folder:
        paths = []
        for name, text in files.items():
            paths.append(os.path.join(folder, name.replace("_py", ".py")))
            with open(paths[-1], "w") as file:
                file.write(text)
            os.chmod(paths[-1], 0o755)
        done = subprocess.run([ROOT + "/tests/run"] + paths, env=dict(os.environ, BUILD=folder, JOBS="2"), capture_output=True, text=True)
    line = done.stdout.splitlines()[-1]
    assert (done.returncode == 0) == (" 0 failed" in line), (done.returncode, done.stdout, done.stderr)
    return line


def script(*tests):
    return SCRIPT % (ROOT, ", ".join(tests))


def gtest(head="# random seed: R02S", mark="", note=""):
    return GTEST % dict(head=head, mark=mark, note=note)


def unit_tests_are_counted_by_each_version_of_glib():
    assert last_line(old=gtest(), new=gtest("TAP version 14", "# ")) == "4 passed, 0 failed"


def a_skipped_test_is_counted_as_such_with_a_reason_and_as_failed_without():
    assert last_line(a_py=script("passes", "is_skipped")) == "1 passed, 0 failed, 1 skipped"
    assert last_line(a_py=script("passes", "is_skipped_without_reason")) == "1 passed, 1 failed"
    assert last_line(a=gtest(note=" # SKIP no such machine"), b=gtest()) == "2 passed, 0 failed, 2 skipped"
    assert last_line(a=gtest(note=" # SKIP"), b=gtest()) == "2 passed, 2 failed"


def tests_without_a_result_are_failures():
    assert last_line(a_py=script("passes", "ends_all", "passes"), b_py=script("passes", "fails")) == "2 passed, 3 failed"
    assert last_line(a_py=script("passes"), b_py="print('1..0')", c="#!/bin/sh\n", d_py="") == "1 passed, 3 failed"


run(unit_tests_are_counted_by_each_version_of_glib, a_skipped_test_is_counted_as_such_with_a_reason_and_as_failed_without,
    tests_without_a_result_are_failures)
