"""What is in a written file, by the checker and the runtime of the ONNX project."""

import json

import numpy as np
import onnx
import pytest

from datasets import random_data, write_csv
from network import Network

FORMS = ("dense", "compact")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_csv(tmp_path_factory.mktemp("files") / "data.csv", *random_data(1, 12, 5, 3))


@pytest.fixture(params=[(f, p, h) for f in FORMS for p in ("f32", "f64") for h in ("logits", "scalar")], ids="-".join)
def written(request, program, data, tmp_path):
    form, precision, head = request.param
    file = tmp_path / "net.onnx"
    options = ("--form", form, "--precision", precision, "--head", head)
    report = program.build(data.path, file, "--construction", "yu2024-linf", *options)
    return file, report


def dims(value):
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def test_the_checker_accepts_it(written):
    file, report = written
    onnx.checker.check_model(onnx.load(file), full_check=True)
    onnx.checker.check_model(str(file), full_check=True)
    assert report["bytes"] == file.stat().st_size


def test_its_face(written, data):
    file, report = written
    model = onnx.load(file)
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 17)]
    (x,), (y,) = model.graph.input, model.graph.output
    kind = onnx.TensorProto.FLOAT if report["precision"] == "f32" else onnx.TensorProto.DOUBLE
    assert x.type.tensor_type.elem_type == y.type.tensor_type.elem_type == kind
    assert dims(x) == ["batch", data.x.shape[1]]
    assert dims(y) == ["batch", 1 if report["head"] == "scalar" else 3]


def test_dense_is_one_gemm_per_layer_and_relus(written):
    file, report = written
    if report["form"] != "dense":
        assert any(node.op_type == "Scan" for node in onnx.load(file).graph.node)
        return
    graph = onnx.load(file).graph
    gemms = [node for node in graph.node if node.op_type == "Gemm"]
    assert [node.op_type for node in graph.node] == (["Gemm", "Relu"] * report["depth"])[:-1]
    assert len(gemms) == report["depth"]
    arrays = [onnx.numpy_helper.to_array(t) for t in graph.initializer]
    assert sum(np.count_nonzero(a) for a in arrays) == report["parameters"]["nonzero"]
    assert sum(a.size for a in arrays) == report["parameters"]["all"]
    assert max(np.abs(a).max() for a in arrays) == report["max_abs_parameter"]
    assert max(len(a) for a in arrays if a.ndim == 1) == report["width"]


def test_counts_follow_the_theorem(written, data):
    _, report = written
    samples, n = data.x.shape
    extra = 1 if report["head"] == "logits" else 0
    assert report["depth"] == 2 * samples + 1 + extra
    assert report["width"] == 3 * n + 1
    if not extra:
        assert report["parameters"]["nonzero"] == (8 * n + 5) * samples - 3


def test_inspect_agrees(written, program):
    file, report = written
    inspected = program("inspect", file).json
    for key in ("depth", "width", "parameters", "form"):
        assert inspected[key] == report[key], key


def test_any_batch_gives_the_same(written, data):
    file, _ = written
    network = Network(file)
    points = np.random.default_rng(0).uniform(-2, 2, (64, data.x.shape[1]))
    together = network.outputs(points)
    assert together.shape[0] == 64
    for batch in (1, 3):
        np.testing.assert_allclose(network.outputs(points, batch), together, rtol=1e-4, atol=1e-4)


def test_metadata(written, data):
    file, report = written
    network = Network(file)
    metadata = network.metadata
    assert metadata["construction"] == "yu2024-linf"
    assert metadata["norm"] == "linf"
    assert float(metadata["radius"]) == report["radius"]
    assert float(metadata["ratio"]) == 0.9
    assert sorted(json.loads(metadata["classes"])) == ["0", "1", "2"]
    assert len(metadata["dataset"]) == 64 and int(metadata["dataset"], 16) >= 0
    assert metadata["version"]


def test_the_radius_is_that_share_of_half_the_separation(written, data):
    file, report = written
    distance, _, _ = data.closest_pair()
    assert report["radius"] == pytest.approx(0.9 * distance / 2, rel=1e-12)
    assert report["radius"] <= 0.9 * distance / 2 * (1 + 1e-15)
