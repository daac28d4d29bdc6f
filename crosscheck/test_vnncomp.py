"""Networks of public VNN-COMP benchmarks: the same numbers as onnxruntime, or a refusal by name."""

import numpy as np

from graphs import outputs_of, run_each


def test_benchmarks_are_read(program, tmp_path, vnncomp):
    import onnx

    read, refused = [], []
    for file in vnncomp:
        model = onnx.load(file)
        given = {tensor.name for tensor in model.graph.initializer}
        (input,) = [value for value in model.graph.input if value.name not in given]
        shape = [d.dim_value or "N" for d in input.type.tensor_type.shape.dim]
        sizes = shape[1:] if len(shape) > 1 else shape
        answer = program("inspect", file)
        if answer.code:
            assert "is not understood" in answer.stderr, answer.stderr
            refused.append((file.name, answer.stderr))
            continue
        read.append(file.name)
        points = np.random.default_rng(3).uniform(0, 1, (20, int(np.prod(sizes)))).astype(np.float32)
        # What reads `x` reads the input of any name.
        for node in model.graph.node:
            node.input[:] = ["x" if name == input.name else name for name in node.input]
        input.name = "x"
        expected = run_each(model.SerializeToString(), points, ["N" if len(shape) > 1 else shape[0], *shape[1:]])
        found, _ = outputs_of(program, tmp_path, file, points)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * (np.abs(expected).max() + 1), err_msg=file.name)
    print(len(read), "read;", refused)
    assert len(read) > len(refused)
