"""What the three programs have in common: help, version, exit status and man pages."""
import os, re, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, program, run, scratch

PROGRAMS = ("extract", "train", "evaluate")


def long_options(text):
    return set(re.findall(r"--[a-z][a-z0-9-]+", text))


def help_goes_to_stdout_with_two_examples_and_exit_status_0():
    for name in PROGRAMS:
        out = program(name, "--help").stdout
        assert out.startswith(name + " - "), out[:80]
        assert len(re.findall(r"^  %s .*\n      \S" % name, out[out.index("Examples:"):], re.M)) >= 2, out
        for option in ("--threads", "--seed", "--quiet", "--version"):
            assert option in long_options(out), (name, option)


def help_fits_a_terminal_of_a_hundred_columns():
    for name in PROGRAMS:
        for line in program(name, "--help").stdout.splitlines():
            assert len(line) <= 100, (name, line)


def the_contract_s_options_are_there():
    promised = {
        "extract": "info verify export merge json classes first-classes list weights preset normalize layer prune batch",
        "train": "approach head hidden dropout optimizer learning-rate batch-size epochs patience validation-split validation "
                 "class-weight solver cost tolerance bias search-cost folds scale no-reduce history plot images unfreeze summary",
        "evaluate": "predict confusion report json predictions top",
    }
    for name in PROGRAMS:
        there = long_options(program(name, "--help").stdout)
        missing = [o for o in promised[name].split() if "--" + o not in there]
        assert not missing, (name, missing)


def version_names_program_number_and_machine():
    for name in PROGRAMS:
        out = program(name, "--version").stdout
        assert re.fullmatch(r"%s \(vggcache\) \d+\.\d+\.\d+\nProcessor: .+\nInstruction set: .+\nBLAS: OpenBLAS .+\n" % name, out), out


def wrong_usage_is_status_2_with_a_sentence_on_stderr_and_nothing_on_stdout():
    for name in PROGRAMS:
        for arguments in ([], ["--no-such-option"], ["--threads", "many", "a", "b"], ["--threads", "-1", "a", "b"]):
            done = program(name, *arguments, status=2)
            assert done.stdout == "", done.stdout
            assert done.stderr.startswith(name + ": ") and "--help" in done.stderr, done.stderr


def missing_input_is_status_1_and_one_line_that_names_it():
    with scratch() as folder:
        absent = os.path.join(folder, "absent")
        for name, arguments in (("extract", [absent, folder + "/c"]), ("extract", ["--info", absent]),
                                ("train", [absent, folder + "/m.h5"]), ("evaluate", [absent, absent])):
            done = program(name, *arguments, status=1)
            assert done.stderr.count("\n") == 1 and absent in done.stderr, done.stderr
        assert os.listdir(folder) == [], os.listdir(folder)


def output_that_cannot_be_written_is_status_1_with_a_sentence():
    for name in PROGRAMS:
        with open("/dev/full", "w") as full:
            done = subprocess.run([os.path.join(BUILD, name), "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
        assert done.returncode == 1 and "standard output" in done.stderr, (done.returncode, done.stderr)


def a_reader_that_leaves_early_is_no_failure():
    for name in PROGRAMS:
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([os.path.join(BUILD, name), "--help"], stdout=writer, stderr=subprocess.PIPE, text=True)
        os.close(writer)
        assert done.returncode == 0 and done.stderr == "", (done.returncode, done.stderr)


def names_cannot_steer_the_terminal():
    done = program("extract", "--info", "no\x1b[2Jwhere", status=1)
    assert "\x1b" not in done.stderr and "no\\x1b[2Jwhere" in done.stderr, repr(done.stderr)
    for code in (0x202e, 0x2066, 0x200b, 0xad, 0x9b, 0x2028, 0xfeff, 0xe0041):  # directions, invisible ones, C1, separators, tags
        done = program("extract", "--info", "no%swhere" % chr(code), status=1)
        assert chr(code) not in done.stderr and ("%02x" % code) in done.stderr, repr(done.stderr)
    assert "crème" in program("extract", "--info", "crème", status=1).stderr


def the_man_page_has_the_options_of_the_help():
    for name in PROGRAMS:
        man = program(name, "--man").stdout.replace("\\-", "-")
        assert man.startswith(".TH ")
        assert long_options(program(name, "--help").stdout) <= long_options(man), name


def options_take_names_in_UTF_8_whatever_the_locale():
    with scratch() as at:
        os.makedirs(at + "/images/crème_brûlée")
        with open(at + "/images/crème_brûlée/1.ppm", "wb") as out:
            out.write(b"P6 4 4 255\n" + bytes(48))
        for number, locale in enumerate(("C", "C.UTF-8", "nowhere")):
            done = program("extract", "--quiet", "--layer", "input", "--classes", "crème_brûlée", at + "/images", "%s/%d" % (at, number),
                           env=dict(os.environ, LC_ALL=locale))
            assert done.stdout.startswith("1 new"), done.stdout
            done = subprocess.run([os.path.join(BUILD, "evaluate"), b"--json", b"caf\xe9.json", "cache", "model"], capture_output=True,
                                  text=True, env=dict(os.environ, LC_ALL=locale))
            assert done.returncode == 2 and done.stderr.startswith("evaluate: --json takes UTF-8, not 'caf"), done.stderr


run(options_take_names_in_UTF_8_whatever_the_locale,
    help_goes_to_stdout_with_two_examples_and_exit_status_0, help_fits_a_terminal_of_a_hundred_columns,
    the_contract_s_options_are_there, version_names_program_number_and_machine,
    wrong_usage_is_status_2_with_a_sentence_on_stderr_and_nothing_on_stdout,
    missing_input_is_status_1_and_one_line_that_names_it, output_that_cannot_be_written_is_status_1_with_a_sentence,
    a_reader_that_leaves_early_is_no_failure, names_cannot_steer_the_terminal, the_man_page_has_the_options_of_the_help)
