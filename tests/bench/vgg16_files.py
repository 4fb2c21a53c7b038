"""VGG16 for the peers: one set of seeded weights as safetensors (ours, PyTorch) and as ONNX (onnxruntime).

The ONNX file is written without a library, so that only NumPy is needed; field numbers are those of onnx.proto3.
"""
import json, os, struct
import numpy as np

BLOCKS = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]


def layers():
    """(name, torchvision index, C, K, pool after) of the 13 convolutions."""
    rows, index, inputs = [], 0, 3
    for b, (outputs, convs) in enumerate(BLOCKS, 1):
        for c in range(1, convs + 1):
            rows.append(("block%d_conv%d" % (b, c), index, inputs, outputs, c == convs))
            index, inputs = index + 2, outputs
        index += 1
    return rows


def seeded(seed=0):
    """He-normal kernels (K, C, 3, 3) and small positive biases."""
    g = np.random.default_rng(seed)
    return [((g.standard_normal((k, c, 3, 3)) * np.sqrt(2 / (9 * c))).astype(np.float32),
             (g.random(k) * 0.02).astype(np.float32)) for _, _, c, k, _ in layers()]


def write_safetensors(path, weights):
    header, blobs, at = {}, [], 0
    for (_, index, _, _, _), pair in zip(layers(), weights):
        for kind, tensor in zip(("weight", "bias"), pair):
            raw = tensor.tobytes()
            header["features.%d.%s" % (index, kind)] = {"dtype": "F32", "shape": list(tensor.shape),
                                                        "data_offsets": [at, at + len(raw)]}
            blobs.append(raw)
            at += len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_safetensors(path):
    with open(path, "rb") as f:
        (n,) = struct.unpack("<Q", f.read(8))
        header, data = json.loads(f.read(n)), f.read()

    def tensor(name):
        t = header[name]
        a, b = t["data_offsets"]
        return np.frombuffer(data[a:b], np.float32).reshape(t["shape"])
    return [(tensor("features.%d.weight" % i), tensor("features.%d.bias" % i)) for _, i, _, _, _ in layers()]


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out)


def integer(field, value):
    return varint(field << 3) + varint(value)


def blob(field, value):
    value = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(value)) + value


def write_onnx(path, weights):
    def ints(name, values):
        return blob(5, blob(1, name) + b"".join(integer(8, v) for v in values) + integer(20, 7))

    def node(kind, inputs, output, attributes=b""):
        return blob(1, b"".join(blob(1, i) for i in inputs) + blob(2, output) + blob(4, kind) + attributes)

    def initializer(name, tensor):
        return blob(5, b"".join(integer(1, d) for d in tensor.shape) + integer(2, 1) + blob(8, name) +
                    blob(9, tensor.tobytes()))

    def value(field, name, dims):
        shape = b"".join(blob(1, blob(2, d) if isinstance(d, str) else integer(1, d)) for d in dims)
        return blob(field, blob(1, name) + blob(2, blob(1, integer(1, 1) + blob(2, shape))))

    graph, current = blob(2, "vgg16"), "image"
    for (name, _, _, _, pool), (kernel, bias) in zip(layers(), weights):
        graph += initializer(name + "_w", kernel) + initializer(name + "_b", bias)
        graph += node("Conv", [current, name + "_w", name + "_b"], name + "_c",
                      ints("kernel_shape", [3, 3]) + ints("pads", [1, 1, 1, 1]))
        graph += node("Relu", [name + "_c"], name)
        current = name
        if pool:
            graph += node("MaxPool", [current], name + "_pool", ints("kernel_shape", [2, 2]) + ints("strides", [2, 2]))
            current = name + "_pool"
    graph += value(11, "image", ["N", 3, 224, 224]) + value(12, current, ["N", 512, 7, 7])
    with open(path, "wb") as f:
        f.write(integer(1, 8) + blob(8, blob(1, "") + integer(2, 13)) + blob(7, graph))


def forward(images, weights, dtype="float64"):
    """Reference features (n, 25088) of NHWC images by PyTorch in dtype, row, column, channel."""
    import torch
    x = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))).to(getattr(torch, dtype))
    with torch.inference_mode():
        for (_, _, _, _, pool), (kernel, bias) in zip(layers(), weights):
            k, b = (torch.from_numpy(t.copy()).to(x.dtype) for t in (kernel, bias))
            x = torch.relu(torch.nn.functional.conv2d(x, k, b, padding=1))
            if pool:
                x = torch.nn.functional.max_pool2d(x, 2)
    return x.permute(0, 2, 3, 1).reshape(len(images), -1).numpy()
