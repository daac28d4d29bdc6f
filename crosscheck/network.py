"""A written file as onnxruntime runs it, and as real arithmetic has it."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

onnxruntime.set_default_logger_severity(4)


class Network:
    """One ONNX model in onnxruntime, with what its metadata says."""

    def __init__(self, model, *, optimize=True):
        """`model`: a path or the bytes of a file. `optimize=False` starts faster."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        if not optimize:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        source = str(model) if isinstance(model, (str, Path)) else model
        self.session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        (self.input,) = self.session.get_inputs()
        self.format = np.float32 if self.input.type == "tensor(float)" else np.float64
        self.metadata = {
            key.removeprefix("indelible."): value
            for key, value in self.session.get_modelmeta().custom_metadata_map.items()
        }

        # What outputs mean in a file that does not say so; see `classes`.
        self.default_classes = [str(c) for c in range(self.session.get_outputs()[0].shape[-1])]

    @property
    def classes(self) -> list[str]:
        """The names of the classes; without any, logit c is class c."""
        return json.loads(self.metadata["classes"]) if "classes" in self.metadata else self.default_classes

    def radii(self, samples) -> np.ndarray:
        """The radius of every sample that the file claims."""
        if "radii" in self.metadata:
            return np.array([float(r) for r in self.metadata["radii"].split(",")])
        return np.full(samples, float(self.metadata["radius"]))

    def outputs(self, points, batch=4096) -> np.ndarray:
        points = np.ascontiguousarray(points, dtype=self.format)
        parts = [points[i : i + batch] for i in range(0, len(points), batch)]
        return np.concatenate([self.session.run(None, {self.input.name: part})[0] for part in parts])

    def labels(self, points) -> np.ndarray:
        """Positions in the list of classes; -1 for NaN."""
        return decide(self.outputs(points), len(self.classes))


def decide(outputs, classes) -> np.ndarray:
    """The label of each row of outputs: the largest logit, or the integer of 1..L nearest to a scalar."""
    outputs = np.asarray(outputs, dtype=np.float64)
    nan = np.isnan(outputs).any(axis=1)
    if outputs.shape[1] == 1:
        scalar = np.nan_to_num(outputs[:, 0], nan=0.0, posinf=1e300, neginf=-1e300)
        labels = np.clip(np.rint(scalar), 1, classes).astype(np.int64) - 1
    else:
        labels = np.argmax(np.where(np.isnan(outputs), -np.inf, outputs), axis=1)
    return np.where(nan, -1, labels)


def right_output(network: Network, label) -> np.ndarray:
    """What the theorem says of a ball of class `label`: its number, or minus the distance to each number."""
    classes = network.classes
    number = classes.index(label) + 1
    if network.session.get_outputs()[0].shape[-1] == 1:
        return np.array([number], dtype=network.format)
    return -np.abs(number - np.arange(1, len(classes) + 1)).astype(network.format)


def in_reals(model: onnx.ModelProto, points) -> np.ndarray:
    """Outputs in binary64, which stands for real arithmetic: for networks of moderate size and numbers
    it is within 1e-9 of it. Knows the two forms that the program writes, by the names it gives."""
    values = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in model.graph.initializer}
    x = np.asarray(points, dtype=np.float64)
    if "rows" in values:
        with np.errstate(over="ignore", invalid="ignore"):
            return stored_rows_in_reals(model, values, x)
    return layers_in_reals(values, x, [node for node in model.graph.node if node.op_type in ACTIVATIONS])


def leaky(x, node):
    return np.where(x < 0, next((a.f for a in node.attribute if a.name == "alpha"), float(np.float32(0.01))) * x, x)


# What a changed file may have in place of a ReLU.
ACTIVATIONS = {"Relu": lambda x, _: np.maximum(x, 0.0), "LeakyRelu": leaky, "Abs": lambda x, _: np.abs(x)}


def layers_in_reals(values, x, activations):
    depth = sum(name.startswith("W") for name in values)
    for layer in range(depth):
        x = x @ values[f"W{layer}"].T + values[f"b{layer}"]
        if layer + 1 < depth:
            x = ACTIVATIONS[activations[layer].op_type](x, activations[layer])
    return x


def stored_rows_in_reals(model, values, x):
    """The compact forms that compare with stored rows: maxima of scores, or levels by a Scan."""
    rows = values["rows"]
    if "levels" in values:
        rows = values["levels"][rows.astype(int)]
    if "hot" not in values:
        scores = x @ rows.T + values["biases"]
        ends = [int(values[f"end{c}"][0]) for c in range(sum(name.startswith("end") for name in values))]
        parts = np.split(scores, ends[:-1], axis=1)
        return np.maximum(np.stack([part.max(axis=1) for part in parts], axis=1), 0.0)
    scan = next(node for node in model.graph.node if node.op_type == "Scan")
    body = next(attribute.g for attribute in scan.attribute if attribute.name == "body")
    made_by = {node.output[0]: node for node in body.node}
    largest = any(node.op_type == "ReduceMax" for node in body.node)
    violations = made_by["measured"].op_type == "ReduceSum"
    if "minima" in values:
        x = np.maximum(x, values["minima"])
    total = np.zeros((len(x), values["hot"].shape[1]))
    for center, radius, top, scale, hot in zip(rows, *(values[k] for k in ("radii", "tops", "scales", "hot"))):
        size = np.abs(x - center)
        if violations:
            measured = np.maximum(size - radius, 0.0).sum(axis=1, keepdims=True)
        else:
            size = curve(values, size)
            distance = (size.max if largest else size.sum)(axis=1, keepdims=True)
            measured = np.maximum(distance - radius, 0.0)
        levels = np.maximum(top - scale * measured, 0.0) * hot
        total = total + levels if made_by[body.output[0].name].op_type == "Add" else np.maximum(total, levels)
    return layers_in_reals(values, total, [node for node in model.graph.node if node.op_type in ACTIVATIONS])


def curve(values, t):
    """A power of `t` by hinges or by teeth, where the form has one, else `t` itself."""
    if "knots" in values:
        return np.maximum(t[..., None] - values["knots"], 0.0) @ values["rises"][:, 0]
    if "inverse" not in values:
        return t
    part = rest = t * values["inverse"]
    for level in range(1, 1 + sum(name.startswith("share") for name in values)):
        tooth = np.minimum(2 * part, values["two"] - 2 * part)
        rest, part = rest - values[f"share{level}"] * tooth, np.maximum(tooth, 0.0)
    return np.maximum(rest, 0.0)
