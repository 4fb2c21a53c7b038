"""Training compared with PyTorch (channels last, fused Adam) and Keras, same threads, alternating in one run: steps per second and peak memory.

    tests/bench/bench_train.py [--steps N] [--threads T] [--rounds R] [--only MODE]

head      the study's head (25088-4096-1072-10, dropout 0.2) on features, Adam, batch 64
finetune  block5_conv3, block5_pool and that head on activations of block5_conv2, without the frozen part
scratch   the study's network from scratch on images of 128x128, a quarter of the steps
"""
import argparse, os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from contender_train_peer import PEERS
from peers import BUILD, HERE, THREADS, Contender, alternate, has, machine, table

TITLES = {"head": "The study's head", "finetune": "Fine-tuning with --unfreeze 2 from activations",
          "scratch": "The study's network from scratch"}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--steps", type=int, default=8)
    p.add_argument("--threads", type=int, default=THREADS)
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--only", choices=TITLES)
    a = p.parse_args()
    print(machine()[0])
    peers = [peer for peer, module in PEERS.items() if has(module)]
    for mode, title in TITLES.items():
        if a.only not in (None, mode):
            continue
        steps = max(1, a.steps // 4) if mode == "scratch" else a.steps
        arguments = [mode, str(steps), str(a.threads)]
        contenders = [Contender("vggcache", [os.path.join(BUILD, "bench", "contender_train")] + arguments)]
        for peer in peers:
            contenders.append(Contender(peer, [sys.executable, os.path.join(HERE, "contender_train_peer.py"), peer] + arguments))
        for c in contenders:
            c.run()  # warms up
        alternate(contenders, a.rounds)
        print("%s, Adam, batch 64, %d threads, median of %d alternating rounds of %d steps" % (title, a.threads, a.rounds, steps))
        table(contenders, steps, "steps/s")


if __name__ == "__main__":
    main()
