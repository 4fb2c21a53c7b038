"""extract --import: takes NumPy's files, to the bit, and refuses those it would misread."""
import csv, json, os, resource, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import program, run, scratch

CLASSES = ["ant, red", "bee", 'cat "tom"']


def make(seed, n=60, d=37, dtype=np.float32):
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 3
    centres = np.random.default_rng(9).normal(size=(3, d))
    return np.maximum(centres[labels] + 0.3 * rng.normal(size=(n, d)), 0).astype(dtype), labels


def save(at, name, x, y):
    np.save("%s/%s.npy" % (at, name), x)
    np.save("%s/%s-y.npy" % (at, name), y)
    return "%s/%s.npy" % (at, name), "%s/%s-y.npy" % (at, name), "%s/%s.cache" % (at, name)


def items_file(path, labels, columns=("index", "path", "label", "class"), end="\n"):
    with open(path, "w", newline="") as out:
        writer = csv.writer(out, lineterminator=end)
        writer.writerow(columns)
        for i, y in enumerate(labels):
            row = dict(index=i, path="%s/%03d.jpg" % (CLASSES[y], i), label=y)
            row["class"] = CLASSES[y]
            writer.writerow([row[c] for c in columns])
    return path


def import_(features, *arguments, status=0):
    return program("extract", "--import", features, *arguments, status=status)


def exported(cache, to):
    program("extract", "--export", to, cache)
    rows = list(csv.DictReader(open(to + "/items.csv", newline="")))
    return np.load(to + "/features.npy"), rows


def what_is_imported_is_exported_to_the_bit():
    with scratch() as at:
        for name, dtype, store in (("a", np.float32, "sparse"), ("b", np.float16, "float16"), ("c", np.float32, "float32")):
            x, y = make(1, dtype=dtype)
            features, _, cache = save(at, name, x, y)
            items = items_file(at + "/items.csv", y, end="\r\n")
            done = import_(features, "--store", store, items, cache)
            assert done.stdout == "60 new, 0 unchanged, 0 changed\n", done.stdout
            out, rows = exported(cache, at + "/out")
            order = sorted(range(60), key=lambda i: ("%s/%03d.jpg" % (CLASSES[y[i]], i)).encode())
            assert np.array_equal(out.view(np.uint32), x[order].astype(np.float32).view(np.uint32))
            assert [r["class"] for r in rows] == [CLASSES[y[i]] for i in order]
            program("extract", "--verify", cache)


def an_export_is_imported_again():
    with scratch() as at:
        x, y = make(1)
        features, _, cache = save(at, "a", x, y)
        import_(features, items_file(at + "/items.csv", y), cache)
        out, rows = exported(cache, at + "/out")
        import_(at + "/out/features.npy", at + "/out/items.csv", at + "/again")
        again, rows_again = exported(at + "/again", at + "/out2")
        assert np.array_equal(out, again) and rows == rows_again
        with open(at + "/items.jsonl", "w") as lines:
            for row in rows:
                print(json.dumps({"index": int(row["index"]), "file_name": row["path"], "label": row["class"]}), file=lines)
        import_(at + "/out/features.npy", at + "/items.jsonl", at + "/lines")
        again, rows_again = exported(at + "/lines", at + "/out3")
        assert np.array_equal(out, again) and rows == rows_again


def labels_become_classes_in_their_order():
    with scratch() as at:
        x, _ = make(1, n=24)
        for kind in (np.int8, np.uint8, np.int16, np.int32, np.uint32, np.int64, np.uint64):
            features, labels, cache = save(at, np.dtype(kind).name, x, (np.arange(24) % 12).astype(kind))
            import_(features, labels, cache)
            names = [c["name"] for c in json.loads(program("extract", "--info", "--json", cache).stdout)["classes"]]
            assert names == ["%02d" % i for i in range(12)], names


def importing_again_takes_what_has_changed():
    with scratch() as at:
        x, y = make(1)
        features, labels, cache = save(at, "a", x, y)
        items = items_file(at + "/items.csv", y)
        import_(features, items, cache)
        with open(items, "a") as file:
            file.write("\n\n")  # as editors leave them
        assert import_(features, items, cache).stdout == "0 new, 60 unchanged, 0 changed\n"
        x[3, 0] += 1
        np.save(features, x)
        assert import_(features, items, cache).stdout == "0 new, 59 unchanged, 1 changed\n"
        text = open(items).read().replace('0,"ant, red/000.jpg",0,"ant, red"', '0,"ant, red/000.jpg",1,bee')
        open(items, "w").write(text)
        assert import_(features, items, cache).stdout == "0 new, 59 unchanged, 1 changed\n"
        _, rows = exported(cache, at + "/out")
        assert [r["class"] for r in rows if r["path"] == "ant, red/000.jpg"] == ["bee"]
        program("extract", "--verify", cache)  # an imported item's class need not be the folder it is in


def paths_of_items_are_names_that_stay_as_they_are():
    with scratch() as at:
        paths = ["./", "./a", ".//a", "/a", "a"]
        features, _, cache = save(at, "a", *make(1, n=len(paths)))
        with open(at + "/items.csv", "w") as out:
            out.write("path,class\n" + "".join("%s,%s\n" % (path, "xy"[i % 2]) for i, path in enumerate(paths)))
        import_(features, at + "/items.csv", cache)
        assert sorted(r["path"] for r in exported(cache, at + "/out")[1]) == sorted(paths)
        assert import_(features, at + "/items.csv", cache).stdout == "0 new, 5 unchanged, 0 changed\n"


def heads_train_on_it_and_are_evaluated_on_it():
    with scratch() as at:
        train, test = make(1), make(2)
        for name, (x, y) in (("train", train), ("test", test)):
            features, labels, cache = save(at, name, x, y)
            import_(features, "--made-by", "resnet50", labels, cache)
        text = program("extract", "--info", at + "/train.cache").stdout
        assert "Made by  resnet50\n" in text and "Images" not in text, text
        for head in (["--head", "linear"], ["--head", "dense", "--hidden", "8", "--epochs", "20", "--scale", "none"]):
            program("train", *head, at + "/train.cache", at + "/m.h5")
            program("evaluate", "--json", at + "/e.json", "--report", at + "/report", at + "/test.cache", at + "/m.h5")
            result = json.load(open(at + "/e.json"))
            assert '"accuracy": 1.0' in json.dumps(result), json.dumps(result)[:300]
            assert "resnet50" in open(at + "/report/index.html").read()


def images_are_refused_in_a_sentence():
    with scratch() as at:
        features, labels, cache = save(at, "a", *make(1))
        import_(features, "--made-by", "resnet50", labels, cache)
        program("train", "--head", "linear", cache, at + "/m.h5")
        for name in "012":
            os.makedirs(at + "/images/" + name)
            with open("%s/images/%s/a.ppm" % (at, name), "wb") as out:
                out.write(b"P6 4 4 255\n" + bytes(48))
        for arguments in (["--predict", at + "/m.h5", at + "/images/0/a.ppm"], [at + "/images", at + "/m.h5"]):
            done = program("evaluate", *arguments, status=1)
            assert "was trained on imported features (made by resnet50)" in done.stderr, done.stderr
        done = program("train", "--approach", "finetune", "--weights", "random", cache, at + "/n.h5", status=1)
        assert "imported" in done.stderr, done.stderr


def caches_that_others_made_do_not_go_together():
    with scratch() as at:
        x, y = make(1)
        features, labels, a = save(at, "a", x, y)
        narrow, _, b = save(at, "b", x[:, :30], y)
        import_(features, "--made-by", "resnet50", labels, a)
        import_(narrow, "--made-by", "resnet50", labels, b)
        import_(features, "--made-by", "clip", labels, at + "/c")
        program("train", "--head", "linear", a, at + "/m.h5")
        for cache, said in ((b, "features, not 3"), (at + "/c", "clip")):
            assert said in program("evaluate", cache, at + "/m.h5", status=1).stderr
            assert said in program("extract", "--merge", a, cache, status=1).stderr
        assert "made by resnet50, not by clip" in import_(features, "--made-by", "clip", labels, a, status=1).stderr
        os.makedirs(at + "/images/0")
        with open(at + "/images/0/a.ppm", "wb") as out:
            out.write(b"P6 4 4 255\n" + bytes(48))
        done = program("extract", "--layer", "input", at + "/images", a, status=1)
        assert "imported (made by resnet50), not extracted" in done.stderr, done.stderr


def maps_are_imported_with_their_shape():
    """(N, H, W, C) in the order of a flattened (N, D), which it goes together with."""
    with scratch() as at:
        x, y = make(1)
        features, labels, cache = save(at, "a", x[:, :36], y)
        import_(features, labels, cache)
        np.save(at + "/maps.npy", x[:, :36].reshape(60, 3, 4, 3))
        import_(at + "/maps.npy", labels, at + "/maps")
        assert "3x4x3 = 36 float32" in program("extract", "--info", at + "/maps").stdout
        for c in "a", "maps":
            program("extract", "--export", at + "/x" + c, cache if c == "a" else at + "/maps")
        assert (np.load(at + "/xa/features.npy") == np.load(at + "/xmaps/features.npy")).all()
        assert "0 new, 60 unchanged" in import_(at + "/maps.npy", labels, cache).stdout
        program("train", "--head", "linear", cache, at + "/m.h5")
        one, other = (program("evaluate", c, at + "/m.h5").stdout for c in (cache, at + "/maps"))
        assert one.replace(cache, "") == other.replace(at + "/maps", ""), (one, other)
        program("train", "--head", "linear", at + "/maps", at + "/n.h5")
        program("evaluate", cache, at + "/n.h5")


def matrices_that_would_be_misread_are_refused():
    with scratch() as at:
        x, y = make(1)
        _, labels, cache = save(at, "a", x, y)
        bad = at + "/bad.npy"
        spoilt = x.copy()
        spoilt[7, 3] = np.nan
        for array, said in ((x.astype(">f4"), "big-endian (>f4); save x.astype('<f4')"), (np.asfortranarray(x), "Fortran"),
                            (x.astype(np.float64), "type is <f8"), (x[0], "shape is (37,), not (N, D)"), (x[None], "(1, 60, 37)"),
                            (x[None, None, None], "(1, 1, 1, 60, 37)"),
                            (spoilt, "row 7, column 3 (from 0) is nan"), (x[:59], "59 rows, but"), (x[:0], "(0, 37)"),
                            (np.array(["a"]), "type is <U1"), (np.zeros(2, [("a", "f4")]), "lacks")):
            np.save(bad, array)
            done = import_(bad, labels, at + "/none", status=1)
            assert said in done.stderr and done.stderr.count("\n") == 1, (said, done.stderr)
        whole = open(at + "/a.npy", "rb").read()
        for content, said in ((whole[:-1], "truncated"), (whole + b"x", "truncated"), (whole[:60], "header is truncated"),
                              (b"", "numpy.save"), (b"\x93NUMPY\x09" + whole[7:], "numpy.save"),
                              (whole.replace(b"(60, 37)", b"(6e, 37)"), "lacks"),
                              (whole.replace(b"(60, 37)", b"(1073741823, 1073741823)"), "bytes where its header requires"),
                              (whole.replace(b"(60, 37)", b"(2147483647, 2147483647)"), "is too large")):
            open(bad, "wb").write(content)
            done = import_(bad, labels, at + "/none", status=1)
            assert said in done.stderr and done.stderr.count("\n") == 1, (said, done.stderr)
        import_(at + "/nothing.npy", labels, at + "/none", status=1)


def labels_and_items_that_do_not_fit_are_refused():
    with scratch() as at:
        x, y = make(1, n=4)
        features, labels, _ = save(at, "a", x, y)
        for array, said in ((np.array([0, 1, -1, 2]), "label 2 (from 0) is negative"), (np.arange(3), "4 rows, but"),
                            (np.arange(4.0), "its labels (<f8) are real numbers"), (y[:, None], "shape is (4, 1), not (N,)")):
            np.save(labels, array)
            assert said in import_(features, labels, at + "/none", status=1).stderr
        for text, said in (("path,size\n", "no column class"), ("file,class\n", "column path"), ("", "not CSV"),
                           ("path,class\na,x\nb,x\nc,x\n", "has 3"), ("path,class\na,x\na,x\n", "record 3: its path a occurs twice"),
                           ("path,class\na#1,x\n", "augmented"), ("path,class\na\n", "record 2: it has only 1 field"),
                           ("path,class\n,x\n", "no path"), ("path,class\na,\n", "no class"),
                           ("index,path,class\n1,a,x\n", "its index is 1, not 0"), ('path,class\n"a,x\n', "not closed"),
                           ('path,class\n"a"b,x\n', "follows a closing quote")):
            open(at + "/items.csv", "w").write(text)
            done = import_(features, at + "/items.csv", at + "/none", status=1)
            assert said in done.stderr and done.stderr.count("\n") == 1, (said, done.stderr)
        open(at + "/items.jsonl", "w").write('{"index": 0.5, "path": "a", "class": "x"}\n')
        assert "its index is 0.5, not 0" in import_(features, at + "/items.jsonl", at + "/none", status=1).stderr
        program("extract", "--import", features, labels, status=2)
        program("extract", "--made-by", "x", "--info", at, status=2)


def labels_that_are_no_classes_are_named_for_what_they_are():
    with scratch() as at:
        np.save(at + "/x.npy", np.zeros((4, 8), "f4"))
        for labels, said in ((np.linspace(0, 1, 4), "as for regression"), (np.array(["a", "b", "a", "b"]), "are strings; give a CSV"),
                             (np.array([b"a", b"b", b"a", b"b"]), "are strings"), (np.eye(4)[:, :2].astype(int), "multi-label"),
                             (np.array(["a", 1, None, 2], object), "are strings")):
            np.save(at + "/y.npy", labels)
            error = program("extract", "--import", at + "/x.npy", at + "/y.npy", at + "/c", status=1).stderr
            assert said in error and at + "/y.npy" in error and error.count("\n") == 1 and not os.path.exists(at + "/c"), error



def a_path_that_leads_out_of_the_folder_is_refused():
    with scratch() as at:
        np.save(at + "/x.npy", np.eye(3, dtype=np.float32))
        with open(at + "/items.csv", "w") as out:
            out.write("path,class\na/1,a\nb/../../etc/x,b\na/2,a\n")
        error = program("extract", "--import", at + "/x.npy", at + "/items.csv", at + "/c", status=1).stderr
        assert "record 3" in error and "leads out" in error and not os.path.exists(at + "/c"), error


def nothing_is_written_into_a_cache():
    with scratch() as at:
        x, y, cache = save(at, "x", *make(1))
        program("extract", "--import", x, y, cache)
        for inside in (cache, cache + "/deep/er"):
            error = program("extract", "--export", inside, cache, status=1).stderr
            assert "inside a cache" in error and sorted(os.listdir(cache)) == ["data.mdb", "lock.mdb"], error


def large_vectors_are_stored_a_few_at_a_time():
    with scratch() as at:
        x, y, cache = save(at, "large", np.random.default_rng(1).random((5, 1 << 22), dtype=np.float32), np.arange(5) % 2)
        full = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (72 << 20, resource.RLIM_INFINITY))
        done = program("extract", "--import", x, y, cache, status=1, preexec_fn=full)
        assert "make room" in done.stderr, done.stderr
        assert not program("extract", "--verify", cache).stdout.startswith("0 items"), "those that there was room for are lost"


run(labels_that_are_no_classes_are_named_for_what_they_are, what_is_imported_is_exported_to_the_bit, an_export_is_imported_again, labels_become_classes_in_their_order,
    importing_again_takes_what_has_changed, paths_of_items_are_names_that_stay_as_they_are, heads_train_on_it_and_are_evaluated_on_it, images_are_refused_in_a_sentence,
    caches_that_others_made_do_not_go_together,
    maps_are_imported_with_their_shape, matrices_that_would_be_misread_are_refused,
    labels_and_items_that_do_not_fit_are_refused, a_path_that_leads_out_of_the_folder_is_refused,
    nothing_is_written_into_a_cache, large_vectors_are_stored_a_few_at_a_time)
