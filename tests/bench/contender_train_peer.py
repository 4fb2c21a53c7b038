"""A peer's side of bench_train.py: PEER head|finetune|scratch STEPS THREADS; see contender_train.c. Batches are made in advance, in
the layout that is the peer's faster one."""
import os, resource, sys, time
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np

PEERS = {"torch": "torch", "keras": "keras"}  # PEER: the module that it needs
BATCH, BATCHES, CLASSES = 64, 4, 10
SHAPES = {"head": (7, 7, 512), "finetune": (14, 14, 512), "scratch": (128, 128, 3)}
BLOCKS = ((32, 3, 2), (64, 3, 2), (128, 3, 2), (512, 5, 4))  # of the network from scratch: channels, kernel, pool


def with_torch(mode, x, labels, threads):
    import torch
    from torch import nn
    torch.set_num_threads(threads)
    if mode == "scratch":
        inputs, layers = 3, []
        for outputs, size, pool in BLOCKS:
            layers += [nn.Conv2d(inputs, outputs, size, padding=size // 2), nn.ReLU(), nn.Conv2d(outputs, outputs, size), nn.ReLU(),
                       nn.MaxPool2d(pool), nn.Dropout(0.2)]
            inputs = outputs
        layers += [nn.Flatten(), nn.Linear(2048, 1024), nn.ReLU(), nn.Dropout(0.2), nn.Linear(1024, CLASSES)]
    else:
        layers = [nn.Conv2d(512, 512, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)] if mode == "finetune" else []
        layers += [nn.Flatten(), nn.Linear(25088, 4096), nn.ReLU(), nn.Linear(4096, 1072), nn.ReLU(), nn.Dropout(0.2),
                   nn.Linear(1072, CLASSES)]
    network = nn.Sequential(*layers).to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.0001, eps=1e-7, fused=True)
    x = [torch.from_numpy(part).permute(0, 3, 1, 2) for part in x]  # channels last without a copy
    labels = [torch.from_numpy(part) for part in labels]

    def step(s):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x[s]), labels[s]).backward()
        optimizer.step()
    return torch.__version__, step


def with_keras(mode, x, labels, threads):
    import keras, tensorflow
    from keras import layers
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    network = keras.Sequential([keras.Input(SHAPES[mode])])
    if mode == "scratch":
        for outputs, size, pool in BLOCKS:
            for part in (layers.Conv2D(outputs, size, padding="same", activation="relu"),
                         layers.Conv2D(outputs, size, activation="relu"), layers.MaxPooling2D(pool), layers.Dropout(0.2)):
                network.add(part)
    elif mode == "finetune":
        network.add(layers.Conv2D(512, 3, padding="same", activation="relu"))
        network.add(layers.MaxPooling2D())
    network.add(layers.Flatten())
    for units in (1024,) if mode == "scratch" else (4096, 1072):
        network.add(layers.Dense(units, activation="relu"))
    network.add(layers.Dropout(0.2))
    network.add(layers.Dense(CLASSES, activation="softmax"))
    network.compile(keras.optimizers.Adam(0.0001), "sparse_categorical_crossentropy")
    return keras.__version__, lambda s: network.train_on_batch(x[s], labels[s])


def main():
    peer, mode = sys.argv[1:3]
    steps, threads = map(int, sys.argv[3:])
    rng = np.random.default_rng(1)
    x = rng.random((BATCHES, BATCH, *SHAPES[mode]), np.float32)
    if mode != "scratch":
        x = np.maximum(10 * x - 8.5, 0, dtype=np.float32)
    labels = np.arange(BATCHES * BATCH).reshape(BATCHES, BATCH) % CLASSES
    version, step = globals()["with_" + peer](mode, x, labels, threads)
    step(0)  # compiles
    print("ready", peer, version, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        for s in range(steps):
            step(s % BATCHES)
        print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


if __name__ == "__main__":
    main()
