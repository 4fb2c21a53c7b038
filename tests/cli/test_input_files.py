#!/usr/bin/env python3
"""Files that a program reads by name: a named pipe is refused at once, where it would wait for ever; a shell's <(…) is read."""
import os, signal, subprocess, sys, time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from tap import BUILD, program, run, scratch

INPUT = ["--quiet", "--layer", "input"]


def make_images(at):
    for i in range(8):
        folder = "%s/images/%s" % (at, "ab"[i % 2])
        os.makedirs(folder, exist_ok=True)
        with open("%s/%d.ppm" % (folder, i), "wb") as out:
            out.write(b"P6 1 1 255\n" + bytes([i * 20, i % 2 * 200, 7]))
    return at + "/images"


def a_named_pipe_in_the_place_of_a_file_is_refused():
    with scratch() as at:
        images, cache, model, pipe = make_images(at), at + "/cache", at + "/model.h5", at + "/pipe"
        program("extract", *INPUT, images, cache)
        program("train", "--quiet", "--head", "linear", cache, model)
        program("extract", "--export", at + "/arrays", cache)
        os.mkfifo(pipe)
        for command in (["extract", "--weights", pipe, images, at + "/c"],
                        ["extract", *INPUT, "--list", pipe, images, at + "/c"],
                        ["extract", "--import", pipe, at + "/arrays/labels.npy", at + "/c"],
                        ["extract", "--import", at + "/arrays/features.npy", pipe, at + "/c"],
                        ["extract", "--merge", "--check", pipe, at + "/c", cache],
                        ["extract", *INPUT, pipe, at + "/c"],
                        ["train", "--head", "linear", "--list", pipe, cache, at + "/m.h5"],
                        ["evaluate", cache, pipe],
                        ["evaluate", "--history", pipe, cache, model],
                        ["evaluate", "--list", pipe, cache, model]):
            done = program(*command, status=1, timeout=60)
            sentence = [line for line in done.stderr.splitlines() if pipe in line]
            assert len(sentence) == 1 and "file" in sentence[0], (command, done.stderr)
        done = program("evaluate", "--predict", model, pipe, status=(1, 3), timeout=60)
        assert "not a regular file" in done.stderr, done.stderr


def what_a_shell_pipes_is_read_and_ctrl_c_ends_the_wait():
    with scratch() as at:
        images = make_images(at)
        command = os.path.join(BUILD, "extract") + " --quiet --layer input --list <(%s) " + images + " " + at + "/c"
        done = subprocess.run(["bash", "-c", command % "echo a/0; sleep 0.2; echo b/1"], capture_output=True, text=True)
        assert done.returncode == 0 and done.stdout.startswith("2 new"), done
        waits = subprocess.Popen(["bash", "-c", "exec " + command % "exec sleep 30"], stderr=subprocess.PIPE, text=True)
        deadline = time.time() + 2
        while "poll" not in open("/proc/%d/wchan" % waits.pid).read() and time.time() < deadline:
            time.sleep(0.01)
        waits.send_signal(signal.SIGINT)
        assert waits.wait(20) == -signal.SIGINT


run(a_named_pipe_in_the_place_of_a_file_is_refused, what_a_shell_pipes_is_read_and_ctrl_c_ends_the_wait)
