"""Every option with every mode, both read off the programs' own help: used, or refused in a sentence and never ignored."""
import functools, os, re, sys
from concurrent.futures import ThreadPoolExecutor
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, scratch

# How each mode is asked for, with arguments that lead nowhere: where the options are right, the inputs are missing.
MODES = {
    "extract": {"extract": ["nowhere", "c"], "--info": ["--info", "nowhere"], "--verify": ["--verify", "nowhere"],
                "--export": ["--export", "d", "nowhere"], "--merge": ["--merge", "c", "nowhere"],
                "--import": ["--import", "nowhere.npy", "nowhere.csv", "c"], "--preview": ["--preview", "p.png", "nowhere"],
                "--duplicates": ["--duplicates", "nowhere"], "--split": ["--split", "nowhere", "tr", "te", "0.2"],
                "relabel": ["--labels", "nowhere.csv", "nowhere"], "--apply": ["--apply", "nowhere.csv", "nowhere"],
                "--unapply": ["--unapply", "nowhere"], "derive": ["cache", "c"]},
    "train": {"standalone": ["nowhere", "m.h5"], "linear": ["--head", "linear", "nowhere", "m.h5"],
              "bootstrap": ["--approach", "bootstrap", "--images", "nowhere", "m.h5"],
              "finetune": ["--approach", "finetune", "nowhere", "m.h5"],
              "scratch": ["--approach", "scratch", "--images", "nowhere", "m.h5"]},
    "evaluate": {"CACHE": ["cache", "nowhere.h5"], "IMAGE_DIR": ["folder", "nowhere.h5"],
                 "--predict": ["--predict", "nowhere.h5", "nowhere.jpg"], "--similar": ["--similar", "2", "nowhere.jpg", "nowhere"],
                 "--next": ["--next", "2", "nowhere.h5", "cache"], "--export-onnx": ["--export-onnx", "some", "nowhere.h5"]},
}
VALUES = {"threads": "1", "layer": "block5_pool", "shard": "0/2", "brightness-range": "0.5,1.5", "hidden": "16", "solver": "1",
          "cost": "1", "tolerance": "0.1", "costs": "0.1,1", "min-learning-rate": "0.1", "bias": "1", "folds": "2", "side": "64"}
CHOOSES = {"approach", "head", "info", "verify", "export", "merge", "import", "preview", "duplicates", "split", "apply", "unapply", "predict", "similar", "next", "export-onnx"}  # the mode itself


def table(name):
    """Options of a program's help: name -> (placeholder, the modes of its section or None for all)."""
    text = program(name, "--help").stdout
    sections = re.split(r"\nOptions for ([^\n]*):\n", text[:text.index("\nExamples:")])
    options = {}
    for modes, rows in zip(sections[1::2], sections[2::2]):
        for head in re.finditer(r"^  (?:-\w, )?--([a-z-]+)(?: (\S+))?(?:  +|$)", rows, re.M):
            assert head[1] not in options, (name, head[1], "stands twice")
            options[head[1]] = (head[2], None if modes == "every mode" else set(modes.split(", ")))
    return options


def value_of(option, placeholder):
    if option in VALUES or not placeholder:
        return [VALUES[option]] if option in VALUES else []
    if "|" in placeholder:
        return [placeholder.split("|")[0]]
    if placeholder.isupper() and len(placeholder) == 1 or placeholder in ("RATE", "DEGREES", "LEVELS"):
        return ["0.5" if placeholder in ("S", "Z", "F", "M", "L", "RATE", "DEGREES", "LEVELS") else "1"]
    return ["some.png" if "plot" in option or "sheet" in option or placeholder == "FILE" else "some"]


def spelled(options, names):
    return [text for name in names for text in ["--" + name] + value_of(name, options[name][0])]


def refused(folder, name, mode, options, names):
    """The option that a program says the mode does not use, or None; all else of what is given is well formed."""
    arguments = spelled(options, names) + MODES[name][mode]
    done = program(name, *arguments, status=(0, 1, 2), cwd=folder)
    refusal = re.match(r"%s: --([a-z-]+) is not used by " % name, done.stderr)
    assert refusal or not re.match(r"%s: (--\S+ takes |Unknown option|Missing argument)" % name, done.stderr), (arguments, done.stderr)
    assert not refusal or done.returncode == 2, (arguments, done)
    return refusal and refusal[1]


def walk(name):
    """All options of a mode in one command; each of the others in one of its own."""
    options = {option: row for option, row in table(name).items() if option not in CHOOSES | {"help", "version"}}
    with scratch() as folder:
        os.mkdir(folder + "/folder")
        os.mkdir(folder + "/cache")
        open(folder + "/cache/data.mdb", "w").close()
        for mode in MODES[name]:
            used = [option for option, (_, modes) in options.items() if modes is None or mode in modes]
            assert refused(folder, name, mode, options, used) is None, (name, mode)
        others = [(mode, option) for option, (_, modes) in options.items() for mode in MODES[name]
                  if modes is not None and mode not in modes]
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            said = list(pool.map(lambda t: refused(folder, name, t[0], options, [t[1]]), others))
    wrong = [(name, mode, option) for (mode, option), was in zip(others, said) if was != option]
    assert not wrong, wrong
    assert len(others) >= len(options) * len(MODES[name]) // 8, (len(others), len(options))


def extract_takes_an_option_in_the_modes_that_help_names_and_refuses_it_in_the_others():
    walk("extract")


def train_takes_an_option_in_the_modes_that_help_names_and_refuses_it_in_the_others():
    walk("train")


def evaluate_takes_an_option_in_the_modes_that_help_names_and_refuses_it_in_the_others():
    walk("evaluate")


def help_names_only_modes_that_there_are():
    for name, modes in MODES.items():
        named = set().union(*(m for _, m in table(name).values() if m))
        assert named == set(modes), (name, named)


def options_that_were_once_ignored_are_refused_by_name():
    for name, arguments, option, mode in (
            ("train", ["--export-libsvm", "f", "c", "m.h5"], "export-libsvm", "--head dense"),
            ("train", ["--solver", "6", "c", "m.h5"], "solver", "--head dense"),
            ("train", ["--head", "linear", "--validation", "x.cache", "c", "m.h5"], "validation", "--head linear"),
            ("train", ["--head", "linear", "--resume", "c", "m.h5"], "resume", "--head linear"),
            ("train", ["--head", "linear", "--epochs", "3", "c", "m.h5"], "epochs", "--head linear"),
            ("extract", ["--info", "--weights", "nope", "c"], "weights", "--info"),
            ("evaluate", ["--predict", "m.h5", "x.jpg", "--first-classes", "2"], "first-classes", "--predict")):
        error = program(name, *arguments, status=2).stderr
        assert error.startswith("%s: --%s is not used by " % (name, option)) and mode in error.split(";")[0], error


def an_option_that_does_nothing_beside_the_others_is_refused():
    with scratch() as at:
        os.mkdir(at + "/cache")
        open(at + "/cache/data.mdb", "w").close()
        for name, arguments, sentence in (
                ("train", ["--validation", "v", "--validation-split", "0.2", "c", "m.h5"], "mutually exclusive"),
                ("train", ["--reduce-lr-patience", "3", "c", "m.h5"], "--reduce-lr-patience requires --reduce-lr-factor"),
                ("train", ["--min-learning-rate", "1e-5", "c", "m.h5"], "--min-learning-rate requires --reduce-lr-factor"),
                ("extract", ["--rotation-range", "30", "images", "c"], "augmentation requires --augment K"),
                ("evaluate", ["--normalize", "true", at + "/cache", "m.h5"], "--normalize requires --confusion or --report"),
                ("evaluate", ["--title", "x", at + "/cache", "m.h5"], "--title requires"),
                ("evaluate", ["--weights", "random", at + "/cache", "m.h5"], "--weights is not used with a CACHE"),
                ("train", ["--approach", "bootstrap", "--pool", "avg", "--augmented-cache", "c", "m.h5"], "--pool is not used with a CACHE"),
                ("extract", [at + "/cache", "c"], "is a cache: give --pool or --layer"),
                ("evaluate", ["--images", "d", at + "/cache", "m.h5"], "--images requires --report, --review, --explain or --slices brightness"),
                ("evaluate", ["--suspects", "s.csv", at + "/cache", "m.h5"], "--suspects requires --review"),
                ("evaluate", ["--similar", "2", "--top", "3", "x.jpg", "c"], "--top is not used by --similar")):
            error = program(name, *arguments, status=2).stderr
            assert sentence in error, (arguments, error)


def numbers_are_decimal_and_nothing_else():
    for name, arguments in (("train", ["--epochs", " 5"]), ("train", ["--epochs", "0x10"]), ("train", ["--dropout", " 0.5"]),
                            ("train", ["--dropout", "0x0"]), ("train", ["--hidden", ""]), ("train", ["--hidden", " 5"]),
                            ("train", ["--hidden", "0x10"]), ("train", ["--head", "linear", "--cost", "0x10"]),
                            ("train", ["--head", "linear", "--costs", "1, 2"]), ("extract", ["--batch", "0x10"]),
                            ("train", ["--epochs", ""]), ("train", ["--dropout", ""]), ("train", ["--dropout", "nan"])):
        error = program(name, *arguments, "a", "b", status=2).stderr
        assert "takes" in error and arguments[-2] in error, error


def augmentation_outside_its_bounds_is_refused():
    with scratch() as at:
        for option, value in (("rotation", "-1"), ("rotation", "361"), ("width-shift", "-1"), ("height-shift", "100001"), ("shear", "nan"),
                              ("zoom", "1"), ("channel-shift", "256"), ("brightness", "-1,1"), ("brightness", "0.9,0.1"),
                              ("brightness", "0.1,0x1"), ("brightness", "0.1, 0.5"), ("brightness", "0.1,0.5,1")):
            name = "--%s-range" % option
            for program_name, rest in (("extract", ["--augment", "1", at, at + "/c"]),
                                       ("train", ["--approach", "scratch", "--images", at, at + "/m.h5"])):
                error = program(program_name, "%s=%s" % (name, value), *rest, status=2).stderr
                assert name in error and value in error and not os.listdir(at), error


run(extract_takes_an_option_in_the_modes_that_help_names_and_refuses_it_in_the_others,
    train_takes_an_option_in_the_modes_that_help_names_and_refuses_it_in_the_others,
    evaluate_takes_an_option_in_the_modes_that_help_names_and_refuses_it_in_the_others,
    help_names_only_modes_that_there_are,
    options_that_were_once_ignored_are_refused_by_name,
    an_option_that_does_nothing_beside_the_others_is_refused,
    augmentation_outside_its_bounds_is_refused,
    numbers_are_decimal_and_nothing_else)
