"""extract --split-test: a test part with a share of each class, the same on every machine and in later runs."""
import csv, json, os, random, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, says, scratch

CLASSES = {"ant": 20, "bee": 35, "cat": 3}


def draw_set(folder, counts=CLASSES, start=0):
    for c, (name, count) in enumerate(sorted(counts.items())):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for i in range(start, start + count):
            with open("%s/%s/%03d.ppm" % (folder, name, i), "wb") as out:
                out.write(b"P6 4 4 255\n" + bytes((c * 60 + i * 7 + j * (i % 5 + 1)) % 256 for j in range(48)))
    return folder


def extract(*arguments, **options):
    return program("extract", "--layer", "input", *arguments, **options)


def paths(cache, at):
    program("extract", "--export", at + "/paths", cache)
    with open(at + "/paths/items.csv", newline="") as stream:
        return [row["path"] for row in csv.DictReader(stream)]


def count(some):
    return {name: sum(p.startswith(name + "/") for p in some) for name in sorted({p.split("/")[0] for p in some})}


def each_class_gives_its_share_and_no_image_is_in_both_parts():
    with scratch() as at:
        images = draw_set(at + "/images")
        done = extract("--split-test", 0.2, images, at + "/c/")
        assert done.stdout == ("%s/c/: 46 new, 0 unchanged, 0 changed, 0 moved, 0 copied, 0 missing, 0 skipped\n"
                               "%s/c.test: 12 new, 0 unchanged, 0 changed, 0 moved, 0 copied, 0 missing, 0 skipped\n" % (at, at)), done.stdout
        train, test = paths(at + "/c", at), paths(at + "/c.test", at)
        assert count(test) == {"ant": 4, "bee": 7, "cat": 1} and count(train) == {"ant": 16, "bee": 28, "cat": 2}
        assert not set(train) & set(test)
        extract(images, at + "/all")
        assert sorted(train + test) == sorted(paths(at + "/all", at))
        program("train", "--quiet", "--head", "linear", at + "/c", at + "/m.h5")
        program("evaluate", "--json", at + "/f.json", at + "/c.test", at + "/m.h5")
        with open(at + "/f.json") as file:
            assert json.load(file)["images"] == 12


def the_lowest_hashes_are_the_test_part():
    """XXH3-64 of the name, by the xxhash module of Python (3.2)."""
    expected = {"ant": [1, 7, 13, 15, 16, 17], "bee": [1, 4, 11, 13, 15, 20, 24, 25, 26, 29], "cat": [1]}
    with scratch() as at:
        extract("--split-test", 0.28, draw_set(at + "/images"), at + "/c")
        assert paths(at + "/c.test", at) == ["%s/%03d.ppm" % (c, i) for c in sorted(expected) for i in expected[c]]


def images_stay_in_their_part_when_others_come():
    with scratch() as at:
        images = draw_set(at + "/images")
        extract("--split-test", 0.2, images, at + "/c")
        before = [set(paths(c, at)) for c in (at + "/c", at + "/c.test")]
        draw_set(images, {"ant": 40, "cat": 7, "dog": 10}, start=100)
        done = extract("--split-test", 0.2, images, at + "/c")
        after = [set(paths(c, at)) for c in (at + "/c", at + "/c.test")]
        assert before[0] <= after[0] and before[1] <= after[1] and not after[0] & after[1], done.stdout
        assert count(after[1]) == {"ant": 12, "bee": 7, "cat": 2, "dog": 2}
        again = extract("--split-test", 0.2, images, at + "/c").stdout
        assert again.count(" 0 new,") == 2 and says(again, "92 unchanged") and says(again, "23 unchanged"), again


def shards_divide_as_one_process_does():
    with scratch() as at:
        images = draw_set(at + "/images")
        extract("--split-test", 0.25, images, at + "/one")
        for i in range(3):
            extract("--split-test", 0.25, "--shard", "%d/3" % i, images, "%s/part%d" % (at, i))
        for end in ("", ".test"):
            program("extract", "--merge", at + "/all" + end, *["%s/part%d%s" % (at, i, end) for i in range(3)])
            assert paths(at + "/all" + end, at) == paths(at + "/one" + end, at)


def test_images_have_no_augmented_copies_and_leave_both_parts_when_pruned():
    with scratch() as at:
        images = draw_set(at + "/images")
        command = ("--split-test", 0.2, "--augment", 2, "--horizontal-flip", images, at + "/c")
        extract(*command)
        totals = [json.loads(program("extract", "--info", "--json", c).stdout) for c in (at + "/c", at + "/c.test")]
        assert [t["items"] for t in totals] == [46, 12] and totals[0]["copies"] == 92 and not totals[1].get("copies"), totals
        for key in (paths(at + "/c.test", at)[0], paths(at + "/c", at)[0]):
            os.remove(os.path.join(images, key))
        done = extract("--prune", *command)
        assert says(done.stdout.splitlines()[0], "3 pruned") and says(done.stdout.splitlines()[1], "1 pruned"), done.stdout


def what_cannot_be_divided_is_refused_and_leaves_no_cache():
    with scratch() as at:
        images = draw_set(at + "/images")
        extract(images, at + "/full")
        done = extract("--split-test", 0.2, images, at + "/full", status=1)
        assert "the training part already has all 20 images of class ant" in done.stderr and "name a new CACHE" in done.stderr
        assert not os.path.exists(at + "/full.test")
        draw_set(images, {"dog": 1})
        done = extract("--split-test", 0.2, images, at + "/c", status=1)
        assert "class dog has only one image" in done.stderr and done.stderr.count("\n") == 1, done.stderr
        assert not os.path.exists(at + "/c") and not os.path.exists(at + "/c.test")
        for wrong in (["--split-test", "1"], ["--split-test", "-0.1"], ["--split-test", "0.2", "--info"]):
            assert "split-test" in program("extract", *wrong, images, *([] if "--info" in wrong else [at + "/c"]), status=2).stderr


def a_cache_with_a_test_part_is_not_extracted_into_without_it():
    with scratch() as at:
        images = draw_set(at + "/images")
        extract("--split-test", 0.2, images, at + "/c")
        done = extract(images, at + "/c", status=1)
        assert "would be extracted for training too" in done.stderr and at + "/c.test" in done.stderr, done.stderr
        assert len(paths(at + "/c", at)) == 46


def draw_scenes(folder, classes="abc", scenes=10, each=4):
    """Scenes of nearly the same pictures, in files named after them."""
    for name in classes:
        os.makedirs(os.path.join(folder, name))
        for s in range(scenes):
            for k in range(each):
                colours = [(s * s * 25 + 7 * ord(name) + i * (i + s) * 37) % 240 + k for i in range(48)]
                with open("%s/%s/s%d-%d.ppm" % (folder, name, s, k), "wb") as out:
                    out.write(b"P6 4 4 255\n" + bytes(colours))
    return folder


def scenes_of(cache, at):
    return {key.split("-")[0] for key in paths(cache, at)}


def groups_stay_together_in_every_class():
    with scratch() as at:
        images = draw_scenes(at + "/images")
        extract("--group", "s[0-9]+", "--split-test", 0.2, images, at + "/c")
        extract("--group", "s[0-9]+", images, at + "/whole")
        program("extract", "--split", "--similarity", 1, at + "/whole", at + "/train", at + "/test", 0.2)
        for train, test in ((at + "/c", at + "/c.test"), (at + "/train", at + "/test")):
            trained, tested = scenes_of(train, at), scenes_of(test, at)
            groups = [{scene.split("/")[1] for scene in part} for part in (trained, tested)]
            assert not groups[0] & groups[1] and len(groups[1]) == 2, groups
            assert len(paths(test, at)) == 24 and {scene[0] for scene in tested} == set("abc")
            program("extract", "--verify", test)
        os.remove(images + "/a/s0-0.ppm")
        extract("--split-test", 0.2, images, at + "/c")
        assert not {s.split("/")[1] for s in scenes_of(at + "/c", at)} & {s.split("/")[1] for s in scenes_of(at + "/c.test", at)}
        done = extract("--group", ".", "--split-test", 0.2, images, at + "/d", status=1)
        assert "belong together" in done.stderr and not os.path.exists(at + "/d"), done.stderr


def training_validates_on_whole_groups():
    with scratch() as at:
        images, cache = draw_scenes(at + "/images", each=2), at + "/c"
        extract("--group", "s[0-9]+", images, cache)
        head = ["train", "--quiet", "--hidden", 4, "--epochs", 1, "--validation-split", 0.15]
        program(*head, cache, at + "/m.h5")
        program("train", "-q", "--approach", "scratch", "--epochs", 1, "--images", images, "--group", "s[0-9]+", at + "/s.h5")
        seen = {}
        for model in "m", "s":
            program("evaluate", "--quiet", "--json", at + "/j.json", images, "%s/%s.h5" % (at, model))
            found = json.load(open(at + "/j.json"))["models"][0]["leakage"]["images"]
            seen[model] = sorted(image["path"] for image in found)
        assert 0 < len(seen["m"]) < 60 and seen["s"] == seen["m"], seen
        assert all(sum(s.split("/")[1].startswith("s%d-" % i) for s in seen["m"]) in (0, 6) for i in range(10)), seen
        error = program(*head, "--validation-order", "keras", cache, at + "/n.h5", status=1).stderr
        assert "would part images of a group, such as s0" in error, error
        assert "requires a --validation-split" in program(*head[:-1], 0, "--validation-order", "keras", cache, at + "/n.h5", status=2).stderr
        program("extract", "--group", ".", cache)
        assert "belong together" in program(*head, cache, at + "/n.h5", status=1).stderr


def folds_keep_groups_together():
    """Scenes without anything in common, of arbitrary classes: only who has seen a scene can tell its class."""
    with scratch() as at:
        draw = random.Random(3)
        for s in range(24):
            pattern = [draw.randrange(240) for _ in range(48)]
            for k in range(3):
                name = "%s/images/%s/s%d-%d.ppm" % (at, "ab"[s % 2], s, k)
                os.makedirs(os.path.dirname(name), exist_ok=True)
                with open(name, "wb") as out:
                    out.write(b"P6 4 4 255\n" + bytes(value + k for value in pattern))
        extract(at + "/images", at + "/c")
        found = []
        for group in (None, "s[0-9]+"):
            if group:
                program("extract", "--group", group, at + "/c")
            program("train", "--quiet", "--head", "linear", "--folds", 4, "--search-cost", "--history", at + "/h.csv", at + "/c", at + "/m.h5")
            program("train", "--quiet", "--head", "linear", "--learning-curve", at + "/l.csv", at + "/c", at + "/m.h5")
            rows = list(csv.DictReader(open(at + "/h.csv")))
            found += [max(float(row["accuracy"]) for row in rows), float(list(csv.DictReader(open(at + "/l.csv")))[-1]["accuracy"])]
        assert min(found[:2]) > 0.95 and max(found[2:]) < 0.8, found
        assert "there are 24" in program("train", "--head", "linear", "--folds", 30, at + "/c", at + "/n.h5", status=1).stderr
        error = program("extract", "--group", "nothing", at + "/c", status=1).stderr
        assert "--group nothing: gives none of the images of" in error and json.loads(program("extract", "--info", "--json", at + "/c").stdout)["groups"] == 24
        program("extract", "--group", "^.", at + "/c")
        error = program("train", "--head", "linear", "--folds", 3, at + "/c", at + "/n.h5", status=1).stderr
        assert "the 36 images of class a are of one group, and cannot be divided into folds: give smaller groups" in error, error
        error = program("train", "--head", "linear", "--learning-curve", at + "/l.csv", at + "/c", at + "/n.h5", status=1).stderr
        assert "at least 10 groups and 3 of each class" in error, error


def intervals_and_tests_are_over_groups():
    with scratch() as at:
        images = draw_scenes(at + "/images", scenes=8, each=5)
        extract("--group", "./s[0-9]+", images, at + "/c")
        program("train", "-q", "--head", "linear", "--limit-per-class", 6, at + "/c", at + "/one.h5")
        program("train", "-q", "--hidden", 4, "--epochs", 3, at + "/c", at + "/two.h5")
        models = [at + "/one.h5", at + "/two.h5"]
        done = program("evaluate", "--json", at + "/j.json", "--predictions", at + "/p.csv", "--report", at + "/r", at + "/c", *models)
        found = json.load(open(at + "/j.json"))
        alone = ["evaluate", "--json", at + "/a.json", images, *models]
        program(*alone[:3], "--group", "./s[0-9]+", *alone[3:])
        again = json.load(open(at + "/a.json"))
        assert found["groups"] == again["groups"] == 24 and found["mcnemar"] == again["mcnemar"]
        assert "95 % interval over 24 groups" in re.sub(r"\s+", " ", done.stdout) and "Exact test of signs over 24 groups" in done.stdout
        assert "intervals are over 24 groups" in done.stdout and "exact test of signs" in open(at + "/r/index.html").read()
        program(*alone)
        single = json.load(open(at + "/a.json"))
        assert single["groups"] is None and "McNemar" in program(*alone).stdout
        ahead, right = {}, {}
        for sign, name, model in (1, "one", 0), (-1, "two", 1):
            for row in csv.DictReader(open(at + "/p-%s.csv" % name)):
                group, hit = row["path"].split("-")[0], row["true"] == row["predicted"]
                ahead[group] = ahead.get(group, 0) + sign * hit
                right.setdefault(model, {}).setdefault(group, []).append(hit)
        sums = {0: 1}
        for d in ahead.values():
            sums = {k: sums.get(k - d, 0) / 2 + sums.get(k + d, 0) / 2 for k in {s + e for s in sums for e in (d, -d)}}
        total = abs(sum(ahead.values()))
        assert abs(found["mcnemar"][0]["p"] - sum(v for k, v in sums.items() if abs(k) >= total)) < 1e-9, found["mcnemar"]
        for model in 0, 1:
            draw, hits = random.Random(1), [sum(h) for h in right[model].values()]
            means = sorted(sum(draw.choices(hits, k=24)) / 120 for _ in range(4000))
            low, high = found["models"][model]["accuracy_interval"]
            assert abs(low - means[100]) < 0.02 and abs(high - means[-100]) < 0.02, (low, high, means[100], means[-100])
            assert high - low > 1.3 * (lambda i: i[1] - i[0])(single["models"][model]["accuracy_interval"]), (low, high)


def a_cache_is_split_so_that_no_test_image_has_a_double_in_training():
    with scratch() as at:
        images = draw_scenes(at + "/images")
        extract(images, at + "/whole")
        done = program("extract", "--split", "--similarity", 0.9, at + "/whole", at + "/train", at + "/test", 0.25)
        numbers = [int(line.split(": ")[1].split()[0]) for line in done.stdout.splitlines()]
        assert sum(numbers) == 120 and 12 <= numbers[1] <= 48 and "nearly the same" in done.stderr, done
        assert not scenes_of(at + "/train", at) & scenes_of(at + "/test", at)
        between = program("extract", "--duplicates", "--similarity", 0.9, at + "/train", at + "/test").stdout
        assert "0 groups have images of both caches" in between, between[-300:]
        for name in ("twin", "./twin"):
            twins = program("extract", "--split", "whole", "twin", name, 0.25, status=1, cwd=at)
            assert twins.stderr.endswith("%s is given twice: a program can open a cache only once\n" % name), twins.stderr
        again = program("extract", "--split", at + "/whole", at + "/train", at + "/test2", 0.25, status=1)
        assert "name a new cache" in again.stderr
        for wrong in ("0", "1", "x"):
            assert "between 0 and 1" in program("extract", "--split", at + "/whole", "t", "u", wrong, status=2).stderr


def a_table_says_what_is_tested_on():
    with scratch() as at:
        images = draw_scenes(at + "/images", "ab", 2)
        with open(at + "/t.csv", "w") as table:
            print("path,class,split", file=table)
            for name in "ab":
                for s in range(2):
                    for k in range(4):
                        print("%s/s%d-%d.ppm,%s,%s" % (name, s, k, name, "test" if s else "train"), file=table)
        extract("--labels", at + "/t.csv", "--split-test", 0.2, images, at + "/c")
        assert scenes_of(at + "/c", at) == {"a/s0", "b/s0"} and scenes_of(at + "/c.test", at) == {"a/s1", "b/s1"}


run(groups_stay_together_in_every_class, intervals_and_tests_are_over_groups, training_validates_on_whole_groups, folds_keep_groups_together, a_cache_is_split_so_that_no_test_image_has_a_double_in_training,
    a_table_says_what_is_tested_on, each_class_gives_its_share_and_no_image_is_in_both_parts, the_lowest_hashes_are_the_test_part,
    images_stay_in_their_part_when_others_come, shards_divide_as_one_process_does,
    test_images_have_no_augmented_copies_and_leave_both_parts_when_pruned,
    what_cannot_be_divided_is_refused_and_leaves_no_cache, a_cache_with_a_test_part_is_not_extracted_into_without_it)
