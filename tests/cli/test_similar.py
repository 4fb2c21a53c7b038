"""evaluate --similar: the images of a cache most similar to new ones, against NumPy's cosines of exported features."""
import csv, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import program, run, says, scratch


def draw(folder, names, seed, size=24):
    """Small images of smooth noise, class/name.png below folder."""
    rng = np.random.default_rng(seed)
    for name in names:
        os.makedirs(os.path.dirname("%s/%s" % (folder, name)), exist_ok=True)
        coarse = Image.fromarray(rng.integers(0, 255, (6, 6, 3), dtype=np.uint8))
        coarse.resize((size, size), Image.BILINEAR).save("%s/%s" % (folder, name))
    return folder


def exported(cache, folder):
    program("extract", "--export", folder, cache)
    with open(folder + "/items.csv", newline="") as file:
        return [row["path"] for row in csv.DictReader(file)], np.load(folder + "/features.npy").astype(float)


def cosines(x, y):
    x, y = (m / np.linalg.norm(m, axis=1, keepdims=True) for m in (x, y))
    return x @ y.T


def neighbours(path):
    """{image: [(path, class, similarity)]} of --neighbours, ranks checked."""
    found = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["image"], []).append((row["path"], row["class"], float(row["similarity"])))
            assert int(row["rank"]) == len(found[row["image"]])
    return found


def compare_with_numpy(at, cache, queries, k, *options):
    new = ["%s/new/%s" % (at, q) for q in queries]
    done = program("evaluate", "--quiet", "--similar", k, "--neighbours", at + "/n.csv", *options, *new, cache)
    names, x = exported(cache, at + "/x")
    asked, y = exported(at + "/new.cache", at + "/y")
    found = neighbours(at + "/n.csv")
    assert list(found) == new, found
    for query, image in zip(queries, new):
        expected = cosines(y[asked.index(query)][None], x)[0]
        order = np.sort(expected)[::-1]
        for rank, (path, label, similarity) in enumerate(found[image]):
            assert abs(similarity - expected[names.index(path)]) < 1e-5 and abs(similarity - order[rank]) < 1e-5, (path, similarity)
            assert label == path.split("/")[0] and "  %.4f  %s  %s\n" % (similarity, label, path) in done.stdout, done.stdout
        assert len(found[image]) == k == len({path for path, _, _ in found[image]})
    return done.stdout


def neighbours_are_those_of_numpys_cosines_from_every_store():
    with scratch() as at:
        draw(at + "/old", ["%s/%d.png" % ("ab"[i % 2], i) for i in range(7)], 1)
        queries = ["c/%d.png" % i for i in range(7)]
        draw(at + "/new", queries, 2)
        program("extract", "--quiet", "--weights", "random:3", at + "/new", at + "/new.cache")
        program("extract", "--quiet", "--weights", "random:3", at + "/old", at + "/sparse")
        compare_with_numpy(at, at + "/sparse", queries[:2], 5)
        compare_with_numpy(at, at + "/sparse", queries, 7)  # more vectors than are compared one by one
        done = program("evaluate", "--similar", 1, "--weights", "random:4", at + "/new/" + queries[0], at + "/sparse", status=1)
        assert "was made with the base weights random:3" in done.stderr and done.stderr.count("\n") == 1, done.stderr
        program("extract", "--quiet", "--layer", "input", at + "/new", at + "/new.input")
        os.rename(at + "/new.cache", at + "/new.base")
        os.rename(at + "/new.input", at + "/new.cache")
        for store in ("float16", "float32"):
            program("extract", "--quiet", "--layer", "input", "--store", store, at + "/old", at + "/" + store)
            compare_with_numpy(at, at + "/" + store, queries[:1], 5)


def an_image_of_the_cache_is_not_its_own_neighbour_and_a_part_of_the_cache_can_be_asked():
    with scratch() as at:
        draw(at + "/old", ["%s/%d.png" % ("ab"[i % 2], i) for i in range(6)], 3)
        for copy in ("a/8.png", "b/7.png"):  # another name, the same content
            with open(at + "/old/a/0.png", "rb") as one, open(at + "/old/" + copy, "wb") as two:
                two.write(one.read())
        program("extract", "--quiet", "--layer", "input", at + "/old", at + "/c")
        done = program("evaluate", "--similar", 8, at + "/old/a/0.png", at + "/old/b/1.png", at + "/c")
        first, second = re.split(r"\n(?=/)", done.stdout)
        assert re.match(r"\S+/old/a/0.png, in the cache as (a/0|a/8|b/7).png\n", first) and first.count("\n") == 5, first
        lines = second.splitlines()
        assert len(lines) == 8 and not any(line.endswith("  b/1.png") for line in lines[1:]), second
        tied = [line for line in lines if line.split()[-1] in ("a/0.png", "a/8.png", "b/7.png")]
        assert [line.split()[-1] for line in tied] == ["a/0.png", "a/8.png", "b/7.png"] and len({t.split()[0] for t in tied}) == 1, tied
        done = program("evaluate", "--similar", 3, "--classes", "b", at + "/old/a/2.png", at + "/c")
        assert [line.split()[1] for line in done.stdout.splitlines()[1:]] == ["b"] * 3, done.stdout
        whole = program("evaluate", "--similar", 2, at + "/old", at + "/c").stdout
        assert whole == program("evaluate", "--similar", 2, "--threads", 1, at + "/old", at + "/c").stdout
        assert whole.count("in the cache as") == 8 and whole.count("\n") == 24, whole


def the_sheet_shows_them_and_images_that_are_gone_are_said():
    with scratch() as at:
        draw(at + "/old", ["a/%d.png" % i for i in range(3)], 5)
        new = draw(at + "/new", ["x.png"], 6) + "/x.png"
        program("extract", "--quiet", "--layer", "input", at + "/old", at + "/c")
        asked = ["evaluate", "--similar", 2, "--sheet", at + "/s.png", "--images", at + "/old", new, at + "/c"]
        done = program(*asked)
        assert not done.stderr, done.stderr
        with Image.open(at + "/s.png") as sheet:
            whole = np.asarray(sheet.convert("RGB")).astype(int)
        os.remove(at + "/old/" + done.stdout.split()[-1])
        done = program(*asked, status=3)
        assert says(done.stderr, "1 of the images could not be read below"), done.stderr
        with Image.open(at + "/s.png") as sheet:
            assert np.any(np.asarray(sheet.convert("RGB")) != whole)


def what_cannot_be_compared_is_one_sentence():
    with scratch() as at:
        new = draw(at + "/new", ["a/x.png", "a/y.png"], 7) + "/a/x.png"
        program("extract", "--quiet", "--layer", "input", at + "/new", at + "/c")

        def refused(said, *arguments, status=1):
            done = program("evaluate", "--quiet", *arguments, status=status)
            assert said in done.stderr and done.stderr.count("\n") == (2 if status == 2 else 1) and not done.stdout, done

        refused("has 2 images, but --similar asks for 3", "--similar", 3, new, at + "/c")
        refused("nothing", "--similar", 1, new, at + "/nothing")
        open(at + "/torn.png", "wb").write(open(new, "rb").read()[:60])
        refused("skipped %s/torn.png: " % at, "--similar", 1, at + "/torn.png", at + "/c", status=3)
        os.makedirs(at + "/broken/a")
        os.replace(at + "/torn.png", at + "/broken/a/torn.png")
        program("extract", "--quiet", "--layer", "input", at + "/broken", at + "/empty", status=3)
        refused("the cache is empty", "--similar", 1, new, at + "/empty")
        np.save(at + "/x.npy", np.ones((2, 8), np.float32))
        np.save(at + "/y.npy", np.arange(2))
        program("extract", "--quiet", "--made-by", "resnet50", "--import", at + "/x.npy", at + "/y.npy", at + "/imported")
        refused("its features were imported (made by resnet50)", "--similar", 1, new, at + "/imported")
        refused("--sheet needs --images", "--similar", 1, "--sheet", "s.png", new, at + "/c", status=2)
        refused("mutually exclusive", "--similar", 1, "--predict", new, at + "/c", status=2)
        refused("takes at least one image", "--similar", 1, at + "/c", status=2)
        refused("would overwrite an image", "--similar", 1, "--neighbours", new, at + "/new", at + "/c")


run(neighbours_are_those_of_numpys_cosines_from_every_store,
    an_image_of_the_cache_is_not_its_own_neighbour_and_a_part_of_the_cache_can_be_asked,
    the_sheet_shows_them_and_images_that_are_gone_are_said, what_cannot_be_compared_is_one_sentence)
