"""Networks that answer differently in other orders of summation: what is certified must be what onnxruntime
and numpy compute in every order tried, fused or not."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from effort import rounds
from graphs import Net

onnxruntime = pytest.importorskip("onnxruntime")

FORMATS = {"f32": (np.float32, TensorProto.FLOAT, 24), "f64": (np.float64, TensorProto.DOUBLE, 53)}


def hostile(rng, real, digits):
    """A layer whose sums cancel, and a layer behind a ReLU that compares what is left."""
    terms = int(rng.integers(3, 40))
    big = 2.0 ** int(rng.integers(digits // 2, digits + 6))
    weights = np.zeros((2, terms))
    kind = rng.integers(4)
    if kind == 0:  # large terms that cancel around small ones
        weights[0] = np.where(np.arange(terms) % 2 == 0, big, -big)
        weights[0, -1 if terms % 2 else -2 :] = 1.0
        bias = [0.0, 0.5]
    elif kind == 1:  # many terms of half a unit
        weights[0] = 2.0**-digits
        weights[0, 0] = 1.0
        bias = [0.0, 1.0 + (terms // 2) * 2.0**-digits]
    elif kind == 2:  # noise whose sum is about nothing
        weights[0] = rng.standard_normal(terms)
        weights[0, -1] = -weights[0, :-1].sum()
        bias = [2.0**-digits, 0.0]
    else:  # what vanishes before it is scaled up
        weights[0] = 2.0 ** (-75 if real is np.float32 else -540)
        bias = [0.0, 0.0]
    x = np.full(terms, 2.0 ** (-78 if real is np.float32 else -545) if kind == 3 else 1.0)
    order = rng.permutation(terms)
    scale = 2.0 ** int(rng.integers(-8, 9))
    flip = rng.integers(2)
    second = np.array([[scale, 0.0], [0.0, scale]])[:: -1 if flip else 1]
    return [np.ascontiguousarray(a, real) for a in (weights[:, order], np.array(bias), second, np.zeros(2), x)]


def dot(rng, w, x, start):
    """A sum in some order, in halves or one by one."""
    real = w.dtype.type
    terms = [start, *(real(a * b) for a, b in zip(w, x))]
    rng.shuffle(terms)
    if rng.integers(2):
        total = real(0)
        for term in terms:
            total = real(total + term)
        return total
    while len(terms) > 1:
        pairs = [real(a + b) for a, b in zip(terms[::2], terms[1::2])]
        terms = pairs + terms[len(pairs) * 2 :]
    return terms[0]


def labels(rng, path, arrays):
    """What numpy and onnxruntime say: the larger of two outputs, None for a tie."""
    w1, b1, w2, b2, x = arrays
    outputs = []
    for _ in range(40):
        hidden = np.array([max(dot(rng, row, x, b), w1.dtype.type(0)) for row, b in zip(w1, b1)])
        outputs.append([dot(rng, row, hidden, b) for row, b in zip(w2, b2)])
    outputs.append(w2 @ np.maximum(w1 @ x + b1, 0) + b2)
    for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        for rows in (1, 7):
            outputs.extend(session.run(None, {"x": np.tile(x, (rows, 1))})[0])
    return {None if not a != b else int(b > a) for a, b in outputs}


def save(path, arrays, element):
    w1, b1, w2, b2, x = arrays
    nodes = [
        helper.make_node("Gemm", ["x", "W1", "b1"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["h"]),
        helper.make_node("Gemm", ["h", "W2", "b2"], ["y"], transB=1),
    ]
    tensors = {"W1": w1, "b1": b1, "W2": w2, "b2": b2}
    graph = helper.make_graph(
        nodes,
        "orders",
        [helper.make_tensor_value_info("x", element, ["N", len(x)])],
        [helper.make_tensor_value_info("y", element, ["N", 2])],
        [onnx.numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


@pytest.mark.parametrize("precision", FORMATS)
def test_what_some_order_breaks_is_not_certified(program, tmp_path, precision):
    real, element, digits = FORMATS[precision]
    rng = np.random.default_rng(14)
    broken = certified = 0
    for _ in range(rounds(40)):
        arrays = hostile(rng, real, digits)
        path, data = tmp_path / "net.onnx", tmp_path / "data.npz"
        save(path, arrays, element)
        found = labels(rng, path, arrays)
        broken += found not in ({0}, {1})
        for label in (0, 1):
            np.savez(data, X=arrays[-1][None, :], y=np.array([label]))
            answer = program("certify", path, data, "--radius", "0")
            if answer.code == 0:
                certified += 1
                assert found == {label}, (precision, found, arrays)
    assert broken > 5 and certified > 2, (broken, certified)


def test_the_factor_of_a_gemm_is_one_more_rounding(program, tmp_path):
    """3 (W x) is 107851448331837, and 107851443863552 where the sum is rounded before it is multiplied."""
    weights = np.array([[0.0], [2796203.0]], np.float32)
    rival = np.array([107851443863552.0, 0.0], np.float32)
    graph = helper.make_graph(
        [helper.make_node("Gemm", ["x", "W", "c"], ["y"], alpha=3.0, transB=1)],
        "factor",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 2])],
        [onnx.numpy_helper.from_array(value, name) for name, value in {"W": weights, "c": rival}.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", X=np.array([[12856893.0]], np.float32), y=np.array([1]))
    answer = program("certify", tmp_path / "net.onnx", tmp_path / "data.npz", "--radius", "0")
    assert answer.code == 1, answer.json


LARGE = 2.0**24


def constants(n, shape, value):
    return n.tensor(np.full(shape, value))


def scaled_product(n):
    """0.5 (x A) + C, where C is large: a runtime may add C to partial sums."""
    n.on("Gemm", constants(n, (8192, 1), 32 / 8192), constants(n, (1,), LARGE), alpha=0.5), n.on("Relu")


def scaled_bias(n):
    n.on("Gemm", constants(n, (8192, 1), 16 / 8192), constants(n, (1,), np.float32(LARGE / 0.3)), beta=0.3), n.on("Relu")


def added_behind_a_product(n):
    """What is added to a product stands in the sums of the product where a runtime puts both together."""
    first = np.zeros((2048, 1))
    first[0] = LARGE
    added = n.op("Relu", n.op("MatMul", "x", n.tensor(first)))
    n.op("MatMul", "x", constants(n, (2048, 1), 4 / 2048)), n.on("Add", added), n.on("Relu")


def added_behind_a_convolution(n):
    first = np.zeros((1, 512, 1, 1))
    first[0, 0] = LARGE
    added = n.op("Conv", "x", n.tensor(first))
    n.op("Conv", "x", constants(n, (1, 512, 1, 1), 4 / 512)), n.on("Add", added), n.on("Relu"), n.on("Flatten")


@pytest.mark.parametrize("make", [scaled_product, scaled_bias, added_behind_a_product, added_behind_a_convolution])
def test_what_is_put_together_is_not_certified(program, tmp_path, make):
    """One number against a constant that lies between what the nodes give one by one and what a runtime makes of them
    together, with its own settings."""
    shape = {added_behind_a_product: [2048], added_behind_a_convolution: [512, 1, 1]}.get(make, [8192])
    net = Net(["N", *shape])
    make(net)
    x = np.ones((1, *shape), np.float32)
    session = onnxruntime.InferenceSession(net.model().SerializeToString(), providers=["CPUExecutionProvider"])
    together = float(session.run(None, {"x": x})[0][0, 0])
    apart = LARGE + {scaled_product: 16, scaled_bias: 16}.get(make, 4)
    rival = (together + apart) / 2 if together != apart else apart - 1
    net.on("Gemm", net.tensor([[0.0, 1.0]]), net.tensor([rival, 0.0]))
    onnx.save(net.model(), tmp_path / "net.onnx")
    np.savez(tmp_path / "data.npz", X=x.reshape(1, -1), y=np.array([1]))
    answer = program("certify", tmp_path / "net.onnx", tmp_path / "data.npz", "--radius", "0")
    if together != apart:
        assert answer.json["certified"] == 0, (together, apart, answer.json)
    # Far enough from both it is.
    net.nodes.pop()
    net.x = net.nodes[-1].output[0]
    net.on("Gemm", net.tensor([[0.0, 1.0]]), net.tensor([LARGE / 2, 0.0]))
    onnx.save(net.model(), tmp_path / "net.onnx")
    assert program("certify", tmp_path / "net.onnx", tmp_path / "data.npz", "--radius", "0").json["certified"] == 1
