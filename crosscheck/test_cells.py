"""Networks of cells in onnxruntime: on the hardest points of every ball the score of the label is at least
1 and every other score exactly 0, a scalar is exactly the label, and `predict` says the same."""

import numpy as np
import onnx
import pytest

from datasets import random_data, read_mnist, write_csv
from network import Network, decide
from points import hostile_points
from test_onnxruntime import CASES, SHAPES, name, options_of, predicted

CELLS = ("--construction", "cells")


def check(program, data, file, tmp_path, *options, points=200, samples=None, seed=0):
    report = program.build(data.path, file, *CELLS, *options)
    onnx.checker.check_model(str(file), full_check=True)
    network = Network(file)
    rng = np.random.default_rng(seed)
    radii = network.radii(len(data))
    chosen = range(len(data)) if samples is None else rng.choice(len(data), samples, replace=False)
    asked = []
    for i in chosen:
        hostile = hostile_points(data, i, radii[i], network.format, points, rng)
        outputs = network.outputs(hostile)
        label = network.classes.index(data.y[i])
        if "scalar" in options:
            assert (outputs == label + 1).all()
        else:
            assert (outputs[:, label] >= 1).all()
            assert (np.delete(outputs, label, axis=1) == 0).all()
        asked.append(hostile[:40])
    points = np.concatenate(asked)
    np.testing.assert_array_equal(predicted(program, file, points, network, tmp_path), network.labels(points))
    return report


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", CASES, ids=name)
def test_random_data(program, tmp_path, shape, case):
    samples, features, classes, least, most = SHAPES[shape]
    x, y = random_data(1, samples, features, classes, least=least, most=most)
    check(program, write_csv(tmp_path / "data.csv", x, y), tmp_path / "net.onnx", tmp_path, *options_of(*case))


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_forms_agree_far_outside(program, tmp_path, precision):
    """Anywhere, where the two best labels are not nearly tied: `predict` and onnxruntime on both forms."""
    data = write_csv(tmp_path / "data.csv", *random_data(5, 60, 3, 4))
    given = []
    for form in ("dense", "compact"):
        file = tmp_path / f"{form}.onnx"
        program.build(data.path, file, *CELLS, "--form", form, "--precision", precision)
        network = Network(file)
        points = np.random.default_rng(0).uniform(-1.5, 1.5, (4000, 3)).astype(network.format)
        outputs = network.outputs(points).astype(np.float64)
        best = np.sort(outputs, axis=1)
        clear = best[:, -1] - best[:, -2] > 1e-3
        assert clear.mean() > 0.5
        ours = predicted(program, file, points, network, tmp_path)
        np.testing.assert_array_equal(ours[clear], decide(outputs, len(network.classes))[clear])
        given.append(outputs)
    np.testing.assert_allclose(*given, atol=1e-4)


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_batches_of_any_size(program, tmp_path, batch):
    data = write_csv(tmp_path / "data.csv", *random_data(2, 40, 5, 3))
    program.build(data.path, tmp_path / "net.onnx", *CELLS, "--form", "compact")
    network = Network(tmp_path / "net.onnx")
    points = np.random.default_rng(0).uniform(-1, 1, (1000, 5)).astype(np.float32)
    np.testing.assert_array_equal(network.outputs(points, batch), network.outputs(points))


def test_mnist(program, mnist, tmp_path):
    data = read_mnist(mnist, 3000)
    options = ("--limit", "3000", "--radius", "0.3")
    report = check(program, data, tmp_path / "net.onnx", tmp_path, *options, points=60, samples=60)
    assert report["form"] == "compact" and report["parameters"]["nonzero"] < 15_000


def test_robust_radii_reach_what_is_proved(program, tmp_path):
    """On hundreds of samples no radius stays below the one that is proved, or above the way to the nearest
    sample with another label."""
    x, y = random_data(3, 400, 4, 3)
    data = write_csv(tmp_path / "data.csv", x, y)
    report = program.build(data.path, tmp_path / "net.onnx", *CELLS)
    found = program("robustness", tmp_path / "net.onnx", data.path).json
    enemies = np.abs(x[:, None] - x[None]).max(axis=2)
    enemies[y[:, None] == y[None]] = np.inf
    nearest = enemies.min(axis=1)
    assert found["correct"] == 400
    attacked = np.array(found["attacked"], dtype=float)
    # A point is a number of binary32.
    assert (attacked <= nearest + 1e-6).all()
    certified = np.array(found["certified"])
    assert (certified <= attacked).all()
    # Bisection ends a share of the first radius below what holds.
    assert (certified >= report["radius"] - nearest / 2**6).all()
