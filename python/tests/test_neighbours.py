"""Neighbours, against plain computations and against those who use them."""

import numpy as np
import pytest

import indelible

RNG = np.random.default_rng(1)
X = RNG.integers(0, 12, (80, 3)).astype(np.float32)
Y = RNG.integers(0, 3, 80)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_graphs_are_those_of_scikit_learn(norm):
    neighbors = pytest.importorskip("sklearn.neighbors")
    graph = indelible.neighbor_graph(X, 6, norm)
    theirs = neighbors.NearestNeighbors(n_neighbors=6, p=norm, algorithm="brute", metric="minkowski").fit(X)
    assert np.allclose(np.sort(theirs.kneighbors_graph(mode="distance").data.reshape(80, 6)), graph.data.reshape(80, 6))
    assert (np.diff(graph.data.reshape(80, 6), axis=1) >= 0).all()
    assert not (graph.indices.reshape(80, 6) == np.arange(80)[:, None]).any()
    assert graph.shape == (80, 80) and graph.nnz == 480


def test_graphs_serve_estimators():
    neighbors = pytest.importorskip("sklearn.neighbors")
    model = neighbors.KNeighborsTransformer(mode="distance", n_neighbors=4)
    assert model.fit_transform(X).shape == indelible.neighbor_graph(X, 5).shape
    for k, words in [(0, "k is 0"), (80, "k is 80; expected 1 to 79")]:
        with pytest.raises(ValueError, match=words):
            indelible.neighbor_graph(X, k)


@pytest.mark.parametrize("norm", [1, 2, np.inf])
def test_neighbours_in_a_base(norm):
    graph = indelible.neighbor_graph(X[:30], 6, norm, base=X[20:])
    distances = np.linalg.norm((X[:30, None].astype(float) - X[None, 20:]), ord=norm, axis=2)
    order = np.argsort(np.round(distances, 9), axis=1, kind="stable")[:, :6]
    assert graph.shape == (30, 60) and np.array_equal(graph.indices.reshape(30, 6), order)
    assert np.allclose(graph.data.reshape(30, 6), np.take_along_axis(distances, order, axis=1))
    # A map is that of the base.
    scaled = indelible.neighbor_graph(X[:30] * 7, 1, norm, base=X * 7, scale="minmax")
    assert np.array_equal(scaled.data, np.zeros(30))
    with pytest.raises(ValueError, match="k is 61; expected 1 to 60"):
        indelible.neighbor_graph(X[:30], 61, norm, base=X[20:])
    with pytest.raises(ValueError, match="features"):
        indelible.neighbor_graph(X[:30], 1, norm, base=X[:, :2])


@pytest.mark.parametrize("radius", [0.0, 1.0])
def test_duplicates_are_found(radius):
    found = indelible.duplicates(X[:50], Y[:50], X[50:], Y[50:], radius)
    distances = np.abs(X[50:, None] - X[None, :50]).max(axis=2)
    expected = np.flatnonzero(distances.min(axis=1) <= radius)
    assert np.array_equal(found.test, expected)
    assert np.array_equal(found.train, distances.argmin(axis=1)[expected])
    assert np.array_equal(found.distances, distances.min(axis=1)[expected])
    assert np.array_equal(found.conflicts, Y[50 + found.test] != Y[found.train])


def test_distances_as_others_ask_for_them():
    differences = np.abs(X[:, None].astype(float) - X[None]).max(axis=2)
    differences[Y[:, None] == Y[None]] = np.inf
    found = indelible.get_nearest_oppo_dist(X.reshape(80, 3, 1), Y, np.inf)
    assert np.array_equal(found, differences.min(axis=1))


def test_wrong_arguments():
    for call, error, words in [
        (lambda: indelible.duplicates(X, Y, X[:, :2], Y), ValueError, "2 features and the second 3"),
        (lambda: indelible.duplicates(X, Y, X, Y[1:]), ValueError, "X_test has 80 samples and y_test 79 labels"),
        (lambda: indelible.duplicates(X, Y, X, Y, -1), ValueError, "the radius is -1"),
        (lambda: indelible.neighbor_graph(X, "2"), TypeError, "k is '2'"),
    ]:
        with pytest.raises(error, match=words):
            call()
