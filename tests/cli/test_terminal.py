"""What people see: width, colour and progress on terminals of 40, 80 and 200 columns, pipes, Ctrl-C; answers line by line."""
import fcntl, json, os, pty, re, select, shutil, signal, struct, subprocess, sys, termios, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import BUILD, program, run, scratch

PROGRAMS = ("extract", "train", "evaluate")
WIDTHS = (40, 80, 200)


class on_terminal:
    """A program with a terminal of this many columns; .text: what it wrote there, .status: as subprocess has it.
    keys: (pattern, bytes to type once it was shown)."""

    def __init__(self, name, *arguments, columns=80, term="xterm", pipe=False, keys=None, binary=None, **more):
        environment = dict(os.environ, TERM=term, **more)
        for variable in ("NO_COLOR",):
            if variable not in more:
                environment.pop(variable, None)
        reader, writer = os.pipe()
        pid, terminal = pty.fork()
        if pid == 0:
            if pipe:
                os.dup2(writer, 1)
            os.close(reader), os.close(writer)
            binary = binary or os.path.join(BUILD, name)
            fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(binary, [binary] + [str(a) for a in arguments], environment)
        os.close(writer)
        self.out, text = b"", b""
        open_ends = {terminal, reader}
        while open_ends:
            for end in select.select(list(open_ends), [], [], 60)[0]:
                try:
                    block = os.read(end, 65536)
                except OSError:  # the last process has closed the terminal
                    block = b""
                if not block:
                    open_ends.discard(end)
                elif end == terminal:
                    text += block
                else:
                    self.out += block
            if keys and re.search(keys[0], text):
                os.write(terminal, keys[1])
                keys = None
        self.text = text.decode().replace("\r\n", "\n")
        self.status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal), os.close(reader)


def shown(text):
    return re.sub(r"\x1b\[[0-9]*[mK]", "", text)


def draw(folder, classes=2, each=3, side=8):
    rng = np.random.default_rng(5)
    for c in range(classes):
        os.makedirs("%s/c%d" % (folder, c))
        for i in range(each):
            with open("%s/c%d/%03d.ppm" % (folder, c, i), "wb") as out:
                out.write(b"P6 %d %d 255\n" % (side, side) + rng.integers(100 * c, 100 * c + 50, (side, side, 3)).astype("u1").tobytes())
    return folder


def make_model(at):
    draw(at + "/images")
    program("extract", "-q", "--layer", "input", at + "/images", at + "/cache")
    program("train", "-q", "--head", "linear", at + "/cache", at + "/m.h5")


def text_is_as_wide_as_the_terminal_up_to_a_hundred_columns():
    with scratch() as at:
        make_model(at)
        for columns in WIDTHS:
            width = min(columns, 100)
            texts = [on_terminal(name, "--help", columns=columns).text for name in PROGRAMS]
            texts.append(on_terminal("extract", "--info", "/nowhere/" + "and no cache " * 9, columns=columns).text)
            answers = on_terminal("evaluate", at + "/cache", at + "/m.h5", columns=columns).text
            texts.append(answers[answers.index("In short"):].split("\n\n")[0])
            for text in texts:
                lines = shown(text).splitlines()
                assert all(len(line) <= width or len(line.split()) <= 2 for line in lines), (columns, max(lines, key=len))
                assert max(map(len, lines)) > 0.7 * width, (columns, text)
        assert program("evaluate", "--help").stdout == on_terminal("evaluate", "--help", columns=200).text


def the_bar_fits_the_terminal_and_estimates_once_it_can():
    with scratch() as at:
        draw(at + "/images", each=24, side=224)
        for columns in WIDTHS:
            done = on_terminal("extract", "--threads", 1, "--batch", 2, "--weights", "random:1", "--layer", "block3_pool", at + "/images",
                               "%s/%d" % (at, columns), columns=columns)
            bars = [bar.split("\n")[0] for bar in done.text.split("\r\x1b[K")[1:] if "/48" in bar]
            assert done.status == 0 and len(bars) > 3 and max(map(len, bars)) < columns, (columns, done.text)
            words = "".join(bars)
            assert "[" in bars[0] and "estimating" in words and re.search(r"\d+:\d\d left", words), bars
            assert words.index("estimating") < words.index(" left") and ("images/s" in words) == (columns > 40), bars
            assert re.search(r"\d+/48", words), bars


def a_dumb_terminal_and_a_pipe_get_plain_lines():
    with scratch() as at:
        draw(at + "/images", each=4, side=224)
        for number, options in enumerate(({"term": "dumb"}, {"pipe": True}, {"term": ""})):
            done = on_terminal("extract", "--threads", 1, "--weights", "random:1", "--layer", "block2_pool", at + "/images",
                               "%s/%d" % (at, number), **options)
            assert done.status == 0 and "\x1b[K" not in done.text and "\r" not in done.text, (options, done.text)
            assert (b"8 new" in done.out) == bool(options.get("pipe")), done.out


def colour_is_for_terminals_that_want_it():
    wrong = ("--info", "/nowhere")
    assert on_terminal("extract", *wrong).text.startswith("\x1b[31mextract:\x1b[m there is no cache /nowhere")
    for options in ({"NO_COLOR": "1"}, {"term": "dumb"}):
        assert on_terminal("extract", *wrong, **options).text.startswith("extract: there is no"), options
    assert on_terminal("extract", *wrong, NO_COLOR="").text.startswith("\x1b[31m")
    assert "\x1b" not in program("extract", *wrong, status=1).stderr


def ctrl_c_ends_the_program_by_its_signal_and_keeps_what_was_computed():
    with scratch() as at:
        draw(at + "/images", each=40, side=224)
        asked = ["--threads", 1, "--batch", 2, "--weights", "random:1", "--layer", "block3_pool", at + "/images", at + "/cache"]
        done = on_terminal("extract", *asked, keys=(rb" [1-9]\d*/80", b"\x03"))
        assert "stopping… (Ctrl-C again ends at once)" in done.text, done.text
        assert done.status == -signal.SIGINT and "run the same command to continue" in shown(done.text).replace("\n  ", " "), (done.status, done.text)
        assert 0 < json.loads(program("extract", "--info", "--json", at + "/cache").stdout)["items"] < 80
        command = "sh -c 'kill -INT $$'; exec %s/extract --info %s/cache >/dev/null" % (BUILD, at)
        assert subprocess.run(["sh", "-c", command], stderr=subprocess.DEVNULL).returncode == 0


def a_reader_that_leaves_ends_predictions_in_silence():
    with scratch() as at:
        make_model(at)
        files = [at + "/images/c0/000.ppm"] * 2000
        for arguments in (["--predict", at + "/m.h5", *files], ["--similar", "1", *files, at + "/cache"]):
            process = subprocess.Popen([BUILD + "/evaluate", "-q", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert process.stdout.readline()
            process.stdout.close()
            assert process.stderr.read() == b"" and process.wait() == 0, arguments[0]
            process.stderr.close()


def quiet_prints_results_only():
    with scratch() as at:
        make_model(at)
        model = at + "/n.h5"
        assert program("train", "-q", "--head", "linear", at + "/cache", model).stdout.splitlines()[-1] == "Saved in " + model
        done = program("train", "-q", "--hidden", "4", "--epochs", "3", "--validation-split", "0", at + "/cache", model)
        assert "Epoch" not in done.stdout and "Trainable" not in done.stdout and model in done.stdout, done.stdout
        assert "Trainable params" in program("train", "-q", "--summary", "--validation-split", "0", "--hidden", "4", at + "/cache", model).stdout
        assert done.stderr == "" and program("extract", "-q", "--layer", "input", at + "/images", at + "/c2").stderr == ""


def an_installed_program_calls_itself_by_its_name():
    with scratch() as at:
        for name in PROGRAMS:
            installed = at + "/vggcache-" + name
            shutil.copy(os.path.join(BUILD, name), installed)
            text = subprocess.run([installed, "--help"], capture_output=True, text=True).stdout
            assert text.startswith("vggcache-%s - " % name), text
            commands = text.split("Usage:\n")[1].split("\n\n")[0] + "\n" + text.split("Examples:\n")[1]
            assert commands.count("  vggcache-%s " % name) >= 4 and not re.search(r"^  %s " % name, commands, re.M), commands
            assert subprocess.run([installed, "--version"], capture_output=True, text=True).stdout.startswith("vggcache-%s " % name)
            assert not re.search(r"(?<![-\w])(extract|train|evaluate) --", text), text
            wrong = subprocess.run([installed, "--no-such"], capture_output=True, text=True).stderr
            assert wrong.startswith("vggcache-%s: " % name) and "Try 'vggcache-%s --help'" % name in wrong, wrong


def each_line_is_answered_as_it_comes():
    with scratch() as at:
        make_model(at)
        images = [at + "/images/c%d/00%d.ppm" % (c, i) for c in (1, 0) for i in range(2)]
        for form, parse in (("text", lambda l: l.split(": ")[1].split()[0]), ("csv", lambda l: l.split(",")[1]),
                            ("jsonl", lambda l: json.loads(l)["predicted"])):
            process = subprocess.Popen([BUILD + "/evaluate", "-q", "--predict", at + "/m.h5", "--format", form, "-"], text=True,
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            if form == "csv":
                assert process.stdout.readline().startswith("path,class_1,margin_1")
            for path in images:
                process.stdin.write(path + "\n")
                process.stdin.flush()
                line = process.stdout.readline()  # hangs if it waits for more
                assert path in line and parse(line) == path.split("/")[-2], line
            process.stdin.write("\n\n%s\n%s\n" % (images[0], images[3]))
            assert [parse(process.stdout.readline()) for _ in range(process.stdin.flush() or 2)] == ["c1", "c0"]
            process.stdin.write("/nowhere.jpg\n" + images[1])  # without a newline, at the end
            process.stdin.close()
            rest = process.stdout.read().splitlines()
            assert parse(rest[-1]) == "c1" and process.wait() == 3, rest
            assert "skipped /nowhere.jpg" in process.stderr.read()
            if form == "jsonl":
                assert json.loads(rest[0])["path"] == "/nowhere.jpg" and "error" in json.loads(rest[0])
            process.stdout.close(), process.stderr.close()
        process = subprocess.Popen([BUILD + "/evaluate", "-q", "--predict", at + "/m.h5", "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdin.write(images[0] + "\n")
        process.stdin.flush()
        process.stdout.readline()
        process.send_signal(signal.SIGINT)  # while it waits
        assert "interrupted" in process.communicate()[1] and process.returncode == -signal.SIGINT


run(text_is_as_wide_as_the_terminal_up_to_a_hundred_columns, the_bar_fits_the_terminal_and_estimates_once_it_can,
    a_dumb_terminal_and_a_pipe_get_plain_lines, colour_is_for_terminals_that_want_it,
    ctrl_c_ends_the_program_by_its_signal_and_keeps_what_was_computed, a_reader_that_leaves_ends_predictions_in_silence,
    quiet_prints_results_only, an_installed_program_calls_itself_by_its_name, each_line_is_answered_as_it_comes)
