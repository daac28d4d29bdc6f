"""Marabou, a complete verifier, reaches the same verdicts from the same file.

Tolerances. Marabou works in binary64 with tolerances of about 1e-6 on constraints and 1e-9 on pivots; a
network with slopes of s turns an error of 1e-6 in a neuron into s·1e-6 per layer. The data here have
scale 1 and gaps for which s stays under 1e3, and what must not be reached is far away: inside the
certified radius the outputs are constant, a wrong logit is lower by 1 and a wrong label of a scalar is
1/2 away. So we ask for `wrong logit ≥ right logit − SLACK` and for scalars within SLACK of the wrong
label's interval: SLACK far above the tolerance makes `unsat` the stronger statement. Outside, the
radius exceeds half the separation by 1 % of it, and a point that Marabou names is run by onnxruntime.
"""

import contextlib
import io
import warnings

import numpy as np
import pytest

from datasets import random_data, write_csv
from network import Network, decide

pytest.importorskip("maraboupy", reason="maraboupy is not installed: it has no package for this Python")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from maraboupy import Marabou, MarabouCore
    from maraboupy.MarabouUtils import Equation

SLACK = 1e-2
BEYOND = 1.01


def inequality(terms, bound):
    """Σ coefficient · variable ≤ bound"""
    equation = Equation(MarabouCore.Equation.LE)
    for coefficient, variable in terms:
        equation.addAddend(coefficient, variable)
    equation.setScalar(bound)
    return equation


def wrong_label(outputs, classes, right, wrong, slack):
    """Inequalities that hold where `wrong` beats `right`, opened by `slack`."""
    if len(outputs) > 1:
        return [inequality([(1.0, outputs[right]), (-1.0, outputs[wrong])], slack)]
    (scalar,) = outputs
    number = wrong + 1
    sides = []
    if wrong > 0:
        sides.append(inequality([(-1.0, scalar)], slack - (number - 0.5)))
    if wrong + 1 < classes:
        sides.append(inequality([(1.0, scalar)], number + 0.5 + slack))
    return sides


def ask(file, x, radius, right, wrong, classes, slack):
    """Marabou's answer, and the point it names (None for unsat)."""
    network = Marabou.read_onnx(str(file))
    inputs = np.array(network.inputVars).flatten()
    outputs = np.array(network.outputVars).flatten()
    for variable, value in zip(inputs, x):
        network.setLowerBound(variable, value - radius)
        network.setUpperBound(variable, value + radius)
    for equation in wrong_label(outputs, classes, right, wrong, slack):
        network.addEquation(equation)
    options = Marabou.createOptions(verbosity=0, timeoutInSeconds=120)
    with contextlib.redirect_stdout(io.StringIO()):
        answer, values, _ = network.solve(verbose=False, options=options)
    return answer, np.array([values[v] for v in inputs]) if answer == "sat" else None


def outputs_near(file, x, radius):
    """Some point of a small box and the outputs that Marabou has there. A box of one point is lost to its
    tolerance now and then."""
    network = Marabou.read_onnx(str(file))
    inputs = np.array(network.inputVars).flatten()
    outputs = np.array(network.outputVars).flatten()
    for variable, value in zip(inputs, x):
        network.setLowerBound(variable, float(value) - radius)
        network.setUpperBound(variable, float(value) + radius)
    options = Marabou.createOptions(verbosity=0, timeoutInSeconds=120)
    with contextlib.redirect_stdout(io.StringIO()):
        answer, values, _ = network.solve(verbose=False, options=options)
    assert answer == "sat"
    return np.array([values[v] for v in inputs]), np.array([values[v] for v in outputs])


def build(program, folder, shape, *options):
    """A network and the radius of every sample."""
    seed, samples, features, classes = shape
    data = write_csv(folder / "data.csv", *random_data(seed, samples, features, classes))
    file = folder / "net.onnx"
    program.build(data.path, file, "--construction", "yu2024-linf", "--form", "dense", *options)
    return data, file, Network(file).radii(samples)


# seed, samples, features, classes
SHAPES = [
    (1, 4, 2, 2), (2, 4, 3, 3), (3, 5, 2, 3), (4, 4, 4, 2), (5, 6, 2, 4), (6, 8, 3, 3), (7, 10, 2, 5), (8, 12, 4, 3),
]
OPTIONS = {
    "ratio 0.9": ("--ratio", "0.9"),
    "ratio 0.5": ("--ratio", "0.5"),
    "ratio 0.98": ("--ratio", "0.98"),
    "own radii": ("--per-sample",),
    "f64": ("--precision", "f64"),
}


# Every construction in every norm it takes, and whether it has a scalar head for these data.
CONSTRUCTIONS = [
    ("cells", "linf", True), ("pipelined", "linf", True), ("pipelined", "l1", True), ("wide", "linf", False),
    ("wide", "l1", False), ("yu2024-lipschitz", "linf", True), ("lipschitz", "linf", True), ("lipschitz", "l1", True),
    ("nearest", "linf", False), ("nearest", "l1", False), ("nearest", "l2", False), ("yu2024-l1", "l1", True),
    ("yu2024-lp", "l2", True),
]


@pytest.mark.parametrize("head", ["scalar", "logits"])
@pytest.mark.parametrize("construction", CONSTRUCTIONS, ids=lambda c: "-".join(c[:2]))
def test_every_construction(program, tmp_path, construction, head):
    """No wrong label in the largest box inside the ball, the right one at its center, and the outputs that
    Marabou's propagation gives are those of onnxruntime."""
    name, norm, scalar = construction
    if head == "scalar" and not scalar:
        return
    x, y = random_data(21, 4, 2, 2)
    data = write_csv(tmp_path / "data.csv", x, y)
    file = tmp_path / "net.onnx"
    options = ("--construction", name, "--norm", norm, "--head", head, "--form", "dense", "--ratio", "0.8")
    built = program("build", data.path, "-o", file, *options, "--no-certify")
    assert built.code == 0, built.stderr
    network = Network(file)
    inside = {"linf": 1.0, "l1": 2.0, "l2": 2.0**0.5}[norm] * (1 + 1e-9)
    radius = network.radii(len(data))[0] / inside
    names = network.classes
    for point, label in zip(data.x, data.y):
        right = names.index(label)
        # Scores of distances lead by less than a whole label.
        least = 1e-5 if name in ("lipschitz", "yu2024-lipschitz", "nearest") else SLACK
        answer, found = ask(file, point, radius, right, 1 - right, len(names), -least)
        assert answer == "unsat", (point, label, answer, found)
        answer, _ = ask(file, point, 0.0, 1 - right, right, len(names), -least)
        assert answer == "sat", (point, label)
    points = data.x.astype(network.format)
    for point in points:
        at, given = outputs_near(file, point, 1e-4)
        outputs = network.outputs(at[None])[0]
        np.testing.assert_allclose(given, outputs, atol=1e-3 * max(1.0, np.abs(outputs).max()))


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("head", ["scalar", "logits"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_no_wrong_label_within_the_radius(program, tmp_path, shape, head, options):
    data, file, radii = build(program, tmp_path, shape, "--head", head, *OPTIONS[options])
    names = Network(file).classes
    for x, y, radius in zip(data.x, data.y, radii):
        right = names.index(y)
        for wrong in set(range(len(names))) - {right}:
            answer, point = ask(file, x, radius, right, wrong, len(names), SLACK)
            assert answer == "unsat", (x, y, names[wrong], answer, point)


@pytest.mark.parametrize("head", ["scalar", "logits"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_right_label_is_reached(program, tmp_path, shape, head):
    """So that `unsat` above does not come from a question that nothing answers."""
    data, file, radii = build(program, tmp_path, shape, "--head", head)
    names = Network(file).classes
    for x, y, radius in zip(data.x, data.y, radii):
        right = names.index(y)
        other = (right + 1) % len(names)
        answer, _ = ask(file, x, radius, other, right, len(names), -SLACK)
        assert answer == "sat"


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("head", ["scalar", "logits"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_counterexample_beyond_half_the_separation(program, tmp_path, shape, head, options):
    """The two balls meet there, so one of the two samples must fail."""
    data, file, _ = build(program, tmp_path, shape, "--head", head, *OPTIONS[options])
    network = Network(file)
    names = network.classes
    distance, *pair = data.closest_pair()
    radius = distance / 2 * BEYOND
    confirmed = []
    for sample in pair:
        right = names.index(data.y[sample])
        for wrong in set(range(len(names))) - {right}:
            answer, point = ask(file, data.x[sample], radius, right, wrong, len(names), -SLACK)
            assert answer in ("sat", "unsat")
            if answer == "sat":
                # Marabou's point satisfies its bounds up to its tolerance.
                assert np.abs(point - data.x[sample]).max() <= radius + 1e-5
                confirmed.append(decide(network.outputs(point[None]), len(names))[0] != right)
    assert confirmed and all(confirmed), (pair, confirmed)
