"""What exporters make of networks: tails that change no label, weights in other files, conventions of torch and
Keras. Networks of scikit-learn are in `test_sklearn`."""

import gzip

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from graphs import Net, outputs_of, run_each


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


def by_half(format, both=False):
    """A network that ends in a Sigmoid of one number, as Keras and torch export it, or as skl2onnx does."""
    net = Net(["N", 6], format)
    net.dense(6, 8), net.on("Relu"), net.dense(8, 1)
    yes = net.on("Sigmoid")
    if both:
        no = net.op("Sub", net.tensor([1.0]), yes)
        net.op("Concat", no, yes, axis=1)
    return net


@pytest.mark.parametrize("both", (False, True))
@pytest.mark.parametrize("format", (np.float32, np.float64))
def test_a_sigmoid_of_one_number_is_two_classes(program, tmp_path, format, both):
    net = by_half(format, both)
    file = tmp_path / "net.onnx"
    onnx.save(net.model(), file)
    points = net.rng.normal(size=(300, 6)).astype(format)
    found = run_each(net.model().SerializeToString(), points, ["N", 6])
    labels = (found[:, -1] > 0.5).astype(int)
    assert 30 < labels.sum() < 270
    np.save(tmp_path / "x.npy", points)
    np.save(tmp_path / "y.npy", labels)
    answer = program("predict", file, tmp_path / "x.npy", "--labels", tmp_path / "y.npy")
    assert answer.code == 0 and answer.json["accuracy"] == 1.0 and "Sigmoid" in answer.json["left_out"][0]
    answer = program("certify", file, tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--radius", 0.02)
    assert answer.json["certified"] > 200
    # Labels that are words are classes in their order; other numbers are none.
    words = tmp_path / "words.txt"
    words.write_text("".join(f"{'no yes'.split()[label]}\n" for label in labels))
    answer = program("predict", file, tmp_path / "x.npy", "--labels", words)
    assert answer.json["accuracy"] == 1.0
    np.save(tmp_path / "y.npy", 2 * labels)
    assert program("predict", file, tmp_path / "x.npy", "--labels", tmp_path / "y.npy").code == 2


@pytest.mark.parametrize("tail", ["Softmax", "LogSoftmax", "ArgMax"])
def test_of_one_number_nothing_is_the_largest(program, tmp_path, tail):
    """A Softmax of one number is 1: what is in front of it is neither a value nor a label."""
    net = Net(["N", 6])
    net.dense(6, 1), net.on(tail, axis=1)
    if tail == "ArgMax":
        net.outputs = [helper.make_tensor_value_info(net.x, TensorProto.INT64, None)]
    onnx.save(net.model(), tmp_path / "net.onnx")
    answer = program("inspect", tmp_path / "net.onnx")
    assert answer.code == 2 and f"operator {tail}" in answer.stderr and "of one number" in answer.stderr, answer.stderr


@pytest.mark.parametrize("format", (np.float32, np.float64))
def test_nothing_is_proved_where_the_sigmoid_is_one_half(program, tmp_path, format):
    """`z = x`: what is certified, onnxruntime's Sigmoid is on that side of one half, strictly."""
    net = Net(["N", 1], format)
    net.on("Gemm", net.tensor([[1.0]]), net.tensor([0.0])), net.on("Sigmoid")
    file = tmp_path / "net.onnx"
    onnx.save(net.model(), file)
    tiny = 2.0 ** -np.arange(1, 40)
    z = np.concatenate([tiny, -tiny, np.nextafter(2.0**-18, [0, 1]), [0, 1e-30, -1e-30]]).astype(format)[:, None]
    half = run_each(net.model().SerializeToString(), z, ["N", 1])[:, 0]
    np.save(tmp_path / "x.npy", z)
    for side, right in ((1, half > 0.5), (0, half < 0.5)):
        (tmp_path / "y.txt").write_text(f"{side}\n" * len(z))
        answer = program("certify", file, tmp_path / "x.npy", "--labels", tmp_path / "y.txt", "--radius", 0)
        verdicts = np.array([verdict == "certified" for verdict in answer.json["sample_verdicts"]])
        assert not (verdicts & ~right).any() and verdicts.sum() >= 15
        assert (verdicts == (np.abs(z[:, 0]) > 2.0**-18) & right).all()


@pytest.mark.parametrize("tail", ("Softmax", "LogSoftmax"))
@pytest.mark.parametrize("format", (np.float32, np.float64))
def test_nothing_is_said_where_a_softmax_may_tie(program, tmp_path, format, tail):
    """Logits `(0, x, -1)`: what is certified leads in onnxruntime's probabilities, what is misclassified loses there."""
    net = Net(["N", 1], format)
    net.on("Gemm", net.tensor([[0.0, 1.0, 0.0]]), net.tensor([0.0, 0.0, -1.0]))
    net.on(tail, axis=1)
    file = tmp_path / "net.onnx"
    onnx.save(net.model(), file)
    tiny = 2.0 ** -np.arange(1, 40)
    z = np.concatenate([tiny, -tiny, np.nextafter(2.0**-18, [0, 1]), -np.nextafter(2.0**-18, [0, 1]), [0, 1e-30]])
    z = np.unique(z.astype(format))[:, None]
    p = run_each(net.model().SerializeToString(), z, ["N", 1])
    assert (p[:, 0] == p[:, 1]).sum() > 1
    np.save(tmp_path / "x.npy", z)
    near = np.abs(z[:, 0]) <= 2.0**-18
    for label in (0, 1):
        (tmp_path / "y.txt").write_text(f"{label}\n" * len(z))
        answer = program("certify", file, tmp_path / "x.npy", "--labels", tmp_path / "y.txt", "--radius", 0)
        verdicts = np.array(answer.json["sample_verdicts"])
        leads = p[:, label] > p[:, 1 - label]
        assert ((verdicts == "undecided") == near).all()
        assert ((verdicts == "certified") == (leads & ~near)).all() and (verdicts == "certified").sum() >= 15
        assert ((verdicts == "misclassified") == ((p[:, label] < p[:, 1 - label]) & ~near)).all()
        answer = program("predict", file, tmp_path / "x.npy", "--labels", tmp_path / "y.txt")
        assert answer.json["ties"] == near.sum()
    # A ball that reaches beyond the tie is not refuted by a point at which nothing is decided.
    (tmp_path / "y.txt").write_text("1\n" * len(z))
    answer = program("certify", file, tmp_path / "x.npy", "--labels", tmp_path / "y.txt", "--radius", 2.0**-19)
    verdicts = np.array(answer.json["sample_verdicts"])
    assert not (verdicts[np.abs(z[:, 0]) <= 2.0**-19] == "refuted").any()
    answer = program("certify", file, tmp_path / "x.npy", "--labels", tmp_path / "y.txt", "--radius", 2.0**-10)
    assert (np.array(answer.json["sample_verdicts"])[near] == "refuted").all()


def test_an_argmax_over_something_else_is_no_label(program, tmp_path):
    """Behind a Reshape to a column the largest of each row is number 0."""
    net = Net(["N", 6])
    net.dense(6, 4), net.on("Softmax", axis=1), net.on("Reshape", net.ints(4, 1)), net.on("ArgMax", axis=1)
    net.outputs = [helper.make_tensor_value_info(net.x, TensorProto.INT64, None)]
    onnx.save(net.model(), tmp_path / "net.onnx")
    assert "along axis 1 of [4, 1]" in program("inspect", tmp_path / "net.onnx").stderr


@pytest.mark.parametrize("axis, shape", [(1, [1, 4, 1]), (2, [1, 1, 4]), (-1, [1, 1, 4])])
def test_softmax_of_rank_three(program, tmp_path, axis, shape):
    net = Net(["N", 6])
    net.dense(6, 4), net.on("Reshape", net.ints(-1, *shape[1:])), net.on("Softmax", axis=axis)
    net.on("Transpose", perm=[0, 2, 1]), net.on("Flatten")
    onnx.save(net.model(), tmp_path / "net.onnx")
    points = net.rng.normal(size=(50, 6)).astype(np.float32)
    found, _ = outputs_of(program, tmp_path, tmp_path / "net.onnx", points)
    expected = run_each(net.model().SerializeToString(), points, ["N", 6])
    np.testing.assert_array_equal(found.argmax(axis=1), expected.argmax(axis=1))


def test_functions_of_a_model(program, tmp_path):
    """Calls within calls, an attribute that a call gives and one that it does not, an input that is left out."""
    net = Net(["N", 6])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["y"]), helper.make_node("LeakyRelu", ["y"], ["z"])]
    given = nodes[1].attribute.add()
    given.name, given.ref_attr_name, given.type = "alpha", "slope", onnx.AttributeProto.FLOAT
    layer = helper.make_function("own", "Layer", ["x", "w", "b"], ["z"], nodes, opsets[:1], ["slope"])
    calls = [
        helper.make_node("Layer", ["x", "w", ""], ["y"], domain="own", slope=0.25),
        helper.make_node("Layer", ["y", "v", "b"], ["z"], domain="own"),
    ]
    block = helper.make_function("own", "Block", ["x", "w", "v", "b"], ["z"], calls, opsets)
    net.on("Block", net.weights(6, 5), net.weights(5, 4), net.weights(4), domain="own")
    net.on("Block", net.weights(4, 5), net.weights(5, 3), net.weights(3), domain="own")
    model = net.model()
    model.opset_import.append(opsets[1])
    model.functions.extend([layer, block])
    file = tmp_path / "net.onnx"
    onnx.save(model, file)
    points = net.rng.normal(size=(40, 6)).astype(np.float32)
    expected = run_each(model.SerializeToString(), points, ["N", 6])
    np.testing.assert_allclose(outputs_of(program, tmp_path, file, points)[0], expected, rtol=1e-5, atol=1e-5)
    # One that calls itself has no end.
    del model.functions[:]
    again = helper.make_node("Block", ["x", "w", "v", "b"], ["z"], domain="own")
    model.functions.append(helper.make_function("own", "Block", ["x", "w", "v", "b"], ["z"], [again], opsets))
    onnx.save(model, file)
    assert "do not end" in program("inspect", file).stderr


def test_empty_parts_take_no_memory(program, tmp_path):
    """Ten million tensors of two bytes each, which gzip makes a file of 20 KB of."""
    import resource

    file = tmp_path / "net.onnx.gz"
    parts = b"\x2a\x00" * 10_000_000
    file.write_bytes(gzip.compress(b"\x3a" + varint(len(parts)) + parts))
    answer = program("inspect", file)
    assert answer.code == 2 and "more than 1048576 nodes" in answer.stderr, answer.stderr
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 1 << 21


def varint(number):
    digits = [number >> shift & 127 for shift in range(0, 63, 7)]
    while digits[-1] == 0:
        digits.pop()
    return bytes([digit | 128 for digit in digits[:-1]] + digits[-1:])


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


# What torch writes, new and old: node by node, as its files have them.


def torch_new_flatten(n):
    """`torch.export`: a batch of one, `nn.Flatten` as Reshape to [1, 784], dense layers as Gemm of transposed weights."""
    n.on("Reshape", n.ints(1, 784), allowzero=1)
    n.on("Gemm", n.weights(16, 784), n.weights(16), transB=1, alpha=1.0, beta=1.0), n.on("Relu")
    n.on("Gemm", n.weights(3, 16), n.weights(3), transB=1, alpha=1.0, beta=1.0)


def torch_new_dropout_and_identity(n):
    n.on("Reshape", n.ints(1, 784), allowzero=1), n.on("Identity")
    n.on("Gemm", n.weights(8, 784), n.weights(8), transB=1), n.on("Relu"), n.on("Identity")
    n.on("Gemm", n.weights(3, 8), n.weights(3), transB=1)


def torch_old_batch_norm(n):
    """The old exporter shares weights between layers by Identity."""
    n.on("Flatten", axis=1)
    n.on("Gemm", n.weights(8, 784), n.weights(8), transB=1)
    shared = n.positive(8)
    kept, weights = n.x, []
    for _ in range(4):
        weights.append(n.op("Identity", shared))
    n.op("BatchNormalization", kept, *weights, epsilon=1e-5, momentum=0.9), n.on("Relu")
    n.on("Gemm", n.weights(3, 8), n.weights(3), transB=1)


def torch_old_constants(n):
    """Constants as nodes, a shape that is computed, Unsqueeze of a number of it."""
    n.op("Shape", "x")
    n.op("Gather", n.x, n.tensor(0, np.int64), axis=0), n.op("Unsqueeze", n.x, n.ints(0))
    n.op("Concat", n.x, n.ints(-1), axis=0), n.op("Reshape", "x", n.x)
    flat = n.x
    mean = n.op("Constant", value=helper.make_tensor("c", TensorProto.FLOAT, [], [0.1307]))
    n.op("Sub", flat, mean)
    n.on("Gemm", n.weights(4, 784), n.weights(4), transB=1), n.on("Relu"), n.on("Gemm", n.weights(3, 4), n.weights(3), transB=1)


def half_weights_with_casts(n):
    """Weights of float16, each through a Cast."""
    n.on("Flatten", axis=1)
    flat = n.x
    weights = n.op("Cast", n.tensor(n.rng.normal(0, 0.05, (784, 6)), np.float16), to=TensorProto.FLOAT)
    biases = n.op("Cast", n.tensor(n.rng.normal(0, 1, 6), np.float16), to=TensorProto.FLOAT)
    n.op("Gemm", flat, weights, biases), n.on("Relu"), n.on("Gemm", n.weights(6, 3), n.weights(3))


def keras_channels_last(n):
    """tf2onnx: images of [N, 28, 28, 1], transposed for a Conv, and bias by Add."""
    n.on("Transpose", perm=[0, 3, 1, 2]), n.on("Conv", n.weights(2, 1, 3, 3), strides=[3, 3], auto_pad="VALID")
    n.on("Add", n.weights(1, 2, 1, 1)), n.on("Relu"), n.on("Transpose", perm=[0, 2, 3, 1])
    n.on("Reshape", n.ints(-1, 162)), n.on("MatMul", n.weights(162, 3)), n.on("Add", n.weights(3))


EXPORTED = {
    torch_new_flatten: (1, 1, 28, 28),
    torch_new_dropout_and_identity: (1, 1, 28, 28),
    torch_old_batch_norm: ("N", 1, 28, 28),
    torch_old_constants: ("N", 1, 28, 28),
    half_weights_with_casts: ("N", 1, 28, 28),
    keras_channels_last: ("N", 28, 28, 1),
}


@pytest.mark.parametrize("external", [False, True], ids=["one file", "external data"])
@pytest.mark.parametrize("build", EXPORTED, ids=lambda build: build.__name__)
def test_conventions_of_exporters(program, tmp_path, build, external):
    shape = list(EXPORTED[build])
    net = Net(shape, opset=18 if "new" in build.__name__ else 14)
    build(net)
    model = net.model()
    points = net.rng.uniform(0, 1, (20, 784)).astype(np.float32)
    expected = run_each(model.SerializeToString(), points, shape)
    file = tmp_path / "net.onnx"
    if external:
        onnx.save(model, file, save_as_external_data=True, location="net.onnx.data", size_threshold=100)
        assert (tmp_path / "net.onnx.data").exists()
    else:
        onnx.save(model, file)
    found, _ = outputs_of(program, tmp_path, file, points)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
