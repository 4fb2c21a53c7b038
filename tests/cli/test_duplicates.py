"""extract --duplicates: groups of images with the same content or nearly the same features, against NumPy."""
import csv, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from PIL import Image
from tap import BUILD, program, run, says, scratch
import subprocess

SUMMARY = re.compile(r"(\d+) of (\d+) images are in (\d+) groups: (\d+) have the same content as another one, (\d+) are only similar")


def make_cache(at, name, x, paths):
    np.save(at + "/x.npy", x.astype(np.float32))
    with open(at + "/x.csv", "w") as out:
        out.writelines("%s,%s\n" % (p, p.split("/")[0]) for p in paths)
    subprocess.run([BUILD + "/tools/make-cache", at + "/x.npy", at + "/x.csv", at + "/" + name], check=True)
    return at + "/" + name


def groups(stdout):
    """For each group, path (preceded by its cache, if there are two) -> kind of similarity."""
    found = []
    for line in stdout.splitlines():
        if line.startswith("group "):
            found.append({})
        elif line.startswith("  "):
            how, name = re.fullmatch(r"  (same content|similarity \S+) +(\S.*)", line).groups()
            found[-1][name] = how
    return found


def vectors(n, seed=1):
    """n random vectors, some of them near another one, so that groups extend over several blocks of 256 rows."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, 48)).astype(np.float32)
    for to, of, noise in ((5, 1, 0.02), (300, 5, 0.02), (511, 256, 0.02), (n - 1, 0, 0.02), (40, 41, 0.6)):
        x[to] = 3 * (x[of] + noise * rng.standard_normal(48).astype(np.float32))
    x[17] = 0
    x[18] = 0
    x[18, 0] = 1e-20
    return x


def expected_groups(x, names, threshold):
    length = np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    unit = np.divide(x, length, out=np.zeros(x.shape), where=length > 0)
    near, group = unit @ unit.T >= threshold, np.arange(len(x))
    for i, j in zip(*np.nonzero(np.triu(near, 1))):
        group[group == group[j]] = group[i]
    return sorted(sorted(names[i] for i in np.nonzero(group == g)[0]) for g in set(group) if np.sum(group == g) > 1)


def groups_and_similarities_are_numpys():
    with scratch() as at:
        names = ["%s/%04d" % ("ab"[i >= 350], i) for i in range(700)]
        x = vectors(700)
        cache = make_cache(at, "c", x, names)
        for threshold in (0.7, 0.99):
            done = program("extract", "--duplicates", "--similarity", threshold, "--threads", 2, cache)
            found = groups(done.stdout)
            assert sorted(sorted(g) for g in found) == expected_groups(x, names, threshold), done.stdout
            assert done.stdout == program("extract", "--duplicates", "--similarity", threshold, "--threads", 1, cache).stdout
        pair = next(g for g in found if "a/0000" in g)
        a, b = x[0].astype(float), x[699].astype(float)
        assert abs(float(pair["a/0000"].split()[1]) - a @ b / np.linalg.norm(a) / np.linalg.norm(b)) < 1e-4


def the_same_content_is_told_from_what_is_similar_and_between_two_caches():
    with scratch() as at:
        rng = np.random.default_rng(2)
        x = rng.standard_normal((6, 48))
        train = make_cache(at, "train", x, ["a/0", "a/1", "a/2", "b/3", "b/4", "b/5"])
        y = np.concatenate([x[1:2], x[3:4] + 0.01 * rng.standard_normal((1, 48)), rng.standard_normal((2, 48))])
        test = make_cache(at, "test", y, ["a/6", "b/7", "b/8", "b/9"])
        assert SUMMARY.search(program("extract", "--duplicates", train).stdout).groups() == ("0", "6", "0", "0", "0")
        done = program("extract", "--duplicates", train, test)
        one, two = groups(done.stdout)
        assert one == {train + ": a/1": "same content", test + ": a/6": "same content"}, done.stdout
        assert set(two) == {train + ": b/3", test + ": b/7"} and "same content" not in two.values()
        assert SUMMARY.search(done.stdout).groups() == ("4", "10", "2", "2", "2")
        assert says(done.stdout, "2 groups have images of both caches")
        single = make_cache(at, "single", y[:1], ["a/6"])
        done = program("extract", "--duplicates", train, single)
        assert says(done.stdout, "2 of 7 images are in 1 group: 2 have") and done.stdout.endswith("\n1 group has images of both caches\n")


def the_sheet_shows_the_groups_and_images_that_are_gone_are_said():
    with scratch() as at:
        rng = np.random.default_rng(3)
        for name in ("a/1", "a/2", "b/3", "b/4"):
            os.makedirs(os.path.join(at, "images", name[0]), exist_ok=True)
            if name != "a/2":
                pixels = rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save("%s/images/%s.png" % (at, name))
        program("extract", "--layer", "input", at + "/images", at + "/c")
        arguments = ["extract", "--duplicates", "--sheet", at + "/s.png", "--images", at + "/images", at + "/c"]
        done = program(*arguments)
        assert [sorted(g) for g in groups(done.stdout)] == [["a/1.png", "a/2.png"]] and not done.stderr, done
        with Image.open(at + "/s.png") as sheet:
            whole = np.asarray(sheet.convert("RGB")).astype(int)
        os.remove(at + "/images/a/2.png")
        done = program(*arguments)
        assert says(done.stderr, "1 of the images could not be read below"), done.stderr
        with Image.open(at + "/s.png") as sheet:
            assert np.any(np.asarray(sheet.convert("RGB")) != whole)


def what_cannot_be_compared_is_refused():
    with scratch() as at:
        one = make_cache(at, "one", np.ones((2, 48)), ["a/0", "a/1"])
        two = make_cache(at, "two", np.ones((2, 75)), ["a/0", "a/1"])
        done = program("extract", "--duplicates", one, two, status=1)
        assert "cannot be compared" in done.stderr and done.stderr.count("\n") == 1 and not done.stdout, done.stderr
        for wrong in (["--duplicates"], ["--duplicates", one, one, one], ["--duplicates", "--info", one],
                      ["--sheet", "s.png", one], ["--duplicates", "--sheet", "s.png", one],
                      ["--duplicates", "--similarity", "2", one]):
            program("extract", *wrong, status=2)


run(groups_and_similarities_are_numpys, the_same_content_is_told_from_what_is_similar_and_between_two_caches,
    the_sheet_shows_the_groups_and_images_that_are_gone_are_said, what_cannot_be_compared_is_refused)
