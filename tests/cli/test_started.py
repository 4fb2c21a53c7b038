"""What a run opens and starts: a second extract opens each file once, so that it decodes none, and what reads a cache alone
starts neither decoders nor Fontconfig."""
import ctypes, os, struct, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import program, run, scratch

libc = ctypes.CDLL(None, use_errno=True)
PR_SET_CHILD_SUBREAPER = 36
IN_ACCESS, IN_CLOSE_NOWRITE, IN_OPEN, IN_ISDIR = 0x1, 0x10, 0x20, 0x40000000
EXTRACT = ("--layer", "input", "--side", "32")


class Opened:
    """with Opened(folder…) as opened: opened() is how often each file in these folders was opened since, by name."""

    def __init__(self, *folders):
        self.file = libc.inotify_init1(os.O_NONBLOCK)
        for folder in folders:  # reading and closing keep the kernel from telling two openings as one
            assert libc.inotify_add_watch(self.file, folder.encode(), IN_OPEN | IN_ACCESS | IN_CLOSE_NOWRITE) >= 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.file)

    def __call__(self):
        counts, at = {}, 0
        try:
            events = os.read(self.file, 1 << 20)
        except BlockingIOError:
            events = b""
        while at < len(events):
            _, mask, _, length = struct.unpack_from("iIII", events, at)
            name = events[at + 16:at + 16 + length].rstrip(b"\0").decode()
            at += 16 + length
            if mask & IN_OPEN and not mask & IN_ISDIR:
                counts[name] = counts.get(name, 0) + 1
        return counts


def reap():
    """Waits for the children that are left; whether there were any."""
    any_left = False
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return any_left
        any_left = True


def decodes(name, *arguments, **options):
    """Whether a program started decoders, the only processes that end after it."""
    libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    reap()
    program(name, *arguments, **options)
    return reap()


def folder_of(at, n=5):
    rng = np.random.default_rng(3)
    for name in "ab":
        os.makedirs("%s/images/%s" % (at, name))
        for i in range(n):
            with open("%s/images/%s/%s%d.ppm" % (at, name, name, i), "wb") as out:
                out.write(b"P6 32 32 255\n" + rng.integers(0, 255, 3072, np.uint8).tobytes())
    return at + "/images", {"%s%d.ppm" % (name, i): 1 for name in "ab" for i in range(n)}


def a_second_run_opens_each_file_once():
    with scratch() as at:
        images, once = folder_of(at)
        for options in ((), ("--split-test", "0.4"), ("--augment", "2", "--rotation-range", "9"), ("--threads", "1")):
            cache = "%s/%d.cache" % (at, len(os.listdir(at)))
            for first in (True, False, False):
                with Opened(images + "/a", images + "/b") as opened:
                    told = program("extract", *EXTRACT, *options, images, cache).stdout
                    times = 3 if first and "--augment" in options else 1  # each copy is made from the file
                    assert opened() == {name: times for name in once}, (options, first, told)


def one_new_image_alone_is_decoded():
    with scratch() as at:
        images, once = folder_of(at)
        program("extract", *EXTRACT, images, at + "/c.cache")
        os.rename(images + "/a/a0.ppm", images + "/b/moved.ppm")
        with open(images + "/a/new.ppm", "wb") as out:
            out.write(b"P6 32 32 255\n" + bytes(3072))
        with Opened(images + "/a", images + "/b") as opened:
            told = program("extract", *EXTRACT, images, at + "/c.cache").stdout
            assert told.startswith("1 new, 9 unchanged, 0 changed, 1 moved"), told
            counts = opened()
        assert counts.pop("new.ppm") == 2 and counts.pop("moved.ppm") == 1  # compared, then decoded; compared
        del once["a0.ppm"]
        assert counts == once, counts


def what_reads_a_cache_alone_starts_no_decoder_and_no_fontconfig():
    with scratch() as at:
        images, _ = folder_of(at)
        os.makedirs(at + "/fonts")
        with open(at + "/fonts/fonts.conf", "w") as out:
            out.write("<fontconfig><dir>/usr/share/fonts</dir><cachedir>%s/fonts/cache</cachedir></fontconfig>" % at)
        fonts = dict(os.environ, FONTCONFIG_FILE=at + "/fonts/fonts.conf")
        cache, model = at + "/c.cache", at + "/m.h5"
        program("extract", *EXTRACT, images, cache)
        with Opened(at + "/fonts") as opened:
            for arguments in (("train", "--head", "linear", cache, model),
                              ("train", "--hidden", "4", "--epochs", "1", "--validation-split", "0", cache, at + "/d.h5"),
                              ("evaluate", "--json", at + "/e.json", "--predictions", at + "/p.csv", cache, model, at + "/d.h5"),
                              ("evaluate", "--predict", model, cache),
                              ("extract", "--info", cache), ("extract", "--verify", cache), ("extract", "--export", at + "/x", cache),
                              ("extract", "--merge", at + "/n.cache", cache), ("extract", "--duplicates", cache),
                              ("evaluate", "--unknown", at + "/n.cache", cache, model),
                              ("extract", "--import", at + "/x/features.npy", at + "/x/items.csv", at + "/i.cache"),
                              ("extract", "--split", cache, at + "/s1", at + "/s2", "0.4"),
                              ("extract", "--labels", at + "/x/items.csv", cache)):
                assert not decodes(*arguments, env=fonts), arguments
            assert opened() == {}
            for arguments, what in ((("evaluate", images, model), "decoders"),
                                    (("evaluate", "--predict", model, images), "decoders"),
                                    (("evaluate", "--unknown", images, cache, model), "decoders"),
                                    (("evaluate", "--confusion", at + "/f.png", cache, model), "Fontconfig")):
                assert decodes(*arguments, env=fonts) == (what == "decoders"), arguments
                assert ("fonts.conf" in opened()) == (what == "Fontconfig"), arguments


run(a_second_run_opens_each_file_once, one_new_image_alone_is_decoded,
    what_reads_a_cache_alone_starts_no_decoder_and_no_fontconfig)
