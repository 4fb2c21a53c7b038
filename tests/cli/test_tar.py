"""Images from tar archives written by Python's tarfile: the same cache as from the folder; and hostile archives."""
import gzip, io, json, os, resource, subprocess, sys, tarfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, need_small_address_space, program, run, says, scratch, start

CLASSES = ("ant", "bee", "cat")


def ppm(c, i, side=4):
    return b"P6 %d %d 255\n" % (side, side) + bytes((c * 50 + i * 7 + j * (i + 3)) % 256 for j in range(3 * side * side))


def draw_set(folder, each=8):
    for c, name in enumerate(CLASSES):
        os.makedirs(os.path.join(folder, name, "more"))
        for i in range(each):
            with open("%s/%s/%s%03d.ppm" % (folder, name, "more/" * (i % 2), i), "wb") as out:
                out.write(ppm(c, i))
    return folder


def pack(path, members, mode="w", form=tarfile.PAX_FORMAT, **options):
    """members: (name, bytes), or a TarInfo for members without content."""
    with tarfile.open(path, mode, format=form, encoding="utf-8", errors="surrogateescape", **options) as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return path


def odd(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def pack_folder(folder, path, inside="", mode="w", reverse=True):
    """Packs in reverse order, so that the right order is not accidental."""
    names = sorted(os.path.relpath(os.path.join(at, name), folder) for at, _, files in os.walk(folder) for name in files)
    return pack(path, [(inside + name, open(os.path.join(folder, name), "rb").read()) for name in sorted(names, reverse=reverse)], mode)


def extract(*arguments, **options):
    return program("extract", "--layer", "input", *arguments, **options)


def exported(cache, at):
    program("extract", "--export", at + "/exported", cache)
    return [open("%s/exported/%s" % (at, name), "rb").read() for name in ("features.npy", "labels.npy", "items.csv")]


def paths(cache, at):
    return [line.split(",")[1] for line in exported(cache, at)[2].decode("utf-8", "surrogateescape").splitlines()[1:]]


def refused(at, archive, *options):
    """The message with which an archive is refused, before a cache is made."""
    error = extract(*options, archive, at + "/refused.cache", status=1).stderr
    assert error.startswith("extract: ") and error.count("\n") == 1 and os.path.basename(str(archive)) in error, error
    assert not os.path.exists(at + "/refused.cache")
    return error


def features_are_those_of_the_unpacked_folder_whatever_the_compression():
    with scratch() as at:
        images = draw_set(at + "/images")
        extract(images, at + "/folder.cache")
        wanted = exported(at + "/folder.cache", at)
        for number, (inside, mode) in enumerate((("", "w"), ("./", "w"), ("photos/", "w:gz"), ("a/b/", "w:bz2"), ("./x/", "w:xz"))):
            archive = pack_folder(images, "%s/%d.tar" % (at, number), inside, mode)
            cache = "%s/%d.cache" % (at, number)
            for threads in (1, 5):
                done = extract("--threads", threads, archive, cache)
                assert done.stdout.startswith("24 new, 0 unchanged" if threads == 1 else "0 new, 24 unchanged") and not done.stderr, done
            assert exported(cache, at) == wanted, (inside, mode)


def every_filter_takes_from_an_archive_what_it_takes_from_the_folder():
    with scratch() as at:
        images = draw_set(at + "/images")
        archive = pack_folder(images, at + "/photos.tar.gz", "photos/", "w:gz")
        with open(at + "/list", "w") as file:
            file.write("cat/000.ppm\nbee/more/001\nant/more/003.ppm\nant/gone.ppm\n")
        for number, (options, status) in enumerate(((["--classes", "cat,ant"], 0), (["--first-classes", 2], 0), (["--limit-per-class", 3], 0),
                                                    (["--list", at + "/list"], 3), (["--shard", "1/3"], 0), (["--split-test", 0.25], 0),
                                                    (["--augment", 2, "--rotation-range", 30], 0))):
            made = []
            for source, name in ((images, "folder"), (archive, "tar")):
                cache = "%s/%s%d.cache" % (at, name, number)
                done = extract("--seed", 7, *options, source, cache, status=status)
                made.append((exported(cache, at), done.stdout.replace(cache, "CACHE"),
                             exported(cache + ".test", at) if "--split-test" in options else None))
            assert made[0] == made[1], options
        error = extract("--list", at + "/list", archive, at + "/again.cache", status=3).stderr
        assert error.endswith("photos.tar.gz/ant/gone.ppm: is not in the archive\n"), error
        error = refused(at, archive, "--classes", "ant,dog")
        assert "has no class 'dog'" in error, error


def a_run_goes_on_where_the_archive_changed():
    with scratch() as at:
        archive, cache = at + "/a.tar", at + "/c"
        pack(archive, [("ant/1.ppm", ppm(0, 1)), ("bee/1.ppm", ppm(1, 1)), ("bee/2.ppm", ppm(1, 2))])
        extract(archive, cache)
        pack(archive, [("bee/3.ppm", ppm(1, 3)), ("bee/2.ppm", ppm(1, 9)), ("ant/1.ppm", ppm(0, 1))])
        assert extract(archive, cache).stdout == "1 new, 1 unchanged, 1 changed, 0 moved, 0 copied, 1 missing, 0 skipped\n"
        assert extract("--prune", archive, cache).stdout == "0 new, 3 unchanged, 0 changed, 0 moved, 0 copied, 1 pruned, 0 skipped\n"
        assert paths(cache, at) == ["ant/1.ppm", "bee/2.ppm", "bee/3.ppm"]


def webdataset_s_layout_is_read_with_names_and_with_numbers():
    with scratch() as at:
        images = [("s/%04d" % i, c, ppm(c, i)) for i, c in enumerate((2, 0, 1, 0, 2))]
        archive = at + "/w.tar"
        members = [m for k, c, p in images for m in ((k + ".json", b"{}"), (k + ".cls", b"%d\n" % c), (k + ".ppm", p), (k + ".seg.png", b"?"))]
        pack(archive, members)
        extract(archive, at + "/numbers")
        assert paths(at + "/numbers", at) == ["0/s/0001.ppm", "0/s/0003.ppm", "1/s/0002.ppm", "2/s/0000.ppm", "2/s/0004.ppm"]
        with open(at + "/names", "w") as file:
            file.write("cat\nant\nbee\n")
        extract("--class-names", at + "/names", archive, at + "/named")
        assert paths(at + "/named", at) == ["ant/s/0002.ppm", "bee/s/0000.ppm", "bee/s/0004.ppm", "cat/s/0001.ppm", "cat/s/0003.ppm"]
        pack(archive, [(k + ending, data) for k, c, p in images for ending, data in ((".ppm", p), (".cls", CLASSES[c].encode()))])
        extract(archive, at + "/texts")
        assert paths(at + "/texts", at)[0] == "ant/s/0001.ppm"


def labels_that_make_no_sense_are_refused_by_name():
    with scratch() as at:
        image = ("k.ppm", ppm(0, 0))
        with open(at + "/names", "w") as file:
            file.write("cat\nant\n")
        with open(at + "/double", "w") as file:
            file.write("cat\nant\ncat\n")
        for content, options, words in ((b"a/b", [], "not a valid class name"), (b"", [], "not a valid class name"), (b"..", [], "not a valid"),
                                        (b"x" * 300, [], "not a valid"), (b"x" * 5000, [], "larger than 4 KiB"), (b"two\nlines", [], "not a valid"),
                                        (b"2", ["--class-names", at + "/names"], "names for 0 to 1"), (b"ant", ["--class-names", at + "/names"], "names for 0 to 1")):
            error = refused(at, pack(at + "/w.tar", [image, ("k.cls", content)]), *options)
            assert words in error and "k.cls" in error, error
        assert "has no l.cls" in refused(at, pack(at + "/w.tar", [image, ("k.cls", b"1"), ("l.ppm", ppm(0, 1))]))
        assert "no regular file" in refused(at, pack(at + "/w.tar", [image, odd("k.cls", tarfile.SYMTYPE, "/etc/hostname")]))
        archive = pack(at + "/f.tar", [("ant/1.ppm", ppm(0, 0))])
        assert "has no .cls members" in refused(at, archive, "--class-names", at + "/names")
        for nothing in ("", "\n"):
            with open(at + "/empty", "w") as file:
                file.write(nothing)
            numbered = pack(at + "/w.tar", [image, ("k.cls", b"0")])
            assert "/empty is empty: it must" in extract("--class-names", at + "/empty", numbered, at + "/c", status=1).stderr
        assert "names the class 'cat' again" in extract("--class-names", at + "/double", archive, at + "/c", status=1).stderr
        assert "is a folder" in extract("--class-names", at + "/names", draw_set(at + "/images"), at + "/c", status=1).stderr


def names_that_lead_out_and_names_that_come_twice_are_refused():
    with scratch() as at:
        good = ("ant/1.ppm", ppm(0, 1))
        for name in ("/etc/ant/1.ppm", "../ant/1.ppm", "ant/../../1.ppm", "ant/..", "bee/" + "long/" * 1000 + "1.ppm"):
            for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
                error = refused(at, pack(at + "/h.tar", [good, (name, ppm(0, 2))], form=form))
                assert ("is too long" if "long" in name else "leads out of the folder") in error, error
        assert "has two members 'ant/1.ppm'" in refused(at, pack(at + "/h.tar", [good, good]))
        assert "has two members 'ant/1.ppm'" in refused(at, pack(at + "/h.tar", [good, ("./ant//1.ppm", b"")]))


def links_devices_and_giants_are_skipped_by_name():
    with scratch() as at:
        archive = pack(at + "/h.tar", [("ant/1.ppm", ppm(0, 1)), ("bee/1.ppm", ppm(1, 1)), odd("ant/2.ppm", tarfile.SYMTYPE, "/etc/hostname"),
                                       odd("ant/3.ppm", tarfile.LNKTYPE, "ant/1.ppm"), odd("ant/4.ppm", tarfile.FIFOTYPE), odd("ant/5.ppm", tarfile.CHRTYPE)])
        done = extract(archive, at + "/c", status=3)
        said = sorted(done.stderr.splitlines())
        for line, (number, words) in zip(said, ((2, "is a link"), (3, "is a link"), (4, "not a regular file"), (5, "not a regular file"))):
            assert "h.tar/ant/%d.ppm: " % number in line and words in line, done.stderr
        assert len(said) == 4 and done.stdout.strip().endswith(", 4 skipped")
        assert json.loads(program("extract", "--info", "--json", at + "/c").stdout)["skipped"], "not listed"
        giant = tarfile.TarInfo("ant/6.ppm")
        giant.size = (1 << 30) + 512
        with open(at + "/g.tar", "wb") as file:  # with a hole
            file.write(giant.tobuf() + b"")
            file.seek(giant.size, os.SEEK_CUR)
            small = tarfile.TarInfo("bee/1.ppm")
            small.size = len(ppm(1, 1))
            file.write(small.tobuf() + ppm(1, 1).ljust(512, b"\0") + bytes(1024))
        done = extract(at + "/g.tar", at + "/g", status=3)
        assert "g.tar/ant/6.ppm: is larger than 1 GiB" in done.stderr, done.stderr
        assert paths(at + "/g", at) == ["bee/1.ppm"]


def a_member_that_memory_cannot_hold_is_skipped_by_name():
    """It begins as an image does, and is all zeros from there."""
    need_small_address_space()
    with scratch() as at:
        large = ppm(0, 2) + bytes(300 << 20)
        archive = pack(at + "/l.tar.gz", [("ant/1.ppm", ppm(0, 1)), ("ant/2.ppm", large), ("bee/1.ppm", ppm(1, 1))], mode="w:gz", compresslevel=1)
        done = extract("--threads", 1, archive, at + "/c", status=3, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20)))
        assert "l.tar.gz/ant/2.ppm: is larger than the memory that is available" in done.stderr, done.stderr
        assert paths(at + "/c", at) == ["ant/1.ppm", "bee/1.ppm"]


def an_archive_cut_off_anywhere_is_refused_before_anything_is_computed():
    with scratch() as at:
        members = [("%s/%d.ppm" % (CLASSES[i % 3], i), ppm(0, i, 20)) for i in range(6)]
        whole = open(pack(at + "/whole.tar", members, form=tarfile.USTAR_FORMAT), "rb").read()
        end = 6 * (512 + 1536)
        for size in list(range(1, end, 2100)) + list(range(0, end + 1, 1536)):
            with open(at + "/cut.tar", "wb") as file:
                file.write(whole[:size])
            error = refused(at, at + "/cut.tar")
            assert "is damaged or truncated after its member" in error or "nor a whole tar" in error, (size, error)
        packed = gzip.compress(whole)
        for size in (5, 100, len(packed) // 2, len(packed) - 20):
            with open(at + "/cut.tgz", "wb") as file:
                file.write(packed[:size])
            refused(at, at + "/cut.tgz")
        lying = tarfile.TarInfo("ant/1.ppm")
        lying.size = 1 << 62
        with open(at + "/lying.tar", "wb") as file:
            file.write(lying.tobuf(tarfile.GNU_FORMAT) + bytes(10240))
        assert "truncated" in refused(at, at + "/lying.tar")


def an_archive_that_changes_meanwhile_is_no_shortage():
    with scratch() as at:
        image = ppm(0, 5, 600)  # 1 MB
        archive = pack(at + "/a.tar", [("%s/%03d.ppm" % (CLASSES[i % 2], i), image) for i in range(80)])
        child = start("extract", "--layer", "input", archive, at + "/c")
        while child.poll() is None and not os.path.exists(at + "/c/data.mdb"):
            time.sleep(0.001)
        os.truncate(archive, 5 << 20)
        done = child.communicate(timeout=100)
        assert child.returncode == 1 and done[1].count("a.tar") >= 1, done
        assert done[1].endswith("; what was done before is kept: run the same command again\n"), done


def what_is_no_archive_is_refused():
    with scratch() as at:
        with open(at + "/text", "w") as file:
            file.write("ant/1.ppm\n" * 1000)
        assert "neither a folder nor a whole tar archive" in refused(at, at + "/text")
        open(at + "/empty", "w").close()
        assert "neither a folder nor a whole tar archive" in refused(at, at + "/empty")
        os.mkfifo(at + "/pipe")
        assert "must be a regular file" in refused(at, at + "/pipe")
        assert "its 1 image is at the top" in refused(at, pack(at + "/none.tar", [("ant/readme.txt", b"x"), ("stray.ppm", ppm(0, 0)), ("a/.b.ppm", b"")]))
        assert "/nowhere" in extract(at + "/nowhere", at + "/c", status=1).stderr


def names_keep_their_bytes_in_any_locale():
    with scratch() as at:
        members = [("b\u00e4r/\u65e5.ppm", ppm(0, 1)), ("caf\udce9/1.ppm", ppm(1, 1))]  # the second as Latin-1 has it
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            archive = pack(at + "/n.tar", members[:1] if form == tarfile.PAX_FORMAT else members, form=form)
            extract(archive, "%s/c%d" % (at, form), env=dict(os.environ, LC_ALL="C"))
            assert paths("%s/c%d" % (at, form), at) == [name for name, _ in members][:1 if form == tarfile.PAX_FORMAT else 2]


def memory_does_not_grow_with_the_archive():
    with scratch() as at:
        image = ppm(0, 5, 600)  # 1 MB
        used = []
        without_quarantine = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=1")  # the default keeps 256 MB of freed memory
        for n in (10, 120):
            archive = pack(at + "/m.tar", [("%s/%03d.ppm" % (CLASSES[i % 2], i), image) for i in range(n)])
            child = subprocess.Popen([BUILD + "/extract", "-q", "--threads", "2", "--batch", "4", "--layer", "input", archive, "%s/c%d" % (at, n)],
                                     stdout=subprocess.DEVNULL, env=without_quarantine)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = status
            assert status == 0
            used.append(usage.ru_maxrss)
        assert used[1] < used[0] + 70000, used  # the cache's map has 120 more images, of 0.6 MB each


def merge_checks_against_an_archive_and_preview_draws_from_one():
    with scratch() as at:
        images = draw_set(at + "/images")
        archive = pack_folder(images, at + "/a.tar", "photos/")
        extract("--classes", "ant,bee", images, at + "/part")
        done = program("extract", "--merge", "--check", archive, at + "/merged", at + "/part", status=(0, 1, 3))
        assert says(done.stdout, "8 of 24 images of %s are missing" % archive), done
        assert says(program("extract", "--preview", at + "/p.png", "--rotation-range", 20, archive).stdout, "6 images")
        named = pack_folder(images, at + "/a.png", "photos/")
        assert "would overwrite" in program("extract", "--preview", named, "--rotation-range", 20, named, status=1).stderr


run(features_are_those_of_the_unpacked_folder_whatever_the_compression,
    every_filter_takes_from_an_archive_what_it_takes_from_the_folder,
    a_run_goes_on_where_the_archive_changed,
    webdataset_s_layout_is_read_with_names_and_with_numbers,
    labels_that_make_no_sense_are_refused_by_name,
    names_that_lead_out_and_names_that_come_twice_are_refused,
    links_devices_and_giants_are_skipped_by_name, a_member_that_memory_cannot_hold_is_skipped_by_name,
    an_archive_cut_off_anywhere_is_refused_before_anything_is_computed,
    an_archive_that_changes_meanwhile_is_no_shortage,
    what_is_no_archive_is_refused,
    names_keep_their_bytes_in_any_locale,
    memory_does_not_grow_with_the_archive,
    merge_checks_against_an_archive_and_preview_draws_from_one)
