"""Confronts what `certify` says of a file, sample by sample, with onnxruntime and with real arithmetic."""

from collections import Counter
from functools import cached_property

import numpy as np
import onnx

from network import Network, decide, in_reals
from points import ball_points, size_in

# Real arithmetic is done in binary64: a label counts as wrong when it is so by more than this share of
# the largest number.
DOUBT = 1e-9


class Attacker:
    """Hostile points of the balls of a dataset, kept for many files of one format."""

    def __init__(self, data, radii, format, *, norm="linf", points=250, seed=0):
        self.data, self.radii, self.format, self.norm = data, radii, format, norm
        self.count, self.seed = points, seed
        # A scalar without names means the classes in the order of the data, which is sorted.
        self.scalar_classes = sorted(set(data.y))
        self.points, self.owners = self.drawn(1, format, points)

    def drawn(self, which, format, count):
        """Points of every ball, in real numbers (`which` 0) or rounded (1), and the sample each belongs to."""
        rng = np.random.default_rng([self.seed, which])
        pieces = [
            ball_points(self.data, i, self.radii[i], format, self.norm, count, rng)[which]
            for i in range(len(self.data))
        ]
        return np.concatenate(pieces), np.repeat(np.arange(len(pieces)), [len(piece) for piece in pieces])

    @cached_property
    def reals(self):
        """The same in real numbers, which may lie between those of the format."""
        return self.drawn(0, np.float64, self.count // 4)

    def judge(self, file: bytes, answer, *, network=None, reals=True) -> Counter:
        """Asserts that no certified sample fails and every refutation is one; counts what it saw."""
        if answer.code == 2:
            return Counter(refused=1)
        data = self.data
        failures = {failure["sample"]: failure for failure in answer.json["failures"]}
        certified = np.array([i not in failures for i in range(len(data))])
        assert certified.sum() == answer.json["certified"]
        assert (answer.code == 0) == certified.all()
        seen = Counter({"all certified" if certified.all() else "not all certified": 1})
        seen["certified samples"] = int(certified.sum())
        # A misclassified sample is its own counterexample.
        wrong_ones = ("refuted", "misclassified")
        refuted = [failure for failure in failures.values() if failure["verdict"] in wrong_ones]
        seen["refuted samples"] = len(refuted)
        if not (certified.any() or refuted):
            return seen
        if network is None:
            network = Network(file, optimize=False)
            if network.session.get_outputs()[0].shape[-1] == 1:
                network.default_classes = self.scalar_classes
        own = np.array([network.classes.index(label) for label in data.y])
        outputs = network.outputs(self.points)
        wrong = (decide(outputs, len(network.classes)) != own[self.owners]) & certified[self.owners]
        if wrong.any():
            at = np.flatnonzero(wrong)[0]
            raise AssertionError(
                f"sample {self.owners[at]} is certified, but fails in onnxruntime at "
                f"{self.points[at].tolist()!r}: {outputs[at].tolist()!r}"
            )
        seen["points"] = int(certified[self.owners].sum())
        if reals and certified.any():
            self.judge_in_reals(file, network, own, certified)
        for failure in refuted:
            self.confirm(network, own, failure, seen)
        return seen

    def judge_in_reals(self, file, network, own, certified):
        points, owners = self.reals
        outputs = in_reals(onnx.load_from_string(file), points)
        doubt = DOUBT * max(1.0, np.abs(outputs).max())
        label = own[owners]
        if outputs.shape[1] == 1:
            last = len(network.classes) - 1
            distance = outputs[:, 0] - (label + 1)
            wrong = ((distance > 0.5 + doubt) & (label != last)) | ((distance < -0.5 - doubt) & (label != 0))
        else:
            right = np.take_along_axis(outputs, label[:, None], axis=1)
            wrong = (outputs > right + doubt).any(axis=1)
        wrong &= certified[owners]
        assert not wrong.any(), f"fails in real arithmetic at {points[wrong][0].tolist()!r}"

    def is_in_ball(self, sample, point, failure):
        distance = size_in(self.norm, point - self.data.x[sample])
        assert distance <= self.radii[sample] * (1 + 1e-12), f"not in the ball: {failure}"
        assert (point.astype(self.format) == point).all(), f"not of the format: {failure}"

    def confirm(self, network, own, failure, seen):
        """A refutation names a point of the ball that gets another label; onnxruntime may differ only
        where two labels are nearly tied, because it adds in another order."""
        sample = failure["sample"]
        if failure["verdict"] == "misclassified":
            point = self.data.x[sample].astype(self.format).astype(float)
        else:
            point = np.array(failure["point"])
            self.is_in_ball(sample, point, failure)
        outputs = network.outputs(point[None])
        if decide(outputs, len(network.classes))[0] != own[sample]:
            seen["confirmed refutations"] += 1
            return
        scale = max(1.0, np.abs(outputs).max())
        margin = (
            0.5 - abs(outputs[0, 0] - own[sample] - 1)
            if outputs.shape[1] == 1
            else np.diff(np.sort(outputs[0])[-2:])[0]
        )
        assert margin <= 1e-3 * scale, f"no failure in onnxruntime: {failure}: {outputs!r}"
        seen["refutations near a tie"] += 1
