"""A part of make torture: failing system calls and kills, and what is left after them."""
import os, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../torture"))
from tap import run, scratch
from torture import QUICK, SCENARIOS, fail_allocation, kill_chain, need_tools, prepared, torture

FOLDER = scratch()


def test_of(scenario):
    def test():
        wrong = torture(prepared(FOLDER.path), [scenario.name], faults=QUICK, say=lambda line: None)
        assert not wrong, "\n".join(wrong)

    test.__name__ = "whatever_call_fails_nothing_is_lost_in_" + scenario.name.replace("-", "_")
    return test


def chain_of(optimizer):
    def test():
        kill_chain(prepared(FOLDER.path), optimizer)

    test.__name__ = "a_chain_of_kills_ends_in_the_same_model_with_" + optimizer
    return test


def want_of_memory_is_told_from_the_first_allocation_of_main_on():
    need_tools()
    with scratch() as folder:
        status, stderr, _, hit = fail_allocation("small", 1, "once", ["evaluate", "--version"], folder)
        assert hit and status == 1, (status, hit)
        assert stderr.startswith("vggcache: out of memory: ") and stderr.count("\n") == 1, stderr


with FOLDER:
    run(want_of_memory_is_told_from_the_first_allocation_of_main_on, *[test_of(scenario) for scenario in SCENARIOS],
        *[chain_of(optimizer) for optimizer in ("adam", "rmsprop", "sgd")])
