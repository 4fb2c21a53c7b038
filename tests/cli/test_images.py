"""Reading images in each program: paths that are not files, and failures of the machine rather than the image."""
import json, os, resource, shutil, signal, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, ROOT, need_small_address_space, program, run, scratch

import numpy as np
from PIL import Image

GOLDEN = os.path.join(ROOT, "tests", "golden", "images")


def draw_set(folder, classes=("ant", "bee"), each=4):
    random = np.random.RandomState(1)
    for name in classes:
        os.makedirs(os.path.join(folder, name))
        for i in range(each):
            pixels = random.randint(0, 256, (30, 40, 3), np.uint8)
            Image.fromarray(pixels).save(os.path.join(folder, name, "%02d.png" % i))
    return folder


def extract(images, cache, *options, **more):
    return program("extract", "--layer", "input", "--preset", "keras", *options, images, cache, **more)


def exported(cache, to):
    program("extract", "--export", to, cache)
    return [open(os.path.join(to, name), "rb").read() for name in ("features.npy", "labels.npy", "items.csv")]


def limited(**limits):
    """For preexec_fn: RLIMIT_<NAME> = value each."""
    def apply():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
    return apply


def a_pipe_named_like_an_image_blocks_no_program():
    with scratch() as at:
        images, model = draw_set(at + "/images"), at + "/model.h5"
        extract(images, at + "/cache")
        program("train", "--quiet", "--head", "linear", at + "/cache", model)
        os.mkfifo(images + "/ant/pipe.png")
        for command in (("evaluate", images, model), ("evaluate", "--predict", model, images),
                        ("extract", "--preview", at + "/preview.png", images),
                        ("train", "--quiet", "--approach", "scratch", "--epochs", "1", "--images", images,
                         "--validation-split", "0", at + "/scratch.h5")):
            done = program(*command, status=3, timeout=60)
            assert "pipe.png: is not a regular file" in done.stderr, (command, done.stderr)


def a_preview_shows_images_beside_their_copies():
    with scratch() as at:
        images, sheet = draw_set(at + "/images"), at + "/sheet.png"
        done = program("extract", "--preview", sheet, "--vertical-flip", images)
        assert done.stdout == "%s: 6 images with 7 augmented copies each\n" % sheet, done.stdout
        drawn = np.asarray(Image.open(sheet).convert("RGB")).astype(int)
        assert drawn.shape == (2 * (30 + 6 * 136), 2 * (8 + 8 * 120), 3), drawn.shape
        cells = [drawn[2 * 30:2 * 142, 2 * x:2 * (x + 112)] for x in range(8, 968, 120)]
        kept = [np.array_equal(cell, cells[0]) for cell in cells]
        turned = [np.array_equal(cell, cells[0][::-1]) for cell in cells]
        assert all(a != b for a, b in zip(kept, turned)) and any(turned), (kept, turned)
        nowhere = program("extract", "--preview", at + "/none/sheet.png", images, status=1)
        assert "none/sheet.png" in nowhere.stderr, nowhere.stderr


def too_few_file_descriptors_are_not_the_images_fault():
    with scratch() as at:
        images = draw_set(at + "/images")
        refused = [program("extract", "--preview", at + "/sheet.png", "--horizontal-flip", images, status=(0, 1),
                           preexec_fn=limited(NOFILE=files)).returncode for files in range(5, 10)]
        assert 1 in refused and refused[-1] == 0, refused
        extract(images, at + "/whole")
        whole, blamed = exported(at + "/whole", at + "/out"), 0
        for files in range(6, 24):
            cache = "%s/cache%d" % (at, files)
            done = extract(images, cache, "--threads", "2", status=(0, 1), preexec_fn=limited(NOFILE=files))
            if done.returncode == 0:
                break
            assert done.stderr.count("\n") == 1, (files, done.stderr)
            if "/images/" in done.stderr:
                blamed += 1
                assert "Too many open files; " in done.stderr and ".png: " in done.stderr, done.stderr
                looked = program("extract", "--info", "--json", cache, status=(0, 1))
                assert looked.returncode or json.loads(looked.stdout)["skipped"] == [], files
            extract(images, cache)
            assert exported(cache, at + "/out") == whole, files
        assert blamed and done.returncode == 0, (blamed, done.stderr)


def an_image_that_was_skipped_is_tried_again():
    with scratch() as at:
        images = draw_set(at + "/images")
        os.rename(images + "/ant/00.png", at + "/kept.png")
        open(at + "/list", "w").write("ant/00.png\nbee/01.png\n")
        assert extract(images, at + "/cache", "--list", at + "/list", status=3).stdout.startswith("1 new")
        os.rename(at + "/kept.png", images + "/ant/00.png")
        assert extract(images, at + "/cache", "--list", at + "/list").stdout.startswith("1 new, 1 unchanged, 0 changed, 0 m")


def pixels_out_of_the_box_are_those_decoded_without_it():
    with scratch() as at:
        files = sorted(name for name in os.listdir(GOLDEN) if not name.endswith((".json", ".bin")))
        os.makedirs(at + "/images/one")
        for name in files:
            shutil.copy(os.path.join(GOLDEN, name), at + "/images/one")
        done = extract(at + "/images", at + "/cache", "--threads", "3", status=(0, 3))
        program("extract", "--export", at + "/out", at + "/cache")
        rows = [line.split(",")[1] for line in open(at + "/out/items.csv").read().splitlines()[1:]]
        assert len(rows) >= 8 and {name.rsplit(".")[-1] for name in rows} >= {"jpg", "png", "bmp", "tif"}, (rows, done.stderr)
        raw = subprocess.run([os.path.join(BUILD, "tools/decode"), "keras", "224", "100000000"] +
                             [at + "/images/" + row for row in rows], capture_output=True, check=True).stdout
        rgb = np.frombuffer(raw, np.uint8).reshape(len(rows), 224, 224, 3)
        expected = rgb[..., ::-1] - np.array([103.939, 116.779, 123.68], np.float32)
        assert np.array_equal(np.load(at + "/out/features.npy"), expected.reshape(len(rows), -1))


def decoders(pid):
    """Process ids of the children of the children of pid."""
    def children(of):
        with open("/proc/%d/task/%d/children" % (of, of)) as stream:
            return [int(child) for child in stream.read().split()]
    return [decoder for starter in children(pid) for decoder in children(starter)]


def a_decoder_that_crashes_costs_at_most_its_image():
    with scratch() as at:
        images = draw_set(at + "/images", each=400)
        # A sanitizer would report the signal as an error of the program.
        environment = dict(os.environ, ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":handle_segv=0",
                           UBSAN_OPTIONS=os.environ.get("UBSAN_OPTIONS", "") + ":handle_segv=0")
        running = subprocess.Popen([os.path.join(BUILD, "extract"), "--layer", "input", "--threads", "1", "--batch", "1",
                                    images, at + "/cache"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env=environment)
        crashed = set()
        while running.poll() is None and len(crashed) < 3:
            try:
                for pid in decoders(running.pid):
                    if pid not in crashed:
                        time.sleep(0.05)  # it should be decoding, not starting
                        os.kill(pid, signal.SIGSEGV)
                        crashed.add(pid)
            except (ProcessLookupError, FileNotFoundError):
                pass
        stdout, stderr = running.communicate(timeout=120)
        assert crashed and running.returncode == 3, (crashed, running.returncode, stderr)
        skipped = stderr.count("it crashes the decoder (Segmentation fault)")
        assert 1 <= skipped <= len(crashed), stderr
        assert stdout == "%d new, 0 unchanged, 0 changed, 0 moved, 0 copied, 0 missing, %d skipped\n" % (800 - skipped, skipped), stdout
        assert extract(images, at + "/cache", "--preset", "vips").stdout.startswith("%d new" % skipped)


def little_memory_is_one_sentence():
    need_small_address_space()
    with scratch() as at:
        images = draw_set(at + "/images")
        for options in (("--weights", "random:3", "--layer", "block5_pool"), ("--layer", "input")):
            refused = 0
            for megabytes in (200, 250, 300, 400, 600, 900, 1200):
                done = program("extract", *options, "--batch", "32", "--threads", "8", images, at + "/cache",
                               status=(0, 1), timeout=120,
                               preexec_fn=limited(AS=megabytes << 20, CORE=0))
                if done.returncode:
                    refused += 1
                    assert "GLib" not in done.stderr and done.stderr.strip(), (options, megabytes, done.stderr)
                    sentences = [line for line in done.stderr.splitlines() if "stand-in" not in line]
                    assert len(sentences) == 1, (options, megabytes, done.stderr)
            assert refused, options


run(a_pipe_named_like_an_image_blocks_no_program,
    a_preview_shows_images_beside_their_copies,
    too_few_file_descriptors_are_not_the_images_fault,
    an_image_that_was_skipped_is_tried_again,
    pixels_out_of_the_box_are_those_decoded_without_it,
    a_decoder_that_crashes_costs_at_most_its_image,
    little_memory_is_one_sentence)
