"""OpenBLAS: loaded only where it is needed; its core is the best for the processor unless the user chooses one, and it
starts no threads."""
import os, re, resource, sys
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from noise_images import make_images
from tap import need_small_address_space, program, run, scratch

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


def openblas_is_loaded_only_for_products():
    verbose = environment(OPENBLAS_VERBOSE="2")  # it says "Core: …" when it is loaded
    with scratch() as folder:
        make_images(folder + "/images", each=2)
        cache, model = folder + "/cache", folder + "/model"
        for command, loads in ((["train", "--version"], True), (["train", "--help"], False),
                               (["extract", "--layer", "input", folder + "/images", cache], False), (["extract", "--info", cache], False),
                               (["train", "--head", "linear", cache, model], True)):
            assert ("Core: " in program(*command, env=verbose).stderr) == loads, command


def a_small_address_space_is_a_sentence_and_no_hang():
    """OpenBLAS would try for ever to map its memory."""
    need_small_address_space()
    limit = 200 << 20
    small = dict(timeout=60, env=environment(), preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
    for name in NAMES:
        assert "--version" in program(name, "--help", **small).stdout
        line = program(name, "--version", **small).stdout.splitlines()[-1]
        assert line == "BLAS: out of memory: OpenBLAS takes 180 MB, which are not available; try fewer --threads", line
    with scratch() as folder:
        make_images(folder + "/images", each=2)
        program("extract", "--layer", "input", folder + "/images", folder + "/cache")
        said = program("train", "--head", "linear", folder + "/cache", folder + "/model", status=1, **small).stderr
        assert said.splitlines()[-1].startswith("train: out of memory: OpenBLAS takes 180 MB"), said


run(the_core_is_the_one_that_the_processor_s_instructions_allow,
    a_core_named_by_the_user_wins_and_version_says_what_it_costs,
    openblas_has_one_thread_whatever_the_environment_asks_for, openblas_is_loaded_only_for_products,
    a_small_address_space_is_a_sentence_and_no_hang)
