"""What the functions say, against plain computations."""

import subprocess
import sys

import numpy as np
import pytest

import indelible
from indelible import MemorizingClassifier

RNG = np.random.default_rng(0)
X = RNG.integers(0, 30, (70, 3)).astype(float)
Y = RNG.integers(0, 3, 70)


def distances(norm):
    differences = X[:, None] - X[None]
    return {
        "linf": np.abs(differences).max(axis=2),
        "l1": np.abs(differences).sum(axis=2),
        "l2": np.sqrt((differences**2).sum(axis=2)),
    }[norm]


@pytest.mark.parametrize("norm", ["linf", "l1", "l2"])
def test_distances_are_those_of_all_pairs(norm):
    all_pairs = distances(norm)
    enemies = np.where(Y[:, None] != Y[None], all_pairs, np.inf)
    found = indelible.separation(X, Y, norm)
    assert found.lower <= enemies.min() <= found.upper
    near = indelible.nearest_enemies(X, Y, norm)
    assert np.array_equal(near.indices, enemies.argmin(axis=1))
    assert np.allclose(near.lower, enemies.min(axis=1), rtol=1e-15)
    order = np.argsort(enemies, axis=1, kind="stable")[:, :5]
    assert np.array_equal(indelible.k_nearest_enemies(X, Y, 5, norm).indices, order)
    close = np.argwhere(np.triu(enemies <= 7, 1))
    pairs = indelible.pairs_within(X, Y, 7, norm, limit=10)
    assert pairs.count == len(close) and np.array_equal(pairs.pairs, close[:10])
    between = indelible.nearest_enemies(X[:20], Y[:20], norm, base=(X[20:], Y[20:]))
    assert np.array_equal(between.indices, enemies[:20, 20:].argmin(axis=1))


def test_one_class_has_no_enemies():
    found = indelible.separation(X, np.zeros(70))
    assert (found.lower, found.upper, found.pair, found.max_radius) == (np.inf, np.inf, None, np.inf)
    near = indelible.k_nearest_enemies(X, np.zeros(70), 2)
    assert (near.indices == -1).all() and np.isinf(near.lower).all() and near.lower.shape == (70, 2)


def test_wrong_arguments():
    for call, error, words in [
        (lambda: indelible.k_nearest_enemies(X, Y, 0), ValueError, "k is 0; expected 1 to 70"),
        (lambda: indelible.robustness(b"", X, Y, rounds=0), ValueError, "rounds is 0; expected 1 or more"),
        (lambda: indelible.k_nearest_enemies(X, Y, 2.5), TypeError, "k is 2.5; expected an integer"),
        (lambda: indelible.pairs_within(X, Y, -1), ValueError, "the radius is -1"),
        (lambda: indelible.pairs_within(X, Y, "1"), TypeError, "radius is '1'; expected a number"),
        (lambda: indelible.pairs_within(X, Y, 1, limit=2**70), ValueError, "limit is 1180591620717411303424; expected 0 to"),
        (lambda: indelible.certify(b"", X, Y, timeout="1"), TypeError, "timeout is '1'; expected a number"),
        (lambda: indelible.certify(b"", X, Y, "0.1"), TypeError, "radius is '0.1'; expected a number"),
        (lambda: indelible.certify(b"", X, Y, ["0.1"]), TypeError, "radius has type <U3; expected numbers"),
        (lambda: indelible.certify(b"", X, Y, [[0.1]]), ValueError, r"radius has shape \(1, 1\)"),
        (lambda: indelible.k_nearest_enemies(X, Y, 71), ValueError, "k is 71; expected 1 to 70"),
        (lambda: indelible.pairs_within(X, Y, np.inf), ValueError, "the radius is inf"),
        (lambda: indelible.nearest_enemies(X, Y, base=X), TypeError, "base is ndarray; expected a tuple"),
        (lambda: indelible.nearest_enemies(X, Y, base=(X[:, :2], Y)), ValueError, "3 features and the second 2"),
        (lambda: indelible.bounds(samples=3), ValueError, "features and classes not given"),
        (lambda: indelible.bounds(X, Y, samples=3), ValueError, "data and numbers were both given"),
        (lambda: indelible.bounds(samples=3, features=0, classes=2), ValueError, "features is 0"),
        (lambda: indelible.compare(X, Y, ratio=2), ValueError, "the ratio is 2"),
        (lambda: indelible.compare(X, np.zeros(70)), ValueError, "all samples have one label"),
        (lambda: indelible.decide(X[:3], Y[:3], width=0), ValueError, "width is 0"),
        (lambda: indelible.decide(X[:3], Y[:3], width=1, norm="l2"), ValueError, "in the norms linf and l1"),
        (lambda: indelible.separation(X, Y, scale="unit"), ValueError, "scale is 'unit'; expected None, 'images'"),
        (lambda: indelible.decide(X[:3], Y[:3], scale="minmax"), ValueError, "reads features as they stand"),
        (lambda: indelible.certify(3, X, Y), TypeError, "network is int; expected the path"),
        (lambda: indelible.certify("no.onnx", X, Y), OSError, "no.onnx"),
        (lambda: indelible.certify(b"no", X, Y), ValueError, "not an ONNX model"),
    ]:
        with pytest.raises(error, match=words):
            call()


def test_certificates():
    model = MemorizingClassifier(construction="wide", ratio=0.5).fit(X, Y)
    radii = np.full(70, model.radius_)
    assert model.certify(X, Y).holds and model.certify(X, Y, radii).holds
    proof = indelible.certify(model, X, Y, 3 * model.radius_)
    assert proof.refuted and proof.refuted + proof.certified + proof.misclassified + proof.undecided == 70
    for sample, point in proof.points.items():
        assert np.abs(point - X[sample]).max() <= 3 * model.radius_
        assert model.predict([point])[0] != Y[sample] and proof.predicted[sample] == str(model.predict([point])[0])
    wrong = model.certify(X, (Y + 1) % 3)
    assert wrong.misclassified == 70 and wrong.predicted == [str(label) for label in Y]
    with pytest.raises(ValueError, match="expected one per sample"):
        model.certify(X, Y, radii[1:])
    with pytest.raises(ValueError, match="knows no class '9' of the data; it knows 0, 1, 2"):
        model.certify(X, np.full(70, 9))
    with pytest.raises(ValueError, match="the network takes 3 features; the data have 2"):
        model.certify(X[:, :2], Y)
    with pytest.raises(ValueError, match="claims radii in linf, not in l1; give radius"):
        indelible.certify(model, X, Y, norm="l1")


def test_a_network_that_scales_its_features_reads_them_as_they_stand():
    model = MemorizingClassifier(scale="standard").fit(X, Y)
    assert model.scaling_[0].shape == (3,) and model.certify(X, Y).holds
    with pytest.raises(ValueError, match="scales its features itself; leave scale out"):
        indelible.certify(model, X, Y, scale="images")
    with pytest.raises(ValueError, match="scale is 'minmax', but a network reads features as they stand"):
        indelible.certify(model, X, Y, scale="minmax")
    reason = model.explain(0)
    assert reason["radius_units"] == "scaled"
    for constraint in reason["constraints"]:
        # In the units of the features.
        assert constraint["value"] == X[0, constraint["feature"]]
        lead = constraint["value"] - constraint["threshold"]
        assert lead > 0 if constraint["side"] == ">=" else lead < 0


def test_networks_come_as_files_bytes_and_models(tmp_path):
    model = MemorizingClassifier(radius=0.25).fit(X, Y)
    model.to_onnx(tmp_path / "net.onnx")
    for network in (tmp_path / "net.onnx", str(tmp_path / "net.onnx"), model.network_.to_bytes(), model):
        assert indelible.certify(network, X, Y).holds
    onnx = pytest.importorskip("onnx")
    assert indelible.certify(onnx.load(tmp_path / "net.onnx"), X, Y).holds
    with pytest.raises(OSError, match="net.onnx"):
        model.to_onnx(tmp_path / "none" / "net.onnx")


def test_a_narrow_layer_is_refuted():
    corners = np.vstack([np.zeros(4), np.eye(4)])
    model = MemorizingClassifier(form="dense", ratio=0.1).fit(corners, [0, 1, 1, 1, 1])
    found = indelible.refute(model, corners, [0, 1, 1, 1, 1], radius=0.49)
    assert found is None or model.predict(found.points)[found.misclassified] != int(found.labels[found.misclassified])


def test_pictures_show_what_they_should():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    table = indelible.compare(X, Y)
    assert table.plot() is table and len(table.ax_.patches) == len(table["construction"])
    near = indelible.nearest_enemies(X, Y)
    line = near.plot().ax_.lines[0]
    assert line.get_xdata().tolist() == sorted(near.lower) and line.get_ydata()[-1] == 1.0
    found = MemorizingClassifier(construction="wide", ratio=0.5).fit(X, Y).robustness(X[:20], Y[:20], rounds=4)
    for line, which in zip(found.plot().ax_.lines, (1, 0), strict=True):
        shares = [found.accuracy(radius)[which] for radius in line.get_xdata()]
        assert line.get_ydata().tolist() == shares
    # As displays of scikit-learn: into axes that are given, which are told.
    assert near.plot(found.ax_).ax_ is found.ax_ and near.figure_ is found.figure_
    matplotlib.pyplot.close("all")
    pandas = pytest.importorskip("pandas")
    assert pandas.DataFrame(table).shape == (len(table["construction"]), 13)


def test_the_functions_need_no_scikit_learn():
    code = """
import sys
sys.modules["sklearn"] = None
import indelible
assert indelible.separation([[0.0], [1.0]], [0, 1]).lower == 1.0
try:
    indelible.MemorizingClassifier
except ImportError as error:
    assert "pip install scikit-learn" in str(error)
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)
