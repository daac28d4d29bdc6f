"""No number differs between the package and the program."""

import numpy as np
import pytest
from twenty import DATASETS

import indelible
from indelible import MemorizingClassifier


@pytest.fixture(params=DATASETS)
def dataset(request, tmp_path):
    X, y = DATASETS[request.param]()
    path = tmp_path / "data.npz"
    np.savez(path, X=X, y=y)
    return X, y, path


def test_there_are_twenty():
    assert len(DATASETS) == 20


def infinite(number):
    return float("inf") if number is None else number


@pytest.mark.parametrize("norm", ["linf", "l2", "l1"])
def test_distances(program, dataset, norm, tmp_path):
    X, y, path = dataset
    said = program("separation", path, "--scale", "none", "--norm", norm, "--per-sample", tmp_path / "near.npz")
    found = indelible.separation(X, y, norm)
    assert {"lower": found.lower, "upper": found.upper} == said["separation"]
    assert list(found.pair) == said["closest_pair"]
    near, told = indelible.nearest_enemies(X, y, norm), np.load(tmp_path / "near.npz")
    assert all(np.array_equal(getattr(near, key), told[key]) for key in ("lower", "upper"))
    assert np.array_equal(near.indices, told["index"])
    radius = 2 * found.lower
    said = program("separation", path, "--scale", "none", "--norm", norm, "--within", radius, "--all-pairs")
    close = indelible.pairs_within(X, y, radius, norm, all_pairs=True)
    assert close.count == said["count"]
    assert close.pairs.tolist() == [pair["pair"] for pair in said["pairs"]]
    assert close.lower.tolist() == [pair["distance"]["lower"] for pair in said["pairs"]]


def test_networks(program, dataset, tmp_path):
    X, y, path = dataset
    file = tmp_path / "net.onnx"
    said = program("build", path, "--scale", "none", "-o", file, "--ratio", 0.8)
    model = MemorizingClassifier(ratio=0.8).fit(X, y)
    model.to_onnx(tmp_path / "mine.onnx")
    assert (tmp_path / "mine.onnx").read_bytes() == file.read_bytes()
    assert model.construction_ == said["construction"] and model.form_ == said["form"]
    assert model.radius_ == said["radius"] and model.lipschitz_ == infinite(said["lipschitz"]["bound"])
    assert "; ".join(model.reasons_) == said["reason"]
    assert model.size_["nonzero"] == said["parameters"]["nonzero"] and model.size_["depth"] == said["depth"]
    assert model.certificate_.certified == said["certified"] == len(X)
    assert model.certificate_.exact == said["exact"]
    assert model.certificate_.smallest_margin == tuple(said["smallest_margin"].values())
    assert model.score(X, y) == 1.0

    # Beyond the radius that it was built for.
    radius = 1.4 * model.radius_
    said = program("certify", file, path, "--scale", "none", "--radius", radius)
    proof = model.certify(X, y, radius)
    counts = ("samples", "certified", "refuted", "misclassified", "undecided", "exact", "engines")
    assert all(getattr(proof, key) == said[key] for key in counts)
    failures = {failure["sample"]: failure["verdict"] for failure in said["failures"]}
    assert {i: v for i, v in enumerate(proof.verdicts.tolist()) if v != "certified"} == failures
    points = {failure["sample"]: failure["point"] for failure in said["failures"] if "point" in failure}
    assert {i: point.tolist() for i, point in proof.points.items()} == points

    said = program("predict", file, path, "--scale", "none", "--outputs", tmp_path / "outputs.npy")
    assert said["correct"] == len(X)
    outputs = np.load(tmp_path / "outputs.npy")
    mine = model.decision_function(X)
    assert np.array_equal(mine, outputs[:, 1] - outputs[:, 0] if outputs.shape[1] == 2 else outputs)


def test_per_sample_radii(program, dataset, tmp_path):
    X, y, path = dataset
    file = tmp_path / "net.onnx"
    said = program("build", path, "--scale", "none", "-o", file, "--per-sample", "--precision", "f64")
    model = MemorizingClassifier(per_sample=True, precision="f64").fit(X, y)
    bound = program("separation", path, "--scale", "none", "--bound-only")
    assert list(model.separation_.pair) == bound["closest_pair"]
    assert model.network_.to_bytes() == file.read_bytes()
    assert (model.radius_.min(), model.radius_.max()) == (said["radius"], said["largest_radius"])


def test_robustness(program, dataset, tmp_path):
    X, y, path = dataset
    model = MemorizingClassifier(construction="cells").fit(X, y)
    model.to_onnx(tmp_path / "net.onnx")
    said = program("robustness", tmp_path / "net.onnx", path, "--scale", "none", "--rounds", 4)
    found = model.robustness(X, y, rounds=4)
    assert found.certified.tolist() == said["certified"]
    assert found.attacked.tolist() == [infinite(radius) for radius in said["attacked"]]
    assert int(found.correct.sum()) == said["correct"]

    said = program("explain", tmp_path / "net.onnx", path, "--scale", "none", "--sample", 1)
    found = model.explain(1)
    assert all(found[key] == said[key] for key in ("radius", "cell", "cells", "samples_in_cell"))
    for mine, theirs in zip(found["constraints"], said["constraints"], strict=True):
        assert all(mine[key] == theirs[key] for key in ("feature", "side", "threshold", "value"))
        assert len(mine["excludes"]) == theirs["excludes"]


def test_comparison(program, dataset):
    X, y, path = dataset
    said = program("compare", path, "--scale", "none", "--ratio", 0.5)
    table = indelible.compare(X, y, ratio=0.5)
    rows = said["constructions"]
    assert table["construction"] == [row["name"] for row in rows]
    assert table["nonzero"] == [row["parameters"]["nonzero"] for row in rows]
    assert table["all"] == [row["parameters"]["all"] for row in rows]
    assert table["certified"] == [row["certified"] for row in rows]
    assert table["lipschitz"] == [infinite(row["lipschitz"]) for row in rows]
    assert table.radius == said["radius"] and set(table.refused) == {row["name"] for row in said["refused"]}


def test_images_of_bytes_in_units(program, tmp_path):
    X, y = DATASETS["digits in bytes"]()
    np.savez(tmp_path / "data.npz", X=X, y=y)
    said = program("separation", tmp_path / "data.npz")
    assert indelible.separation(X, y, scale="images").lower == said["separation"]["lower"]


@pytest.mark.parametrize("scale", ["minmax", "standard"])
@pytest.mark.parametrize("name", ["wine", "digits in bytes", "random in binary32", "one feature"])
def test_scaled_features(program, name, scale, tmp_path):
    X, y = DATASETS[name]()
    path, file, test = tmp_path / "data.npz", tmp_path / "net.onnx", tmp_path / "test.npz"
    np.savez(path, X=X, y=y)
    np.savez(test, X=X[::3], y=y[::3])
    said = program("separation", path, "--scale", scale, "--norm", "l2")
    found = indelible.separation(X, y, "l2", scale=scale)
    assert {"lower": found.lower, "upper": found.upper} == said["separation"]
    said = program("separation", path, "--against", test, "--scale", scale, "--per-sample", tmp_path / "near.npz")
    near, told = indelible.nearest_enemies(X[::3], y[::3], base=(X, y), scale=scale), np.load(tmp_path / "near.npz")
    assert np.array_equal(near.lower, told["lower"]) and np.array_equal(near.indices, told["index"])

    said = program("build", path, "--scale", scale, "-o", file, "--ratio", 0.5)
    model = MemorizingClassifier(scale=scale, ratio=0.5).fit(X, y)
    assert model.network_.to_bytes() == file.read_bytes()
    assert model.radius_ == said["radius"] and said["radius_units"] == "scaled"
    offsets, factors = model.scaling_
    assert offsets.tolist() == said["scaling"]["offsets"] and factors.tolist() == said["scaling"]["factors"]
    assert model.certificate_.holds and model.certify(X, y).holds and model.score(X, y) == 1.0
    said = program("certify", file, path, "--per-sample", "--ratio", 0.9)
    proof = indelible.certify(file, X, y, ratio=0.9)
    assert (proof.certified, proof.refuted, proof.undecided) == (said["certified"], said["refuted"], said["undecided"])


def test_bounds(program):
    said = program("bounds", "--samples", 100, "--features", 7, "--classes", 3, "--ratio", 0.5)
    assert indelible.bounds(samples=100, features=7, classes=3, ratio=0.5) == said["rows"]


def test_decisions(program, tmp_path):
    X, y = np.array([[0.0], [1.0], [2.0]]), np.array([1, 2, 1])
    np.savez(tmp_path / "data.npz", X=X, y=y)
    said = program("decide", tmp_path / "data.npz", "--width", 1, "--radius", 0.25)
    found = indelible.decide(X, y, 1, 0.25)
    assert (found.answer, found.rounds) == (said["answer"], said["rounds"])
    told = [(point["sample"], point["class"], point["point"]) for point in said["points"]]
    assert found.points == told
    (tmp_path / "proof").write_text(found.proof)
    assert program("decide", tmp_path / "data.npz", "--check", tmp_path / "proof")["confirmed"]


def test_conflicts_are_resolved_as_in_the_program(program, tmp_path):
    X, y = np.array([[0.0], [1.0], [0.0], [2.0], [1.0]]), np.array([0, 1, 1, 0, 1])
    np.savez(tmp_path / "data.npz", X=X, y=y)
    for rule in ("first", "drop"):
        said = program("build", tmp_path / "data.npz", "--on-conflict", rule, "-o", tmp_path / "net.onnx")
        model = MemorizingClassifier(on_conflict=rule).fit(X, y)
        assert model.network_.to_bytes() == (tmp_path / "net.onnx").read_bytes()
        assert said["samples"] + len(model.dropped_) == len(X)
