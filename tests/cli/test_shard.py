"""Shards: parts of one extraction in separate processes, and merging them."""
import json, os, re, resource, shutil, signal, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, ROOT, program, run, says, scratch, start

CLUSTER = os.path.join(ROOT, "extract/cluster")
SCHEDULERS = re.compile("^(SLURM_|OMPI_|PMI_|JOB_COMPLETION|AWS_BATCH)")


def clean(**variables):
    """The environment with these as the only scheduler's variables."""
    env = {name: value for name, value in os.environ.items() if not SCHEDULERS.match(name)}
    env.update(variables)
    return env


def draw_set(folder, each=20, classes=("ant", "bee", "cat"), start=0):
    for c, name in enumerate(classes):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        for i in range(start, start + each):
            with open("%s/%s/%03d.ppm" % (folder, name, i), "wb") as out:
                out.write(b"P6 4 4 255\n" + bytes((c * 50 + i * 7 + j * (i + 3)) % 256 for j in range(48)))
    return folder


def extract(*arguments, **options):
    return program("extract", "--layer", "input", *arguments, **options)


def exported(cache, to):
    program("extract", "--export", to, cache)
    return [open(os.path.join(to, name), "rb").read() for name in ("features.npy", "labels.npy", "items.csv")]


def paths(cache, at):
    lines = exported(cache, at + "/paths")[2].decode().splitlines()[1:]
    return [line.split(",")[1] for line in lines]


def make_shards(images, at, count):
    shards = ["%s/shard%d" % (at, i) for i in range(count)]
    for i, shard in enumerate(shards):
        extract("--shard", "%d/%d" % (i, count), images, shard)
    return shards


def merged_shards_are_what_one_process_makes_to_the_bit():
    with scratch() as at:
        images = draw_set(at + "/images")
        open(images + "/bee/broken.jpg", "w").close()
        extract(images, at + "/one", status=3)
        shards = ["%s/shard%d" % (at, i) for i in range(3)]
        statuses = [extract("--shard", "%d/3" % i, images, shards[i], status=(0, 3)).returncode for i in range(3)]
        assert sorted(statuses) == [0, 0, 3], statuses  # one of them has the broken image
        done = program("extract", "--merge", at + "/merged", *shards)
        assert done.stdout == "60 new, 0 unchanged, 1 skipped\n" and done.stderr == "", (done.stdout, done.stderr)
        assert exported(at + "/merged", at + "/m") == exported(at + "/one", at + "/o")
        sizes = [json.loads(program("extract", "--info", "--json", s).stdout)["items"] for s in shards]
        assert sum(sizes) == 60 and min(sizes) > 8, sizes
        assert json.loads(program("extract", "--info", "--json", shards[1]).stdout)["shard"] == [1, 3]


def images_stay_in_their_part_when_others_come():
    with scratch() as at:
        images = draw_set(at + "/images")
        shards = make_shards(images, at, 4)
        before = [set(paths(s, at)) for s in shards]
        draw_set(images, each=15, start=20)
        after = []
        for i, shard in enumerate(shards):
            done = extract("--shard", "%d/4" % i, images, shard)
            assert ", %d unchanged, 0 changed" % len(before[i]) in done.stdout, done.stdout
            after.append(set(paths(shard, at)))
        assert all(a >= b for a, b in zip(after, before)) and sum(map(len, after)) == 105


def the_part_of_a_name_is_the_same_everywhere():
    """XXH3-64 of the name, modulo N, by the xxhash module of Python (0.8)."""
    with scratch() as at:
        images = draw_set(at + "/images", each=4)
        shards = make_shards(images, at, 3)
        parts = {path: i for i, shard in enumerate(shards) for path in paths(shard, at)}
        assert [parts["%s/%03d.ppm" % (c, i)] for c in ("ant", "bee", "cat") for i in range(4)] == EXPECTED, parts


EXPECTED = [2, 0, 0, 1, 0, 1, 2, 2, 0, 0, 2, 2]


def auto_takes_the_part_from_each_scheduler():
    slurm = dict(SLURM_ARRAY_TASK_ID="14", SLURM_ARRAY_TASK_MIN="10", SLURM_ARRAY_TASK_STEP="2",
                 SLURM_ARRAY_TASK_COUNT="4", SLURM_ARRAY_TASK_MAX="16")
    cases = [
        ("auto", slurm, "2/4, from Slurm's job array, SLURM_ARRAY_TASK_ID"),
        ("auto", dict(SLURM_PROCID="3", SLURM_NTASKS="5"), "3/5, from srun's tasks, SLURM_PROCID"),
        ("auto", dict(OMPI_COMM_WORLD_RANK="1", OMPI_COMM_WORLD_SIZE="2"), "1/2, from Open MPI's ranks"),
        ("auto", dict(PMI_RANK="0", PMI_SIZE="2"), "0/2, from PMI's ranks, PMI_RANK"),
        ("auto/6", dict(JOB_COMPLETION_INDEX="5"), "5/6, from Kubernetes's indexed job, JOB_COMPLETION_INDEX"),
        ("auto", dict(JOB_COMPLETION_INDEX="5", JOB_COMPLETIONS="7"), "5/7, from Kubernetes's indexed job"),
        ("auto", dict(AWS_BATCH_JOB_ARRAY_INDEX="4", AWS_BATCH_JOB_ARRAY_SIZE="9"), "4/9, from AWS Batch's job array"),
        # ranks share the part of their task
        ("auto", dict(slurm, SLURM_PROCID="1", SLURM_NTASKS="3", SLURM_JOB_ID="9", SLURM_STEP_ID="0"), "7/12, from"),
        ("auto/4", slurm, "2/4"),
    ]
    with scratch() as at:
        images = draw_set(at + "/images", each=3)
        for number, (text, variables, said) in enumerate(cases):
            done = extract("--shard", text, images, "%s/c%d" % (at, number), env=clean(**variables))
            assert "shard " + said in done.stderr and " of 9 images" in done.stderr, (said, done.stderr)


def auto_that_makes_no_sense_is_refused_in_a_sentence():
    array = dict(SLURM_ARRAY_TASK_ID="7", SLURM_ARRAY_TASK_MIN="1", SLURM_ARRAY_TASK_STEP="1",
                 SLURM_ARRAY_TASK_COUNT="3")
    cases = [
        ("auto", {}, "no shard found in the environment"),
        ("auto", array, "7 is not one of the 3 in steps of 1 from 1"),
        ("auto", dict(JOB_COMPLETION_INDEX="2"), "not out of how many"),
        ("auto/2", dict(JOB_COMPLETION_INDEX="2"), "2 of 2"),
        ("auto", dict(SLURM_PROCID="0", SLURM_NTASKS="4", SLURM_JOB_ID="9"), "with srun"),
        ("auto", dict(PMI_RANK="x", PMI_SIZE="2"), "PMI_RANK is 'x'"),
        ("auto/3", dict(PMI_RANK="0", PMI_SIZE="2"), "has 2 parts"),
        ("4/4", {}, "I from 0 to N-1"), ("-1/4", {}, "I from 0"), ("1", {}, "I/N"), ("a/b", {}, "I/N"),
        ("1/2/3", {}, "I/N"), ("auto/0", {}, "I/N"), ("", {}, "I/N"),
    ]
    with scratch() as at:
        for text, variables, said in cases:
            done = extract("--shard", text, at, at + "/cache", env=clean(**variables), status=2)
            assert said in done.stderr, (said, done.stderr)
        program("extract", "--shard", "0/2", "--info", at, status=2)


def an_empty_part_is_a_cache_that_merges():
    with scratch() as at:
        images = draw_set(at + "/images", each=1, classes=("ant",))
        shards = make_shards(images, at, 5)
        program("extract", "--merge", at + "/merged", *shards)
        assert paths(at + "/merged", at) == ["ant/000.ppm"]


def a_shard_is_continued_as_the_same_shard_only():
    with scratch() as at:
        images = draw_set(at + "/images", each=2)
        extract("--shard", "1/2", images, at + "/shard")
        for options in (["--shard", "0/2"], ["--shard", "1/3"], []):
            done = extract(*options, images, at + "/shard", status=1)
            assert "is shard 1/2, not" in done.stderr and done.stderr.count("\n") <= 2, done.stderr


def copies_go_with_their_image():
    with scratch() as at:
        images, options = draw_set(at + "/images", each=4), ["--augment", "2", "--horizontal-flip"]
        extract(*options, images, at + "/one")
        for i in range(2):
            extract(*options, "--shard", "%d/2" % i, images, "%s/s%d" % (at, i))
        program("extract", "--merge", at + "/merged", at + "/s0", at + "/s1")
        for cache in ("one", "merged"):
            assert json.loads(program("extract", "--info", "--json", at + "/" + cache).stdout)["copies"] == 24
        assert exported(at + "/merged", at + "/m") == exported(at + "/one", at + "/o")


def a_missing_shard_is_named_and_the_rest_is_merged():
    with scratch() as at:
        images = draw_set(at + "/images")
        shards = make_shards(images, at, 4)
        done = program("extract", "--merge", at + "/merged", shards[0], shards[2], status=3)
        assert says(done.stderr, "2 of 4 shards were not given: 1/4, 3/4") and done.stderr.count("\n") == 1, done.stderr
        program("extract", "--merge", at + "/merged", *shards)
        assert len(paths(at + "/merged", at)) == 60


def check_says_which_images_no_shard_has():
    with scratch() as at:
        images = draw_set(at + "/images", each=5)
        open(images + "/bee/broken.jpg", "w").close()
        extract(images, at + "/one", status=3)
        draw_set(images, each=2, start=5, classes=("ant",))
        done = program("extract", "--merge", "--check", images, at + "/merged", at + "/one", status=3)
        assert done.stdout == ("15 new, 0 unchanged, 1 skipped\nant/005.ppm: in no shard\nant/006.ppm: in no shard\n"
                               "2 of 18 images of %s are missing\n" % images), done.stdout
        with open(at + "/list.txt", "w") as out:
            out.write("ant/000\nbee/004.ppm\n\ncat/999\nbee/broken\n")
        done = program("extract", "--merge", "--check", at + "/list.txt", at + "/merged", status=3)
        assert "cat/999: in no shard\n1 of 4 images" in done.stdout, done.stdout
        with open(at + "/list.txt", "w", encoding="utf-8-sig") as out:  # with a byte order mark, as some editors write it
            out.write("ant/000\n")
        done = program("extract", "--merge", "--check", at + "/list.txt", at + "/merged")
        assert says(done.stdout, "0 of 1 images"), done.stdout
        program("extract", "--check", images, at + "/merged", status=2)
        program("extract", "--merge", "--check", at + "/nothing", at + "/merged", status=1)


def duplicates_are_reported_and_other_content_is_refused():
    with scratch() as at:
        images = draw_set(at + "/images", each=3)
        extract(images, at + "/a")
        shutil.rmtree(images + "/bee")
        extract(images, at + "/b")
        done = program("extract", "--merge", at + "/merged", at + "/a", at + "/b")
        assert done.stdout == "9 new, 6 unchanged, 0 skipped\n", done.stdout
        assert done.stderr.count("is also in an earlier shard, with the same content") == 5, done.stderr
        assert says(done.stderr, "6 images are in more than one shard"), done.stderr
        again = program("extract", "--merge", at + "/merged", at + "/a")
        assert again.stderr == "" and again.stdout == "0 new, 9 unchanged, 0 skipped\n", again
        draw_set(images, each=1, start=40, classes=("ant",))
        shutil.move(images + "/ant/040.ppm", images + "/ant/001.ppm")
        extract(images, at + "/c")
        done = program("extract", "--merge", at + "/other", at + "/a", at + "/c", status=1)
        assert "ant/001.ppm is already in the cache with different content" in done.stderr, done.stderr
        assert "ant/001.ppm is also in an earlier shard" not in done.stderr, done.stderr
        assert len(paths(at + "/other", at)) == 9  # nothing lost


def a_shard_made_in_another_way_is_refused():
    with scratch() as at:
        images = draw_set(at + "/images", each=2)
        extract("--shard", "0/2", images, at + "/a")
        extract("--shard", "1/2", "--preset", "keras", images, at + "/b")
        done = program("extract", "--merge", at + "/merged", at + "/a", at + "/b", status=1)
        assert "its preset is keras, not vips" in done.stderr and done.stderr.count("\n") == 1, done.stderr


def a_full_disk_in_mid_merge_is_a_sentence_and_nothing_is_lost():
    """A limit on the size of files simulates a full disk; the same command continues when there is space again."""
    with scratch() as at:
        images = draw_set(at + "/images", each=35)
        extract(images, at + "/one")
        shards = make_shards(images, at, 2)
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (48 << 20, resource.RLIM_INFINITY))
        done = program("extract", "--merge", at + "/merged", "--store", "float32", *shards, status=1, preexec_fn=limit)
        assert "is the disk full?); what was stored before is kept" in done.stderr and done.stderr.count("\n") == 1, done.stderr
        program("extract", "--verify", at + "/merged")
        kept = len(paths(at + "/merged", at))
        assert 0 < kept < 105, kept
        done = program("extract", "--merge", at + "/merged", *shards)
        assert done.stdout == "%d new, %d unchanged, 0 skipped\n" % (105 - kept, kept), done.stdout
        assert exported(at + "/merged", at + "/m") == exported(at + "/one", at + "/o")


def data_size(cache):
    return os.path.getsize(cache + "/data.mdb") if os.path.exists(cache + "/data.mdb") else 0


def schedulers_signals_commit_what_is_done_and_ask_to_be_run_again():
    with scratch() as at:
        images = draw_set(at + "/images", each=150)
        command = ["extract", "--layer", "input", "--batch", "2", "--threads", "1", "--shard", "0/2", images, at + "/shard"]
        total = size = 0
        for number in (signal.SIGUSR1, signal.SIGTERM):
            process = start(*command)
            while process.poll() is None and data_size(at + "/shard") < size + 2e6:
                time.sleep(0.01)
            process.send_signal(number)
            output, errors = process.communicate(timeout=60)
            assert process.returncode == 1 and "run the same command to continue" in errors, (output, errors)
            new, unchanged = map(int, re.match(r"(\d+) new, (\d+) unchanged", output).groups())
            assert new > 0 and unchanged == total, output
            total, size = total + new, data_size(at + "/shard")
        done = program(*command)
        assert ", %d unchanged" % total in done.stdout, done.stdout
        program("extract", "--verify", at + "/shard")


def pod(script, index, **options):
    """A pod's shell, with the container's program on its path."""
    return subprocess.Popen(["sh", "-c", script], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            preexec_fn=lambda: os.nice(5), env=clean(JOB_COMPLETION_INDEX=str(index), **options))


def the_manifest_for_Kubernetes_runs_all_parts_and_an_evicted_pod_goes_on():
    manifest = open(CLUSTER + "/kubernetes.yaml").read()
    block = re.search(r"^( +)- \|\n((?:\1  .*\n)+)", manifest, re.M).group(2)
    completions = int(re.search(r"^\s*completions: (\d+)$", manifest, re.M).group(1))
    with scratch() as at:
        os.mkdir(at + "/shards"), os.mkdir(at + "/bin")
        os.symlink(BUILD + "/extract", at + "/bin/vggcache-extract")
        images = draw_set(at + "/images", each=50)
        open(images + "/bee/broken.jpg", "w").close()
        extract(images, at + "/one", status=3)
        script = block.replace("--weights /data/vgg16.h5", "--layer input --batch 1 --threads 1")
        script = script.replace("/data/", at + "/")
        evicted = pod(script, 0, PATH=at + "/bin:" + os.environ["PATH"])
        while evicted.poll() is None and data_size(at + "/shards/0") < 1e6:
            time.sleep(0.01)
        evicted.terminate()
        output, errors = evicted.communicate(timeout=60)
        assert evicted.returncode == 1 and "keeps what was computed" in errors, (evicted.returncode, output, errors)
        for i in range(completions):
            process = pod(script, i, PATH=at + "/bin:" + os.environ["PATH"])
            output, errors = process.communicate(timeout=60)
            assert process.returncode == 0 and says(output, "0 unchanged") == (i > 0), (process.returncode, output, errors)
        shards = [at + "/shards/" + name for name in os.listdir(at + "/shards")]
        assert len(shards) == completions
        program("extract", "--merge", "--check", images, at + "/merged", *shards)
        assert exported(at + "/merged", at + "/m") == exported(at + "/one", at + "/o")


def runs_all_parts(script, **variables):
    with scratch() as at:
        images = draw_set(at + "/images", each=4)
        open(images + "/bee/broken.jpg", "w").close()
        extract(images, at + "/one", status=3)
        done = subprocess.run([CLUSTER + "/" + script, "3", images, at + "/merged", "--layer", "input"],
                              capture_output=True, text=True, env=clean(VGGCACHE_EXTRACT=BUILD + "/extract", **variables))
        assert done.returncode == 0, (done.stdout, done.stderr)
        assert exported(at + "/merged", at + "/m") == exported(at + "/one", at + "/o")


def the_line_for_GNU_parallel_runs_all_parts():
    if not shutil.which("parallel"):
        print("# skipped: GNU parallel is not installed")
        return
    runs_all_parts("parallel.sh")


def the_line_for_mpirun_runs_all_parts():
    if not shutil.which("mpirun"):
        print("# skipped: no MPI is installed")
        return
    runs_all_parts("mpirun.sh", MPIRUN_OPTIONS="--allow-run-as-root --oversubscribe")


run(merged_shards_are_what_one_process_makes_to_the_bit, images_stay_in_their_part_when_others_come,
    the_part_of_a_name_is_the_same_everywhere, auto_takes_the_part_from_each_scheduler,
    auto_that_makes_no_sense_is_refused_in_a_sentence, an_empty_part_is_a_cache_that_merges,
    a_shard_is_continued_as_the_same_shard_only, copies_go_with_their_image,
    a_missing_shard_is_named_and_the_rest_is_merged, check_says_which_images_no_shard_has,
    duplicates_are_reported_and_other_content_is_refused, a_shard_made_in_another_way_is_refused,
    a_full_disk_in_mid_merge_is_a_sentence_and_nothing_is_lost,
    schedulers_signals_commit_what_is_done_and_ask_to_be_run_again,
    the_manifest_for_Kubernetes_runs_all_parts_and_an_evicted_pod_goes_on, the_line_for_GNU_parallel_runs_all_parts,
    the_line_for_mpirun_runs_all_parts)
