"""The demo's image generator: what it writes, and that the seed determines it."""
import hashlib, os, sys

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, says, scratch

CLASSES = ["checks", "ring", "spots", "star", "stripes"]


def contents(folder):
    """Path below folder -> hash of the file."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, folder)] = hashlib.sha256(open(path, "rb").read()).hexdigest()
    return found


def draws_the_requested_number_of_images():
    with scratch() as folder:
        done = program("demo-images", folder, 3, 2)
        assert says(done.stdout, "15 images for training and 10 for testing"), done.stdout
        expected = {"%s/%s/%03d.jpg" % (part, name, i + 1)
                    for part, n in (("train", 3), ("test", 2)) for name in CLASSES for i in range(n)}
        found = contents(folder)
        assert set(found) == expected, sorted(found)
        assert len(set(found.values())) == len(found), "two images are the same"
        for path in found:
            image = Image.open(os.path.join(folder, path))
            assert image.format == "JPEG" and image.size == (240, 200) and image.mode == "RGB"
            assert np.asarray(image).std() > 10, path + " is nearly empty"


def the_same_seed_draws_the_same_images():
    with scratch() as folder:
        drawn = {}
        for name, seed in (("one", 7), ("again", 7), ("other", 8)):
            program("demo-images", os.path.join(folder, name), 2, 1, seed)
            drawn[name] = contents(os.path.join(folder, name))
        assert drawn["one"] == drawn["again"]
        assert not set(drawn["one"].values()) & set(drawn["other"].values())


def the_first_images_do_not_depend_on_how_many_follow():
    with scratch() as folder:
        program("demo-images", os.path.join(folder, "few"), 1, 1)
        program("demo-images", os.path.join(folder, "many"), 3, 2)
        few, many = contents(os.path.join(folder, "few")), contents(os.path.join(folder, "many"))
        assert all(many[path] == few[path] for path in few)


def a_folder_that_cannot_be_made_is_named():
    with scratch() as folder:
        blocked = os.path.join(folder, "file")
        open(blocked, "w").close()
        done = program("demo-images", blocked, 1, 1, status=1)
        assert blocked in done.stderr, done.stderr
        program("demo-images", status=2)


run(draws_the_requested_number_of_images, the_same_seed_draws_the_same_images,
    the_first_images_do_not_depend_on_how_many_follow, a_folder_that_cannot_be_made_is_named)
