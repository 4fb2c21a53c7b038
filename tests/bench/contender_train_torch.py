"""PyTorch's side of bench_train.py: head|finetune STEPS THREADS; see contender_train.c. Its batches lie ready as tensors."""
import resource, sys, time
import torch

BATCH, BATCHES, CLASSES = 64, 4, 10
mode, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)
base = [torch.nn.Conv2d(512, 512, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)] if mode == "finetune" else []
network = torch.nn.Sequential(
    *base, torch.nn.Flatten(), torch.nn.Linear(25088, 4096), torch.nn.ReLU(), torch.nn.Linear(4096, 1072), torch.nn.ReLU(),
    torch.nn.Dropout(0.2), torch.nn.Linear(1072, CLASSES))
optimizer = torch.optim.Adam(network.parameters(), lr=0.0001, eps=1e-7)
side = 14 if mode == "finetune" else 7
x = [torch.clamp(10 * torch.rand(BATCH, 512, side, side) - 4, min=0) for _ in range(BATCHES)]
labels = torch.arange(BATCHES * BATCH).reshape(BATCHES, BATCH) % CLASSES
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for s in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x[s % BATCHES]), labels[s % BATCHES]).backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    print("%.6f %d" % (seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss), flush=True)
