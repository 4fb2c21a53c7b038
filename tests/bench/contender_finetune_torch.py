"""PyTorch's side of bench_finetune.py: STEPS THREADS; see contender_finetune.c. Its batches lie ready as tensors."""
import resource, sys, time
import torch

BATCH, BATCHES, CLASSES = 64, 4, 10
steps, threads = int(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
torch.manual_seed(1)
layers = torch.nn.Sequential(
    torch.nn.Conv2d(512, 512, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
    torch.nn.Linear(25088, 4096), torch.nn.ReLU(), torch.nn.Linear(4096, 1072), torch.nn.ReLU(), torch.nn.Dropout(0.2),
    torch.nn.Linear(1072, CLASSES))
optimizer = torch.optim.Adam(layers.parameters(), lr=0.0001, eps=1e-7)
x = [torch.clamp(10 * torch.rand(BATCH, 512, 14, 14) - 4, min=0) for _ in range(BATCHES)]
labels = torch.arange(BATCHES * BATCH).reshape(BATCHES, BATCH) % CLASSES
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for s in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(layers(x[s % BATCHES]), labels[s % BATCHES]).backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    print("%.6f %d" % (seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss), flush=True)
