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


@pytest.mark.parametrize("construction", ["nearest", "condensed"])
@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_scores_are_centered(program, tmp_path, name, construction):
    """Features in the thousands: binary32 keeps every margin once rows are differences from the mean."""
    data = write_csv(tmp_path / f"{name}.csv", *table(name))
    file = tmp_path / "net.onnx"
    report = program.build(data.path, file, "--norm", "l2", "--construction", construction, "--form", "compact")
    assert report["certified"] == len(data)
    network = Network(file)
    labels = np.array(network.classes)[decide(network.outputs(data.x), len(network.classes))]
    assert list(labels) == data.y


@pytest.mark.parametrize("construction", ["yu2024-linf", "wide", "pipelined"])
@pytest.mark.parametrize("form", ["dense", "compact"])
def test_constructions_of_the_sup_norm_serve_every_norm(program, tmp_path, construction, form):
    data = write_csv(tmp_path / "wine.csv", *table("wine"))
    for norm in ("l1", "l2", "l3"):
        file = tmp_path / f"{norm}.onnx"
        report = program.build(data.path, file, "--norm", norm, "--construction", construction, "--directions",
                               "--form", form)
        assert report["certified"] == len(data) and report["over_directions"], norm
        network = Network(file)
        labels = np.array(network.classes)[decide(network.outputs(data.x), len(network.classes))]
        assert list(labels) == data.y, norm
