"""Files made to fool a checker: what it certifies must be what onnxruntime computes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

f32 = np.float32


def save(path, nodes, tensors, shape):
    graph = helper.make_graph(
        nodes,
        "hostile",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [onnx.numpy_helper.from_array(np.asarray(value, f32), name) for name, value in tensors.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


def run(path, points):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": points})[0]


@pytest.mark.parametrize("operator", ["MatMul", "Gemm"])
def test_fused_products_of_subnormals(program, tmp_path, operator):
    """Eight products of 1 and 1/2 units of the smallest number sum to 6 units in the reals; fused, every
    half is a tie that an odd sum rounds up, and the sum is 8. Scaled up, that is another label."""
    products = [1, 0.5] * 4
    n = len(products)
    weights = np.array([[p * 2.0**-149 / 2.0**-75] for p in products], f32)
    first = ["x", "W"] + (["b"] if operator == "Gemm" else [])
    nodes = [
        helper.make_node(operator, first, ["a"]),
        helper.make_node("Relu", ["a"], ["h"]),
        helper.make_node("Gemm", ["h", "W2", "b2"], ["y"]),
    ]
    tensors = {"W": weights, "b": [0], "W2": [[2.0**127, 0]], "b2": [0, 7 * 2.0**-22]}
    path = tmp_path / "net.onnx"
    save(path, nodes, tensors, ["N", n])
    data = tmp_path / "data.csv"
    row = ",".join([repr(2.0**-75)] * n)
    data.write_text(",".join(f"f{j}" for j in range(n)) + f",label\n{row},1\n")
    answer = program("certify", path, data, "--radius", "0")
    outputs = run(path, np.full((1, n), 2.0**-75, f32))
    if outputs.argmax() != 1:
        assert answer.code != 0


@pytest.mark.parametrize("shape", [["N", 2, 1], ["N", 1, 2]])
def test_a_bias_that_is_broadcast(program, tmp_path, shape):
    """On an input [N, 2, 1] an Add of two numbers gives [N, 2, 2]: not the row it looks like."""
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["h"]),
        helper.make_node("MatMul", ["h", "W"], ["c"]),
        helper.make_node("Add", ["c", "b2"], ["y"]),
    ]
    path = tmp_path / "net.onnx"
    save(path, nodes, {"b": [0, 0], "W": [[-5, 0], [1, 0]], "b2": [0, 0.5]}, shape)
    data = tmp_path / "data.csv"
    data.write_text("f0,f1,label\n0,1,0\n")
    answer = program("certify", path, data, "--radius", "0.01")
    outputs = run(path, np.array([0, 1], f32).reshape([1, *shape[1:]]))
    if not (outputs.reshape(-1, 2).argmax(axis=1) == 0).all():
        assert answer.code == 2 and "the output has shape [1, 2, 2]" in answer.stderr
    else:
        assert answer.code == 0


def test_a_compact_network_whose_sums_run_elsewhere(program, tmp_path):
    """With a declared rank of three the sums over axis 1 are no sums over features."""
    data = tmp_path / "data.csv"
    data.write_text("f0,f1,label\n0,0,0\n3,3,1\n1,4,1\n")
    path = tmp_path / "net.onnx"
    program("build", data, "-o", path, "--form", "compact", "--ratio", "0.5")
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim.insert(1, model.graph.input[0].type.tensor_type.shape.dim[1])
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    onnx.save(model, path)
    assert program("certify", path, data, "--radius", "0.1").code == 2
