"""The program of make bench-layers: its report on one layer has the right form, and its bytes are those counted by hand.
Times and shares depend on what else the machine does, so that nothing is asked of their size."""
import os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run

SHARES = ("prod", "in", "out", "all")


def layer(name):
    """The columns of the layer's line, in groups. The line for all layers must say the same, as it is the only one."""
    printed = program("bench/layers", 1, 1, 3, "baseline", name).stdout
    assert re.match(r"baseline, 1 thread, batches of 1, median of 3\n", printed), printed
    assert re.search(r"\na thread's peak: [0-9.]+ GFLOP/s \(baseline\)\n", printed), printed
    rates = re.search(r"\nGB/s of them:((?: +[0-9.]+){11})\n", printed)[1].split()
    assert all(float(rate) > 0 for rate in rates), printed
    lines = printed.splitlines()
    assert all(len(line) <= 100 for line in lines), printed
    ours, everything = ([line for line in lines if re.match(start, line)] for start in (name, "all "))
    assert len(ours) == len(everything) == 1, printed
    groups = [group.split() for group in ours[0].split("|")]
    assert [group.split() for group in everything[0].split("|")][1:] == groups[1:], printed
    return groups


def check(groups, shares):
    """Raises if a figure is missing or negative; returns the MB."""
    _, ms, (_, peak), (megabytes, *found) = groups
    assert all(float(x) >= 0 for x in ms) and float(ms[0]) > 0, ms
    assert float(peak) >= 0, groups
    assert len(found) == len(shares), groups
    assert all(int(share) >= 0 for share in found), groups
    return float(megabytes)


def the_bytes_of_a_layer_are_those_counted_by_hand():
    # F(7x7): 4 x 4 tiles of 81 positions, in one block, which reads U once, and V once for each of 8 slices of 64
    # output channels. M is written, then read and written for the second run of 128 input channels, then read once more.
    side, inputs, outputs, tiles, positions = 28, 256, 512, 16, 81
    v, u, m = tiles * positions * inputs, positions * inputs * outputs, tiles * positions * outputs
    floats = side * side * (inputs + outputs) + v + 8 * v + u + 4 * m
    groups = layer("block4_conv1")
    megabytes = check(groups, SHARES)
    assert abs(megabytes - 4e-6 * floats) < 1, (megabytes, 4e-6 * floats)


def a_layer_without_transforms_has_products_alone():
    megabytes = check(layer("block1_conv1"), ("prod", "all"))
    assert abs(megabytes - 4e-6 * 224 * 224 * (3 + 64)) < 1, megabytes


def what_is_not_there_is_refused():
    assert "none of VGG16" in program("bench/layers", 1, 1, 1, "baseline", "block6_conv1", status=2).stderr
    assert "usage" in program("bench/layers", 1, 1, 1, "sse9", status=2).stderr


run(the_bytes_of_a_layer_are_those_counted_by_hand,
    a_layer_without_transforms_has_products_alone,
    what_is_not_there_is_refused)
