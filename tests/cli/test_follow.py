"""The cache follows the folder: images that were moved or copied, or whose class was renamed, are not computed again and have one
label; those whose file has gone are counted and named."""
import json, os, random, shutil, signal, sys, tarfile, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, scratch, start

INPUT = ["--layer", "input"]


def draw_set(folder, classes=("ant", "bee"), each=6):
    for c, name in enumerate(classes):
        os.makedirs(os.path.join(folder, name))
        for i in range(each):
            with open("%s/%s/%d.ppm" % (folder, name, i), "wb") as out:
                out.write(b"P6 1 1 255\n" + bytes([i % 256, c, i // 256]))
    return folder


def counts(done):
    """{"new": 1, …} of the last line, and the line's order."""
    fields = [part.split() for part in done.stdout.splitlines()[-1].split(": ")[-1].split(", ")]
    assert [name for _, name in fields][:5] == ["new", "unchanged", "changed", "moved", "copied"], done.stdout
    assert fields[5][1] in ("missing", "pruned") and fields[6][1] == "skipped" and len(fields) == 7, done.stdout
    return {name: int(number) for number, name in fields if int(number)}


def extract(*arguments, **options):
    return program("extract", *INPUT, *arguments, **options)


def same_as_fresh(images, cache, at):
    """Whether the cache exports the bytes of one that was made from the same images now."""
    shutil.rmtree(at + "/fresh", ignore_errors=True)
    extract("--quiet", images, at + "/fresh")
    both = []
    for one in (cache, at + "/fresh"):
        program("extract", "--verify", one)
        program("extract", "--export", at + "/out", one)
        both.append([open(at + "/out/" + name, "rb").read() for name in ("features.npy", "labels.npy", "items.csv")])
    return both[0] == both[1]


def a_renamed_class_costs_no_image_and_is_told():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/c"
        extract(images, cache)
        os.rename(images + "/ant", images + "/formica")
        done = extract(images, cache)
        assert counts(done) == {"unchanged": 6, "moved": 6}, done.stdout
        assert "the class ant is now formica: its 6 images" in done.stderr, done.stderr
        assert same_as_fresh(images, cache, at)


def moved_copied_and_missing_images_are_told_apart():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/c"
        extract(images, cache)
        os.rename(images + "/ant/0.ppm", images + "/bee/from-ant.ppm")
        shutil.copy(images + "/ant/1.ppm", images + "/bee/like-ant.ppm")
        os.remove(images + "/ant/2.ppm")
        done = extract(images, cache)
        assert counts(done) == {"unchanged": 10, "moved": 1, "copied": 1, "missing": 1}, done.stdout
        said = done.stderr.splitlines()
        assert len([line for line in said if "bee/like-ant.ppm, as ant/1.ppm" in line]) == 1, said
        assert len([line for line in said if "ant/2.ppm" in line and "--prune" in line and "--keep-missing" in line]) == 1, said
        again = extract(images, cache)
        assert counts(again) == {"unchanged": 12, "missing": 1} and "like-ant" not in again.stderr, again
        assert "gone" not in extract("--keep-missing", images, cache).stderr
        assert counts(extract("--prune", images, cache)) == {"unchanged": 12, "pruned": 1}
        assert same_as_fresh(images, cache, at)
        assert "mutually exclusive" in extract("--prune", "--keep-missing", images, cache, status=2).stderr


def doubles_swaps_and_subsets_lose_nothing():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/c"
        for name in "xy":
            shutil.copy(images + "/ant/0.ppm", images + "/ant/%s.ppm" % name)
        extract(images, cache)
        for name in ("0", "x", "y"):  # the same content three times
            os.rename(images + "/ant/%s.ppm" % name, images + "/bee/%s-moved.ppm" % name)
        os.rename(images + "/ant/3.ppm", at + "/3")
        os.rename(images + "/bee/3.ppm", images + "/ant/3.ppm")
        os.rename(at + "/3", images + "/bee/3.ppm")
        assert counts(extract("--classes", "ant", images, cache)) == {"changed": 1, "unchanged": 4, "missing": 3}
        assert counts(extract(images, cache)) == {"moved": 3, "changed": 1, "unchanged": 10}
        assert same_as_fresh(images, cache, at)


def an_archive_behaves_alike():
    with scratch() as at:
        images, cache, archive = draw_set(at + "/images"), at + "/c", at + "/a.tar.gz"

        def pack():
            with tarfile.open(archive, "w:gz") as out:
                out.add(images, "photos")

        pack()
        extract(archive, cache)
        os.rename(images + "/ant", images + "/formica")
        os.rename(images + "/bee/1.ppm", images + "/formica/b.ppm")
        os.remove(images + "/bee/2.ppm")
        pack()
        assert counts(extract(archive, cache)) == {"unchanged": 4, "moved": 7, "missing": 1}
        assert counts(extract("--prune", archive, cache)) == {"unchanged": 11, "pruned": 1}
        assert same_as_fresh(images, cache, at)


def parts_keep_what_they_had():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=20), at + "/c"
        split = ["--split-test", 0.25, images, cache]
        extract(*split)
        before = [program("extract", "--export", at + "/o", c) and open(at + "/o/features.npy", "rb").read()
                  for c in (cache, cache + ".test")]
        os.rename(images + "/ant", images + "/formica")
        os.rename(images + "/bee", images + "/apis")
        extract(*split)
        for c, features in zip((cache, cache + ".test"), before):
            program("extract", "--export", at + "/o", c)
            rows = sorted(open(at + "/o/features.npy", "rb").read()[i:i + 4 * 150528] for i in range(128, len(features), 4 * 150528))
            assert rows == sorted(features[i:i + 4 * 150528] for i in range(128, len(features), 4 * 150528))
        shard = ["--shard", "0/1", images, at + "/shard"]
        extract(*shard)
        os.rename(images + "/apis", images + "/bee")
        assert counts(extract(*shard)) == {"unchanged": 20, "moved": 20}


def augmented_copies_are_drawn_anew():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/c"
        command = ["--augment", 2, "--horizontal-flip", images, cache]
        extract(*command)
        os.rename(images + "/ant", images + "/formica")
        assert counts(extract(*command)) == {"new": 12, "unchanged": 18, "moved": 6}
        about = json.loads(program("extract", "--info", "--json", cache).stdout)
        assert about["items"] == 12 and about["copies"] == 24, about


def a_kill_leaves_each_image_in_one_class():
    with scratch() as at:
        images, cache = draw_set(at + "/images", each=60), at + "/c"
        names = ["ant", "formica"]
        extract("--quiet", images, cache)
        for attempt in range(4):
            os.rename("%s/%s" % (images, names[attempt % 2]), "%s/%s" % (images, names[1 - attempt % 2]))
            process = start("extract", *INPUT, images, cache)
            time.sleep(random.Random(attempt).uniform(0.02, 0.3))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            program("extract", "--verify", cache)
            assert json.loads(program("extract", "--info", "--json", cache).stdout)["items"] == 120
            found = counts(extract("--quiet", images, cache))
            assert found.get("unchanged", 0) + found.get("moved", 0) == 120, found


def a_class_behind_a_link_that_leads_nowhere_is_named_and_never_pruned():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/c"
        os.rename(images + "/ant", at + "/mounted")
        os.symlink(at + "/mounted", images + "/ant")
        extract(images, cache)
        os.rename(at + "/mounted", at + "/unmounted")
        done = extract(images, cache, status=3)
        assert counts(done) == {"unchanged": 6, "missing": 6, "skipped": 1}, done.stdout
        assert images + "/ant: No such file or directory" in done.stderr, done.stderr
        refused = extract("--prune", images, cache, status=1).stderr
        assert "--prune: 1 entry of %s cannot be read, and its images would seem to have gone: mend or remove it first " \
            "(without --prune it is named)" % images in refused, refused
        os.symlink(at + "/nowhere", images + "/wasp")
        refused = extract("--prune", images, cache, status=1).stderr
        assert "2 entries of %s cannot be read, and their images" % images in refused and "they are named" in refused, refused
        os.remove(images + "/wasp")
        os.rename(at + "/unmounted", at + "/mounted")
        assert counts(extract("--prune", images, cache)) == {"unchanged": 12, "pruned": 1}  # the note of the link
        assert same_as_fresh(images, cache, at)


def files_that_are_passed_over_are_told_and_recorded():
    with scratch() as at:
        images, cache = draw_set(at + "/images"), at + "/c"
        os.rename(images + "/ant/0.ppm", images + "/ant/0.jpg_large")  # an image by its content
        for name in ("ant/notes.txt", "bee/more.TXT", "bee/README"):
            with open(os.path.join(images, name), "w") as out:
                out.write("no image")
        shutil.copy(images + "/ant/1.ppm", images + "/stray.ppm")
        done = extract(images, cache)
        told = "1 without ending, 2 .txt; 1 image beside the folders of classes"
        assert counts(done) == {"new": 12} and told in done.stderr, done
        assert told in program("extract", "--info", cache).stdout
        assert json.loads(program("extract", "--info", "--json", cache).stdout)["passed_over"] == told
        os.remove(images + "/stray.ppm")
        with tarfile.open(at + "/a.tar", "w") as out:
            out.add(images, "photos")
        assert "1 without ending, 1 .jpg_large, 2 .txt" in extract(at + "/a.tar", at + "/c2").stderr


run(a_renamed_class_costs_no_image_and_is_told, moved_copied_and_missing_images_are_told_apart,
    doubles_swaps_and_subsets_lose_nothing, an_archive_behaves_alike, parts_keep_what_they_had,
    augmented_copies_are_drawn_anew, a_class_behind_a_link_that_leads_nowhere_is_named_and_never_pruned,
    files_that_are_passed_over_are_told_and_recorded, a_kill_leaves_each_image_in_one_class)
