"""Fine-tuning against PyTorch: block5_conv3, block5_pool and the study's head learn from activations of block5_conv2 that
lie ready (the frozen part runs in neither); Adam, batch 64, the same threads,
alternating in one run; steps a second and peak memory.

    tests/bench/bench_finetune.py [--steps N] [--threads T] [--rounds R]
"""
import argparse, os, statistics, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from bench_extract import Contender, HERE, has_torch
from tap import BUILD


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    p.add_argument("--rounds", type=int, default=5)
    a = p.parse_args()
    sizes = [str(a.steps), str(a.threads)]
    contenders = [Contender("vggcache", [os.path.join(BUILD, "bench", "contender_finetune")] + sizes)]
    if has_torch():
        contenders.append(Contender("PyTorch", ["/usr/bin/python3", os.path.join(HERE, "contender_finetune_torch.py")] + sizes))
    else:
        print("PyTorch is left out; to compare with it: apt-get install python3-torch")
    for c in contenders:
        c.run()  # warms up
    for _ in range(a.rounds):
        for c in contenders:
            c.seconds.append(c.run())
    for c in contenders:
        c.close()
    print("Fine-tuning with --unfreeze 2 from activations, Adam, batch 64, %d threads, median of %d alternating rounds of %d steps" %
          (a.threads, a.rounds, a.steps))
    print("%-12s %9s %14s %9s" % ("", "steps/s", "vggcache is", "peak MB"))
    ours = contenders[0]
    for c in contenders:
        ratio = statistics.median(t / o for t, o in zip(c.seconds, ours.seconds))
        print("%-12s %9.2f %13.2fx %9.0f" % (c.name, a.steps / statistics.median(c.seconds), ratio, c.peak / 1024))


if __name__ == "__main__":
    main()
