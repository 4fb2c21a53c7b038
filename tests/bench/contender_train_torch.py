"""PyTorch's side of bench_train.py: head|finetune|scratch STEPS THREADS; see contender_train.c. Batches are tensors made in
advance, all in channels last, the faster layout here."""
import resource, sys, time
import torch

BATCH, BATCHES, CLASSES = 64, 4, 10
mode, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(1)


def block(inputs, outputs, size, pool):
    return [torch.nn.Conv2d(inputs, outputs, size, padding=size // 2), torch.nn.ReLU(), torch.nn.Conv2d(outputs, outputs, size),
            torch.nn.ReLU(), torch.nn.MaxPool2d(pool), torch.nn.Dropout(0.2)]


if mode == "scratch":
    shape = (3, 128, 128)
    layers = block(3, 32, 3, 2) + block(32, 64, 3, 2) + block(64, 128, 3, 2) + block(128, 512, 5, 4) + [
        torch.nn.Flatten(), torch.nn.Linear(2048, 1024), torch.nn.ReLU(), torch.nn.Dropout(0.2), torch.nn.Linear(1024, CLASSES)]
else:
    shape = (512, 14, 14) if mode == "finetune" else (512, 7, 7)
    layers = [torch.nn.Conv2d(512, 512, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2)] if mode == "finetune" else []
    layers += [torch.nn.Flatten(), torch.nn.Linear(25088, 4096), torch.nn.ReLU(), torch.nn.Linear(4096, 1072), torch.nn.ReLU(),
               torch.nn.Dropout(0.2), torch.nn.Linear(1072, CLASSES)]
network = torch.nn.Sequential(*layers).to(memory_format=torch.channels_last)
optimizer = torch.optim.Adam(network.parameters(), lr=0.0001, eps=1e-7)
x = [torch.clamp(10 * torch.rand(BATCH, *shape) - 4, min=0).to(memory_format=torch.channels_last) for _ in range(BATCHES)]
labels = torch.arange(BATCHES * BATCH).reshape(BATCHES, BATCH) % CLASSES
print("ready torch", torch.__version__, flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    for s in range(steps):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(x[s % BATCHES]), labels[s % BATCHES]).backward()
        optimizer.step()
    seconds = time.perf_counter() - start
    print("%.6f %d" % (seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss), flush=True)
