"""Makes keras_callbacks.json: trainings that Keras's EarlyStopping and ReduceLROnPlateau steer.

    python tests/golden/make_keras_callbacks.py      (Keras 3.15.1, TensorFlow 2.21.0)

As make_keras_training.py: float64, the same network and values(), SGD; but 24 images in one batch, so that no order matters,
with labels that nothing explains, and 12 to validate on, halfway from the first of these to others, a third of them with
another label: val_loss falls, rises and swings. For each case: loss, val_loss and learning rate of each epoch, the epoch
whose weights are restored, and the last biases of these.

No decision hangs by rounding: losses differ from those they are compared with by MARGIN at least.
"""
import json, os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import keras
import numpy as np
from make_keras_training import CLASSES, FEATURES, HIDDEN, values

EPOCHS, N, VALIDATION, MARGIN = 40, 24, 12, 1e-5


x, labels = values((N, FEATURES), 50), np.arange(N) * 7 // 3 % CLASSES
held_out = (x[:VALIDATION] + values((VALIDATION, FEATURES), 51)) / 2, (labels + (np.arange(N) % 3 == 0))[:VALIDATION] % CLASSES


class Rates(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.rates = getattr(self, "rates", []) + [float(self.model.optimizer.learning_rate)]


def case(rate, momentum, patience, factor=0.0, reduce_patience=1, min_lr=0.0, validate=True):
    network = keras.Sequential([keras.layers.Input((FEATURES,)), keras.layers.Dense(HIDDEN, "relu"),
                                keras.layers.Dense(CLASSES, "softmax")])
    network.set_weights([values(w.shape, 20 + k, 0.25) for k, w in enumerate(network.get_weights())])
    network.compile(keras.optimizers.SGD(rate, momentum), "sparse_categorical_crossentropy")
    monitor = "val_loss" if validate else "loss"
    stop, rates = keras.callbacks.EarlyStopping(monitor, patience=patience, restore_best_weights=True), Rates()
    reduce = keras.callbacks.ReduceLROnPlateau(monitor, factor=factor, patience=reduce_patience, min_lr=min_lr)
    fitted = network.fit(x, labels, batch_size=N, epochs=EPOCHS, shuffle=False, verbose=0,
                         validation_data=held_out if validate else None,
                         callbacks=[rates, stop] + ([reduce] if factor else []))
    best = plateau = np.inf
    for loss in fitted.history[monitor]:
        assert abs(loss - best) > MARGIN and not abs(loss - (plateau - 1e-4)) <= MARGIN, (loss, best, plateau)
        best, plateau = min(best, loss), loss if loss < plateau - 1e-4 else plateau
    return dict(rate=rate, momentum=momentum, patience=patience, factor=factor, reduce_patience=reduce_patience, min_lr=min_lr,
                loss=fitted.history["loss"], val_loss=fitted.history.get("val_loss"), rates=rates.rates,
                best=int(stop.best_epoch) + 1, bias=[float(v) for v in network.get_weights()[-1]])


if __name__ == "__main__":
    cases = [case(0.05, 0.9, 4), case(0.6, 0.9, 7, 0.5, 2, 0.07), case(0.6, 0.0, 3, 0.3, 2), case(0.0015, 0.0, 3, 0.5, 2),
             case(1.5, 0.0, 9, 0.5, 1, 0.01, validate=False)]
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "keras_callbacks.json")
    with open(path, "w") as out:
        json.dump(cases, out)
        out.write("\n")
    for c in cases:
        print(len(c["loss"]), "epochs, best", c["best"], "rates", c["rates"], np.round(c["val_loss"] or c["loss"], 4))
    print(path, os.path.getsize(path), "bytes")
