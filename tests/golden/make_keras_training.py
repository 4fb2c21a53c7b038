"""Makes keras_training.json: dense networks trained by Keras itself, step by step.

    python tests/golden/make_keras_training.py      (Keras 3.15.1, TensorFlow 2.21.0)

Keras runs in float64, on the values of make_nn.py's values(), which tests/unit/fixture.h makes too: 37 features, 16 relu,
4 softmax; no dropout. For each optimizer: the loss that train_on_batch returns in each of six steps (the last batch is
smaller), with the L2 penalty where there is one, that of test_on_batch afterwards, and the parameters.
"""
import json, os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np

keras.config.set_floatx("float64")
FEATURES, HIDDEN, CLASSES, STEPS = 37, 16, 4, 6


def values(shape, salt, scale=1.0):
    """(i * 2654435761 + salt * 40503) mod 2^32, its top 10 bits / 512 - 1: float32 exactly."""
    i = np.arange(int(np.prod(shape)), dtype=np.uint64)
    return ((((i * 2654435761 + salt * 40503) % 2**32) >> 22).astype(np.float64) / 512 - 1).reshape(shape) * scale


def batch(step):
    n = 5 if step == STEPS - 1 else 8
    return values((n, FEATURES), 40 + step), (np.arange(n) + step) % CLASSES


def case(name, optimizer, decay=0.0):
    """Keras's L2(l) is l |w|^2, of gradient 2 l w; --weight-decay L is L/2 |w|^2."""
    penalty = keras.regularizers.L2(decay / 2) if decay else None
    network = keras.Sequential([keras.layers.Input((FEATURES,)),
                                keras.layers.Dense(HIDDEN, "relu", kernel_regularizer=penalty),
                                keras.layers.Dense(CLASSES, "softmax", kernel_regularizer=penalty)])
    network.set_weights([values(w.shape, 20 + k, 0.25) for k, w in enumerate(network.get_weights())])
    network.compile(optimizer, "sparse_categorical_crossentropy")
    losses = []
    for step in range(STEPS):
        network.reset_metrics()
        losses.append(float(network.train_on_batch(*batch(step))))
    network.reset_metrics()
    return dict(name=name, decay=decay, losses=losses, validation=float(network.test_on_batch(*batch(0))),
                parameters=[[float("%.9g" % v) for v in w.reshape(-1)] for w in network.get_weights()])


if __name__ == "__main__":
    o = keras.optimizers
    cases = [case("adam", o.Adam(0.001)), case("adam", o.Adam(0.01), 0.1), case("rmsprop", o.RMSprop(0.001)),
             case("rmsprop", o.RMSprop(0.001, momentum=0.9), 0.01), case("sgd", o.SGD(0.05)),
             case("sgd", o.SGD(0.05, momentum=0.9), 0.1)]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keras_training.json")
    with open(path, "w") as out:
        json.dump(cases, out)
        out.write("\n")
    print(path, os.path.getsize(path), "bytes")
