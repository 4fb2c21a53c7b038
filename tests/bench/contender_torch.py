"""PyTorch's side of bench_extract.py: WEIGHTS.safetensors IMAGES.f32 N BATCH THREADS; for the protocol see peers.py."""
import os, resource, sys, time
import numpy as np, torch
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vgg16_files

weights, images, n, batch, threads = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
torch.set_num_threads(threads)
net = []
for (_, _, c, k, pool), (kernel, bias) in zip(vgg16_files.layers(), vgg16_files.read_safetensors(weights)):
    conv = torch.nn.Conv2d(c, k, 3, padding=1)
    conv.weight.data, conv.bias.data = torch.from_numpy(kernel.copy()), torch.from_numpy(bias.copy())
    net += [conv, torch.nn.ReLU(inplace=True)] + ([torch.nn.MaxPool2d(2)] if pool else [])
net = torch.nn.Sequential(*net).eval()
x = np.fromfile(images, np.float32).reshape(n, 224, 224, 3).transpose(0, 3, 1, 2)
x = torch.from_numpy(np.ascontiguousarray(x))
print("ready", flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    with torch.inference_mode():
        y = torch.cat([net(x[i:i + batch]) for i in range(0, n, batch)])
    seconds = time.perf_counter() - start
    if line.strip() != "run":
        y.permute(0, 2, 3, 1).reshape(n, -1).numpy().tofile(line.strip())
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
