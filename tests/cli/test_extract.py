"""extract from end to end on small drawn images. Most runs store layer "input", which needs no base and is fast."""
import csv, fcntl, json, os, resource, shutil, signal, sys, tarfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, says, scratch, start

import numpy as np
from PIL import Image

CAFFE = np.array([103.939, 116.779, 123.68], np.float32)


def draw(path, seed, size=(40, 30)):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    pixels = np.random.RandomState(seed).randint(0, 256, (size[1], size[0], 3), np.uint8)
    Image.fromarray(pixels).save(path)


def draw_set(folder, classes=("ant", "bee", "cat"), each=4):
    for c, name in enumerate(classes):
        for i in range(each):
            draw(os.path.join(folder, name, "%02d.png" % i), 100 * c + i)
    return folder


def extract(folder, cache, *options, **more):
    if "--layer" not in options:
        options += ("--layer", "input")
    return program("extract", *options, folder, cache, **more)


def info(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)


def export(cache, to):
    program("extract", "--export", to, cache)
    with open(os.path.join(to, "items.csv"), newline="", encoding="utf-8", errors="surrogateescape") as stream:
        rows = list(csv.DictReader(stream))
    return np.load(os.path.join(to, "features.npy")), np.load(os.path.join(to, "labels.npy")), rows


def exported_bytes(cache, to):
    program("extract", "--export", to, cache)
    return [open(os.path.join(to, name), "rb").read() for name in ("features.npy", "labels.npy", "items.csv")]


def check_sound(cache):
    program("extract", "--verify", cache)


def features_labels_and_items_agree_with_Pillow():
    with scratch() as at:
        images = draw_set(at + "/images")
        done = extract(images, at + "/cache", "--preset", "keras")
        assert done.stdout == "12 new, 0 unchanged, 0 changed, 0 moved, 0 copied, 0 missing, 0 skipped\n", done.stdout
        features, labels, rows = export(at + "/cache", at + "/out")
        assert features.dtype == np.float32 and features.shape == (12, 224 * 224 * 3), features.shape
        assert labels.dtype == np.int64 and labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
        assert [r["index"] for r in rows] == [str(i) for i in range(12)]
        assert [r["path"] for r in rows] == sorted(r["path"] for r in rows)
        for row, vector, label in zip(rows, features, labels):
            assert row["label"] == str(label) and row["class"] == row["path"].split("/")[0]
            image = Image.open(os.path.join(images, row["path"])).resize((224, 224), Image.NEAREST)
            expected = np.asarray(image, np.float32)[..., ::-1] - CAFFE
            assert np.array_equal(vector.reshape(224, 224, 3), expected), row


def the_base_runs_and_an_unchanged_folder_is_not_computed_again():
    with scratch() as at:
        images = draw_set(at + "/images", each=2)
        done = program("extract", "--weights", "random", "--quiet", images, at + "/cache")
        assert "seeded stand-in random:0" in done.stderr, done.stderr
        features, _, _ = export(at + "/cache", at + "/out")
        assert features.shape == (6, 25088) and np.isfinite(features).all() and (features >= 0).all()
        assert len({vector.tobytes() for vector in features}) == 6
        again = program("extract", "--weights", "random", images, at + "/cache")
        assert again.stdout.startswith("0 new, 6 unchanged, 0 changed"), again.stdout
        check_sound(at + "/cache")


def threads_and_batch_change_nothing():
    with scratch() as at:
        images = draw_set(at + "/images", each=3)
        outcomes = set()
        for threads, batch in ((1, 1), (3, 4), (2, 16)):
            cache = "%s/cache-%d-%d" % (at, threads, batch)
            extract(images, cache, "--layer", "block2_pool", "--weights", "random:7", "--threads", threads, "--batch", batch)
            outcomes.add(tuple(exported_bytes(cache, at + "/out")))
        assert len(outcomes) == 1


def new_changed_and_removed_images_are_told_apart():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/cache"
        extract(images, cache)
        draw(images + "/bee/01.png", 999)
        draw(images + "/bee/99.png", 1000)
        os.remove(images + "/ant/00.png")
        assert extract(images, cache).stdout == "1 new, 10 unchanged, 1 changed, 0 moved, 0 copied, 1 missing, 0 skipped\n"
        assert info(cache)["items"] == 13
        assert extract(images, cache, "--prune").stdout == "0 new, 12 unchanged, 0 changed, 0 moved, 0 copied, 1 pruned, 0 skipped\n"
        extract(images, at + "/fresh")
        assert exported_bytes(cache, at + "/out") == exported_bytes(at + "/fresh", at + "/out")


def prune_keeps_what_a_subset_leaves_out():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/cache"
        extract(images, cache)
        shutil.rmtree(images + "/cat")
        done = extract(images, cache, "--prune", "--classes", "ant")
        assert done.stdout == "0 new, 4 unchanged, 0 changed, 0 moved, 0 copied, 4 pruned, 0 skipped\n", done.stdout
        assert [c["name"] for c in info(cache)["classes"]] == ["ant", "bee"]


def unusable_files_are_named_recorded_and_never_labelled():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/cache"
        extract(images, cache)
        whole = open(images + "/ant/00.png", "rb").read()
        open(images + "/ant/00.png", "wb").write(whole[:len(whole) // 2])  # was good
        open(images + "/bee/empty.jpg", "wb").close()
        open(images + "/bee/text.png", "w").write("this is no image\n")
        bad = {"ant/00.png", "bee/empty.jpg", "bee/text.png"}
        for _ in range(2):  # tried again each time
            done = extract(images, cache, "--quiet", status=3)
            assert done.stdout == "0 new, 11 unchanged, 0 changed, 0 moved, 0 copied, 0 missing, 3 skipped\n", done.stdout
            assert all(any(path in line and len(line.split(path + ": ")[1]) > 5 for line in done.stderr.splitlines())
                       for path in bad), done.stderr
        skipped = info(cache)["skipped"]
        assert {s["path"] for s in skipped} == bad and all(s["reason"] for s in skipped), skipped
        _, _, rows = export(cache, at + "/out")
        assert not bad & {r["path"] for r in rows}
        open(images + "/ant/00.png", "wb").write(whole)
        os.remove(images + "/bee/empty.jpg")
        os.remove(images + "/bee/text.png")
        assert extract(images, cache, "--prune").stdout == "1 new, 11 unchanged, 0 changed, 0 moved, 0 copied, 2 pruned, 0 skipped\n"
        assert info(cache)["skipped"] == []


def a_pipe_named_like_an_image_does_not_block():
    with scratch() as at:
        images = draw_set(at + "/images", each=1)
        os.mkfifo(images + "/ant/pipe.jpg")
        done = extract(images, at + "/cache", status=(0, 3), timeout=60)
        assert done.stdout.startswith("3 new"), done.stdout


def a_cache_made_in_another_way_is_refused_in_a_sentence():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=1), at + "/cache"
        extract(images, cache, "--preset", "keras")
        before = exported_bytes(cache, at + "/out")
        for options, words in ((("--preset", "vips"), "its preset is keras, not vips"),
                               (("--preset", "keras", "--normalize", "torch"), "its normalisation is caffe, not torch"),
                               (("--preset", "keras", "--layer", "block1_pool", "--weights", "random"),
                                "its layer is input, not block1_pool")):
            done = extract(images, cache, *options, status=1)
            assert words in done.stderr and cache in done.stderr and done.stderr.count("\n") <= 2, done.stderr
        assert exported_bytes(cache, at + "/out") == before


def the_normalisation_follows_preset_weights_and_option():
    with scratch() as at:
        images = draw_set(at + "/images", each=1)
        for number, (options, expected) in enumerate(((("--preset", "keras"), "caffe"),
                                                      (("--preset", "torchvision"), "torch"),
                                                      (("--preset", "vips"), "caffe"),
                                                      (("--preset", "keras", "--normalize", "torch"), "torch"))):
            cache = "%s/cache%d" % (at, number)
            extract(images, cache, *options)
            recipe = info(cache)["recipe"]
            assert (recipe["preset"], recipe["normalization"]) == (options[1], expected), recipe


def a_second_writer_is_refused():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=1), at + "/cache"
        extract(images, cache)
        folder = os.open(cache, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        done = extract(images, cache, status=1)
        assert "is being written by another program" in done.stderr and cache in done.stderr, done.stderr
        check_sound(cache)  # readers may
        os.close(folder)
        extract(images, cache)


def start_extract(images, cache):
    return start("extract", "--layer", "input", "--batch", "4", images, cache)


def wait_until_some_are_stored(cache, process, least):
    while process.poll() is None:
        if os.path.exists(cache + "/data.mdb") and os.path.getsize(cache + "/data.mdb") > least * 600000:
            return
        time.sleep(0.002)
    raise AssertionError("it ended too soon: " + process.stderr.read())


def after_a_kill_the_next_run_goes_on():
    with scratch() as at:
        images = draw_set(at + "/images", each=50)
        extract(images, at + "/whole")
        expected = exported_bytes(at + "/whole", at + "/out")
        for stored in (0, 10, 60):
            cache = "%s/cache%d" % (at, stored)
            process = start_extract(images, cache)
            wait_until_some_are_stored(cache, process, stored)
            process.kill()
            process.communicate()
            kept = 0
            if stored:
                check_sound(cache)
                kept = info(cache)["items"]
                assert stored - 8 <= kept < 150, kept
            done = extract(images, cache)
            new, unchanged = [int(part.split()[0]) for part in done.stdout.split(", ")[:2]]
            assert new + unchanged == 150 and unchanged >= kept, done.stdout
            assert exported_bytes(cache, at + "/out") == expected


def an_interrupt_keeps_what_was_computed_and_says_how_to_go_on():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=60), at + "/cache"
        process = start_extract(images, cache)
        wait_until_some_are_stored(cache, process, 5)
        process.send_signal(signal.SIGINT)
        output, messages = process.communicate()
        assert process.returncode == -signal.SIGINT, (process.returncode, messages)
        assert "run the same command to continue" in messages, messages
        kept = int(output.split()[0])
        assert 0 < kept < 180 and info(cache)["items"] == kept, output
        assert extract(images, cache).stdout.startswith("%d new, %d unchanged" % (180 - kept, kept))


def a_full_disk_is_one_sentence_and_the_cache_goes_on():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=10), at + "/cache"
        limit = 8 << 20
        done = extract(images, cache, "--batch", "2", status=1,
                       preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
        assert done.stderr.count("\n") == 1 and cache in done.stderr and "make room" in done.stderr, done.stderr
        check_sound(cache)
        kept = info(cache)["items"]
        assert 4 <= kept < 14, kept
        assert extract(images, cache).stdout.startswith("%d new, %d unchanged" % (30 - kept, kept))


def altered_features_are_found_and_computed_anew():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=2), at + "/cache"
        extract(images, cache)
        before = exported_bytes(cache, at + "/out")
        vector = np.load(at + "/out/features.npy")[3].tobytes()
        content = bytearray(open(cache + "/data.mdb", "rb").read())
        content[content.find(vector[:64]) + 100] ^= 1
        open(cache + "/data.mdb", "wb").write(content)
        done = program("extract", "--verify", cache, status=1)
        assert done.stdout == "bee/01.png: its record does not match its checksum\n", done.stdout
        program("extract", "--export", at + "/other", cache, status=1)
        assert os.listdir(at + "/other") == []
        assert extract(images, cache).stdout.startswith("1 new, 5 unchanged")
        assert exported_bytes(cache, at + "/out") == before


def truncated_and_foreign_caches_are_refused_in_one_sentence():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=2), at + "/cache"
        extract(images, cache)
        content = open(cache + "/data.mdb", "rb").read()
        for broken in (content[:len(content) // 2], content[:5000], content[:100], b"x" * 10000, bytes(8192)):
            open(cache + "/data.mdb", "wb").write(broken)
            for command in (("--info", cache), ("--verify", cache), ("--export", at + "/out", cache),
                            ("--merge", at + "/other", cache), ("--layer", "input", images, cache)):
                done = program("extract", *command, status=1)
                assert done.stderr.count("\n") == 1 and cache in done.stderr and done.stdout == "", done.stderr
            assert open(cache + "/data.mdb", "rb").read() == broken
        program("extract", "--info", at + "/nowhere", status=1)
        program("extract", "--info", images, status=1)
        program("extract", "--layer", "input", images, images, status=1)  # not into a folder with other files


def classes_lists_and_limits_choose_images():
    with scratch() as at:
        images = draw_set(at + "/images")
        open(at + "/list.txt", "w").write("bee/03\nant/01.png\n\n")

        def chosen(name, *options):
            extract(images, at + "/" + name, *options)
            return [r["path"] for r in export(at + "/" + name, at + "/out")[2]]

        assert chosen("a", "--classes", "cat,ant") == ["ant/%02d.png" % i for i in range(4)] + ["cat/%02d.png" % i for i in range(4)]
        assert chosen("b", "--first-classes", "1") == ["ant/%02d.png" % i for i in range(4)]
        assert chosen("c", "--list", at + "/list.txt") == ["ant/01.png", "bee/03.png"]
        open(at + "/list.txt", "a").write("bee/absent\n")
        done = extract(at + "/images", at + "/absent", "--list", at + "/list.txt", status=3)
        assert "bee/absent" in done.stderr and says(done.stdout, "1 skipped"), (done.stdout, done.stderr)
        assert "bee/absent" in program("extract", "--info", at + "/absent").stdout
        assert chosen("d", "--limit-per-class", "1") == ["ant/00.png", "bee/00.png", "cat/00.png"]
        assert "dog" in extract(images, at + "/e", "--classes", "dog", status=1).stderr


def a_limit_takes_the_first_in_the_order_of_the_items():
    """ant/a-b comes before ant/a/, as in the cache, whose filter has the same limit, though the folder a is before a-b."""
    with scratch() as at:
        for seed, name in enumerate(("ant/a/0", "ant/a-b/0", "bee/0")):
            draw("%s/images/%s.png" % (at, name), seed)
        with tarfile.open(at + "/images.tar", "w") as tar:
            tar.add(at + "/images", "images")
        paths = []
        for images, name, *options in (("images", "all"), ("images", "one", "--limit-per-class", 1),
                                       ("images.tar", "packed", "--limit-per-class", 1)):
            extract(at + "/" + images, at + "/" + name, *options)
            paths.append([r["path"] for r in export(at + "/" + name, at + "/out")[2]])
        first = ["ant/a-b/0.png", "bee/0.png"]
        assert paths == [["ant/a-b/0.png", "ant/a/0.png", "bee/0.png"], first, first], paths
        os.symlink("nowhere", at + "/images/aardvark.png")
        extract(at + "/images", at + "/beside", "--limit-per-class", 1, status=3)
        assert [r["path"] for r in export(at + "/beside", at + "/out")[2]] == first


def odd_names_come_back_as_they_were():
    with scratch() as at:
        images, cache = at + "/images", at + "/cache"
        deep = "/".join(["d" * 200] * 4)
        names = ["caf\u00e9 \u6771\u4eac/na\u00efve, \"quoted\".png", "a/%s/one.png" % deep, "a/%s/two.png" % deep,
                 os.fsdecode(b"a/latin\xe9.png"), "a/ spaces .PNG"]
        for seed, name in enumerate(names):
            draw(os.path.join(images, name.replace(".PNG", ".png")), seed)
        os.rename(images + "/a/ spaces .png", images + "/a/ spaces .PNG")
        extract(images, cache)
        _, _, rows = export(cache, at + "/out")
        assert sorted(r["path"] for r in rows) == sorted(names), rows
        assert extract(images, cache, "--prune").stdout == "0 new, 5 unchanged, 0 changed, 0 moved, 0 copied, 0 pruned, 0 skipped\n"
        check_sound(cache)
        info(cache)


def merged_shards_equal_the_whole():
    with scratch() as at:
        images = draw_set(at + "/images")
        open(images + "/cat/broken.png", "wb").close()
        extract(images, at + "/whole", status=3)
        extract(images, at + "/one", "--classes", "cat", status=3)  # arrives first, sorts last
        extract(images, at + "/two", "--classes", "ant,bee")
        assert program("extract", "--merge", at + "/all", at + "/one", at + "/two").stdout == "12 new, 0 unchanged, 1 skipped\n"
        assert exported_bytes(at + "/all", at + "/out") == exported_bytes(at + "/whole", at + "/out")
        assert info(at + "/all")["skipped"] == info(at + "/whole")["skipped"]
        again = program("extract", "--merge", at + "/all", at + "/two")
        assert again.stdout == "0 new, 8 unchanged, 0 skipped\n", again.stdout
        assert extract(images, at + "/all", status=3).stdout.startswith("0 new, 12 unchanged")


def shards_that_do_not_fit_are_refused():
    with scratch() as at:
        images = draw_set(at + "/images", each=1)
        extract(images, at + "/one")
        extract(images, at + "/keras", "--preset", "keras")
        for shards in ((at + "/one", at + "/keras"), (at + "/keras",)):
            program("extract", "--merge", at + "/all", at + "/one")
            done = program("extract", "--merge", at + "/all", *shards, status=1)
            assert at + "/keras cannot be merged" in done.stderr and "preset" in done.stderr, done.stderr
        assert "given twice" in program("extract", "--merge", at + "/one", at + "/one", status=1).stderr
        draw(images + "/ant/00.png", 555)
        extract(images, at + "/other")
        done = program("extract", "--merge", at + "/all", at + "/other", status=1)
        assert "ant/00.png" in done.stderr and "different content" in done.stderr, done.stderr
        check_sound(at + "/all")


def wrong_usage_ends_with_status_2_and_touches_nothing():
    with scratch() as at:
        images = draw_set(at + "/images", each=1)
        for command in ((), (images,), (images, at + "/c", "third"), ("--info",), ("--info", "a", "b"), ("--merge", "a"),
                        ("--json", images, at + "/c"), ("--info", "--verify", "a"), ("--layer", "block6_pool", images, at + "/c"),
                        ("--preset", "best", images, at + "/c"), ("--batch", "0", images, at + "/c"),
                        ("--classes", "a", "--first-classes", "2", images, at + "/c"), ("--nonsense",)):
            done = program("extract", *command, status=2)
            assert done.stdout == "" and done.stderr.startswith("extract: "), done.stderr
        assert os.listdir(at) == ["images"]


def missing_weights_are_asked_for_in_a_sentence():
    with scratch() as at:
        images = draw_set(at + "/images", each=1)
        done = program("extract", images, at + "/cache", status=1, cwd=at, env=dict(os.environ, HOME=at))
        assert "--weights" in done.stderr and "make weights" in done.stderr, done.stderr
        done = program("extract", "--weights", at + "/none.h5", images, at + "/cache", status=1)
        assert "none.h5" in done.stderr, done.stderr
        assert not os.path.exists(at + "/cache")


run(features_labels_and_items_agree_with_Pillow,
    the_base_runs_and_an_unchanged_folder_is_not_computed_again,
    threads_and_batch_change_nothing,
    new_changed_and_removed_images_are_told_apart,
    prune_keeps_what_a_subset_leaves_out,
    unusable_files_are_named_recorded_and_never_labelled,
    a_pipe_named_like_an_image_does_not_block,
    a_cache_made_in_another_way_is_refused_in_a_sentence,
    the_normalisation_follows_preset_weights_and_option,
    a_second_writer_is_refused,
    after_a_kill_the_next_run_goes_on,
    an_interrupt_keeps_what_was_computed_and_says_how_to_go_on,
    a_full_disk_is_one_sentence_and_the_cache_goes_on,
    altered_features_are_found_and_computed_anew,
    truncated_and_foreign_caches_are_refused_in_one_sentence,
    classes_lists_and_limits_choose_images,
    a_limit_takes_the_first_in_the_order_of_the_items,
    odd_names_come_back_as_they_were,
    merged_shards_equal_the_whole,
    shards_that_do_not_fit_are_refused,
    wrong_usage_ends_with_status_2_and_touches_nothing,
    missing_weights_are_asked_for_in_a_sentence)
