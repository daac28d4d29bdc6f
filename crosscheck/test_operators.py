"""Every operator that is read from files of others, against onnxruntime on random points: the same numbers, or a
refusal that names it."""

import gzip

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented

RNG = np.random.default_rng(11)
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


CASES = {}


def case(*shapes, opsets=(17,)):
    def add(build):
        for shape in shapes:
            for opset in opsets:
                CASES[f"{build.__name__}-{'x'.join(map(str, shape))}-{opset}"] = (build, list(shape), opset)
        return build

    return add


FLAT = ("N", 6)


@case(FLAT, (1, 6), (4, 6), (6,))
def normalisation(n):
    n.on("Sub", n.weights(6)), n.on("Div", n.positive(6)), n.on("Mul", n.weights(6)), n.on("Add", n.weights(6))


@case(FLAT)
def constants_first(n):
    n.op("Sub", n.weights(1), n.x), n.op("Mul", n.weights(6), n.x), n.op("Add", n.weights(), n.x)
    n.dense(6, 3)


@case(FLAT)
def division_by_powers_of_two(n):
    n.on("Div", n.tensor([0.5, 4, 2, 1, 8, -0.25])), n.on("Relu"), n.dense(6, 3)


@case((1, 1, 1, 6))
def acas(n):
    n.on("Sub", n.weights(1, 1, 1, 6)), n.on("Flatten", axis=1)
    n.on("MatMul", n.weights(6, 5)), n.on("Add", n.weights(5)), n.on("Relu"), n.on("MatMul", n.weights(5, 3))


@case(("N", 1, 2, 3))
def images_divided(n):
    n.on("Sub", n.tensor(0.1307)), n.on("Div", n.tensor(0.3081)), n.on("Flatten"), n.dense(6, 4), n.on("Relu"), n.dense(4, 3)


@case(FLAT, ("N", 6, 4), ("N", 6, 2, 3))
def batch_normalization(n):
    n.on("BatchNormalization", n.weights(6), n.weights(6), n.weights(6), n.positive(6), epsilon=1e-3)
    n.on("Flatten")


@case(FLAT)
def batch_normalization_in_between(n):
    n.dense(6, 5), n.on("BatchNormalization", n.weights(5), n.weights(5), n.weights(5), n.positive(5)), n.on("Relu"), n.dense(5, 3)


@case(FLAT, opsets=(7, 11, 13, 17))
def dropout_and_identity(n):
    n.on("Identity"), n.on("Dropout", **({"ratio": 0.5} if n.opset < 12 else {})), n.dense(6, 3)


@case(FLAT)
def dropout_says_no_training(n):
    n.on("Dropout", n.tensor(0.5), n.tensor(False, bool)), n.dense(6, 3)


@case(FLAT)
def gemm_variants(n):
    n.on("Gemm", n.weights(5, 6), n.weights(5), alpha=0.3, beta=1.7, transB=1), n.on("Relu")
    n.on("Gemm", n.weights(5, 4), n.weights(1, 4), alpha=2.0, beta=-0.5), n.on("Relu")
    n.on("Gemm", n.weights(4, 4), n.weights(1), beta=0.1), n.on("Relu")
    n.on("Gemm", n.weights(4, 3), n.weights(), alpha=-1.0)


@case((6, 1))
def gemm_of_a_column(n):
    n.on("Gemm", n.weights(6, 3), transA=1)


@case((6, 1))
def gemm_from_the_left(n):
    n.op("Gemm", n.weights(4, 6), n.x, n.weights(4, 1), alpha=0.7)


@case((6,))
def vectors(n):
    n.op("MatMul", n.weights(4, 6), n.x), n.on("Add", n.weights(4)), n.on("Relu"), n.on("MatMul", n.weights(4, 3))


@case(FLAT)
def one_output(n):
    n.on("MatMul", n.weights(6)), n.on("Add", n.weights(1))


@case(("N", 3, 2))
def rows_of_a_matrix(n):
    n.on("MatMul", n.weights(2, 4)), n.on("Add", n.weights(4)), n.on("Relu"), n.op("MatMul", n.weights(5, 3), n.x)
    n.on("Flatten")


@case(("N", 2, 3), opsets=(8, 13, 17))
def reshaping(n):
    axes = lambda *a: ([], {"axes": list(a)}) if n.opset < 13 else ([n.ints(*a)], {})
    n.on("Reshape", n.ints(-1, 6))
    more, named = axes(1)
    n.on("Unsqueeze", *more, **named), n.on("Reshape", n.ints(0, 3, -1)), n.on("Transpose", perm=[0, 2, 1]), n.on("Reshape", n.ints(-1, 1, 6))
    more, named = axes(1)
    n.on("Squeeze", *more, **named)
    n.dense(6, 3)


@case((1, 784))
def new_torch_flatten(n):
    n.on("Reshape", n.ints(1, 784), allowzero=1), n.on("Gemm", n.weights(3, 784), n.weights(3), transB=1)


@case(("N", 2, 3))
def reshape_by_shape(n):
    n.op("Shape", n.x)
    n.op("Gather", n.x, n.tensor(0, np.int64), axis=0)
    n.op("Unsqueeze", n.x, n.ints(0))
    n.op("Concat", n.x, n.ints(-1), axis=0)
    n.op("Reshape", "x", n.x), n.dense(6, 2)


@case(("N", 2, 5, 6))
def convolutions(n):
    n.on("Conv", n.weights(4, 2, 3, 2), n.weights(4), strides=[2, 1], pads=[1, 0, 2, 1]), n.on("Relu")
    n.on("Conv", n.weights(4, 2, 2, 2), group=2, dilations=[1, 2]), n.on("Relu"), n.on("Flatten")
    n.on("ReduceSum", n.ints(1))


@case(("N", 3, 9))
def convolution_1d(n):
    n.on("Conv", n.weights(6, 1, 3), n.weights(6), group=3, strides=[2], pads=[1, 1]), n.on("LeakyRelu", alpha=0.2)
    n.on("MaxPool", kernel_shape=[2], strides=[2]), n.on("Flatten"), n.on("Gemm", n.weights(12, 3))


@case(("N", 1, 7, 7))
def auto_pads(n):
    n.on("Conv", n.weights(2, 1, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]), n.on("Relu")
    n.on("Conv", n.weights(2, 2, 2, 2), auto_pad="SAME_LOWER"), n.on("Add", n.weights(2, 1, 1)), n.on("Relu")
    n.on("Conv", n.weights(2, 2, 2, 2), auto_pad="VALID"), n.on("Flatten"), n.dense(18, 3)


@case(("N", 4, 4, 3))
def channels_last(n):
    n.on("Transpose", perm=[0, 3, 1, 2]), n.on("Conv", n.weights(2, 3, 2, 2)), n.on("Relu")
    n.on("Transpose", perm=[0, 2, 3, 1]), n.on("Reshape", n.ints(-1, 18)), n.dense(18, 3)


@case(("N", 2, 6, 6))
def average_pools(n):
    n.on("AveragePool", kernel_shape=[2, 2]), n.on("Relu")
    n.on("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), n.on("Relu")
    n.on("AveragePool", kernel_shape=[3, 2], pads=[1, 1, 1, 1], count_include_pad=1)
    n.on("GlobalAveragePool"), n.on("Flatten")


@case(("N", 2, 6, 6))
def max_pools(n):
    n.on("MaxPool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2]), n.on("Conv", n.weights(2, 2, 2, 2))
    n.on("MaxPool", kernel_shape=[2, 1]), n.on("GlobalMaxPool"), n.on("Flatten")


@case(("N", 2, 3, 4), opsets=(11, 17))
def padding_and_means(n):
    n.on("Pad", n.ints(0, 0, 1, 0, 0, 0, 0, 2), n.weights()), n.on("Conv", n.weights(3, 2, 2, 2))
    n.on("ReduceMean", axes=[2, 3], keepdims=0), n.dense(3, 2)


@case(FLAT)
def reductions(n):
    n.on("Reshape", n.ints(-1, 2, 3))
    low, high = n.op("ReduceMax", n.x, axes=[2]), n.op("ReduceSum", n.x, n.ints(-1), keepdims=1)
    n.x = low
    n.on("Add", high), n.on("Flatten")


@case(FLAT)
def activations(n):
    n.on("LeakyRelu"), n.dense(6, 5), n.on("PRelu", n.weights(5)), n.dense(5, 4), n.on("Abs"), n.on("Neg"), n.dense(4, 4)
    n.on("Clip", n.tensor(-1.0), n.tensor(1.0)), n.dense(4, 4), n.on("Clip", "", n.tensor(0.5)), n.dense(4, 3)
    n.on("Max", n.tensor(0.0)), n.on("Min", n.tensor(6.0))


@case(FLAT, opsets=(7, 10))
def clip_of_old(n):
    n.dense(6, 4), n.on("Clip", min=0.0, max=6.0), n.dense(4, 4), n.on("Clip", min=-0.3)


@case(FLAT)
def residual(n):
    n.dense(6, 6), n.on("Relu")
    kept = n.x
    n.dense(6, 6), n.on("Relu"), n.dense(6, 6), n.on("Add", kept), n.on("Relu"), n.op("Sub", kept, n.x), n.on("Sum", kept, n.weights(6))
    n.dense(6, 3)


@case(("N", 2, 3))
def concatenated(n):
    a, b = n.op("MatMul", n.x, n.weights(3, 2)), n.op("Relu", n.x)
    n.op("Concat", a, b, axis=2), n.on("Relu"), n.op("Concat", n.x, n.x, axis=-2), n.on("Flatten"), n.dense(16, 3)


@case(FLAT)
def maxima_with_constants(n):
    n.on("Relu"), n.on("Max", n.weights(6)), n.on("Min", "x"), n.dense(6, 3)


@case(FLAT)
def split_and_gathered(n):
    a, b, c = n.on("Split", n.ints(1, 2, 3), axis=1, outputs=3)
    n.op("Max", a, b), n.op("Concat", n.x, c, axis=1)
    n.on("Gather", n.ints(4, 0, -2, 0), axis=1), n.on("Slice", n.ints(3), n.ints(-9), n.ints(1), n.ints(-2)), n.on("Relu")


@case(FLAT)
def shared_value(n):
    """A value that is read twice keeps what it is."""
    n.on("MatMul", n.weights(6, 4))
    plain = n.x
    n.on("Add", n.weights(4)), n.on("Relu"), n.on("Add", plain)


@case(FLAT)
def half_weights(n):
    n.op("Cast", n.tensor(RNG.normal(size=(6, 3)), np.float16), to=TensorProto.FLOAT if n.format == np.float32 else TensorProto.DOUBLE)
    n.op("MatMul", "x", n.x)


@case(FLAT)
def moved_weights(n):
    n.op("Transpose", n.weights(3, 6), perm=[1, 0]), n.op("Identity", n.x), n.op("MatMul", "x", n.x)


@case(FLAT)
def dead_ends(n):
    n.dense(6, 4)
    kept = n.x
    n.on("Relu"), n.dense(4, 9)
    n.x = kept


@case(("N", 6, 6), ("N", 8, 4))
def relu_networks(n):
    """Random operators one after the other."""
    n.on("Flatten")
    width = n.shape[1] * n.shape[2]
    for _ in range(8):
        kind = n.rng.integers(6)
        if kind == 0:
            n.dense(width, 12)
            width = 12
        elif kind == 1:
            n.on("Relu")
        elif kind == 2:
            n.on("Sub", n.weights(width))
        elif kind == 3:
            kept = n.x
            n.dense(width, width), n.on("Relu"), n.on("Add", kept)
        elif kind == 4:
            n.on("Gather", n.ints(*n.rng.permutation(width)), axis=1)
        else:
            n.on("LeakyRelu", alpha=0.1)
    n.dense(width, 3)


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


@pytest.mark.parametrize("format", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", CASES)
def test_same_numbers(program, tmp_path, name, format):
    build, shape, opset = CASES[name]
    net = Net(shape, format, opset, seed=len(name))
    build(net)
    model = net.model()
    file = tmp_path / "net.onnx"
    onnx.save(model, file)
    points, _ = points_of(shape, format, net.rng)
    found, _ = outputs_of(program, tmp_path, file, points)
    try:
        expected = run_each(model.SerializeToString(), points, shape)
    except NotImplemented as missing:
        pytest.skip(f"onnxruntime does not run this in {format.__name__}: {missing}")
    size = np.abs(expected).max() + 1
    np.testing.assert_allclose(found, expected, rtol=0, atol=size * (3e-6 if format == np.float32 else 1e-13))


REFUSED = {
    "Sigmoid": lambda n: (n.on("Sigmoid"), n.dense(6, 3)),
    "Tanh": lambda n: (n.on("Tanh"), n.dense(6, 3)),
    "Elu": lambda n: n.on("Elu"),
    "Softmax": lambda n: (n.on("Softmax"), n.dense(6, 3)),
    "Mul": lambda n: n.on("Mul", "x"),
    "MatMul": lambda n: (n.op("Reshape", "x", n.ints(1, 6, 1)), n.op("MatMul", "x", n.x)),
    "Div": lambda n: n.op("Div", n.weights(6), "x"),
    "Exp": lambda n: n.on("Exp"),
    "Sign": lambda n: n.on("Sign"),
    "ReduceMin": lambda n: n.on("ReduceMin", axes=[1]),
    "LSTM": lambda n: n.on("LSTM", n.weights(1, 4, 6), n.weights(1, 4, 1), hidden_size=1),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_others_are_refused_by_name(program, tmp_path, kind):
    net = Net(["N", 6], opset=17)
    REFUSED[kind](net)
    onnx.save(net.model(), tmp_path / "net.onnx")
    np.save(tmp_path / "points.npy", np.zeros((3, 6)))
    answer = program("predict", tmp_path / "net.onnx", tmp_path / "points.npy")
    assert answer.code == 2
    # What stands behind a Softmax is named where it stands.
    name = {"Softmax": "behind a Softmax"}.get(kind, f"operator {kind} ")
    assert name in answer.stderr, answer.stderr


@pytest.mark.parametrize("tail", ["Softmax", "LogSoftmax", "ArgMax", "Softmax ArgMax"])
def test_tails_change_no_label(program, tmp_path, tail):
    net = Net(["N", 6])
    net.dense(6, 8), net.on("Relu"), net.dense(8, 4)
    logits = net.x
    for kind in tail.split():
        net.on(kind, axis=1)
    if tail.endswith("ArgMax"):
        net.outputs = [helper.make_tensor_value_info(net.x, TensorProto.INT64, None)]
    onnx.save(net.model(), tmp_path / "net.onnx")
    points = net.rng.normal(size=(200, 6)).astype(np.float32)
    _, answer = outputs_of(program, tmp_path, tmp_path / "net.onnx", points)
    assert len(answer.json["left_out"]) == len(tail.split()[:1])
    net.outputs, net.x = None, logits
    del net.nodes[3:]
    expected = run_each(net.model().SerializeToString(), points, ["N", 6])
    np.testing.assert_allclose(np.load(tmp_path / "outputs.npy"), expected, rtol=1e-5, atol=1e-5)


def test_external_data(program, tmp_path):
    net = Net(["N", 6])
    net.dense(6, 50), net.on("Relu"), net.dense(50, 3)
    model = net.model()
    points = net.rng.normal(size=(20, 6)).astype(np.float32)
    expected = run_each(model.SerializeToString(), points, ["N", 6])
    file = tmp_path / "net.onnx"
    onnx.save(model, file, save_as_external_data=True, location="weights.bin", size_threshold=0)
    np.testing.assert_allclose(outputs_of(program, tmp_path, file, points)[0], expected, rtol=1e-5, atol=1e-5)
    # A part of the file is missing; the file is missing; it is somewhere else.
    weights = tmp_path / "weights.bin"
    weights.write_bytes(weights.read_bytes()[:-4])
    assert "weights.bin" in program("inspect", file).stderr
    weights.unlink()
    assert "weights.bin" in program("inspect", file).stderr
    model = onnx.load(file, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = "../weights.bin"
    file.write_bytes(model.SerializeToString())
    answer = program("inspect", file)
    assert answer.code == 2 and "beside the model" in answer.stderr


def test_compressed_files(program, tmp_path):
    net = Net(["N", 6])
    net.dense(6, 3)
    file = tmp_path / "net.onnx.gz"
    file.write_bytes(gzip.compress(net.model().SerializeToString()))
    points = net.rng.normal(size=(20, 6)).astype(np.float32)
    expected = run_each(net.model().SerializeToString(), points, ["N", 6])
    np.testing.assert_allclose(outputs_of(program, tmp_path, file, points)[0], expected, rtol=1e-5, atol=1e-5)
    file.write_bytes(file.read_bytes()[:-20])
    answer = program("inspect", file)
    assert answer.code == 2 and "gzip" in answer.stderr
