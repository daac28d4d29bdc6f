"""Twenty datasets: real ones, and those that break what was not thought through."""

import numpy as np
from sklearn import datasets


def _random(seed, samples, features, classes, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, features)).astype(dtype), rng.integers(0, classes, samples)


def _thinned(load, step):
    """Every how manieth sample of a set that is sorted by class."""
    X, y = load(return_X_y=True)
    return X[::step], y[::step]


def _digits(samples, dtype):
    X, y = datasets.load_digits(return_X_y=True)
    return X[:samples].astype(dtype), y[:samples]


def _ties():
    X = np.array([[i, j] for i in range(6) for j in range(6)], dtype=np.float64)
    return X, (X.sum(axis=1) % 2).astype(int)


def _duplicates():
    X, y = _random(3, 20, 3, 2)
    return np.concatenate([X, X[:7]]), np.concatenate([y, y[:7]])


def _named(load, names):
    X, y = _thinned(load, 2)
    return X, np.array(names)[y]


DATASETS = {
    "iris": lambda: _thinned(datasets.load_iris, 1),
    "wine": lambda: _thinned(datasets.load_wine, 2),
    "breast cancer": lambda: _thinned(datasets.load_breast_cancer, 5),
    "digits": lambda: _digits(120, np.float64),
    "digits in binary32": lambda: _digits(80, np.float32),
    "digits in bytes": lambda: _digits(100, np.uint8),
    "names": lambda: _named(datasets.load_iris, ["virginica", "a b", "ß"]),
    "moons": lambda: datasets.make_moons(40, noise=0.1, random_state=0),
    "circles": lambda: datasets.make_circles(40, random_state=0, factor=0.5),
    "blobs": lambda: datasets.make_blobs(45, centers=5, random_state=0),
    "random": lambda: _random(0, 40, 5, 3),
    "random in binary32": lambda: _random(1, 40, 5, 3, np.float32),
    "wide": lambda: _random(2, 12, 60, 2),
    "one feature": lambda: (np.arange(30.0)[:, None] ** 2, np.arange(30) % 3),
    "ties": _ties,
    "duplicates": _duplicates,
    "negative labels": lambda: (_random(4, 30, 2, 2)[0], np.arange(30) % 3 - 7),
    "booleans": lambda: (_random(5, 30, 2, 2)[0], np.arange(30) % 2 == 0),
    "large": lambda: (_random(6, 30, 4, 2, np.float32)[0] * np.float32(1e30), np.arange(30) % 2),
    "small": lambda: (_random(7, 30, 4, 2)[0] * 1e-30, np.arange(30) % 2),
}
