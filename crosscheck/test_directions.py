"""Cells over directions on the tables that people know: scikit-learn's wine, breast_cancer and digits in
every norm, from easy to nearly the largest radius. All samples are certified in binary32, over directions
with fewer weights than the table has numbers, and onnxruntime gives every sample its label."""

import numpy as np
import pytest

from datasets import digits, write_csv
from network import Network, decide


def table(name):
    if name == "digits":
        return digits()
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(return_X_y=True)


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "digits"])
def test_all_samples_in_every_norm(program, tmp_path, name):
    data = write_csv(tmp_path / f"{name}.csv", *table(name))
    features = data.x.shape[1]
    ratios = ("0.9",) if name == "digits" else ("0.5", "0.9", "0.99")
    for norm in ("linf", "l1", "l2", "l3"):
        for ratio in ratios:
            file = tmp_path / f"{norm}-{ratio}.onnx"
            report = program.build(data.path, file, "--norm", norm, "--ratio", ratio, "--construction", "cells")
            assert report["certified"] == len(data), (norm, ratio)
            small = report["parameters"]["nonzero"] < len(data) * features
            assert small or norm == "linf", (norm, ratio)
            network = Network(file)
            labels = np.array(network.classes)[decide(network.outputs(data.x), len(network.classes))]
            assert list(labels) == data.y, (norm, ratio)
