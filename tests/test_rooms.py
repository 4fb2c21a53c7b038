"""The order of rooms (tests/rooms): every source file is in one, and includes none of a higher room. What rooms and
functions show is held small."""
import os, re, subprocess, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import ROOT, run

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def rooms():
    """(name, purpose), lowest first."""
    with open(os.path.join(ROOT, "tests", "rooms")) as file:
        lines = [line.split(None, 1) for line in file if line.strip() and not line.startswith("#")]
    for line in lines:
        assert len(line) == 2, "a room without a purpose: %s" % line
    return [(name, purpose.strip()) for name, purpose in lines]


def room_of(path, names):
    """The innermost room that contains the file, or None."""
    inside = [name for name in names if path == name or path.startswith(name + "/")]
    return max(inside, key=len) if inside else None


def sources():
    """{path: text} of the programs' C files."""
    found = {}
    for top in ("common", "extract", "train", "evaluate"):
        for folder, _, files in os.walk(os.path.join(ROOT, top)):
            for name in files:
                if name.endswith((".c", ".h")):
                    path = os.path.join(folder, name)
                    with open(path) as file:
                        found[os.path.relpath(path, ROOT)] = file.read()
    return found


def wrong_includes(files, names):
    """A message for each include that the order does not allow, and for each file outside all rooms."""
    floor = {name: number for number, name in enumerate(names)}
    wrong = []
    for path, text in sorted(files.items()):
        here = room_of(path, names)
        if here is None:
            wrong.append("%s is in no room" % path)
            continue
        for header in INCLUDE.findall(text):
            there = room_of(header, names)
            if there is None:
                wrong.append("%s includes %s, which is in no room" % (path, header))
            elif floor[there] > floor[here]:
                wrong.append("%s includes %s: %s is above %s" % (path, header, there, here))
            elif there != here and not there.startswith("common/") and there.split("/")[0] != here.split("/")[0]:
                wrong.append("%s includes %s, which belongs to another program" % (path, header))
    return wrong


def each_include_follows_the_order_of_rooms():
    wrong = wrong_includes(sources(), [name for name, _ in rooms()])
    assert not wrong, "\n".join(wrong)


def each_room_has_files_and_one_place_in_the_order():
    names = [name for name, _ in rooms()]
    assert len(set(names)) == len(names), names
    held = {room_of(path, names) for path in sources()}
    assert held >= set(names), "rooms without a file: %s" % sorted(set(names) - held)


def an_include_against_the_order_is_found():
    names = [name for name, _ in rooms()]
    up = {"common/core/memory.c": '#include "common/core/memory.h"\n  #  include "common/cli/cli.h"\n'}
    assert wrong_includes(up, names) == ["common/core/memory.c includes common/cli/cli.h: common/cli is above common/core"]
    aside = {"train/main.c": '#include "extract/options.h"\n'}
    assert wrong_includes(aside, names) == ["train/main.c includes extract/options.h, which belongs to another program"]
    assert wrong_includes({"common/attic/x.c": ""}, names) == ["common/attic/x.c is in no room"]
    assert wrong_includes({"common/cli/cli.c": '#include "common/core/memory.h"\n'}, names) == []


def functions(text):
    """(name, parameters, lines) of each function that the text defines, in the style that clang-format keeps."""
    for found in re.finditer(r"^(\w[^;{}#]*?)\n\{\n.*?^\}$", text, re.M | re.S):
        head = re.search(r"(\w+)(\(.*\))", found.group(1), re.S)
        if not head:
            continue  # a structure or a table
        level = parameters = 0
        for character in head.group(2):
            level += (character == "(") - (character == ")")
            parameters += character == "," and level == 1
        yield head.group(1), parameters + 1, found.group(0).count("\n") + 1


def functions_are_short_and_take_few_arguments():
    """At most 60 lines, and seven arguments, but for kernels, which are called once and inlined."""
    wrong = []
    for path, text in sorted(sources().items()):
        for name, parameters, lines in functions(text):
            if lines > 60 or (parameters > 7 and not path.startswith("common/arithmetic/simd/")):
                wrong.append("%s: %s has %d lines and %d parameters" % (path, name, lines, parameters))
    assert not wrong, "\n".join(wrong)
    long = "static int f(int a, int (*b)(int, int), int c,\n      int d, int e, int f, int g, int h)\n{\n" + "    a++;\n" * 58 + "}"
    assert list(functions(long)) == [("f", 8, 62)], list(functions(long))


def a_room_shows_others_at_most_twelve_headers():
    names, shown = [name for name, _ in rooms()], {}
    for path, text in sources().items():
        for header in INCLUDE.findall(text):
            if room_of(header, names) != room_of(path, names):
                shown.setdefault(room_of(header, names), set()).add(header)
    for name, headers in shown.items():
        assert len(headers) <= 12, "%s: others include %s" % (name, ", ".join(sorted(headers)))


def the_top_level_stays_as_it_is():
    done = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True)
    if done.returncode:
        return  # a source archive has no list of its files
    top = {path.split("/")[0] for path in done.stdout.split()}
    visible = {name for name in top if not name.startswith(".")}
    assert visible <= {"extract", "train", "evaluate", "common", "tests", "Makefile", "README.md", "CHANGELOG.md", "LICENSE"}, visible


def unit_tests_mirror_the_rooms_and_no_file_is_longer_than_600_lines():
    names = {name[len("common/"):] if name.startswith("common/") else name for name, _ in rooms()}
    unit = os.path.join(ROOT, "tests", "unit")
    for folder, _, files in os.walk(unit):
        tests = [name for name in files if name.startswith("test_")]
        assert not tests or os.path.relpath(folder, unit) in names, "%s holds tests of no room" % folder
    for folder, _, files in os.walk(os.path.join(ROOT, "tests")):
        for name in (name for name in files if name.endswith((".c", ".h", ".py"))):
            with open(os.path.join(folder, name)) as file:
                assert sum(1 for _ in file) <= 600, "%s/%s has more than 600 lines" % (folder, name)


if __name__ == "__main__":
    run(each_include_follows_the_order_of_rooms, each_room_has_files_and_one_place_in_the_order,
        an_include_against_the_order_is_found, functions_are_short_and_take_few_arguments,
        a_room_shows_others_at_most_twelve_headers, the_top_level_stays_as_it_is,
        unit_tests_mirror_the_rooms_and_no_file_is_longer_than_600_lines)
