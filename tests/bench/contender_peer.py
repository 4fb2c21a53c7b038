"""A peer's side of bench_extract.py, for the protocol of peers.py: PEER WEIGHTS.safetensors MODEL.onnx IMAGES.f32 N BATCH THREADS.

Each PEER is a setting of a library; those that are faster on one processor or another are all there.
"""
import os, resource, sys, time
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import vgg16_files

# PEER: the module that it needs.
PEERS = {"onnxruntime": "onnxruntime", "openvino": "openvino", "torch": "torch", "torch-optimized": "torch", "keras": "keras",
         "keras-jit": "keras"}


def channels_first(x):
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def with_onnxruntime(peer, weights, model, x, batch, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    session, images = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]), channels_first(x)
    return onnxruntime.__version__, images, lambda part: session.run(None, {"image": part})[0].transpose(0, 2, 3, 1)


def with_openvino(peer, weights, model, x, batch, threads):
    import openvino
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY",
                                                            "INFERENCE_PRECISION_HINT": "f32"})
    return openvino.__version__.split("-")[0], channels_first(x), lambda part: compiled(part)[0].transpose(0, 2, 3, 1)


def with_torch(peer, weights, model, x, batch, threads):
    import torch
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    net = []
    for (_, _, c, k, pool), (kernel, bias) in zip(vgg16_files.layers(), weights):
        conv = torch.nn.Conv2d(c, k, 3, padding=1)
        conv.weight.data, conv.bias.data = torch.from_numpy(kernel.copy()), torch.from_numpy(bias.copy())
        net += [conv, torch.nn.ReLU(inplace=True)] + ([torch.nn.MaxPool2d(2)] if pool else [])
    net, images = torch.nn.Sequential(*net).eval(), torch.from_numpy(channels_first(x))
    if peer == "torch-optimized":
        images = images.to(memory_format=torch.channels_last)
        traced = torch.jit.trace(net.to(memory_format=torch.channels_last), images[:batch])
        net = torch.jit.optimize_for_inference(torch.jit.freeze(traced))
    return torch.__version__, images, lambda part: net(part).permute(0, 2, 3, 1).numpy()


def with_keras(peer, weights, model, x, batch, threads):
    import keras, tensorflow
    tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    net = keras.Sequential([keras.Input((224, 224, 3))])
    for (_, _, _, k, pool), (kernel, bias) in zip(vgg16_files.layers(), weights):
        net.add(keras.layers.Conv2D(k, 3, padding="same", activation="relu"))
        net.layers[-1].set_weights([kernel.transpose(2, 3, 1, 0), bias])
        if pool:
            net.add(keras.layers.MaxPooling2D())
    net.compile(jit_compile=peer == "keras-jit")
    return keras.__version__, x, net.predict_on_batch


def main():
    peer, weights, model, images = sys.argv[1:5]
    n, batch, threads = map(int, sys.argv[5:])
    x = np.fromfile(images, np.float32).reshape(n, 224, 224, 3)
    prepare = globals()["with_" + PEERS[peer]]
    version, x, forward = prepare(peer, vgg16_files.read_safetensors(weights), model, x, batch, threads)
    forward(x[:batch])  # compiles
    print("ready", peer, version, flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        outputs = [forward(x[i:i + batch]) for i in range(0, n, batch)]
        seconds = time.perf_counter() - start
        if line.strip() != "run":
            np.concatenate([np.asarray(y).reshape(len(y), -1) for y in outputs]).astype(np.float32).tofile(line.strip())
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


if __name__ == "__main__":
    main()
