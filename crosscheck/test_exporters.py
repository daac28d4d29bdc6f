"""Files that exporters of today have written (`data/exporters/make.py`): read, with the numbers of onnxruntime, and
certified."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from graphs import outputs_of

FILES = sorted((Path(__file__).parent / "data" / "exporters").glob("*.onnx"))


def test_there_are_files():
    assert len(FILES) >= 20


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_files_of_exporters(program, tmp_path, file):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    (start,) = session.get_inputs()
    shape = [1, *start.shape[1:]]
    points = np.random.default_rng(1).uniform(0, 1, (20, int(np.prod(shape)))).astype(np.float32)
    expected = np.stack([session.run(None, {start.name: point.reshape(shape)})[0].ravel() for point in points])
    found, answer = outputs_of(program, tmp_path, file, points)
    assert found.shape == expected.shape
    # What stands behind the logits is left out, so only the order of outputs is compared there.
    left = answer.json.get("left_out", [])
    assert len(left) == ("softmax" in file.stem), left
    if not left:
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * (np.abs(expected).max() + 1))
    labels = expected.argmax(axis=1)
    np.testing.assert_array_equal(found.argmax(axis=1), labels)
    if expected.shape[1] == 1:
        answer = program("predict", file, tmp_path / "points.npy", "-o", tmp_path / "values.npy")
        assert answer.code == 0 and answer.json["values"] == [found.min(), found.max()], answer.stderr
        return
    # Every point that is not near a border keeps its label within a tiny radius.
    runner_up, most = np.sort(expected, axis=1)[:, -2:].T
    clear = most - runner_up > 0.005
    assert clear.any()
    np.savez(tmp_path / "data.npz", X=points[clear], y=labels[clear])
    certified = program("certify", file, tmp_path / "data.npz", "--radius", "1e-5")
    assert certified.json["certified"] == clear.sum(), certified.json
