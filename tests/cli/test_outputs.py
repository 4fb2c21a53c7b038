"""Files that the programs write: inputs and devices are never overwritten; outputs are complete or absent."""
import csv, json, os, resource, shutil, stat, subprocess, sys, threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import BUILD, program, run, scratch

WEIGHTS = "random:3"


def bytes_of(path):
    with open(path, "rb") as file:
        return file.read()


def make_cache(folder, name="cache"):
    rng, n = np.random.default_rng(0), 40
    labels = np.arange(n) % 4
    x = np.maximum(rng.normal(size=(4, 512))[labels] / 2 + rng.normal(size=(n, 512)), 0).astype(np.float32)
    np.save(os.path.join(folder, "x.npy"), x)
    with open(os.path.join(folder, "x.csv"), "w") as out:
        out.writelines("%s/%02d.jpg,%s\n" % ("abcd"[k], i, "abcd"[k]) for i, k in enumerate(labels))
    program("tools/make-cache", folder + "/x.npy", folder + "/x.csv", os.path.join(folder, name))
    return os.path.join(folder, name)


def dense(*arguments, **options):
    return program("train", "--quiet", "--hidden", "4", "--epochs", "2", *arguments, **options)


def linear(*arguments, **options):
    return program("train", "--quiet", "--head", "linear", *arguments, **options)


class prepared(scratch):
    """A folder with a cache and a model; .files: its contents."""

    def __enter__(self):
        folder = super().__enter__()
        self.cache, self.model = make_cache(folder), os.path.join(folder, "m.h5")
        dense(self.cache, self.model)
        self.folder = folder
        return self

    def at(self, name):
        return os.path.join(self.folder, name)


def refused(done, path, word):
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1 and str(path) in lines[0] and word in lines[0], done.stderr


def evaluations(p, path):
    for option in ("--json", "--predictions", "--confusion", "--reliability"):
        name = path + ".png" if option in ("--confusion", "--reliability") else path
        yield option, name, lambda *rest, o=option, n=name: program("evaluate", o, n, *rest, p.cache, p.model, status=1)


def no_output_of_any_program_goes_into_a_cache():
    with prepared() as p:
        data, before = p.cache + "/data.mdb", bytes_of(p.cache + "/data.mdb")
        refused(dense(p.cache, data, status=1), data, "inside a cache")
        for option in ("--export-libsvm", "--suspects", "--learning-curve"):
            refused(linear(option, data, p.cache, p.at("n.h5"), status=1), data, "inside a cache")
        for option, name, call in evaluations(p, data):
            refused(call(), name, "inside a cache")
        refused(program("evaluate", "--report", p.cache, p.cache, p.model, status=1), p.cache, "inside a cache")
        refused(program("extract", "--export", p.cache, p.cache, status=1), p.cache, "inside a cache")
        assert bytes_of(data) == before and sorted(os.listdir(p.cache)) == ["data.mdb", "lock.mdb"]
        assert not os.path.exists(p.at("n.h5"))
        os.symlink(data, p.at("innocent"))
        refused(program("evaluate", "--json", p.at("innocent"), p.cache, p.model, status=1), "innocent", "inside a cache")
        assert bytes_of(data) == before


def an_input_is_never_overwritten_by_whatever_name():
    with prepared() as p:
        before = bytes_of(p.model)
        os.symlink("m.h5", p.at("link")), os.link(p.model, p.at("hard")), os.mkdir(p.at("sub"))
        for name in (p.model, p.at("link"), p.at("hard"), p.at("sub/../m.h5")):
            refused(program("evaluate", "--json", name, p.cache, p.model, status=1), name, "MODEL, which is read")
            refused(dense("--from", p.model, p.cache, name, status=1), name, "--from, which is read")
        with open(p.at("weights.h5"), "w") as file:
            file.write("weights")
        refused(dense("--approach", "finetune", "--weights", p.at("weights.h5"), p.cache, p.at("weights.h5"), status=1),
                "weights.h5", "--weights, which is read")
        assert bytes_of(p.model) == before and bytes_of(p.at("weights.h5")) == b"weights"


def an_image_is_never_overwritten():
    with prepared() as p:
        os.makedirs(p.at("images/a"))
        image = p.at("images/a/1.png")
        with open(image, "wb") as file:
            file.write(b"image")
        refused(program("train", "--approach", "scratch", "--images", p.at("images"), "--plot", image, p.at("n.h5"), status=1), image,
                "an image that is read")
        refused(program("evaluate", "--confusion", image, "--weights", WEIGHTS, p.at("images"), p.model, status=1), image,
                "an image that is read")
        refused(program("extract", "--preview", image, p.at("images"), status=1), image, "an image that is read")
        assert bytes_of(image) == b"image"


def two_outputs_never_share_a_file():
    with prepared() as p:
        os.mkdir(p.at("sub")), os.symlink("../new", p.at("sub/link"))
        for other in ("new", "sub/../new", "sub/link"):
            refused(program("evaluate", "--json", p.at("new"), "--predictions", p.at(other), p.cache, p.model, status=1),
                    p.at(other), "--json and --predictions")
        refused(dense("--history", p.at("n.h5"), p.cache, p.at("n.h5"), status=1), "n.h5", "MODEL and --history")
        refused(dense("--history", p.at("n.h5.checkpoint"), p.cache, p.at("n.h5"), status=1), "n.h5.checkpoint", "checkpoint")
        with open(p.at("out"), "w") as out:
            done = subprocess.run([BUILD + "/evaluate", "--json", p.at("out"), p.cache, p.model], stdout=out,
                                  stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1
        refused(done, p.at("out"), "standard output")
        assert not os.path.exists(p.at("new")) and not os.path.exists(p.at("n.h5"))


def what_cannot_be_written_is_said_before_any_work():
    with prepared() as p:
        absent = p.at("absent/file")
        refused(dense("--epochs", "100000", "--patience", "100000", p.cache, absent, status=1, timeout=60), absent, "No such file")
        refused(program("evaluate", "--json", absent, p.cache, p.at("no model"), status=1), absent, "No such file")
        refused(program("evaluate", "--json", p.folder, p.cache, p.model, status=1), p.folder, "directory")


def a_link_stays_and_its_target_is_replaced():
    with prepared() as p:
        os.mkdir(p.at("sub"))
        for name in ("there.json", "sub/dangling.json"):
            os.symlink(name, p.at(os.path.basename(name) + ".link"))
        with open(p.at("there.json"), "w") as file:
            file.write("old")
        for name in ("there.json", "sub/dangling.json"):
            link = p.at(os.path.basename(name) + ".link")
            program("evaluate", "--json", link, p.cache, p.model)
            assert os.path.islink(link) and json.loads(bytes_of(p.at(name)))["models"], name
        os.symlink("tuned.h5", p.at("model.link"))
        dense(p.cache, p.at("model.link"))
        assert os.path.islink(p.at("model.link")) and bytes_of(p.at("tuned.h5")) == bytes_of(p.model)


def a_replaced_file_keeps_its_mode():
    with prepared() as p:
        for mode in (0o600, 0o640, 0o664):
            for name, call in (("a.json", lambda f: program("evaluate", "--json", f, p.cache, p.model)),
                               ("n.h5", lambda f: dense(p.cache, f)), ("l.h5", lambda f: linear(p.cache, f)),
                               ("rows", lambda f: linear("--export-libsvm", f, p.cache, p.at("k.h5")))):
                with open(p.at(name), "w") as file:
                    file.write("old")
                os.chmod(p.at(name), mode)
                call(p.at(name))
                assert stat.S_IMODE(os.stat(p.at(name)).st_mode) == mode and bytes_of(p.at(name)) != b"old", (name, mode)


def a_device_stays_a_device():
    with prepared() as p:
        before = os.stat("/dev/null")
        program("evaluate", "--json", "/dev/null", "--predictions", "/dev/null", p.cache, p.model)
        dense("--history", "/dev/null", p.cache, "/dev/null")
        linear("--export-libsvm", "/dev/null", p.cache, "/dev/null")
        after = os.stat("/dev/null")
        assert stat.S_ISCHR(after.st_mode) and after.st_rdev == before.st_rdev and after.st_ino == before.st_ino
        done = program("evaluate", "--json", "/dev/full", p.cache, p.model, status=1)
        refused(done, "/dev/full", "No space left")
        assert not [f for f in os.listdir("/dev") if f.startswith(("null.", "full."))]


def standard_output_and_descriptors_take_whole_files_where_they_stand():
    with prepared() as p:
        program("evaluate", "--json", p.at("a.json"), p.cache, p.model)
        expected = bytes_of(p.at("a.json"))
        for name in ("-", "/dev/stdout", "/proc/self/fd/1", "/dev/fd/1"):
            done = program("evaluate", "--json", name, p.cache, p.model)
            assert done.stdout.encode() == expected, name
            with open(p.at("out"), "wb") as out:  # a regular file behind the descriptor
                out.write(b"before\n")
                out.flush()
                subprocess.run([BUILD + "/evaluate", "--json", name, p.cache, p.model], stdout=out, check=True)
            assert bytes_of(p.at("out")) == b"before\n" + expected, name


def a_fifo_s_reader_gets_one_whole_file():
    with prepared() as p:
        os.mkfifo(p.at("fifo"))
        dense("--history", p.at("h.csv"), p.cache, p.at("n.h5"))
        for call, expected in ((lambda f: dense("--history", f, p.cache, p.at("n.h5")), "h.csv"),
                               (lambda f: dense(p.cache, f), "m.h5")):
            got = []
            reader = threading.Thread(target=lambda: got.append(bytes_of(p.at("fifo"))))
            reader.start()
            call(p.at("fifo"))
            reader.join()
            if expected == "h.csv":  # seconds differ
                rows = [[row[:5] for row in csv.reader(t.decode().splitlines())] for t in (got[0], bytes_of(p.at(expected)))]
                assert rows[0] == rows[1]
            else:
                assert got[0] == bytes_of(p.at(expected))
        assert stat.S_ISFIFO(os.stat(p.at("fifo")).st_mode)


def a_limit_on_file_sizes_is_a_sentence_at_every_size_and_what_was_there_stays():
    with prepared() as p:
        before, ended = bytes_of(p.model), set()
        for head in (dense, linear):
            for limit in (0, 1, 500, 4000, 8000, 12000, 17000, 30000, len(before) + 60000):
                done = head("--no-checkpoint" if head is dense else "--no-reduce", p.cache, p.model, status=(0, 1), timeout=60,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
                ended.add(done.returncode)
                if done.returncode:
                    refused(done, p.model, "File too large")
                    assert bytes_of(p.model) == before
                else:
                    with open(p.model, "wb") as file:
                        file.write(before)
        assert ended == {0, 1}
        assert not [f for f in os.listdir(p.folder) if f.endswith(".part")]


def what_a_killed_writer_left_is_swept_for_each_output():
    with prepared() as p:
        dead = subprocess.Popen(["true"])
        dead.wait()
        names = ["h.csv", "h.svg", "n.h5", "n.h5.checkpoint", "j.json", "p.csv", "r/index.html", "e/features.npy", "e/labels.npy",
                 "s.txt", "q-m.csv", "q-m2.csv"]  # of two models, --predictions makes the names
        os.mkdir(p.at("r")), os.mkdir(p.at("e"))
        left = [p.at("%s.%d.part" % (name, dead.pid)) for name in names]
        alive = p.at("j.json.%d.part" % os.getpid())
        for path in left + [alive]:
            with open(path, "w") as file:
                file.write("left")
        dense("--history", p.at("h.csv"), "--plot", p.at("h.svg"), p.cache, p.at("n.h5"))
        program("evaluate", "--json", p.at("j.json"), "--predictions", p.at("p.csv"), "--report", p.at("r"), p.cache, p.model)
        shutil.copy(p.model, p.at("m2.h5"))
        program("evaluate", "--predictions", p.at("q.csv"), p.cache, p.model, p.at("m2.h5"))
        program("extract", "--export", p.at("e"), p.cache)
        linear("--export-libsvm", p.at("s.txt"), p.cache, p.at("l.h5"))
        assert [path for path in left if os.path.exists(path)] == [] and os.path.exists(alive)


def full_standard_output_is_one_sentence():
    with prepared() as p:
        for command in (["evaluate", p.cache, p.model], ["extract", "--info", p.cache], ["evaluate", "--help"],
                        ["evaluate", "--json", "/dev/stdout", p.cache, p.model]):
            with open("/dev/full", "w") as full:
                done = subprocess.run([os.path.join(BUILD, command[0])] + command[1:], stdout=full, stderr=subprocess.PIPE, text=True)
            assert done.returncode == 1 and len(done.stderr.strip().splitlines()) == 1, (command, done.stderr)


def closed_standard_output_is_one_sentence_and_nothing_is_printed_into_another_file():
    with prepared() as at:
        before = bytes_of(at.cache + "/data.mdb")
        for command in ("evaluate %s %s" % (at.cache, at.model), "extract --info %s" % at.cache, "train --help"):
            done = subprocess.run(["sh", "-c", "exec %s/%s >&-" % (BUILD, command)], stderr=subprocess.PIPE, text=True)
            assert done.returncode == 1 and done.stderr.count("\n") == 1 and "is it closed" in done.stderr, (command, done.stderr)
        assert bytes_of(at.cache + "/data.mdb") == before


def what_a_process_has_in_proc_is_not_written():
    with prepared() as at:
        program_file = shutil.copy(os.path.join(BUILD, "evaluate"), at.at("evaluate"))
        before = bytes_of(program_file)
        for path in ("/proc/self/exe", "/proc/self/cwd/../self/exe", "/proc/%d/fd/0" % os.getpid()):
            done = subprocess.run([program_file, "--json", path, at.cache, at.model], capture_output=True, text=True)
            assert done.returncode == 1 and path in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert bytes_of(program_file) == before


def a_small_stack_is_one_sentence():
    limit = lambda: resource.setrlimit(resource.RLIMIT_STACK, (64 << 10, 64 << 10))
    with prepared() as at:
        done = program("evaluate", "--confusion", at.at("c.png"), at.cache, at.model, status=1, preexec_fn=limit)
        assert "needs a stack of 1 MiB, but only 64 KiB is allowed" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def a_model_that_cannot_be_evaluated_is_not_saved():
    """Features at the ends of float32's range: whatever train saves, evaluate reads."""
    rng, saved, refusals = np.random.default_rng(3), 0, 0
    for scale in (3e38, 1e-42, np.nan):
        with scratch() as at:
            x = rng.normal(size=(24, 8)).clip(-1, 1)
            x[np.arange(24), np.arange(24) % 2] += 1
            x[:, 7] = 0.5
            x = x * np.float32(scale / 2) if np.isfinite(scale) else np.where(x > 1.5, np.nan, x)
            np.save(at + "/x.npy", x.astype(np.float32))
            np.save(at + "/y.npy", np.arange(24) % 2)
            if program("extract", "-q", "--import", at + "/x.npy", at + "/y.npy", at + "/c", status=(0, 1)).returncode:
                continue
            for head in (["--head", "linear", "--scale", "none"], ["--head", "linear"], ["--head", "linear", "--scale", "max"],
                         ["--head", "linear", "--scale", "l2"], ["--hidden", "4", "--epochs", "2", "--scale", "standard"]):
                done = program("train", *head, at + "/c", at + "/m.h5", status=(0, 1))
                assert os.path.exists(at + "/m.h5") == (done.returncode == 0), done
                if done.returncode:
                    assert done.stderr.strip(), done
                    refusals += 1
                    continue
                program("evaluate", at + "/c", at + "/m.h5")
                saved += 1
                os.remove(at + "/m.h5")
    assert saved and refusals, (saved, refusals)


def a_plot_without_a_font_is_an_error_and_not_a_plot_with_boxes():
    with prepared() as at:
        with open(at.at("fonts.conf"), "w") as out:
            out.write("<fontconfig><dir>/nowhere</dir><cachedir>%s</cachedir></fontconfig>" % at.at("fonts"))
        done = program("evaluate", "--quiet", "--confusion", at.at("e.png"), at.cache, at.model, status=1,
                       env=dict(os.environ, FONTCONFIG_FILE=at.at("fonts.conf")))
        refused(done, at.at("e.png"), "no font could be read")
        assert not os.path.exists(at.at("e.png"))


def fontconfig_s_complaints_are_not_printed_with_a_plot():
    with prepared() as at:
        with open(at.at("fonts.conf"), "w") as out:
            out.write("<fontconfig><dir>/usr/share/fonts</dir><cachedir>/proc/nowhere</cachedir><nonsense/></fontconfig>")
        asked = dict(os.environ, FONTCONFIG_FILE=at.at("fonts.conf"), G_MESSAGES_DEBUG="vggcache")
        for environment in (asked, {k: v for k, v in asked.items() if k != "G_MESSAGES_DEBUG"}):
            done = program("evaluate", "--quiet", "--confusion", at.at("e.png"), at.cache, at.model, env=environment)
            assert done.stderr == "", done.stderr
            assert ("No writable cache directories" in done.stdout) == ("G_MESSAGES_DEBUG" in environment), done.stdout


run(no_output_of_any_program_goes_into_a_cache, an_input_is_never_overwritten_by_whatever_name, an_image_is_never_overwritten,
    two_outputs_never_share_a_file, what_cannot_be_written_is_said_before_any_work, a_link_stays_and_its_target_is_replaced,
    a_replaced_file_keeps_its_mode, a_device_stays_a_device, standard_output_and_descriptors_take_whole_files_where_they_stand,
    a_fifo_s_reader_gets_one_whole_file, a_limit_on_file_sizes_is_a_sentence_at_every_size_and_what_was_there_stays,
    what_a_killed_writer_left_is_swept_for_each_output, full_standard_output_is_one_sentence,
    a_plot_without_a_font_is_an_error_and_not_a_plot_with_boxes,
    fontconfig_s_complaints_are_not_printed_with_a_plot,
    closed_standard_output_is_one_sentence_and_nothing_is_printed_into_another_file, what_a_process_has_in_proc_is_not_written,
    a_small_stack_is_one_sentence, a_model_that_cannot_be_evaluated_is_not_saved)
