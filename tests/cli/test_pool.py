"""--pool avg|max: from images and from a cache without images, against NumPy's means and maxima of the whole maps; and heads on
what is left of them."""
import csv, json, os, re, sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import numpy as np
from tap import program, run, says, scratch

FOLDER = scratch()
WEIGHTS = ["--weights", "random"]


def at(*names):
    return os.path.join(FOLDER.path, *names)


def prepare():
    program("demo-images", at("images"), 2, 1)
    os.remove(at("images", "train", "ring", "002.jpg"))
    open(at("images", "train", "ring", "bad.jpg"), "w").close()
    program("extract", "-q", *WEIGHTS, "--group", "00[12]", at("images", "train"), at("full"), status=3)
    program("extract", "-q", *WEIGHTS, at("images", "test"), at("test"))
    for pool in "avg", "max":
        for name in "full", "test":
            program("extract", "-q", "--pool", pool, at(name), at(name + "." + pool))


def exported(cache):
    program("extract", "-q", "--export", at("exported"), cache)
    with open(at("exported", "items.csv"), newline="") as file:
        return np.load(at("exported", "features.npy")), list(csv.DictReader(file))


def info(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)


def a_cache_of_maps_gives_their_means_and_maxima_without_images():
    maps, items = exported(at("full"))
    maps = maps.reshape(-1, 49, 512)
    for pool, expected in ("avg", maps.astype(float).mean(1)), ("max", maps.max(1)):
        pooled, theirs = exported(at("full." + pool))
        assert theirs == items and pooled.shape == (9, 512)
        assert np.abs(pooled - expected).max() <= 1e-6 * maps.max() * (pool == "avg"), np.abs(pooled - expected).max()
        said, full = info(at("full." + pool)), info(at("full"))
        assert said["recipe"].pop("pool") == pool and said["recipe"].pop("shape") == [1, 1, 512]
        del full["recipe"]["shape"]
        assert said["recipe"] == full["recipe"] and said["groups"] == full["groups"] == 2
        assert [s["path"] for s in said["skipped"]] == ["ring/bad.jpg"] and said["classes"] == full["classes"]
        assert "block5_pool (pooled by %s), 1x1x512 = 512 float32" % pool in program("extract", "--info", at("full." + pool)).stdout


def images_give_the_same_to_the_bit_and_the_two_go_on_from_each_other():
    for pool in "avg", "max":
        done = program("extract", *WEIGHTS, "--pool", pool, at("images", "train"), at("images." + pool), status=3)
        assert says(done.stdout, "9 new, 0 unchanged"), done.stdout
        assert (exported(at("images." + pool))[0] == exported(at("full." + pool))[0]).all()
        done = program("extract", *WEIGHTS, "--pool", pool, at("images", "train"), at("full." + pool), status=3)
        assert says(done.stdout, "0 new, 9 unchanged"), done.stdout


def maps_of_an_earlier_layer_and_imported_ones_are_pooled_too():
    program("extract", "-q", *WEIGHTS, "--layer", "block5_conv3", at("images", "test"), at("conv"))
    program("extract", "-q", "--layer", "block5_pool", at("conv"), at("conv.pool"))
    program("extract", "-q", "--layer", "block5_pool", "--pool", "max", at("conv"), at("conv.max"))
    assert (exported(at("conv.pool"))[0] == exported(at("test"))[0]).all()
    assert (exported(at("conv.max"))[0] == exported(at("test.max"))[0]).all()
    rng = np.random.default_rng(1)
    maps = rng.standard_normal((6, 3, 5, 8)).astype("<f4")
    np.save(at("maps.npy"), maps)
    np.save(at("labels.npy"), np.arange(6) % 2)
    program("extract", "-q", "--import", at("maps.npy"), at("labels.npy"), at("imported"))
    program("extract", "-q", "--pool", "avg", at("imported"), at("imported.avg"))
    whole = exported(at("imported"))[0].reshape(-1, 15, 8)
    assert np.allclose(exported(at("imported.avg"))[0], whole.mean(1), atol=1e-6)
    error = program("extract", "--pool", "max", at("imported"), at("none"), status=1).stderr
    assert "needs square maps" in error and "3x5x8" in error, error


def a_pool_that_would_be_rounded_otherwise_by_itself_is_refused():
    for side in 32, 96:
        conv, pool = at("conv%d" % side), at("pool%d" % side)
        program("extract", "-q", *WEIGHTS, "--side", side, "--layer", "block1_conv2", at("images", "test"), conv)
        done = program("extract", "-q", "--layer", "block1_pool", conv, pool, status=(0, 1))
        assert info(conv)["recipe"]["tiles"][1] % 2 == done.returncode, "odd tiles have no pool of their own"
        if done.returncode:
            assert "block1_pool does not follow from block1_conv2: extract it" in done.stderr and not os.path.exists(pool), done.stderr
        else:
            assert info(pool)["items"]


def what_does_not_match_is_refused_in_one_sentence():
    program("train", "-q", "--head", "linear", at("full.avg"), at("avg.h5"))
    for arguments, sentence in (
            (["extract", "--pool", "max", at("full.avg"), at("none")], "block5_pool (pooled by avg) is 1x1x512"),
            (["extract", "--pool", "avg", at("full"), at("full.max")], "its pooling is max, not avg"),
            (["extract", "--pool", "avg", at("full"), at("full.avg")], "items already: name a new cache"),
            (["extract", "--layer", "block5_pool", at("full.avg"), at("none")], "block5_pool does not follow from block5_pool (pooled by avg)"),
            (["extract", "--layer", "block5_conv3", at("full"), at("none")], "block5_conv3 does not follow from block5_pool"),
            (["extract", *WEIGHTS, "--pool", "max", at("images", "train"), at("full.avg")], "its pooling is avg, not max"),
            (["extract", "--layer", "input", "--pool", "avg", at("images", "train"), at("none")], "needs square maps"),
            (["evaluate", at("test"), at("avg.h5")], "its pooling is avg, not none"),
            (["evaluate", at("test.max"), at("avg.h5")], "its pooling is avg, not max"),
            (["train", "--approach", "finetune", *WEIGHTS, "--validation-split", 0, at("full.avg"), at("none.h5")], "no layer of the base follows its block5_pool (pooled by avg)"),
            (["evaluate", "--explain", at("e"), at("test.avg"), at("avg.h5")], "give --images DIR")):
        error = program(*arguments, status=1).stderr
        lines = [line for line in error.splitlines() if "seeded stand-in" not in line]
        assert len(lines) == 1 and sentence in lines[0], (arguments, error)


def prediction_and_search_from_images_are_those_from_the_cache():
    program("train", "-q", "--head", "linear", at("full.avg"), at("avg.h5"))
    program("evaluate", "-q", "--predictions", at("cache.csv"), at("test.avg"), at("avg.h5"))
    program("evaluate", "-q", *WEIGHTS, "--predictions", at("folder.csv"), at("images", "test"), at("avg.h5"))
    assert open(at("cache.csv")).read() == open(at("folder.csv")).read()
    program("evaluate", "-q", "--similar", 2, *WEIGHTS, "--neighbours", at("n.csv"), at("images", "test", "ring", "001.jpg"), at("full.max"))
    own = exported(at("test.max"))
    x, (others, items) = own[0][[i["path"] for i in own[1]].index("ring/001.jpg")], exported(at("full.max"))
    cosine = others @ x / np.linalg.norm(others, axis=1) / np.linalg.norm(x)
    with open(at("n.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [r["path"] for r in rows] == [items[i]["path"] for i in np.argsort(-cosine)[:2]]
    assert np.allclose([float(r["similarity"]) for r in rows], np.sort(cosine)[:-3:-1], atol=1e-5)
    found = program("extract", "--duplicates", "--similarity", 1e-9, at("full.avg")).stdout
    assert "ring/001.jpg" in found, found


def a_network_pools_before_its_head():
    images, common = at("images", "train"), ["--hidden", 8, "--epochs", 2, "--scale", "none", "--validation-split", 0]
    program("train", "-q", "--approach", "standalone", *common, at("full.avg"), at("alone.h5"))
    del common[4:6]
    done = program("train", "--approach", "bootstrap", *common, *WEIGHTS, "--pool", "avg", "--images", images, at("bootstrap.h5"), status=3)
    assert re.search(r"vgg16 \(Functional\) +\(None, 512\)", done.stdout), done.stdout
    for name in "alone", "bootstrap":
        program("evaluate", "-q", "--predictions", at(name + ".csv"), at("test.avg"), at(name + ".h5"))
    assert open(at("alone.csv")).read() == open(at("bootstrap.csv")).read()
    for pool, shown in ("avg", r"global_average_pooling2d \(Gl\S* \(None, 512\)"), ("max", r"global_max_pooling2d \(MaxPo\S* \(None, 1, 1, 512\)"):
        tune = ["--approach", "finetune", *WEIGHTS, "--hidden", 8, "--epochs", 1, "--validation-split", 0, "--limit-per-class", 1, "--pool", pool]
        done = program("train", *tune, "--from", at("alone.h5"), "--images", images, at("tuned.h5"), status=0 if pool == "avg" else 1)
        assert pool == "avg" or "its pooling is avg, not max" in done.stderr, done.stderr
        done = program("train", *tune, "--images", images, at("tuned.h5"))
        assert re.search(shown, done.stdout), done.stdout
        done = program("evaluate", *WEIGHTS, "--limit-per-class", 1, at("images", "test"), at("tuned.h5"))
        assert "accuracy" in done.stdout, done.stdout


with FOLDER:
    prepare()
    run(a_cache_of_maps_gives_their_means_and_maxima_without_images,
        images_give_the_same_to_the_bit_and_the_two_go_on_from_each_other,
        maps_of_an_earlier_layer_and_imported_ones_are_pooled_too, a_pool_that_would_be_rounded_otherwise_by_itself_is_refused,
        what_does_not_match_is_refused_in_one_sentence,
        prediction_and_search_from_images_are_those_from_the_cache, a_network_pools_before_its_head)
