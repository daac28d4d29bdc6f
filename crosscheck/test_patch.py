"""A memory beside a network of others: the same numbers in onnxruntime, to the bit where no cell answers."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from datasets import random_data, write_csv
from effort import rounds
from network import Network
from points import ball_points

FEATURES, CLASSES, SAMPLES = 4, 3, 40
POINTS = rounds(20_000, most=1_000_000)


def layers(rng, format, opset, *, image=False, zeros=False):
    """Gemm and Relu with random weights; with `image` a convolution in front, with `zeros` outputs that
    are −0 or −1 times something positive."""
    width = 6
    weights = {
        "K": rng.normal(0, 1, (2, 1, 2, 2)),
        "W0": rng.normal(0, 1, (2 if image else FEATURES, width)),
        "b0": rng.normal(0, 0.3, width),
        "W1": rng.normal(0, 1, (width, CLASSES)),
        "b1": rng.normal(0, 0.3, CLASSES),
    }
    nodes = [
        helper.make_node("Conv", ["input", "K"], ["c"], pads=[0, 0, 0, 0]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Flatten", ["d"], ["f"]),
    ] if image else []
    nodes += [
        helper.make_node("Gemm", ["f" if image else "input", "W0", "b0"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "W1", "b1"], ["g" if zeros else "logits"]),
    ]
    if zeros:
        nodes += [helper.make_node("Relu", ["g"], ["p"]), helper.make_node("Neg", ["p"], ["logits"])]
    if not image:
        del weights["K"]
    kind = TensorProto.FLOAT if format == np.float32 else TensorProto.DOUBLE
    shape = ["N", 1, 2, 2] if image else ["N", FEATURES]
    graph = helper.make_graph(
        nodes, "others",
        [helper.make_tensor_value_info("input", kind, shape)],
        [helper.make_tensor_value_info("logits", kind, ["N", CLASSES])],
        [numpy_helper.from_array(w.astype(format), name) for name, w in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    helper.set_model_props(model, {"author": "somebody"})
    onnx.checker.check_model(model, full_check=True)
    return model


KINDS = {
    "layers": dict(format=np.float32, opset=17),
    "old": dict(format=np.float32, opset=9),
    "double": dict(format=np.float64, opset=13),
    "image": dict(format=np.float32, opset=18, image=True),
    "zeros": dict(format=np.float32, opset=20, zeros=True),
}
WAYS = [("ball", "linf"), ("ball", "l1"), ("cells", "linf"), ("cells", "l1"), ("cells", "l2")]


class Runner(Network):
    """Rows of features in, whatever shape the network takes."""

    def outputs(self, points, batch=4096):
        points = np.asarray(points)
        return super().outputs(points.reshape(len(points), *self.input.shape[1:]), batch)


@pytest.fixture(params=[(kind, *way) for kind in KINDS for way in WAYS], ids=lambda p: "-".join(p))
def patched(request, program, tmp_path):
    kind, locality, norm = request.param
    rng = np.random.default_rng(11)
    before, after = tmp_path / "before.onnx", tmp_path / "after.onnx"
    model = layers(rng, **KINDS[kind])
    onnx.save(model, before)
    x, y = random_data(5, SAMPLES, FEATURES, CLASSES)
    x = x.astype(KINDS[kind]["format"]).astype(np.float64)
    y = np.arange(SAMPLES) % CLASSES if len(set(y)) < CLASSES else y
    data = write_csv(tmp_path / "data.csv", x, y)
    radius = 0.3 * program("separation", data.path, "--norm", norm).json["max_radius"]
    answer = program("patch", before, data.path, "--radius", repr(radius), "--norm", norm, "--locality", locality,
                     "-o", after, "--test", data.path)
    assert answer.code == 0, answer.stderr
    return data, radius, norm, locality, before, after, answer.json


def test_files_run_elsewhere(program, patched):
    data, radius, norm, locality, before, after, report = patched
    assert report["certified"] == report["samples"] == report["patched"] + report["already_certified"] == SAMPLES
    assert report["test"]["accuracy"]["after"] == 1.0 and report["locality"] == locality
    model = onnx.load(after)
    onnx.checker.check_model(model, full_check=True)
    assert {"author": "somebody"}.items() <= {p.key: p.value for p in model.metadata_props}.items()
    # All that was there is there.
    kept = {node.SerializeToString() for node in onnx.load(before).graph.node[:-1]}
    assert kept <= {node.SerializeToString() for node in model.graph.node}
    inspected = program("inspect", after)
    assert inspected.code == 0 and inspected.json["form"] == "patched"
    assert inspected.json["memory"]["parameters"] == report["parameters"]
    assert inspected.json["memory"]["lift"] == report["lift"] >= 2 * report["largest_output"] * 0.5

    # What the program computes is what onnxruntime does.
    old, new = Runner(before), Runner(after)
    target = after.with_suffix(".npy")
    answer = program("predict", after, data.path, "--outputs", target)
    assert answer.json["accuracy"] == 1.0
    np.testing.assert_allclose(np.load(target), new.outputs(data.x), rtol=1e-5, atol=1e-5 * report["lift"])

    # Where no cell answers, the outputs are those of the old network to the bit.
    rng = np.random.default_rng(1)
    low, high = data.x.min() - 0.5, data.x.max() + 0.5
    points = rng.uniform(low, high, (POINTS, FEATURES)).astype(new.format)
    points[: POINTS // 4] = data.x[rng.integers(0, SAMPLES, POINTS // 4)] + rng.normal(0, radius, (POINTS // 4, FEATURES))
    special = np.array([0.0, -0.0, 1e30, -1e30, 1e-40, np.inf], dtype=new.format)
    points[-200:] = rng.choice(special, (200, FEATURES))
    was, now = old.outputs(points), new.outputs(points)
    same = (was.view(f"i{was.itemsize}") == now.view(f"i{was.itemsize}")).all(axis=1)
    if locality == "ball":
        beyond = np.abs(points[:, None].astype(np.float64) - data.x[None])
        beyond = np.maximum(beyond - radius, 0).sum(axis=2) if norm == "linf" else beyond.sum(axis=2) - radius
        outside = beyond.min(axis=1) > report["shell"] * 1.0001
    else:
        # An output can only fall, the smallest of all lifts being far above rounding.
        outside = ~(now < was).any(axis=1)
        if norm != "linf":
            # Directions make no number of an infinite feature.
            outside &= np.isfinite(points).all(axis=1)
    outside &= np.isfinite(was).all(axis=1)
    assert outside.mean() > (0.2 if locality == "ball" else 0.01)
    assert same[outside].all()


def test_certificates_hold(program, patched):
    data, radius, norm, _, before, after, report = patched
    network = Runner(after)
    rng = np.random.default_rng(2)
    for sample in range(0, SAMPLES, 3):
        reals, rounded = ball_points(data, sample, radius, network.format, norm, 200, rng)
        labels = network.labels(rounded)
        assert (labels == int(data.y[sample])).all()
    # At other radii: what is certified withstands, what is refuted fails.
    seen = Counter()
    for factor in (0.5, 1.0, 2.0, 6.0):
        answer = program.certify(after, data.path, "--radius", repr(factor * radius), "--norm", norm)
        failures = {f["sample"]: f for f in answer.json["failures"]}
        for sample in range(0, SAMPLES, 3):
            failure = failures.get(sample)
            if failure is None:
                _, rounded = ball_points(data, sample, factor * radius, network.format, norm, 120, rng)
                assert (network.labels(rounded) == int(data.y[sample])).all(), (factor, sample)
                seen["certified"] += 1
            elif failure["verdict"] == "refuted":
                assert network.labels(np.array([failure["point"]]))[0] != int(data.y[sample])
                seen["refuted"] += 1
    assert seen["certified"] >= 14


def test_what_is_changed_is_refused_or_proved_anew(program, patched):
    """Files of which some node or tensor of the memory is another one."""
    data, radius, norm, _, _, after, _ = patched
    whole = onnx.load(after)

    def read(model):
        file = after.with_name("changed.onnx")
        onnx.save(model, file)
        return program.certify(file, data.path, "--radius", repr(radius), "--norm", norm)

    for position, node in enumerate(whole.graph.node):
        if not node.output[0].startswith("indelible.memory/") or node.output[0] == "indelible.memory/network":
            continue
        if position % 3:
            continue
        model = onnx.ModelProto()
        model.CopyFrom(whole)
        model.graph.node[position].op_type = "Add" if node.op_type == "Sub" else "Identity"
        assert read(model).code == 2, node.output[0]
    model = onnx.ModelProto()
    model.CopyFrom(whole)
    lift = next(t for t in model.graph.initializer if t.name.endswith("/lift"))
    lift.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(lift) * 2.0**-40, lift.name))
    assert read(model).code == 1
