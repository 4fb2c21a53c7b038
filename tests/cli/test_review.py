"""What a review decided: applied, told, kept by later runs, carried by merge, split and export, undone; bad tables; kills."""
import csv, json, os, shutil, signal, sys
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import ROOT, program, run, scratch, start

sys.path.insert(0, os.path.join(ROOT, "extract"))
import read_cache

NAMES = ["%s/%d.ppm" % (c, i) for c in ("ant", "bee") for i in range(5)]
TABLE = "path,action,label\nant/1.ppm,relabel,bee\nant/2.ppm,exclude,\nbee/3.ppm,keep,bee\nbee/4.ppm,relabel,new\n"
AFTER = dict({name: name[:3] for name in NAMES if name != "ant/2.ppm"}, **{"ant/1.ppm": "bee", "bee/4.ppm": "new"})
BEFORE = {name: name[:3] for name in NAMES}
LEFT_OUT = "1 image that a review excluded is left out"


def draw(folder, names=NAMES):
    for i, name in enumerate(names):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(b"P6 1 1 255\n" + bytes([i * 20 % 256, i, 50]))
    return folder


def write(path, text):
    with open(path, "wb") as out:
        out.write(text.encode())
    return path


def extract(*arguments, **options):
    return program("extract", "--layer", "input", *arguments, **options)


def info(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)


def items(cache, at):
    program("extract", "--verify", cache)
    program("extract", "--export", at + "/out", cache)
    with open(at + "/out/items.csv", newline="") as table:
        rows = list(csv.DictReader(table))
    features, labels, classes, paths = read_cache.read(cache, verify=True)
    assert [classes[label].decode() for label in labels] == [row["class"] for row in rows]
    assert np.array_equal(features, np.load(at + "/out/features.npy"))
    return {row["path"]: row["class"] for row in rows}


def reviewed(at, *options):
    images, cache = draw(at + "/images"), at + "/c"
    extract(*options, images, cache)
    done = program("extract", "--apply", write(at + "/d.csv", TABLE), cache)
    assert done.stdout == "1 kept, 2 relabelled, 1 excluded\n", done.stdout
    return images, cache


def decisions_are_told_kept_by_later_runs_and_undone():
    with scratch() as at:
        images, cache = reviewed(at)
        assert items(cache, at) == AFTER
        about = info(cache)
        assert about["items"] == 9 and about["unlabelled"] == 0
        assert sorted((d["path"], d["action"], d["label"], d["before"]) for d in about["decisions"]) == [
            ("ant/1.ppm", "relabel", "bee", "ant"), ("ant/2.ppm", "exclude", "ant", "ant"),
            ("bee/3.ppm", "keep", "bee", "bee"), ("bee/4.ppm", "relabel", "new", "bee")]
        assert "1 kept, 2 relabelled, 1 excluded" in program("extract", "--info", cache).stdout
        assert LEFT_OUT in program("extract", "--export", at + "/out", cache).stderr
        again = extract(images, cache)
        assert again.stdout.startswith("0 new, 10 unchanged, 0 changed, 0 moved"), again.stdout
        assert "what a review decided on 3 images stays" in again.stderr, again.stderr
        assert items(cache, at) == AFTER
        os.rename(images + "/bee/4.ppm", images + "/ant/4b.ppm")  # the folder's class is remembered, the review's stays
        assert "1 moved" in extract(images, cache).stdout
        assert items(cache, at)["ant/4b.ppm"] == "new"
        assert [d["before"] for d in info(cache)["decisions"] if d["label"] == "new"] == ["ant"]
        table = write(at + "/t.csv", "path,class\n" + "".join("%s,fly\n" % n for n in NAMES[:5]))
        assert "stays" in program("extract", "--labels", table, cache).stderr
        assert items(cache, at)["ant/1.ppm"] == "bee" and items(cache, at)["ant/0.ppm"] == "fly"
        assert program("extract", "--unapply", cache).stdout == "4 decisions undone\n"
        assert items(cache, at)["ant/1.ppm"] == items(cache, at)["ant/2.ppm"] == "fly" and items(cache, at)["ant/4b.ppm"] == "ant"
        assert info(cache)["decisions"] == [] and program("extract", "--unapply", cache).stdout == "0 decisions undone\n"


def training_and_evaluation_leave_out_what_is_excluded():
    with scratch() as at:
        images, cache = reviewed(at)
        linear = program("train", "--head", "linear", cache, at + "/m.h5")
        assert LEFT_OUT in linear.stderr, linear.stderr
        other = shutil.copytree(cache, at + "/other")
        dense = program("train", "--hidden", "none", "--epochs", 1, "--validation", other, cache, at + "/d.h5")
        assert dense.stderr.count(LEFT_OUT) == 2, dense.stderr
        done = program("evaluate", cache, at + "/m.h5", "--json", at + "/e.json")
        assert LEFT_OUT in done.stderr, done.stderr
        with open(at + "/e.json") as file:
            assert json.load(file)["images"] == 9
        assert "9 images" in program("extract", "--duplicates", cache).stdout
        program("extract", "--unapply", cache)
        same = [program("train", "--head", "linear", "--exclude", write(at + "/x.csv", text), cache, at + "/x%d.h5" % i)
                for i, text in enumerate(("path,score\nant/2.ppm,1\n", "path,action,label\nant/2.ppm,exclude,\nbee/3.ppm,keep,\n"))]
        for done in same:
            assert "1 image is left out" in done.stderr, done.stderr
        assert same[0].stdout.replace("x0.h5", "") == same[1].stdout.replace("x1.h5", "")
        assert "no such" in program("train", "--exclude", at + "/none.csv", cache, at + "/n.h5", status=1).stderr.lower()


def copies_parts_and_shards_carry_decisions():
    with scratch() as at:
        images, cache = reviewed(at, "--augment", 1, "--horizontal-flip")
        assert items(cache, at) == AFTER and info(cache)["copies"] == 9
        program("extract", "--merge", at + "/merged", cache)
        assert items(at + "/merged", at) == AFTER and info(at + "/merged")["decisions"] == info(cache)["decisions"]
        program("extract", "--unapply", at + "/merged")
        assert items(at + "/merged", at) == BEFORE and info(at + "/merged")["copies"] == 10
        program("extract", "--apply", write(at + "/e.csv", "path,action,label\nbee/4.ppm,keep,\n"), at + "/merged")
        program("extract", "--split", "--similarity", 1, at + "/merged", at + "/train", at + "/test", 0.4)
        assert len(info(at + "/train")["decisions"]) + len(info(at + "/test")["decisions"]) == 1


def a_later_review_goes_over_an_earlier_one():
    with scratch() as at:
        images, cache = reviewed(at)
        program("extract", "--apply", write(at + "/e.csv", "path,action,label\nant/2.ppm,keep,\nant/1.ppm,relabel,fly\n"), cache)
        assert items(cache, at) == dict(AFTER, **{"ant/1.ppm": "fly", "ant/2.ppm": "ant"})
        program("extract", "--unapply", cache)
        assert items(cache, at) == BEFORE


def a_wrong_table_changes_nothing():
    with scratch() as at:
        images, cache = draw(at + "/images"), at + "/c"
        extract(images, cache)
        for text, words in (("ant/1.ppm,relabel,bee\nant/9.ppm,keep,\n", "its image ant/9.ppm is not in"),
                            ("ant/1.ppm,relabel,bee\nant/2.ppm,drop,\n", "record 3: the action of ant/2.ppm is 'drop'"),
                            ("ant/1.ppm,relabel,\n", "record 2: ant/1.ppm has no class"),
                            ("ant/1.ppm,relabel,a/b\n", "'/'"),
                            ("ant/1.ppm,relabel,bee\nant/1.ppm,keep,\n", "record 3: its path ant/1.ppm occurs twice"),
                            ("ant/1.ppm,relabel\n", "record 2: it has only 2 fields"), (",keep,\n", "no path")):
            done = program("extract", "--apply", write(at + "/d.csv", "path,action,label\n" + text), cache, status=1)
            assert words in done.stderr and done.stderr.count("\n") == 1, (text, done.stderr)
        for text, words in (("path,label\nant/1.ppm,bee\n", "no column action"), ("path,action\nant/1.ppm,keep\n", "no column class"),
                            ("action,label\nkeep,\n", "column path"), ("", "is empty")):
            done = program("extract", "--apply", write(at + "/d.csv", text), cache, status=1)
            assert words in done.stderr and done.stderr.count("\n") == 1, (text, done.stderr)
        assert info(cache)["decisions"] == [] and items(cache, at) == BEFORE
        assert "mutually exclusive" in program("extract", "--apply", at + "/d.csv", "--unapply", cache, status=2).stderr


def a_kill_leaves_either_state():
    """Killed at growing delays until it ends by itself: never a part of the decisions."""
    with scratch() as at:
        names = ["%s/%d.ppm" % (c, i) for c in ("ant", "bee") for i in range(60)]
        images, cache = draw(at + "/images", names), at + "/c"
        extract("--store", "float32", images, cache)
        table = write(at + "/d.csv", "path,action,label\n" + "".join("%s,relabel,x\n" % name for name in names))
        seen, delay = set(), 0.0
        while len(seen) < 2 and delay < 10:
            shutil.rmtree(at + "/k", ignore_errors=True)
            shutil.copytree(cache, at + "/k")
            process = start("extract", "--apply", table, at + "/k")
            try:
                process.wait(delay)
            except Exception:
                process.send_signal(signal.SIGKILL)
                process.wait()
            process.communicate()
            decided = len(info(at + "/k")["decisions"])
            assert decided in (0, 120), decided
            seen.add(decided)
            delay = delay * 1.3 + 0.01
        assert seen == {0, 120}, seen


run(decisions_are_told_kept_by_later_runs_and_undone, training_and_evaluation_leave_out_what_is_excluded,
    copies_parts_and_shards_carry_decisions, a_later_review_goes_over_an_earlier_one, a_wrong_table_changes_nothing,
    a_kill_leaves_either_state)
