"""EXIF's orientation, colour profiles and the fit of images: what is stored, recorded, and refused. Pixels: test_pixels.py."""
import json, os, sys

import numpy as np
from PIL import Image

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import program, run, scratch

random = np.random.RandomState(1)
PICTURE = Image.fromarray(random.randint(0, 256, (30, 50, 3), np.uint8))


def make_images(folder, way=6):
    """Two classes: an image as it is, and one to be rotated by EXIF's orientation."""
    exif = Image.Exif()
    exif[274] = way
    for name, options in ("a", {}), ("b", {"exif": exif.tobytes()}):
        os.makedirs(os.path.join(folder, name))
        PICTURE.save(os.path.join(folder, name, "0.png"), **options)
    return folder


def extract(*arguments, **options):
    return program("extract", "--threads", 1, "--layer", "input", *arguments, **options)


def recipe(cache):
    return json.loads(program("extract", "--info", "--json", cache).stdout)["recipe"]


def rows(cache):
    """Features of the two images."""
    program("extract", "--export", cache + "-export", cache)
    return np.load(cache + "-export/features.npy")


def values(image, resample=Image.BILINEAR, box=None):
    rgb = np.asarray(image.resize((224, 224), resample, box=box), np.float32)
    return (rgb[..., ::-1] - np.float32([103.939, 116.779, 123.68])).ravel()


def the_default_preset_turns_images_and_says_how_many():
    with scratch() as at:
        images = make_images(at + "/images")
        done = extract(images, at + "/c")
        assert "1 image was turned upright" in done.stderr, done.stderr
        assert recipe(at + "/c")["metadata"] is True
        plain, turned = rows(at + "/c")
        assert abs(plain - values(PICTURE)).max() < 1e-4
        assert abs(turned - values(PICTURE.transpose(Image.ROTATE_270))).max() < 1e-4
        for preset, resample in ("keras", Image.NEAREST), ("torchvision", None):
            done = extract("--preset", preset, images, at + "/" + preset)
            assert "turned" not in done.stderr and "metadata" not in recipe(at + "/" + preset), done.stderr
            plain, turned = rows(at + "/" + preset)
            assert (plain == turned).all()
            assert preset != "keras" or abs(plain - values(PICTURE, resample)).max() < 1e-4
        assert "are heeded" in program("extract", "--info", at + "/c").stdout
        assert "are ignored" in program("extract", "--info", at + "/keras").stdout


def caches_of_before_go_on_without():
    with scratch() as at:
        images = make_images(at + "/images")
        extract(images, at + "/new")
        told = recipe(at + "/new")
        del told["metadata"]
        np.save(at + "/v.npy", np.zeros((1, 224 * 224 * 3), np.float32))
        open(at + "/v.csv", "w").write("b/0.png,b\n")
        json.dump(told, open(at + "/v.json", "w"))
        program("tools/make-cache", at + "/v.npy", at + "/v.csv", at + "/old", "sparse", at + "/v.json")
        done = extract(images, at + "/old")
        assert done.stdout.startswith("1 new, 0 unchanged, 1 changed") and "turned" not in done.stderr, done
        assert recipe(at + "/old") == told
        plain, turned = rows(at + "/old")
        assert (plain == turned).all()
        assert "are heeded in it" in program("extract", "--merge", at + "/new", at + "/old", status=1).stderr
        program("train", "--head", "linear", "--scale", "none", at + "/old", at + "/m.h5")
        assert "profiles are" in program("evaluate", at + "/new", at + "/m.h5", status=1).stderr
        sure = program("evaluate", "--predict", at + "/m.h5", images).stdout.splitlines()
        assert sure[0].split(":")[1:] == sure[1].split(":")[1:], sure  # the same pixels


def the_fit_is_recorded_and_kept():
    with scratch() as at:
        images = make_images(at + "/images", way=1)
        extract("--fit", "crop", images, at + "/c")
        assert recipe(at + "/c")["fit"] == "crop"
        assert abs(rows(at + "/c")[0] - values(PICTURE, box=(10, 0, 40, 30))).max() < 1e-4
        assert "fit crop" in program("extract", "--info", at + "/c").stdout
        assert "fitted by crop, not stretch" in extract(images, at + "/c", status=1).stderr
        extract("--preset", "keras", "--fit", "pad", images, at + "/p")
        square = Image.new("RGB", (50, 50))
        square.paste(PICTURE, (0, 10))
        assert abs(rows(at + "/p")[0] - values(square, Image.NEAREST)).max() < 1e-4
        assert "which crops by itself" in extract("--preset", "torchvision", "--fit", "pad", images, at + "/t", status=2).stderr
        program("train", "--approach", "scratch", "--images", images, "--preset", "torchvision", "--fit", "crop", at + "/m.h5", status=2)


run(the_default_preset_turns_images_and_says_how_many, caches_of_before_go_on_without, the_fit_is_recorded_and_kept)
