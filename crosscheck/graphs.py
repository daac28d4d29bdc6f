"""Graphs put together node by node, as they run in onnxruntime."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented

POINTS = 40


class Net:
    """A graph put together node by node; `x` is the value at hand."""

    def __init__(self, shape, format=np.float32, opset=17, seed=0):
        self.rng = np.random.default_rng(seed)
        self.shape, self.format, self.opset = shape, format, opset
        self.nodes, self.tensors, self.outputs = [], [], None
        self.x = "x"

    def tensor(self, value, format=None):
        name = f"t{len(self.tensors)}"
        value = np.asarray(value)
        self.tensors.append(numpy_helper.from_array(value.astype(format or self.format), name))
        return name

    def ints(self, *values):
        return self.tensor(np.array(values), np.int64)

    def weights(self, *shape):
        """Numbers that need all bits."""
        return self.tensor(self.rng.normal(0, 0.7, shape))

    def positive(self, *shape):
        return self.tensor(self.rng.uniform(0.3, 3, shape))

    def op(self, kind, *inputs, outputs=1, domain="", **attributes):
        """`inputs` are names; "" is a left-out one. The result becomes the value at hand."""
        names = [f"v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, domain=domain, **attributes))
        self.x = names[0]
        return names[0] if outputs == 1 else names

    def on(self, kind, *inputs, **attributes):
        """An operator on the value at hand."""
        return self.op(kind, self.x, *inputs, **attributes)

    def dense(self, n, m):
        self.on("Gemm", self.weights(n, m), self.weights(m))

    def model(self):
        kind = TensorProto.FLOAT if self.format == np.float32 else TensorProto.DOUBLE
        outputs = self.outputs or [helper.make_tensor_value_info(self.x, kind, None)]
        graph = helper.make_graph(
            self.nodes, "foreign", [helper.make_tensor_value_info("x", kind, self.shape)], outputs, self.tensors
        )
        opsets = [helper.make_opsetid("", self.opset), helper.make_opsetid("ai.onnx.ml", 3)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=8)


class Cases(dict):
    """Networks by name: how one is put together, the shape of its input, the operator set."""

    def __call__(self, *shapes, opsets=(17,)):
        def add(build):
            for shape in shapes:
                for opset in opsets:
                    self[f"{build.__name__}-{'x'.join(map(str, shape))}-{opset}"] = (build, list(shape), opset)
            return build

        return add


def points_of(shape, format, rng):
    sizes = [d for d in shape[1:]] if len(shape) > 1 and (shape[0] in ("N", 1) or len(shape) == 2 and shape[1] != 1) else list(shape)
    features = int(np.prod(sizes))
    return rng.normal(0, 1.5, (POINTS, features)).astype(format), sizes


def run_each(model, points, shape):
    """One sample at a time, as the declared shape has it."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    batch = shape[0] if len(shape) == 2 and isinstance(shape[0], int) and shape[1] != 1 and shape[0] > 1 else None
    if batch:
        full = [session.run(None, {"x": points[i : i + batch]})[0] for i in range(0, len(points), batch)]
        return np.concatenate(full).reshape(len(points), -1)
    one = [1 if d == "N" else d for d in shape]
    return np.stack([session.run(None, {"x": point.reshape(one)})[0].ravel() for point in points])


def outputs_of(program, folder, file, points):
    np.save(folder / "points.npy", points)
    answer = program("predict", file, folder / "points.npy", "--outputs", folder / "outputs.npy")
    assert answer.code == 0, answer.stderr
    return np.load(folder / "outputs.npy"), answer


def same_numbers(program, folder, case, seed, format):
    """Asserts that `predict` gives what onnxruntime gives at random points."""
    build, shape, opset = case
    net = Net(shape, format, opset, seed=seed)
    build(net)
    model = net.model()
    file = folder / "net.onnx"
    onnx.save(model, file)
    points, _ = points_of(shape, format, net.rng)
    found, _ = outputs_of(program, folder, file, points)
    try:
        expected = run_each(model.SerializeToString(), points, shape)
    except NotImplemented as missing:
        pytest.skip(f"onnxruntime does not run this in {format.__name__}: {missing}")
    size = np.abs(expected).max() + 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=size * (3e-6 if format == np.float32 else 1e-13))
