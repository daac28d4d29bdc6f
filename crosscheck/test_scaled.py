"""Tables whose columns have wildly different units, scaled inside the network: onnxruntime, given raw features, keeps
every label in the raw box or ball that the radius stands for."""

import numpy as np
import onnx
import pytest

from network import Network


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Wine and breast cancer: columns from hundredths to thousands."""
    from sklearn.datasets import load_breast_cancer, load_wine

    folder, found = tmp_path_factory.mktemp("tables"), {}
    for name, load in (("wine", load_wine), ("breast_cancer", load_breast_cancer)):
        table = load(as_frame=True)
        file = folder / f"{name}.csv"
        # All wines, a third of the patients.
        table.frame.iloc[:: 1 if name == "wine" else 3].to_csv(file, index=False)
        rows = slice(None, None, 1 if name == "wine" else 3)
        found[name] = (table.data.to_numpy()[rows], table.target.to_numpy()[rows], file)
    return found


def scaled(x, how):
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    return {"minmax": MinMaxScaler, "standard": StandardScaler}[how]().fit_transform(x)


def separation(x, y, norm):
    enemies = y[:, None] != y[None]
    difference = np.abs(x[:, None] - x[None])
    distance = difference.max(axis=2) if norm == "linf" else np.sqrt((difference**2).sum(axis=2))
    return distance[enemies].min()


def hostile(rng, x, factors, radius, norm, count):
    """Raw points whose scaled distance from `x` is at most `radius`, but for what float64 rounds."""
    n = len(x)
    moves = rng.choice([-1.0, 1.0], (count, n))
    alone = np.zeros((count, n))
    alone[np.arange(count), rng.integers(0, n, count)] = 1
    moves = np.where(rng.random((count, 1)) < 0.5, moves, moves * alone)
    if norm == "l2":
        moves /= np.sqrt((moves**2).sum(axis=1, keepdims=True))
    return x + moves * (radius * (1 - 1e-9)) / factors


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
@pytest.mark.parametrize("how", ["minmax", "standard"])
@pytest.mark.parametrize(
    "options",
    [
        ("--construction", "cells", "--form", "dense"),
        ("--construction", "cells", "--form", "compact"),
        ("--construction", "wide", "--form", "compact", "--precision", "f64"),
        ("--construction", "nearest", "--norm", "l2", "--form", "compact"),
    ],
    ids=lambda options: "-".join(option.lstrip("-") for option in options[1::2]),
)
def test_raw_features_and_scaled_radii(program, tables, tmp_path, name, how, options):
    x, y, table = tables[name]
    norm = "l2" if "l2" in options else "linf"
    file = tmp_path / "net.onnx"
    built = program.build(table, file, "--scale", how, "--ratio", "0.8", *options)
    # The radius is that of scikit-learn's scaled data, but for the rounding of factors to binary32.
    assert abs(built["radius"] / (0.4 * separation(scaled(x, how), y, norm)) - 1) < 1e-5
    assert built["radius_units"] == "scaled"
    onnx.checker.check_model(onnx.load(file), full_check=True)
    network = Network(file)
    factors = np.array(built["scaling"]["factors"])
    np.testing.assert_allclose(1 / factors, x.max(axis=0) - x.min(axis=0) if how == "minmax" else x.std(axis=0), rtol=1e-6)
    rng = np.random.default_rng(1)
    expected = np.repeat([network.classes.index(str(label)) for label in y], 30)
    points = np.concatenate([hostile(rng, row, factors, built["radius"], norm, 30) for row in x])
    np.testing.assert_array_equal(network.labels(points), expected)
    certified = program.certify(file, table)
    assert certified.json["certified"] == len(x) and certified.json["radius_units"] == "scaled"
    # A little beyond half the separation one of the closest two fails.
    beyond = program.certify(file, table, "--radius", str(built["radius"] / 0.8 * 1.001))
    assert beyond.code == 1 and beyond.json["certified"] < len(x)


@pytest.mark.parametrize("options", [("--construction", "cells", "--form", "dense"), ("--construction", "wide", "--form", "compact")])
def test_raw_balls_of_networks_with_a_map(program, tables, tmp_path, options):
    """Balls in the units of the table: what is certified holds at hostile points, what is refuted is a point of the ball."""
    x, y, table = tables["wine"]
    file = tmp_path / "net.onnx"
    built = program.build(table, file, "--scale", "minmax", "--ratio", "0.9", *options)
    network, rng = Network(file), np.random.default_rng(2)
    labels = np.array([network.classes.index(str(label)) for label in y])
    for share in (0.99, 3.0, 30.0):
        radius = share * min(built["raw_radii"])
        shown = program.certify(file, table, "--radius-units", "raw", "--radius", repr(radius), "-o", tmp_path / "found.npz")
        verdicts = np.array(shown.json["sample_verdicts"])
        assert shown.json["radius_units"] == "raw" and (share > 1 or shown.json["certified"] == len(x))
        certified = np.flatnonzero(verdicts == "certified")
        # Cells are asked about boxes, stored samples about the ball around these.
        assert len(certified) > len(x) // 3 or share > 10 or "wide" in options, shown.json
        for i in certified:
            points = hostile(rng, x[i], np.ones(x.shape[1]), radius, "linf", 30)
            np.testing.assert_array_equal(network.labels(points), np.repeat(labels[i], 30))
        if (verdicts == "refuted").any():
            found = np.load(tmp_path / "found.npz")
            assert np.abs(found["X"] - x[found["sample"]]).max() <= radius * (1 + 1e-12)
            assert (network.labels(found["X"]) != labels[found["sample"]]).all()


def test_separation_is_that_of_scaled_data(program, tables):
    x, y, table = tables["wine"]
    for how in ("minmax", "standard"):
        found = program("separation", table, "--scale", how).json["separation"]["lower"]
        assert abs(found / separation(scaled(x, how), y, "linf") - 1) < 1e-5


def test_a_map_is_no_map_of_another_shape(program, tmp_path):
    """Two numbers taken from each row of an input [1, 2, 1]: runtimes stretch it to [1, 2, 2]."""
    from onnx import TensorProto, helper, numpy_helper

    tensor = lambda name, values: numpy_helper.from_array(np.array(values, np.float32), name)  # noqa: E731
    nodes = [
        helper.make_node("Sub", ["x", "scaling.offsets"], ["scaling.moved"], name="scaling.moved"),
        helper.make_node("Mul", ["scaling.moved", "scaling.factors"], ["scaling.x"], name="scaling.x"),
        helper.make_node("ReduceMax", ["scaling.x"], ["m"], axes=[2], keepdims=0),
        helper.make_node("Gemm", ["m", "w"], ["y"]),
    ]
    tensors = [tensor("scaling.offsets", [0, -10]), tensor("scaling.factors", [1, 1]), tensor("w", [[1, -1], [-1, 1]])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", [1, 2, 1]), ("y", [1, 2]))]
    graph = helper.make_graph(nodes, "scaled.foo", ends[:1], ends[1:], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "net.onnx")
    answer = program("inspect", tmp_path / "net.onnx")
    assert answer.code == 2 and "no row of as many features" in answer.stderr, answer.stderr
