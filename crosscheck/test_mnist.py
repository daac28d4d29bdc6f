"""The full training set of MNIST: build, prove, write, and let onnxruntime attack the file.

INDELIBLE_MNIST_LIMIT takes fewer than the 60,000 images.
"""

import os

import numpy as np

from datasets import read_mnist, write_npz
from effort import rounds
from network import Network, right_output
from points import hostile_points

LIMIT = int(os.environ.get("INDELIBLE_MNIST_LIMIT", "60000"))
# A point costs onnxruntime 60,000 steps of 784 features, some 0.1 s.
SAMPLES, POINTS = rounds(20, most=200), 3


def test_all_of_mnist(program, mnist, tmp_path):
    file = tmp_path / "mnist.onnx"
    options = ("--ratio", "0.99", "--limit", LIMIT)
    report = program.build(mnist, file, "--construction", "yu2024-linf", *options)
    assert report["samples"] == report["certified"] == report["exact"] == LIMIT
    inspected = program("inspect", file)
    assert inspected.code == 0 and inspected.json["parameters"] == report["parameters"]
    data = read_mnist(mnist, LIMIT)
    # Just beyond half the separation one of the closest pair must fall, whatever the network.
    separation = program("separation", mnist, "--limit", LIMIT).json
    pair = separation["closest_pair"]
    close = write_npz(tmp_path / "pair.npz", data.x[pair].astype(np.float32), [int(data.y[i]) for i in pair])
    beyond = separation["separation"]["upper"] / 2 + 1e-6
    answer = program.certify(file, close.path, "--radius", beyond)
    assert answer.code == 1 and answer.json["refuted"] >= 1, answer
    if LIMIT == 60000:
        assert abs(report["radius"] - 0.99 * 188 / 255 / 2) < 1e-7
    network = Network(file)
    radius = float(network.metadata["radius"])
    assert radius == report["radius"]
    rng = np.random.default_rng(0)
    # The last samples have passed no later step, the first ones all of them.
    chosen = [0, 1, LIMIT - 1, *rng.choice(LIMIT, SAMPLES - 3, replace=False)]
    points, labels = [], []
    for i in chosen:
        hostile = hostile_points(data, i, radius, network.format, 120, rng)
        # The sample itself, towards and away from enemies, a corner, a random point.
        rest = rng.choice(len(hostile) - 1, POINTS, replace=False) + 1
        points.append(hostile[[0, *rest]])
        labels += [data.y[i]] * (1 + POINTS)
    outputs = network.outputs(np.concatenate(points), batch=200)
    expected = np.array([right_output(network, label) for label in labels])
    # All samples are certified as exact, so the outputs are the theorem's to the last bit.
    np.testing.assert_array_equal(outputs, expected)
