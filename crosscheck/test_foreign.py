"""Networks that others might write: chains of Gemm, MatMul, Add and Relu with weights that nobody chose."""

from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from attack import Attacker
from datasets import Dataset, random_data, write_csv
from effort import LONG
from network import Network


class Chain:
    """Puts an ONNX graph together, one node after the other."""

    def __init__(self, rng, features, format):
        self.rng, self.width, self.format = rng, features, format
        self.features, self.nodes, self.tensors = features, [], []
        self.value = "input"

    def _tensor(self, array):
        name = f"t{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(array, dtype=self.format), name))
        return name

    def _node(self, op, *inputs, **attributes):
        output = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.value, *inputs], [output], **attributes))
        self.value = output

    def _weights(self, outputs):
        weights = self.rng.normal(0, 1 / np.sqrt(self.width), (self.width, outputs))
        self.width = outputs
        return weights

    def gemm(self, outputs, *, transposed=False, bias=True):
        weights = self._weights(outputs)
        inputs = [self._tensor(weights.T if transposed else weights)]
        if bias:
            inputs.append(self._tensor(self.rng.normal(0, 0.3, outputs)))
        self._node("Gemm", *inputs, **({"transB": 1} if transposed else {}))

    def mat_mul(self, outputs):
        self._node("MatMul", self._tensor(self._weights(outputs)))

    def add(self, *, first=False):
        name = self._tensor(self.rng.normal(0, 0.3, self.width))
        self._node("Add", name)
        if first:
            self.nodes[-1].input[:] = [name, self.nodes[-1].input[0]]

    def relu(self):
        self._node("Relu")

    def flatten(self):
        self._node("Flatten")

    def model(self, shape=None):
        kind = TensorProto.FLOAT if self.format == np.float32 else TensorProto.DOUBLE
        graph = helper.make_graph(
            self.nodes,
            "foreign",
            [helper.make_tensor_value_info("input", kind, shape or ["N", self.features])],
            [helper.make_tensor_value_info(self.value, kind, ["N", self.width])],
            self.tensors,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def plain_gemm(c, classes):
    c.gemm(8), c.relu(), c.gemm(6), c.relu(), c.gemm(classes)


def transposed_gemm(c, classes):
    c.gemm(8, transposed=True), c.relu(), c.gemm(classes, transposed=True)


def gemm_without_bias(c, classes):
    c.gemm(10, bias=False), c.relu(), c.gemm(classes, transposed=True, bias=False)


def mat_mul_add(c, classes):
    c.mat_mul(8), c.add(), c.relu(), c.mat_mul(classes), c.add(first=True)


def mat_mul_alone(c, classes):
    c.mat_mul(8), c.relu(), c.mat_mul(classes)


def affine_after_affine(c, classes):
    c.gemm(7), c.gemm(9, transposed=True), c.relu(), c.mat_mul(5), c.add(), c.add(), c.mat_mul(classes)


def relu_at_the_end(c, classes):
    c.gemm(9), c.relu(), c.gemm(classes), c.relu()


def relu_first(c, classes):
    c.relu(), c.relu(), c.gemm(8), c.relu(), c.relu(), c.gemm(classes)


def add_first(c, classes):
    c.add(), c.relu(), c.mat_mul(9), c.relu(), c.gemm(classes)


def flatten_first(c, classes):
    c.flatten(), c.gemm(9), c.relu(), c.gemm(classes)


def only_affine(c, classes):
    c.gemm(classes)


SHAPES = [
    plain_gemm, transposed_gemm, gemm_without_bias, mat_mul_add, mat_mul_alone, affine_after_affine,
    relu_at_the_end, relu_first, add_first, flatten_first, only_affine,
]
FEATURES, CLASSES, SAMPLES = 3, 3, 24


@pytest.fixture(params=[(s, f, h) for s in SHAPES for f in (np.float32, np.float64) for h in ("logits", "scalar")],
                ids=lambda p: f"{p[0].__name__}-{p[1].__name__}-{p[2]}")
def foreign(request, tmp_path):
    """A random network, and samples whose labels are what onnxruntime says of them; a few have a wrong one."""
    shape, format, head = request.param
    rng = np.random.default_rng(7)
    while True:
        chain = Chain(rng, FEATURES, format)
        shape(chain, CLASSES if head == "logits" else 1)
        if head == "scalar":
            # Labels 1 to 3 should all occur.
            chain.tensors[-1].CopyFrom(shifted(chain.tensors[-1]))
        file = tmp_path / "foreign.onnx"
        # Images of one row, for what flattens.
        model = chain.model(["N", 1, FEATURES] if shape is flatten_first else None)
        onnx.save(model, file)
        network = Runner(file, shape is flatten_first, head)
        # Of the format, so that the ball of radius 0 has a point in it that can be run.
        x = random_data(int(rng.integers(1000)), SAMPLES, FEATURES, CLASSES)[0].astype(format).astype(np.float64)
        labels = network.labels(x)
        labels[:2] = (labels[:2] + 1) % CLASSES
        if len(set(labels[2:])) == CLASSES:
            break
    first = 0 if head == "logits" else 1
    return write_csv(tmp_path / "data.csv", x, labels + first), file, network


def shifted(tensor):
    """A last tensor that spreads a scalar over 1..3: a bias moves to 2, weights grow."""
    array = numpy_helper.to_array(tensor)
    array = array + 2 if array.ndim == 1 else 3 * array
    return numpy_helper.from_array(array.astype(array.dtype), tensor.name)


class Runner(Network):
    """Rows of features in, whatever shape the network takes; classes 0.. of logits, 1.. of a scalar."""

    def __init__(self, model, image=False, head="logits"):
        super().__init__(model, optimize=False)
        self.image = image
        self.default_classes = [str(c + (head == "scalar")) for c in range(CLASSES)]

    def outputs(self, points, batch=4096):
        points = np.asarray(points)
        return super().outputs(points[:, None] if self.image else points, batch)


def test_predictions_agree(program, foreign, tmp_path):
    data, file, network = foreign
    target = tmp_path / "labels.npy"
    answer = program("predict", file, data.path, "-o", target)
    assert answer.code == 0, answer.stderr
    names = np.array(network.default_classes)
    np.testing.assert_array_equal(np.load(target).astype(str), names[network.labels(data.x)])
    assert answer.json["correct"] == SAMPLES - 2


def test_certificates_and_refutations_hold(program, foreign):
    """From tiny to far too large: what is certified withstands, what is refuted fails in onnxruntime."""
    data, file, network = foreign
    seen = Counter()
    for radius in (0.0, 1e-6, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 5.0):
        # Where every ball fails, the search for points can take long, and a few samples show it.
        few = SAMPLES if LONG or radius < 1 else 3
        answer = program.certify(file, data.path, "--radius", repr(radius), "--limit", few)
        assert answer.code == 1, "two labels are wrong"
        asked = Dataset(data.x[:few], data.y[:few], data.path)
        attacker = Attacker(asked, np.full(few, radius), network.format, points=400)
        seen += attacker.judge(file.read_bytes(), answer, network=network, reals=False)
        first_two = {f["sample"]: f["verdict"] for f in answer.json["failures"] if f["sample"] < 2}
        assert first_two == {0: "misclassified", 1: "misclassified"}
    assert seen["certified samples"] >= 2 * SAMPLES
    assert seen["confirmed refutations"] >= 2 * 9


def test_one_network_for_every_sample_order(program, foreign, tmp_path):
    """Verdicts belong to samples, not to their place in the file."""
    data, file, network = foreign
    order = np.random.default_rng(0).permutation(SAMPLES)
    other = write_csv(tmp_path / "other.csv", data.x[order], [data.y[i] for i in order])
    verdicts = []
    for source in (data, other):
        answer = program.certify(file, source.path, "--radius", "0.05")
        failures = {f["sample"]: f["verdict"] for f in answer.json["failures"]}
        verdicts.append([failures.get(i, "certified") for i in range(SAMPLES)])
    certified = [v == "certified" for v in verdicts[0]]
    assert [v == "certified" for v in verdicts[1]] == [certified[i] for i in order]
