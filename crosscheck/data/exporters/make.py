"""Writes the networks of this folder with the exporters that people use: weights are random, shapes small.

    python crosscheck/data/exporters/make.py torch           # pip install torch onnxscript
    python crosscheck/data/exporters/make.py tf2onnx keras   # pip install tensorflow-cpu tf2onnx

The files say in `producer_name` and `producer_version` who wrote them. `crosscheck/test_exporters.py` reads them."""

import os
import sys
from pathlib import Path

import numpy as np
import onnx

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent))


def without_traces(file):
    """Takes out where in which program each node comes from: these are paths of a machine."""
    model = onnx.load(file, load_external_data=False)
    for node in model.graph.node:
        del node.metadata_props[:]
    file.write_bytes(model.SerializeToString())


def torch_files():
    """Torch's new exporter in two operator sets, a batch of any size or of one, weights in the file or beside it."""
    import torch

    from test_torch import NETWORKS, trained

    chosen = {
        "dropout": (18, "any", False),
        "leaky": (20, "any", False),
        "softmax": (20, "one", True),
        "residual": (18, "any", True),
        "normalised": (20, "one", False),
        "cnn max pool": (20, "any", False),
        "cnn batch norm": (18, "one", False),
        "residual block": (20, "any", False),
        "views": (20, "any", False),
        "conv 1d": (18, "any", False),
    }
    for name, (opset, batch, beside) in chosen.items():
        build, shape = NETWORKS[name]
        net = trained(build, shape)
        options = {"dynamic_shapes": ({0: torch.export.Dim("N")},)} if batch == "any" else {}
        example = (torch.rand(1, *shape),)
        file = HERE / f"torch-{name.replace(' ', '-')}.onnx"
        torch.onnx.export(net, example, str(file), dynamo=True, opset_version=opset, external_data=beside, **options)
        without_traces(file)


def keras_networks():
    """Networks by name, with statistics that are not those of the start."""
    import keras
    from keras import layers

    def residual():
        start = keras.Input((8, 8, 2))
        x = layers.ReLU()(layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same", use_bias=False)(start)))
        x = layers.ReLU()(layers.Add()([x, layers.Conv2D(4, 3, padding="same")(x)]))
        return keras.Model(start, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(x)))

    def joined():
        start = keras.Input((12,))
        sides = [layers.Dense(5, activation="relu")(start), layers.LeakyReLU(0.2)(layers.Dense(4)(start))]
        return keras.Model(start, layers.Dense(3)(layers.Concatenate()(sides)))

    def chain(shape, *parts):
        return lambda: keras.Sequential([keras.Input(shape), *parts])

    networks = {
        "dropout-softmax": chain((12,), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(3, activation="softmax")),
        "rescaling-flatten": chain((6, 6), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(8, activation="relu"), layers.Dense(3)),
        "cnn-average-pool": chain((8, 8, 2), layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(), layers.ReLU(), layers.AveragePooling2D(2), layers.Dropout(0.2), layers.Flatten(), layers.Dense(3)),
        "cnn-max-pool": chain((9, 9, 2), layers.Conv2D(4, 3, strides=2, padding="same", activation="relu"), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(3)),
        "depthwise": chain((8, 8, 2), layers.DepthwiseConv2D(3), layers.ReLU(6.0), layers.Conv2D(4, 1), layers.ReLU(), layers.GlobalMaxPooling2D(), layers.Dense(3)),
        "conv-1d": chain((16, 2), layers.Conv1D(4, 3, activation="relu"), layers.MaxPooling1D(), layers.Flatten(), layers.Dense(3)),
        "value": chain((12,), layers.BatchNormalization(), layers.Dense(8, activation="relu"), layers.Dense(1)),
        "residual-softmax": residual,
        "joined": joined,
    }  # fmt: skip
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    for name, build in networks.items():
        network = build()
        for weights in network.weights:
            if "moving_mean" in weights.path or "beta" in weights.path:
                weights.assign(rng.uniform(-1, 1, weights.shape))
            elif "moving_variance" in weights.path or "gamma" in weights.path:
                weights.assign(rng.uniform(0.5, 2, weights.shape))
        yield name, network


def keras_files():
    for name, network in keras_networks():
        network(np.zeros((1, *network.input_shape[1:]), np.float32))
        network.export(str(HERE / f"keras-{name}.onnx"), format="onnx", verbose=False)


def tf2onnx_files():
    """A batch of any size, every other file of one; two operator sets."""
    import tensorflow
    import tf2onnx

    for at, (name, network) in enumerate(keras_networks()):
        shape = (1 if at % 2 else None, *network.input_shape[1:])
        signature = [tensorflow.TensorSpec(shape, tensorflow.float32, name="x")]
        function = tensorflow.function(lambda x: network(x, training=False), input_signature=signature)
        file = str(HERE / f"tf2onnx-{name}.onnx")
        tf2onnx.convert.from_function(function, input_signature=signature, opset=13 if at % 3 else 18, output_path=file)


if __name__ == "__main__":
    exporters = {"torch": torch_files, "tf2onnx": tf2onnx_files, "keras": keras_files}
    chosen = sys.argv[1:]
    if not chosen or not set(chosen) <= set(exporters):
        sys.exit("usage: make.py [torch] [tf2onnx] [keras]")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    for what in chosen:
        exporters[what]()
