"""Labels from a table: for a flat folder, nested folders, an archive, over folders, and without images; what is wrong with one."""
import csv, json, os, sys, tarfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, scratch

INPUT = ["--layer", "input"]


def draw(folder, *names):
    for i, name in enumerate(names):
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(b"P6 1 1 255\n" + bytes([i * 9 % 256, i % 7, 50]))
    return folder


def write(path, text):
    with open(path, "wb") as out:
        out.write(text if isinstance(text, bytes) else text.encode())
    return path


def extract(*arguments, **options):
    return program("extract", *INPUT, *arguments, **options)


def info(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)


def items(cache, at):
    program("extract", "--verify", cache)
    program("extract", "--export", at + "/out", cache)
    with open(at + "/out/items.csv", newline="") as table:
        return {row["path"]: row["class"] for row in csv.DictReader(table)}


FLAT = ["%d.ppm" % i for i in range(8)]
CLASSES = {name: 'a "q", b' if i % 2 else "c\u00e4" for i, name in enumerate(FLAT[:6])}


def table_of(classes, mark=b""):
    rows = ["class,other,path"] + ['"%s",x,%s' % (c.replace('"', '""'), p) for p, c in reversed(list(classes.items()))]
    return mark + "\r\n".join(rows).encode()


def a_table_labels_a_flat_folder_and_its_archive():
    with scratch() as at:
        images = draw(at + "/flat", *FLAT)
        for mark in (b"", b"\xef\xbb\xbf"):
            cache = at + "/c%d" % len(mark)
            done = extract("--labels", write(at + "/t.csv", table_of(CLASSES, mark)), images, cache)
            assert items(cache, at) == CLASSES, items(cache, at)
            assert "2 images are not in" in done.stderr and "left out" in done.stderr, done.stderr
        with tarfile.open(at + "/a.tar.gz", "w:gz") as out:
            out.add(images, "some/flat")
        extract("--labels", at + "/t.csv", at + "/a.tar.gz", at + "/from-archive")
        assert items(at + "/from-archive", at) == CLASSES
        lines = "\n".join(json.dumps({"file_name": p, "label": c}) for p, c in CLASSES.items())
        extract("--labels", write(at + "/t.jsonl", lines), images, at + "/lines")
        assert items(at + "/lines", at) == CLASSES
        extract("--labels", write(images + "/metadata.csv", "file_name,label\n0.ppm,7\n1.ppm,x\n"), images, at + "/meta")
        assert items(at + "/meta", at) == {"0.ppm": "7", "1.ppm": "x"}


def images_without_a_label_stay_in_the_cache_and_out_of_training():
    with scratch() as at:
        images, cache = draw(at + "/flat", *FLAT), at + "/c"
        extract("--labels", write(at + "/t.csv", table_of(CLASSES)), "--unlabelled", "keep", images, cache)
        about = info(cache)
        assert about["items"] == 6 and about["unlabelled"] == 2, about
        assert items(cache, at) == CLASSES
        train = program("train", "--head", "linear", cache, at + "/m.h5")
        assert "2 images without a label are left out" in train.stderr, train.stderr
        assert "8 images" in program("extract", "--duplicates", cache).stdout
        write(at + "/all.csv", table_of(dict.fromkeys(FLAT[6:], "new")))
        assert program("extract", "--labels", at + "/all.csv", cache).stdout == "2 relabelled, 6 unchanged\n"
        assert items(cache, at) == dict(CLASSES, **dict.fromkeys(FLAT[6:], "new")) and info(cache)["unlabelled"] == 0


def items_csv_given_back_relabels_without_images():
    with scratch() as at:
        names = ["ant/%d.ppm" % i for i in range(4)] + ["bee/deep/%d.ppm" % i for i in range(4)]
        images, cache = draw(at + "/images", *names), at + "/c"
        extract(images, cache)
        items(cache, at)
        text = open(at + "/out/items.csv").read().replace("ant/1.ppm,0,ant", "ant/1.ppm,0,bee")
        write(at + "/items.csv", text)
        os.rename(images, at + "/elsewhere")
        assert program("extract", "--labels", at + "/items.csv", cache).stdout == "1 relabelled, 7 unchanged\n"
        corrected = dict({n: n[:3] for n in names}, **{"ant/1.ppm": "bee"})
        assert items(cache, at) == corrected
        os.rename(at + "/elsewhere", images)
        assert extract(images, cache).stdout.startswith("0 new, 8 unchanged, 0 changed, 0 moved")
        assert items(cache, at) == corrected  # what a table said stays
        extract("--labels", write(at + "/back.csv", "path,class\nant/1.ppm,ant\nant/0.ppm,ant\n"), images, cache)
        assert items(cache, at)["ant/1.ppm"] == "ant"


def groups_come_from_a_table_or_an_expression():
    with scratch() as at:
        images, cache = draw(at + "/images", *["%s/scene%d-%d.ppm" % ("ab"[s % 2], s, i) for s in range(4) for i in range(2)]), at + "/c"
        extract("--group", "scene([0-9])", images, cache)
        assert info(cache)["groups"] == 4
        program("extract", "--group", write(at + "/g.csv", "path,group\na/scene0-0.ppm,x\n"), cache)
        assert info(cache)["groups"] == 1
        assert extract(images, cache).stdout.startswith("0 new, 8 unchanged") and info(cache)["groups"] == 1
        for wrong, word in (("(", "no regular expression"), ("zebra", "none of the images"), (at + "/none.csv", "cannot be opened")):
            assert word in extract("--group", wrong, images, at + "/d", status=1).stderr


def what_is_wrong_with_a_table_is_one_sentence():
    with scratch() as at:
        images, cache = draw(at + "/flat", *FLAT), at + "/c"
        for text, words in ((b"path,class\n0.ppm,a\n0.ppm,b\n", "record 3: its path 0.ppm occurs twice"),
                            (b"path,class\n0.ppm,\n", "record 2: 0.ppm has no class"), (b"path,class\n./,a\n", "record 2: it has no path"),
                            (b"path,kind\n0.ppm,a\n", "no column class"), (b"name,class\n0.ppm,a\n", "column path"),
                            (b"path,class\n../0.ppm,a\n", "leads out of the image folder"),
                            (b"path,class\n/0.ppm,a\n", "leads out of the image folder"),
                            (b"path,class\n0.ppm\n", "record 2: it has only 1 field"), (b"", "is empty"),
                            (b'path,class\n"0.ppm,a\n', "a quote is not closed"), (b"path,class\nx.ppm,a\n", "none of its images"),
                            (b"path,class\n0.ppm,a\0\n", "NUL"), (b"path,class\n0.ppm,a/b\n", "'/'")):
            for target in ([images, cache],):
                done = extract("--labels", write(at + "/t.csv", text), *target, status=1)
                assert words in done.stderr and done.stderr.count("\n") == 1, (text, done.stderr)
        assert not os.path.exists(cache)
        done = extract("--labels", write(at + "/t.jsonl", '{"path": "0.ppm", "class": "a"}\n[1]\n'), images, cache, status=1)
        assert "line 2: it is no JSON object" in done.stderr, done.stderr
        assert "--unlabelled goes with --labels" in extract("--unlabelled", "keep", images, cache, status=2).stderr


run(a_table_labels_a_flat_folder_and_its_archive, images_without_a_label_stay_in_the_cache_and_out_of_training,
    items_csv_given_back_relabels_without_images, groups_come_from_a_table_or_an_expression,
    what_is_wrong_with_a_table_is_one_sentence)
