"""The smallest wrong answers of Marabou 2.0.0 that are known here: boxes without any condition on outputs, which every
point answers, called unsat.

Run by a Python with maraboupy, onnx and onnxruntime: python bench/verifiers/small_weights.py
"""

import contextlib
import io
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from maraboupy import Marabou

# `v relu(w x + b) + c` and the box of x.
CASES = {
    "relu(2^e x) on [2^-e, 2^(1-e)]": [(e, (2.0**e, 0, 1, 0), (2.0**-e, 2.0 ** (1 - e))) for e in (-20, -30, -40)],
    "1 - 2^-2e relu(-2^e) on [2^e, 2^(e+1)]": [
        (e, (0, -(2.0**e), -(2.0 ** (-2 * e)), 1), (2.0**e, 2.0 ** (e + 1))) for e in (-20, -26, -38)
    ],
}


def write(path, w, b, v, c):
    names = ["W0", "b0", "W1", "b1"]
    values = [[[w]], [b], [[v]], [c]]
    tensors = [numpy_helper.from_array(np.array(t, np.float32), n) for n, t in zip(names, values, strict=True)]
    nodes = [
        helper.make_node("Gemm", ["x", "W0", "b0"], ["a"], transB=1),
        helper.make_node("Relu", ["a"], ["h"]),
        helper.make_node("Gemm", ["h", "W1", "b1"], ["y"], transB=1),
    ]
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1]) for name in "xy")
    graph = helper.make_graph(nodes, "small", [x], [y], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, path)


def main():
    for name, cases in CASES.items():
        for e, numbers, (low, high) in cases:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "small.onnx"
                write(file, *numbers)
                network = Marabou.read_onnx(str(file))
            variable = network.inputVars[0].flatten()[0]
            network.setLowerBound(variable, low)
            network.setUpperBound(variable, high)
            with contextlib.redirect_stdout(io.StringIO()):
                answer, _, _ = network.solve(verbose=False, options=Marabou.createOptions(verbosity=0))
            print(f"{name}, e = {e}: {answer}")


if __name__ == "__main__":
    main()
