"""What an ONNX graph computes in real arithmetic, node by node, with fractions: for the few operators that networks
with known answers are written with. It shares nothing with the program."""

from fractions import Fraction

import numpy as np
import onnx
from onnx import numpy_helper


def fractions(array) -> np.ndarray:
    return np.vectorize(lambda v: Fraction(float(v)), otypes=[object])(array)


def affine(rows, biases, x):
    """`W x + b` for the nonzero entries of each row."""
    return np.array([sum((w * x[j] for j, w in row if x[j]), b) for row, b in zip(rows, biases, strict=True)], object)


def nonzero(matrix):
    """Of each row the places and values of what is not 0."""
    return [[(j, Fraction(float(row[j]))) for j in np.flatnonzero(row)] for row in matrix]


class Exact:
    """A model with one input and one output, for one point at a time."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.tensors = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.nodes = list(graph.node)
        (self.input,) = (i.name for i in graph.input if i.name not in self.tensors)
        (self.output,) = (o.name for o in graph.output)
        self.inputs = graph.input[0].type.tensor_type.shape.dim[1].dim_value
        self.rows = {}
        for node in self.nodes:
            if node.op_type == "Gemm":
                assert {a.name: a.i for a in node.attribute} == {"transB": 1}
            elif node.op_type == "Conv":
                # The kernel covers all of what comes in, so that there is one place for it.
                assert [a.name for a in node.attribute] == ["kernel_shape"]
            elif node.op_type == "Flatten":
                assert [a.i for a in node.attribute] == [1]
            else:
                assert node.op_type in ("Relu", "Add", "Reshape") and not node.attribute, node.op_type
            if node.op_type in ("Gemm", "Conv"):
                weights = self.tensors[node.input[1]]
                biases = [Fraction(float(b)) for b in self.tensors[node.input[2]]]
                self.rows[node.output[0]] = nonzero(weights.reshape(len(weights), -1)), biases

    def __call__(self, x) -> list:
        values = {self.input: np.array([Fraction(float(v)) for v in x], object).reshape(1, -1)}
        for node in self.nodes:
            x = values[node.input[0]]
            if node.op_type in ("Gemm", "Conv"):
                if node.op_type == "Conv":
                    assert x.shape[1:] == self.tensors[node.input[1]].shape[1:], "a kernel with several places"
                y = affine(*self.rows[node.output[0]], x.ravel())
                y = y.reshape(1, -1, 1, 1) if node.op_type == "Conv" else y.reshape(1, -1)
            elif node.op_type == "Relu":
                y = np.array([max(v, Fraction(0)) for v in x.ravel()], object).reshape(x.shape)
            elif node.op_type == "Add":
                y = x + values[node.input[1]]
            elif node.op_type == "Flatten":
                y = x.reshape(1, -1)
            else:
                shape = [size or x.shape[at] for at, size in enumerate(self.tensors[node.input[1]])]
                y = x.reshape(shape)
            values[node.output[0]] = y
        return list(values[self.output].ravel())
