"""Extraction compared with its peers: the same weights, images and threads, alternating in one run.

    tests/bench/bench_extract.py [--images N] [--batch B] [--threads T] [--rounds R]

A contender (peers.py) runs the base over all images once; an input line other than "run" is the name of a file to write the
features to (float32, row, column, channel). A peer that is not installed is left out with a line.
"""
import argparse, os, shutil, statistics, subprocess, sys, tempfile, time
import numpy as np
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vgg16_files
from contender_peer import PEERS
from peers import BUILD, HERE, THREADS, Contender, alternate, has, machine, table


def fractal_images(n):
    """Random images with detail at every scale, as photographs have, as caffe-normalised tensors (n, 224, 224, 3)."""
    g, out = np.random.default_rng(1), np.zeros((n, 224, 224, 3), np.float32)
    for side in (2, 4, 7, 14, 28, 56, 112, 224):
        out += np.kron(g.standard_normal((n, side, side, 3)), np.ones((1, 224 // side, 224 // side, 1))) * 14
    return np.clip(out + 110, 0, 255) - np.array([103.939, 116.779, 123.68], np.float32)


def start_contenders(work, a):
    weights = vgg16_files.seeded()
    safetensors, images = os.path.join(work, "vgg16.safetensors"), os.path.join(work, "images.f32")
    vgg16_files.write_safetensors(safetensors, weights)
    tensors = fractal_images(a.images).astype(np.float32)
    tensors.tofile(images)
    sizes = [str(a.images), str(a.batch), str(a.threads)]
    ours = [os.path.join(BUILD, "bench", "contender_base"), safetensors, images] + sizes
    contenders = [Contender("vggcache", ours)]
    model = os.path.join(work, "vgg16.onnx")
    vgg16_files.write_onnx(model, weights)
    there = {module: has(module) for module in dict.fromkeys(PEERS.values())}
    for peer, module in PEERS.items():
        if there[module]:
            contenders.append(Contender(peer, [sys.executable, os.path.join(HERE, "contender_peer.py"), peer, safetensors, model,
                                               images] + sizes))
    return contenders, tensors, weights


def errors(contenders, tensors, weights, work, n=4):
    """Largest relative L2 error over the first n images against PyTorch in float64; None without PyTorch."""
    if not has("torch"):
        return {}
    code = ("import sys, numpy as np; sys.path.insert(0, %r); import vgg16_files as v; "
            "x = np.fromfile(%r, np.float32).reshape(-1, 224, 224, 3)[:%d]; "
            "v.forward(x, v.read_safetensors(%r)).tofile(%r)") % (
                HERE, os.path.join(work, "images.f32"), n, os.path.join(work, "vgg16.safetensors"),
                os.path.join(work, "reference.f64"))
    subprocess.run([sys.executable, "-c", code], check=True)
    reference = np.fromfile(os.path.join(work, "reference.f64"), np.float64).reshape(n, -1)
    found = {}
    for c in contenders:
        path = os.path.join(work, "features.f32")
        c.run(path)
        got = np.fromfile(path, np.float32).reshape(len(tensors), -1)[:n].astype(np.float64)
        found[c.name] = max(np.linalg.norm(got - reference, axis=1) / np.linalg.norm(reference, axis=1))
    return found


def write_jpegs(folder, n):
    """n JPEGs of 500x375 in two classes."""
    from PIL import Image
    for i, pixels in enumerate(fractal_images(n) + 110):
        path = os.path.join(folder, "ab"[i % 2])
        os.makedirs(path, exist_ok=True)
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).resize((500, 375), Image.BICUBIC)
        image.save(os.path.join(path, "%04d.jpg" % i), quality=90)


def files_to_cache(work, threads, rounds, n=160, few=32):
    """Images/s of extract from JPEG files to a committed cache without start-up: of n additional images."""
    images, rates = os.path.join(work, "jpegs"), []
    write_jpegs(images, n + few)

    def seconds(limit):
        cache = os.path.join(work, "cache")
        shutil.rmtree(cache, ignore_errors=True)
        start = time.perf_counter()
        subprocess.run([os.path.join(BUILD, "extract"), "--quiet", "--threads", str(threads), "--limit-per-class",
                        str(limit // 2), "--weights", os.path.join(work, "vgg16.safetensors"), images, cache],
                       check=True, capture_output=True)
        return time.perf_counter() - start
    for _ in range(rounds):
        rates.append(n / (seconds(n + few) - seconds(few)))
    return statistics.median(rates)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--images", type=int, default=32)
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--threads", type=int, default=THREADS)
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    print(machine()[0])
    with tempfile.TemporaryDirectory() as work:
        contenders, tensors, weights = start_contenders(work, a)
        error = errors(contenders, tensors, weights, work)  # warms up as well
        alternate(contenders, a.rounds)
        whole = files_to_cache(work, a.threads, 3)
    print("VGG16 base to block5_pool, float32, %d images in batches of %d, %d threads, median of %d alternating rounds" %
          (a.images, a.batch, a.threads, a.rounds))
    table(contenders, a.images, "images/s", error)
    base = a.images / statistics.median(contenders[0].seconds)
    print("From 500x375 JPEG files to the committed cache: %.2f images/s, %.0f %% of the base alone" % (whole, 100 * whole / base))


if __name__ == "__main__":
    main()
