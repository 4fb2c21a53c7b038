"""Files that do harm while they are read: without end, out of all proportion, cut short; and interrupted reading."""
import gzip, io, os, shutil, signal, subprocess, sys, tarfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import h5py
import numpy as np
from tap import BUILD, program, run, scratch, start


def ppm(level, side=4):
    return b"P6 %d %d 255\n" % (side, side) + bytes([level]) * (3 * side * side)


def images_below(folder, n):
    os.makedirs(folder + "/a")
    for i in range(n):
        with open(folder + "/a/%d.ppm" % i, "wb") as out:
            out.write(ppm(i % 256, 200))


def bomb(path, name, megabytes, images=2):
    """A compressed archive of a member of zeros, as large as said, between small images."""
    zeros = gzip.compress(bytes(1 << 24), 9)

    def member(name, size):
        info = tarfile.TarInfo(name)
        info.size = size
        return info.tobuf(tarfile.GNU_FORMAT)

    with open(path, "wb") as out:
        for i in range(images):
            image = ppm(i)
            out.write(gzip.compress(member("a/%d.ppm" % i, len(image)) + image.ljust(512, b"\0")))
        out.write(gzip.compress(member(name, megabytes << 20)))
        for _ in range(0, megabytes, 16):
            out.write(zeros)
        image = ppm(9)
        out.write(gzip.compress(member("b/9.ppm", len(image)) + image.ljust(512, b"\0") + bytes(1024)))
    return path


def children_of(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def opened(pid):
    try:
        return os.readlink("/proc/%d/fd/4" % pid)  # the sandbox's file
    except OSError:
        return ""


def stop_reader(process, path):
    """Stops the child that reads this file; FALSE if the program ended before."""
    while process.poll() is None:
        for child in children_of(process.pid):
            if opened(child) == path:
                os.kill(child, signal.SIGSTOP)
                return True
    return False


def ends_at_the_first(process, signal_number, path):
    process.send_signal(signal_number)
    messages = process.communicate(timeout=60)[1]
    last = messages.splitlines()[-1]
    assert process.returncode == (-signal.SIGINT if signal_number == signal.SIGINT else 1), (process.returncode, messages)
    assert last.endswith("%s: interrupted while it was read" % path), messages


def the_first_signal_ends_reading_an_archive():
    with scratch() as at:
        archive = bomb(at + "/a.tar.gz", "a/endless.bin", 1 << 17)
        for signal_number in (signal.SIGINT, signal.SIGTERM):
            process = start("extract", "--layer", "input", archive, at + "/cache")
            while not any(opened(child) == archive for child in children_of(process.pid)):
                assert process.poll() is None, process.communicate()
            time.sleep(0.5)
            ends_at_the_first(process, signal_number, archive)
            assert not os.path.exists(at + "/cache")


def the_first_signal_ends_reading_weights_and_is_not_their_damage():
    with scratch() as at:
        weights, images = at + "/w.h5", at + "/images"
        os.makedirs(images + "/a")
        with open(images + "/a/0.ppm", "wb") as out:
            out.write(ppm(1))
        with h5py.File(weights, "w") as file:  # of all zeros: none are stored
            names = []
            for block, (convs, out) in enumerate(((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)), 1):
                for conv in range(1, convs + 1):
                    into = out if conv > 1 else 3 if block == 1 else {128: 64, 256: 128}.get(out, 256 if block == 4 else 512)
                    name = "block%d_conv%d" % (block, conv)
                    group = file.create_group(name)
                    group.create_dataset("k", (3, 3, into, out), "f4"), group.create_dataset("b", (out,), "f4")
                    group.attrs["weight_names"] = [b"k", b"b"]
                    names.append(name.encode())
            file.attrs["layer_names"] = names
        command = ["extract", "--quiet", "--layer", "block1_pool", "--weights", weights, images, at + "/cache"]
        process = start(*command)
        assert stop_reader(process, weights)
        ends_at_the_first(process, signal.SIGINT, weights)
        process = start(*command)
        assert stop_reader(process, weights)
        for child in children_of(process.pid):
            if opened(child) == weights:
                os.kill(child, signal.SIGALRM), os.kill(child, signal.SIGCONT)
        messages = process.communicate(timeout=60)[1]
        assert process.returncode == 1 and "interrupted while it was read" in messages and "damaged" not in messages, messages
        assert program(*command).stdout.startswith("1 new")


def a_signal_that_ends_the_starter_of_decoders_is_an_interruption():
    with scratch() as at:
        images_below(at + "/images", 400)
        for _ in range(20):  # it may have ended before the signal
            process = start("extract", "--quiet", "--layer", "input", at + "/images", at + "/cache")
            while process.poll() is None and not children_of(process.pid):
                pass
            for child in children_of(process.pid):
                os.kill(child, signal.SIGALRM)
            messages = process.communicate(timeout=60)[1]
            shutil.rmtree(at + "/cache", ignore_errors=True)
            if process.returncode:
                break
        assert process.returncode == 1, (process.returncode, messages)
        assert messages.endswith(": interrupted; what was done before is kept: run the same command again\n"), messages


def a_giant_that_is_no_image_costs_no_memory():
    with scratch() as at:
        archive = bomb(at + "/a.tar.gz", "a/giant.jpg", 512)
        child = subprocess.Popen([BUILD + "/extract", "--quiet", "--layer", "input", archive, at + "/cache"],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        output, messages = child.stdout.read(), child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        assert os.WEXITSTATUS(status) == 3 and output.startswith("3 new") and "1 skipped" in output, (status, output, messages)
        assert "a/giant.jpg: not an image" in messages, messages
        assert usage.ru_maxrss < (256 << 10) or "address" in BUILD or "thread" in BUILD, usage.ru_maxrss


def is_mapped(pid, path):
    try:
        with open("/proc/%d/maps" % pid) as maps:
            return path in maps.read()
    except OSError:
        return False


def decoders_see_nothing_of_the_cache():
    with scratch() as at:
        images_below(at + "/images", 1000)
        process = start("extract", "--quiet", "--layer", "input", "--side", "32", at + "/images", at + "/cache")
        looked_at = 0
        while process.poll() is None:
            starters = children_of(process.pid) if is_mapped(process.pid, at + "/cache/data.mdb") else []
            for pid in starters + [decoder for starter in starters for decoder in children_of(starter)]:
                assert not is_mapped(pid, at + "/cache"), pid
                looked_at += 1
        assert looked_at > 1 and process.communicate()[0].startswith("1000 new"), looked_at


def is_fenced(pid):
    try:
        with open("/proc/%d/status" % pid) as status:
            return "\nSeccomp:\t2" in status.read()
    except OSError:
        return False


def readers_of_archives_see_nothing_of_the_cache():
    with scratch() as at:
        archive, command = at + "/a.tar", ("extract", "--quiet", "--layer", "input", "--side", "32")
        with tarfile.open(archive, "w") as tar:
            for i in range(1000):
                image, info = ppm(i % 256, 100), tarfile.TarInfo("a/%d.ppm" % i)
                info.size = len(image)
                tar.addfile(info, io.BytesIO(image))
        process = start(*command, archive, at + "/cache")
        looked_at = 0
        while process.poll() is None:
            readers = [child for child in children_of(process.pid) if opened(child) == archive and is_fenced(child)]
            if is_mapped(process.pid, at + "/cache/data.mdb"):
                for reader in readers:
                    assert not is_mapped(reader, at + "/cache"), reader
                    looked_at += 1
        assert looked_at > 1 and process.communicate()[0].startswith("1000 new"), looked_at


def a_cache_that_is_cut_while_it_is_read_is_named():
    with scratch() as at:
        n, cache, cut = 4000, at + "/cache", at + "/cut"
        np.save(at + "/x.npy", np.random.default_rng(0).normal(size=(n, 512)).astype(np.float32))
        with open(at + "/x.csv", "w") as out:
            out.writelines("%s/%04d.jpg,%s\n" % ("ab"[i % 2], i, "ab"[i % 2]) for i in range(n))
        program("tools/make-cache", at + "/x.npy", at + "/x.csv", cache)
        for _ in range(20):  # it may have been read before the cut
            shutil.copytree(cache, cut)
            process = start("extract", "--verify", cut)
            while process.poll() is None and not is_mapped(process.pid, cut + "/data.mdb"):
                pass
            process.send_signal(signal.SIGSTOP)
            os.truncate(cut + "/data.mdb", 8192)
            process.send_signal(signal.SIGCONT)
            messages = process.communicate(timeout=60)[1]
            assert process.returncode in (0, 1), (process.returncode, messages)
            shutil.rmtree(cut)
            if "cut short" in messages:
                break
        assert process.returncode == 1 and messages.startswith("extract: %s/data.mdb: cannot be read" % cut), messages


run(the_first_signal_ends_reading_an_archive, the_first_signal_ends_reading_weights_and_is_not_their_damage,
    a_signal_that_ends_the_starter_of_decoders_is_an_interruption, a_giant_that_is_no_image_costs_no_memory, decoders_see_nothing_of_the_cache,
    readers_of_archives_see_nothing_of_the_cache, a_cache_that_is_cut_while_it_is_read_is_named)
