"""JSON that programs read: by the schemas of evaluate/schema and extract/schema, alone on standard output; the CSV files' columns."""
import csv, io, json, os, re, subprocess, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import jsonschema
import numpy as np
from tap import BUILD, ROOT, program, run, scratch


def closed(schema):
    """The schema with every object closed, so that a field without a description fails here. A reader's stays open."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {key: closed(part) for key, part in schema.items()}
    if schema.get("type") == "object" and "properties" in schema:
        schema.setdefault("additionalProperties", False)
    return schema


def schema(path):
    with open(os.path.join(ROOT, path)) as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(closed(schema))


def draw(folder, names, each=8):
    rng = np.random.default_rng(5)
    for c, name in enumerate(names):
        os.makedirs("%s/%s" % (folder, name))
        for i in range(each):
            with open("%s/%s/%d.ppm" % (folder, name, i), "wb") as out:
                out.write(b"P6 2 2 255\n" + rng.integers(60 * c, 60 * c + 120, 12).astype("u1").tobytes())
    return folder


def make_models(at):
    """A cache of three classes, one of them only in training, and a model of each kind of score."""
    images = draw(at + "/images", ("a", "b, =c", "d"))
    open(images + "/a/torn.ppm", "w").close()
    program("extract", "-q", "--layer", "input", images, at + "/c", status=3)
    program("train", "-q", "--head", "linear", at + "/c", at + "/margins.h5")
    program("train", "-q", "--head", "linear", "--folds", 3, at + "/c", at + "/calibrated.h5")
    program("train", "-q", "--hidden", 4, "--epochs", 2, "--history", at + "/h.csv", at + "/c", at + "/dense.h5")
    return images, [at + "/%s.h5" % name for name in ("margins", "calibrated", "dense")]


def every_json_holds_its_schema():
    evaluation, prediction, info = (schema(path) for path in ("evaluate/schema/evaluation.json", "evaluate/schema/prediction.json",
                                                              "extract/schema/info.json"))
    with scratch() as at:
        images, models = make_models(at)
        with open(at + "/t.csv", "w") as out:
            out.write("path,hour\na/0.ppm,1\na/1.ppm,2\n")
        for arguments, status in (([at + "/c", *models], 0), ([at + "/c", *models, "--unknown", images, "--slices", at + "/t.csv"], 3), ([at + "/c", models[1], "--trained-on", at + "/c"], 0), ([images, models[0]], 3),
                                  ([at + "/c", models[0], "--classes", "a,d"], 0)):
            text = program("evaluate", "-q", "--json", "-", *arguments, status=status).stdout
            report = json.loads(text)
            evaluation.validate(report)
            assert report["version"] == 1
        for missing in ("version", "models", "verdict"):  # the schema can fail
            assert list(evaluation.iter_errors({k: v for k, v in report.items() if k != missing}))
        assert list(evaluation.iter_errors(dict(report, surprise=1)))
        for model in models[:2]:
            lines = program("evaluate", "-q", "--predict", model, "--format", "jsonl", images + "/a", status=3).stdout.splitlines()
            assert len(lines) == 9 and sum("error" in json.loads(line) for line in lines) == 1
            for line in lines:
                prediction.validate(json.loads(line))
        program("extract", "-q", "--shard", "0/2", "--layer", "input", images, at + "/s", status=(0, 3))
        np.save(at + "/x.npy", np.ones((4, 8), "f4"))
        np.save(at + "/y.npy", np.arange(4))
        program("extract", "-q", "--import", at + "/x.npy", at + "/y.npy", at + "/i")
        for cache in ("/c", "/s", "/i"):
            info.validate(json.loads(program("extract", "--info", "--json", at + cache).stdout))


def json_and_predictions_on_standard_output_stand_alone():
    with scratch() as at:
        _, models = make_models(at)
        for name in ("-", "/dev/stdout"):
            done = program("evaluate", "--json", name, at + "/c", models[1])
            assert json.loads(done.stdout)["images"] == 24
            rows = list(csv.DictReader(io.StringIO(program("evaluate", "--predictions", name, at + "/c", models[1]).stdout)))
            assert len(rows) == 24 and list(rows[0]) == ["path", "true", "predicted", "a", "b, =c", "d"]
        assert not os.path.exists("-")
        done = subprocess.run([BUILD + "/evaluate", "--json", "-", at + "/c", models[1]], stdout=open("/dev/full", "w"), stderr=subprocess.PIPE)
        assert done.returncode == 1
        program("train", "-q", "--hidden", 4, "--epochs", 2, "--history", "-", at + "/c", at + "/m.h5")


def csv_files_have_the_columns_of_the_page():
    with open(os.path.join(ROOT, "evaluate/schema/README.md")) as file:
        page = dict(re.findall(r"^\| `([^`]*)` \| (.*) \|$", file.read(), re.M))
    columns = lambda row: re.findall(r"`([^`]*)`", page[row])
    with scratch() as at:
        images, models = make_models(at)
        program("train", "-q", "--head", "linear", "--suspects", at + "/s.csv", "--learning-curve", at + "/l.csv", at + "/c", at + "/m.h5")
        program("evaluate", "-q", "--similar", 2, "--neighbours", at + "/n.csv", images + "/a/0.ppm", at + "/c")
        program("evaluate", "-q", "--predictions", at + "/p.csv", at + "/c", models[1])
        with open(at + "/one.csv", "w") as out:
            out.write(program("evaluate", "-q", "--predict", models[1], "--format", "csv", images + "/a/0.ppm").stdout)
        with open(at + "/t.csv", "w") as out:
            out.write("path,class\na/0.ppm,a\na/1.ppm,d\n")
        program("extract", "-q", "--layer", "input", "--labels", at + "/t.csv", "--unlabelled", "keep", images, at + "/u", status=3)
        with open(at + "/next.csv", "w") as out:
            out.write(program("evaluate", "-q", "--next", 3, models[1], at + "/u").stdout)
        for name, row, more in (("next", "evaluate --next", 0), ("s", "train --suspects", 0), ("l", "train --learning-curve", 0), ("h", "train --history", 0), ("n", "evaluate --similar --neighbours", 0),
                                ("p", "evaluate --predictions", 3), ("one", "evaluate --predict --format csv", 3)):
            with open("%s/%s.csv" % (at, name), newline="") as file:
                head = next(csv.reader(file))
            names = [c for c in columns(row) if c not in ("margin_1", "margin_2", "accepted", "known")]
            assert head[:len(names)] == names and len(head) >= len(names) + (more == 3 and name == "p") * 3, (name, head)


run(every_json_holds_its_schema, json_and_predictions_on_standard_output_stand_alone, csv_files_have_the_columns_of_the_page)
