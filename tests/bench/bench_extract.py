"""Extraction against its peers: the same weights, images and threads, alternating in one run.

    tests/bench/bench_extract.py [--images N] [--batch B] [--threads T] [--rounds R]

A contender is a process that loads its weights, prints "ready", and then for each line on its input runs the base over
all images once and prints "SECONDS PEAK_KB"; a line other than "run" names the file it writes the features to (float32,
row, column, channel). A peer that is not installed is left out, and how to get it is said.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile
import numpy as np
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
import vgg16_files
from tap import BUILD

HERE = os.path.dirname(os.path.abspath(__file__))
NODE_MODULES = os.path.join(os.path.dirname(BUILD), "build", "bench", "node_modules")


def has_torch():
    return subprocess.run(["/usr/bin/python3", "-c", "import torch"], capture_output=True).returncode == 0


class Contender:
    def __init__(self, name, command, **environment):
        self.name, self.seconds, self.peak = name, [], 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=dict(os.environ, **environment))
        if self.process.stdout.readline().strip() != "ready":
            sys.exit("%s did not start: %s" % (name, " ".join(command)))

    def run(self, line="run"):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        seconds, peak = self.process.stdout.readline().split()
        self.peak = int(peak)
        return float(seconds)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def photographs(n):
    """Smooth random pictures with detail at every scale, as caffe-normalised tensors (n, 224, 224, 3)."""
    g, out = np.random.default_rng(1), np.zeros((n, 224, 224, 3), np.float32)
    for side in (2, 4, 7, 14, 28, 56, 112, 224):
        out += np.kron(g.standard_normal((n, side, side, 3)), np.ones((1, 224 // side, 224 // side, 1))) * 14
    return np.clip(out + 110, 0, 255) - np.array([103.939, 116.779, 123.68], np.float32)


def start_contenders(work, a):
    weights = vgg16_files.seeded()
    safetensors, images = os.path.join(work, "vgg16.safetensors"), os.path.join(work, "images.f32")
    vgg16_files.write_safetensors(safetensors, weights)
    tensors = photographs(a.images).astype(np.float32)
    tensors.tofile(images)
    sizes = [str(a.images), str(a.batch), str(a.threads)]
    contenders = [Contender("vggcache", [os.path.join(BUILD, "bench", "contender_base"), safetensors, images] + sizes)]
    if shutil.which("node") and os.path.isdir(os.path.join(NODE_MODULES, "onnxruntime-node")):
        model = os.path.join(work, "vgg16.onnx")
        vgg16_files.write_onnx(model, weights)
        contenders.append(Contender("onnxruntime", ["node", os.path.join(HERE, "contender_onnxruntime.js"), model, images] +
                                    sizes, NODE_PATH=NODE_MODULES))
    else:
        print("onnxruntime is left out; to compare with it: npm install --ignore-scripts --prefix build/bench onnxruntime-node")
    if has_torch():
        contenders.append(Contender("PyTorch", ["/usr/bin/python3", os.path.join(HERE, "contender_torch.py"), safetensors,
                                                images] + sizes))
    else:
        print("PyTorch is left out; to compare with it: apt-get install python3-torch")
    return contenders, tensors, weights


def errors(contenders, tensors, weights, work, n=4):
    """Largest relative L2 error over the first n images against PyTorch in float64; None without PyTorch."""
    if not has_torch():
        return {}
    code = ("import sys, numpy as np; sys.path.insert(0, %r); import vgg16_files as v; "
            "x = np.fromfile(%r, np.float32).reshape(-1, 224, 224, 3)[:%d]; "
            "v.forward(x, v.read_safetensors(%r)).tofile(%r)") % (
                HERE, os.path.join(work, "images.f32"), n, os.path.join(work, "vgg16.safetensors"),
                os.path.join(work, "reference.f64"))
    subprocess.run(["/usr/bin/python3", "-c", code], check=True)
    reference = np.fromfile(os.path.join(work, "reference.f64"), np.float64).reshape(n, -1)
    found = {}
    for c in contenders:
        path = os.path.join(work, "features.f32")
        c.run(path)
        got = np.fromfile(path, np.float32).reshape(len(tensors), -1)[:n].astype(np.float64)
        found[c.name] = max(np.linalg.norm(got - reference, axis=1) / np.linalg.norm(reference, axis=1))
    return found


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--images", type=int, default=32)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as work:
        contenders, tensors, weights = start_contenders(work, a)
        error = errors(contenders, tensors, weights, work)  # warms up as well
        for _ in range(a.rounds):
            for c in contenders:
                c.seconds.append(c.run())
        for c in contenders:
            c.close()
    print("VGG16 base to block5_pool, float32, %d images in batches of %d, %d threads, median of %d alternating rounds" %
          (a.images, a.batch, a.threads, a.rounds))
    print("%-12s %9s %14s %12s %9s" % ("", "images/s", "vggcache is", "rel. L2", "peak MB"))
    ours = contenders[0]
    for c in contenders:
        ratio = statistics.median(t / o for t, o in zip(c.seconds, ours.seconds))
        print("%-12s %9.2f %13.2fx %12s %9.0f" % (c.name, a.images / statistics.median(c.seconds), ratio,
                                                  "%.1e" % error[c.name] if c.name in error else "-", c.peak / 1024))


if __name__ == "__main__":
    main()
