"""The peer of bench_whole.py, as its documentation writes it: WEIGHTS|none FOLDER MODEL. Features of the frozen base, a head on them, the report."""
import os, sys
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras, numpy as np
from sklearn.metrics import classification_report, confusion_matrix

weights, folder, model = sys.argv[1:]
base = keras.applications.VGG16(weights=None if weights == "none" else weights, include_top=False)
parts = keras.utils.image_dataset_from_directory(folder, image_size=(224, 224), validation_split=0.2, subset="both", seed=1)
classes = parts[0].class_names


def features(part):
    pairs = [(base.predict_on_batch(keras.applications.vgg16.preprocess_input(x.numpy())), y.numpy()) for x, y in part]
    return [np.concatenate(side) for side in zip(*pairs)]


(x, y), (test, labels) = map(features, parts)
head = keras.Sequential([keras.layers.Flatten(), keras.layers.UnitNormalization(), keras.layers.Dense(256, activation="relu"),
                         keras.layers.Dense(len(classes), activation="softmax")])
head.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
head.fit(x, y, validation_split=0.15, epochs=50, verbose=0,
         callbacks=[keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)])
head.save(model)
predicted = head.predict(test, verbose=0).argmax(1)
print(classification_report(labels, predicted, target_names=classes, zero_division=0))
print(confusion_matrix(labels, predicted))
print("right on %.4f of %d images" % ((predicted == labels).mean(), len(labels)))
