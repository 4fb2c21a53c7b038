"""OpenBLAS: its core is the best for the processor unless the user chooses one, and it starts no threads."""
import os, re, resource, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from tap import need_small_address_space, program, run

NAMES = ("extract", "train", "evaluate")


def environment(**changes):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OPENBLAS_", "OMP_", "GOTO_"))}
    return dict(kept, **changes)


def blas_of(name, **changes):
    """The core and the number of threads of --version, and the rest of that line."""
    line = program(name, "--version", env=environment(**changes)).stdout.splitlines()[-1]
    return re.fullmatch(r"BLAS: OpenBLAS [0-9.]+, core (\w+)(.*), (\d+) threads?", line).groups()


def suitable_core():
    """By the kernel's list of processor flags; None where the choice is left to OpenBLAS."""
    with open("/proc/cpuinfo") as file:
        text = file.read()
    flags = set((re.search(r"^flags\s*:(.*)$", text, re.M) or [None, ""])[1].split())
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd", "avx2", "fma", "f16c"} <= flags:
        return "SkylakeX"
    if {"avx2", "fma", "f16c"} <= flags:
        return "Zen" if "AuthenticAMD" in text else "Haswell"
    return None


def the_core_is_the_one_that_the_processor_s_instructions_allow():
    for name in NAMES:
        core, remark, _ = blas_of(name)
        assert suitable_core() in (None, core) and remark == "", (name, core, remark)


def a_core_named_by_the_user_wins_and_version_says_what_it_costs():
    if suitable_core() is None:
        return
    for name in NAMES:
        core, remark, threads = blas_of(name, OPENBLAS_CORETYPE="Prescott")
        assert core == "Prescott" and remark == "; this processor could run " + suitable_core(), (core, remark)
        assert threads == "1", threads


def openblas_has_one_thread_whatever_the_environment_asks_for():
    for changes in ({}, {"OPENBLAS_NUM_THREADS": "8"}, {"OMP_NUM_THREADS": "4"}, {"GOTO_NUM_THREADS": "4"}):
        for name in NAMES:
            assert blas_of(name, **changes)[2] == "1", (name, changes)


def small_address_spaces_cause_no_message_of_openblas_and_no_hang():
    """At some of these sizes, its threads would fail to start, or spin at the program's end."""
    need_small_address_space()
    started = 0
    for megabytes in (120, 140, 160, 180, 200, 230, 260, 300):
        limit = megabytes << 20
        done = program("train", "--help", status=(0, 1, 127), timeout=60, env=environment(),
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        assert "OpenBLAS" not in done.stderr, (megabytes, done.stderr)
        started += done.returncode == 0
    assert started >= 3, started


run(the_core_is_the_one_that_the_processor_s_instructions_allow,
    a_core_named_by_the_user_wins_and_version_says_what_it_costs,
    openblas_has_one_thread_whatever_the_environment_asks_for, small_address_spaces_cause_no_message_of_openblas_and_no_hang)
