"""The Euclidean `nearest` network of 10,000 MNIST training images, in a long run of all 60,000, is the
1-nearest-neighbour rule: on 2,000 test images, in a long run on all 10,000, its label is that of scikit-learn's brute force, except
where the squared distances to the nearest image of the two labels differ by less than binary32 can tell,
which is shown for each."""

import numpy as np
from sklearn.neighbors import NearestNeighbors

from datasets import PIXELS, read_idx, read_mnist
from effort import LONG, rounds
from network import Network, decide

LIMIT = 60000 if LONG else 10000
TESTED = rounds(2000, most=10000)
UNIT = 2.0**-24


def test_mnist(program, mnist, tmp_path):
    file = tmp_path / "nearest.onnx"
    report = program.build(mnist, file, "--construction", "nearest", "--norm", "l2", "--ratio", "0.99",
                           "--limit", LIMIT)
    assert report["certified"] == LIMIT and report["parameters"]["nonzero"] <= 47.6e6
    own = program.certify(file, mnist, "--norm", "l2", "--per-sample", "--ratio", "0.99", "--limit", LIMIT)
    assert own.json["certified"] == LIMIT, "each at 0.99 of its own largest radius"

    train = read_mnist(mnist, LIMIT)
    test = PIXELS[read_idx(mnist.with_name("t10k-images-idx3-ubyte.gz")).reshape(10000, -1)][:TESTED]
    network = Network(file)
    labels = np.array(train.y)
    brute = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(train.x)
    expected = labels[brute.kneighbors(test, return_distance=False)[:, 0]]
    ours = np.array(network.classes)[decide(network.outputs(test, batch=500), 10)]
    images = tmp_path / "test.npy"
    np.save(images, test.astype(np.float32))
    answer = program("predict", file, images, "-o", tmp_path / "labels.npy")
    assert answer.code == 0, answer.stderr
    predicted = np.load(tmp_path / "labels.npy").astype(str)

    ties = 0
    for given in (ours, predicted):
        for i in np.flatnonzero(given != expected):
            x = test[i]
            # Exact to 1e-12: sums of at most 784 squares of binary32 numbers, in binary64.
            squares = {label: ((train.x[labels == label] - x) ** 2).sum(axis=1).min() for label in (given[i], expected[i])}
            scores = abs(squares[given[i]] - squares[expected[i]]) / 2
            assert scores <= rounding(train.x, x, report), (i, squares)
            ties += 1
    print(f"{ties} ties")
    assert ties <= 20


def rounding(rows, x, report):
    """By how much two binary32 scores may be off together: sums of n + 1 terms in any order."""
    n = rows.shape[1]
    gamma = (n + 4) * UNIT / (1 - (n + 4) * UNIT)
    terms = (rows @ x).max() + report["max_abs_parameter"]
    return 2 * gamma * terms
