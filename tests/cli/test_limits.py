"""Little memory, full disks, interrupted first writes, control characters in names: a message, never a signal or a hang."""
import os, resource, struct, subprocess, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import BUILD, need_small_address_space, program, run, scratch


def make_cache(folder, name="cache"):
    rng, n = np.random.default_rng(0), 40
    labels = np.arange(n) % 4
    np.save(folder + "/x.npy", np.maximum(rng.normal(size=(n, 512)) + labels[:, None], 0).astype(np.float32))
    with open(folder + "/x.csv", "w") as out:
        out.writelines("%s/%02d.jpg,%s\n" % ("abcd"[k], i, "abcd"[k]) for i, k in enumerate(labels))
    program("tools/make-cache", folder + "/x.npy", folder + "/x.csv", os.path.join(folder, name))
    return os.path.join(folder, name)


def limited(what, limit, command, folder):
    """(exit status, stderr) of a program under a limit, in the working directory folder; a hang raises."""
    done = subprocess.run([os.path.join(BUILD, command[0])] + command[1:], cwd=folder, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, errors="replace", timeout=60, stdin=subprocess.DEVNULL,
                          preexec_fn=lambda: resource.setrlimit(what, (limit, limit)))
    return done.returncode, done.stderr


def at_most_a_sentence(command, limit, status, stderr):
    lines = stderr.splitlines()
    said = (command, limit, status, stderr)
    if status == 127:  # the loader had no space for the libraries
        return
    assert status in (0, 1), said
    assert len(lines) == status and all(line.startswith((command[0] + ": ", "vggcache: out of memory")) for line in lines), said


def every_size_of_memory_is_enough_or_a_sentence():
    need_small_address_space()
    ended = set()
    with scratch() as folder:
        make_cache(folder)
        dense = ["train", "--quiet", "--threads", "2", "--hidden", "4", "--epochs", "1", "--no-checkpoint", "cache", "m.h5"]
        program(*dense, cwd=folder)
        os.rename(folder + "/m.h5", folder + "/model.h5")
        for command in (dense, ["train", "--quiet", "--threads", "2", "--head", "linear", "cache", "l.h5"],
                        ["evaluate", "--threads", "2", "--json", "e.json", "cache", "model.h5"],
                        ["extract", "--info", "cache"], ["extract", "--export", "x", "cache"]):
            for megabytes in list(range(120, 260, 7)) + [300, 400, 460, 600]:
                status, stderr = limited(resource.RLIMIT_AS, megabytes << 20, command, folder)
                at_most_a_sentence(command, megabytes, status, stderr)
                ended.add(status)
                assert not [f for f in os.listdir(folder) if f.endswith(".part")], (command, megabytes)
    assert {0, 1} <= ended


def a_first_write_cut_short_is_told_as_that_and_extract_goes_on():
    with scratch() as folder:
        make_cache(folder)
        os.mkdir(folder + "/d"), os.mkdir(folder + "/d/a"), os.mkdir(folder + "/cut")
        Image.new("RGB", (8, 8)).save(folder + "/d/a/0.png")
        page = bytearray(4096)  # the first of the two pages that LMDB writes to a new file
        struct.pack_into("<QHHHH", page, 0, 0, 0, 8, 0, 0)
        struct.pack_into("<IIQQ", page, 16, 0xBEEFC0DE, 1, 0, 1 << 20)
        struct.pack_into("<IHHQQQQQ", page, 40, 4096, 8, 0, 0, 0, 0, 0, 2**64 - 1)
        struct.pack_into("<IHHQQQQQ", page, 88, 0, 0, 0, 0, 0, 0, 0, 2**64 - 1)
        struct.pack_into("<QQ", page, 136, 1, 0)
        for there in ([], ["lock.mdb"]):  # interrupted before data.mdb was created
            for name in there:
                open(folder + "/cut/" + name, "wb").close()
            assert "holds nothing yet" in program("extract", "--info", "cut", cwd=folder, status=1).stderr, there
        assert "not a cache" in program("extract", "--info", "d", cwd=folder, status=1).stderr
        for size in (0, 4096):
            with open(folder + "/cut/data.mdb", "wb") as file:
                file.write(page[:size])
            for command in (["extract", "--info", "cut"], ["extract", "--verify", "cut"], ["train", "cut", "m.h5"]):
                done = program(*command, cwd=folder, status=1)
                assert "holds nothing yet" in done.stderr and "restore" not in done.stderr, done.stderr
            done = program("extract", "--quiet", "--layer", "input", "d", "cut", cwd=folder)
            assert done.stdout.startswith("1 new"), done.stdout
            done = program("extract", "--info", "cut", cwd=folder)
        with open(folder + "/cut/data.mdb", "r+b") as file:  # one that was not empty
            file.truncate(4096)
        assert "restore it from a copy" in program("extract", "--info", "cut", cwd=folder, status=1).stderr


def names_do_not_reach_the_terminal_raw():
    with scratch() as folder:
        for name in ("a\x1b[31m\nb", "c\u009bq"):
            os.makedirs(folder + "/d/" + name)
            for k in range(3):
                Image.fromarray(np.full((8, 8, 3), 40 * k, np.uint8)).save(folder + "/d/%s/x\x1b%d.png" % (name, k))
            with open(folder + "/d/" + name + "/z\r.png", "w") as junk:
                junk.write("junk")
        model, images = folder + "/m.h5", [os.path.join(at, f) for at, _, files in os.walk(folder + "/d") for f in files]
        extract = program("extract", "--layer", "input", folder + "/d", folder + "/c", status=3)
        train = program("train", "--hidden", "4", "--epochs", "1", "--validation-split", "0", folder + "/c", model)
        for done in (extract, train, program("extract", "--info", folder + "/c"),
                     program("evaluate", folder + "/c", model, status=(0, 3)), program("evaluate", "--predict", model, *images, status=3)):
            raw = [c for c in done.stdout + done.stderr if ord(c) < 32 and c != "\n" or 127 <= ord(c) < 160]
            assert not raw, (raw, done.stdout, done.stderr)
        shown = program("extract", "--info", folder + "/c").stdout
        assert "  a\\x1b[31m\\nb\n" in shown and "  c\\x9bq\n" in shown, shown


def a_full_disk_is_warned_of_once_for_all_checkpoints():
    with scratch() as folder:
        cache = make_cache(folder)
        command = ["train", "--quiet", "--hidden", "300", "--epochs", "6", "--optimizer", "adam", cache, folder + "/n.h5"]
        program(*command)
        model = os.path.getsize(folder + "/n.h5")
        status, stderr = limited(resource.RLIMIT_FSIZE, model + 4096, command, folder)
        assert status == 0 and stderr.count("without a checkpoint") <= 1 and len(stderr.splitlines()) <= 1, stderr
        assert "checkpoint" in stderr, stderr


run(every_size_of_memory_is_enough_or_a_sentence, a_first_write_cut_short_is_told_as_that_and_extract_goes_on,
    names_do_not_reach_the_terminal_raw, a_full_disk_is_warned_of_once_for_all_checkpoints)
