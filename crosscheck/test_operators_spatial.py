"""Convolutions, pooling and padding of files of others, against onnxruntime on random points."""

import numpy as np
import onnx
import pytest

from graphs import Cases, Net, outputs_of, points_of, same_numbers

case = Cases()


@case(("N", 1, 2, 3))
def images_divided(n):
    n.on("Sub", n.tensor(0.1307)), n.on("Div", n.tensor(0.3081)), n.on("Flatten"), n.dense(6, 4), n.on("Relu"), n.dense(4, 3)


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


@case(("N", 2, 3, 4), opsets=(18, 19))
def padding_along_axes(n):
    n.on("Pad", n.ints(1, 0, 2, 1), n.weights(), n.ints(-1, 2)), n.on("Flatten"), n.dense(56, 2)


@case(("N", 2, 3, 4), opsets=(11, 17, 19))
def padding_by_what_is_there(n):
    n.on("Pad", n.ints(0, 0, 2, 1, 0, 0, 1, 3), mode="reflect"), n.on("Relu"), n.on("Pad", n.ints(0, 1, 2, 0, 0, 0, 1, 4), mode="edge")
    n.on("Pad", n.ints(0, 0, -2, 1, 0, 0, -1, -3), n.tensor(0.5))
    if n.opset == 19:
        n.on("Pad", n.ints(0, 0, 1, 0, 0, 0, 2, 1), mode="wrap")
    n.on("Flatten"), n.on("ReduceSum", n.ints(1)) if n.opset > 11 else n.on("Relu")


@case(("N", 2, 8, 7), ("N", 1, 9, 6), opsets=(11, 17))
def pools_that_go_on(n):
    n.on("MaxPool", kernel_shape=[3, 2], strides=[2, 3], pads=[1, 0, 0, 1], ceil_mode=1), n.on("Relu")
    n.on("AveragePool", kernel_shape=[2, 2], strides=[3, 2], pads=[0, 1, 1, 1], ceil_mode=1), n.on("Flatten")


@case(("N", 2, 3, 4), opsets=(13, 17))
def repeated_pixels(n):
    n.on("Resize", "", n.tensor([1, 1, 2, 3], np.float32), mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")
    n.on("Relu"), n.on("Resize", "", "", n.ints(1, 2, 12, 12), mode="nearest"), n.on("Flatten")


@case(("N", 2, 3, 4), opsets=(9,))
def repeated_pixels_of_old(n):
    n.on("Upsample", n.tensor([1, 1, 2, 3], np.float32), mode="nearest"), n.on("Flatten")


@case(("N", 2, 3, 4))
def transposed_convolutions(n):
    n.on("ConvTranspose", n.weights(2, 3, 3, 2), n.weights(3), strides=[2, 3], pads=[1, 0, 0, 2], output_padding=[1, 0]), n.on("Relu")
    n.on("ConvTranspose", n.weights(3, 2, 2, 2), dilations=[2, 1]), n.on("Add", n.weights(2, 1, 1)), n.on("Relu")
    n.on("ConvTranspose", n.weights(2, 2, 1, 3), n.weights(4), group=2, kernel_shape=[1, 3], strides=[1, 2], auto_pad="VALID")
    n.on("GlobalMaxPool"), n.on("Flatten")


@case(("N", 2, 5), opsets=(7, 11, 17))
def transposed_convolution_1d(n):
    n.on("ConvTranspose", n.weights(2, 3, 4), n.weights(3), strides=[3], pads=[2, 1]), n.on("Relu"), n.on("Flatten"), n.dense(39, 3)


@pytest.mark.parametrize("side", ("SAME_UPPER", "SAME_LOWER"))
def test_dilations_with_auto_pad(program, tmp_path, side):
    """onnxruntime refuses these; the reference of the standard does not."""
    from onnx.reference import ReferenceEvaluator

    net = Net(["N", 1, 9, 8])
    net.on("Conv", net.weights(2, 1, 3, 2), auto_pad=side, strides=[2, 1], dilations=[2, 3]), net.on("Flatten")
    onnx.save(net.model(), tmp_path / "net.onnx")
    points, sizes = points_of(net.shape, np.float32, net.rng)
    reference = ReferenceEvaluator(net.model())
    expected = np.stack([reference.run(None, {"x": point.reshape(1, *sizes)})[0].ravel() for point in points])
    found, _ = outputs_of(program, tmp_path, tmp_path / "net.onnx", points)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("format", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", case)
def test_same_numbers(program, tmp_path, name, format):
    same_numbers(program, tmp_path, case[name], len(name), format)
