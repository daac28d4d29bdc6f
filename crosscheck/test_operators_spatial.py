"""Convolutions, pooling and padding of files of others, against onnxruntime on random points."""

import numpy as np
import pytest

from graphs import Cases, same_numbers

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


@pytest.mark.parametrize("format", [np.float32, np.float64], ids=["f32", "f64"])
@pytest.mark.parametrize("name", case)
def test_same_numbers(program, tmp_path, name, format):
    same_numbers(program, tmp_path, case[name], len(name), format)
