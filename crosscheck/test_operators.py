"""Every operator that is read from files of others, against onnxruntime on random points: the same numbers, or a
refusal that names it. Images are in `test_operators_spatial`."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from graphs import Cases, Net, same_numbers

RNG = np.random.default_rng(11)
case = Cases()
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


@case((1, 2, 3), opsets=(11, 13, 17))
def flatten_counts_from_the_end(n):
    for axis in (-1, -2, -2, 2, -1):
        n.on("Flatten", axis=axis), n.on("Relu"), n.on("Add", n.weights(6)) if axis == -2 else n.on("Relu")
    n.on("Reshape", n.ints(1, 6)), n.dense(6, 3)


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


@case(FLAT)
def remainders(n):
    """torch's older exporter finds an axis so for Unflatten."""
    n.op("Mod", n.ints(7, 7, -2), n.ints(-4, 4, 4))
    n.op("Reshape", "x", n.x), n.on("Transpose", perm=[0, 2, 1])
    images = n.x
    rest = n.op("Mod", n.ints(-7), n.ints(6), fmod=1)
    behind = n.op("Slice", n.op("Shape", images), n.ints(3), n.ints(9))
    n.op("Concat", rest, n.ints(6), behind, axis=0)
    n.op("Reshape", images, n.x), n.dense(6, 2)


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


@case(FLAT)
def dead_ends_of_any_kind(n):
    """What no output needs may be anything."""
    n.dense(6, 4)
    kept = n.x
    n.on("Tanh"), n.on("Softmax", axis=1)
    n.x = kept


@case(("N", 2, 3), opsets=(15, 17))
def parts_of_shapes(n):
    flat, sizes = n.op("Reshape", "x", n.ints(-1, 6)), n.op("Shape", "x", start=1)
    back = n.op("Reshape", flat, n.op("Concat", n.ints(-1), sizes, axis=0))
    batch = n.op("Shape", back, start=-9, end=-2)
    n.op("Reshape", back, n.op("Concat", batch, n.ints(6), axis=0)), n.dense(6, 2)


@case(FLAT)
def chosen_by_constants(n):
    flags = n.tensor([[True, False, True, False, False, True]], bool)
    n.op("Where", flags, n.on("Relu"), "x"), n.op("Where", flags, n.x, n.tensor(0.5)), n.dense(6, 4)
    n.op("Where", n.tensor([True], bool), n.x, n.weights(4))
    chosen, flags = n.x, n.op("Greater", n.ints(3, 1, 0, 2), n.ints(1))
    n.op("Where", flags, n.weights(4), chosen)


@case(FLAT)
def expanded_by_where(n):
    """The shape that torch computes for `expand`: −1 keeps what is there."""
    n.on("Reshape", n.ints(-1, 1, 6))
    asked, kept = n.ints(-1, 3, -1), n.x
    ones = n.op("ConstantOfShape", n.ints(3), value=numpy_helper.from_array(np.array([1])))
    n.op("Where", n.op("Equal", asked, n.op("Mul", ones, n.ints(-1))), ones, asked)
    n.op("Expand", kept, n.x), n.on("Flatten"), n.dense(18, 3)


@case(FLAT)
def hard_sigmoids(n):
    n.on("HardSigmoid"), n.dense(6, 4), n.on("HardSigmoid", alpha=1 / 6, beta=0.5), n.dense(4, 3)


@case(FLAT)
def least_numbers(n):
    n.on("Reshape", n.ints(-1, 2, 3)), n.on("ReduceMin", axes=[2], keepdims=0), n.dense(2, 3)


@case(FLAT)
def constants_joined(n):
    back = n.op("Range", n.tensor(2, np.int64), n.tensor(-1, np.int64), n.tensor(-1, np.int64))
    n.op("Concat", n.weights(2, 3), n.weights(4, 3), axis=0), n.op("MatMul", "x", n.x), n.on("Gather", back, axis=1)


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


@pytest.mark.parametrize("format", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", case)
def test_same_numbers(program, tmp_path, name, format):
    same_numbers(program, tmp_path, case[name], len(name), format)


def wrapped_integers(n):
    """What onnxruntime makes of an integer that 32 bits do not hold."""
    n.op("Cast", n.ints(2**32 + 1), to=TensorProto.INT32)
    n.op("Slice", "x", n.tensor([0], np.int32), n.x, n.tensor([1], np.int32))


def wrapped_products(n):
    n.op("Mul", n.tensor([641], np.int32), n.tensor([6700417], np.int32))
    n.op("Slice", "x", n.tensor([0], np.int32), n.x, n.tensor([1], np.int32))


def grown(n):
    """Forty constants, each twice as long as the one before."""
    n.x = n.ints(1)
    for _ in range(40):
        n.op("Concat", n.x, n.x, axis=0)
    n.op("Reshape", "x", n.x)


def images(n, *shape):
    n.op("Reshape", "x", n.ints(-1, *shape))


REFUSED = {
    "Cast": wrapped_integers,
    "Mul of": wrapped_products,
    "Concat": grown,
    "Slice": lambda n: n.on("Slice", n.ints(3, 2), n.ints(4, 4), n.ints(1, 1)),
    # onnxruntime pads as if there were no dilations, the standard does not.
    "MaxPool": lambda n: (images(n, 1, 6), n.on("MaxPool", kernel_shape=[2], strides=[3], dilations=[2], auto_pad="SAME_UPPER")),
    "Conv": lambda n: (images(n, 1, 6), n.on("Conv", n.weights(1, 1, 4), dilations=[6148914691236517205])),
    "AveragePool": lambda n: (images(n, 1, 2, 3), n.on("AveragePool", kernel_shape=[2**33] * 2, pads=[2**33, 2**33, 0, 0], strides=[2**40] * 2)),
    "Sigmoid": lambda n: (n.on("Sigmoid"), n.dense(6, 3)),
    "Tanh": lambda n: (n.on("Tanh"), n.dense(6, 3)),
    "Elu": lambda n: n.on("Elu"),
    "Softmax": lambda n: (n.on("Softmax"), n.dense(6, 3)),
    "Mul": lambda n: n.on("Mul", "x"),
    "MatMul": lambda n: (n.op("Reshape", "x", n.ints(1, 6, 1)), n.op("MatMul", "x", n.x)),
    "Div": lambda n: n.op("Div", n.weights(6), "x"),
    "Exp": lambda n: n.on("Exp"),
    "Sign": lambda n: n.on("Sign"),
    "ReduceProd": lambda n: n.on("ReduceProd", axes=[1]),
    "Where": lambda n: n.op("Where", n.op("Greater", "x", n.tensor(0.0)), "x", n.tensor(1.0)),
    "Resize": lambda n: (images(n, 1, 2, 3), n.on("Resize", "", n.tensor([1, 1, 1.5, 2], np.float32), mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")),
    # The standard and onnxruntime cut off on different sides.
    "ConvTranspose": lambda n: (images(n, 1, 2, 3), n.on("ConvTranspose", n.weights(1, 1, 2, 2), auto_pad="SAME_UPPER")),
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
    name = {"Softmax": "behind a Softmax", "Where": "operator Greater", "Mul of": "is not understood of these constants"}.get(kind, f"operator {kind} ")
    assert name in answer.stderr, answer.stderr
