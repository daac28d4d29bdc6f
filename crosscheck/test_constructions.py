"""Every construction in every norm it takes, in onnxruntime: the right label on the hardest points of
every ball, the compact form says what the dense one says, and `predict` agrees with both."""

import numpy as np
import onnx
import pytest

from datasets import digits, iris, random_data, write_csv, write_idx, write_npz
from effort import LONG, rounds
from network import Network, decide
from points import ball_points
from test_onnxruntime import predicted

# construction, norm, whether it takes one radius per sample, whether it has a scalar head, whether for
# two labels only.
ALL = [
    ("yu2024-linf", "linf", True, True, False),
    ("cells", "linf", True, True, False),
    ("cells", "l1", True, True, False),
    ("cells", "l2", True, True, False),
    ("cells", "l3", True, True, False),
    ("pipelined", "linf", True, True, False),
    ("pipelined", "l1", True, True, False),
    ("li2022", "l2", True, False, True),
    ("li2022", "linf", True, False, True),
    ("wide", "linf", True, False, False),
    ("wide", "l1", True, False, False),
    ("yu2024-lipschitz", "linf", False, True, True),
    ("lipschitz", "linf", False, False, False),
    ("lipschitz", "l1", False, False, False),
    ("lipschitz", "linf", False, True, True),
    ("nearest", "linf", True, False, False),
    ("nearest", "l1", True, False, False),
    ("nearest", "l2", True, False, False),
    ("condensed", "l2", True, False, False),
    ("projected", "l2", False, False, False),
    ("yu2024-l1", "l1", True, True, False),
    ("yu2024-lp", "l2", True, True, False),
    ("yu2024-lp", "l3", True, True, False),
    ("yu2024-lp", "l1.5", True, True, False),
]


@pytest.fixture(params=ALL, ids=lambda c: f"{c[0]}-{c[1]}" + ("-two" if c[4] else ""))
def construction(request):
    return request.param


def build(program, data, file, name, norm, form, *options):
    """Intervals may leave balls of a dense file undecided; what compares with stored rows must be proved."""
    proof = ("--no-certify",) if form == "dense" else ()
    answer = program(
        "build", data.path, "-o", file, "--construction", name, "--norm", norm, "--form", form, *options, *proof
    )
    assert answer.code == 0, answer.stderr
    onnx.checker.check_model(str(file), full_check=True)
    return answer.json


def check(program, data, folder, construction, *options, points=120, samples=None):
    name, norm, *_ = construction
    rng = np.random.default_rng(0)
    chosen = range(len(data)) if samples is None else rng.choice(len(data), samples, replace=False)
    given = []
    for form in ("compact", "dense"):
        file = folder / f"{form}.onnx"
        report = build(program, data, file, name, norm, form, *options)
        network = Network(file)
        if form == "compact":
            assert report["certified"] == len(data)
            answer = program.certify(file, data.path, "--norm", norm)
            assert answer.code == 0, answer.stderr
            margin = answer.json["smallest_margin"]
            assert margin["margin"] > 0
            chosen = sorted({*chosen, margin["sample"]})
        radii = network.radii(len(data))
        rng = np.random.default_rng(1)
        asked = []
        for i in chosen:
            _, hostile = ball_points(data, i, radii[i], network.format, norm, points, rng)
            outputs = network.outputs(hostile)
            right = network.classes.index(data.y[i])
            wrong = np.flatnonzero(decide(outputs, len(network.classes)) != right)
            assert len(wrong) == 0, f"{form}: sample {i} fails at {hostile[wrong[0]]!r}: {outputs[wrong[0]]!r}"
            asked.append(hostile)
            if form == "compact" and i == margin["sample"] and outputs.shape[1] > 1:
                others = np.delete(outputs.astype(np.float64), right, axis=1)
                lead = outputs[:, right].astype(np.float64) - others.max(axis=1)
                assert lead.min() >= margin["margin"]
        # Above the minima also where no ball is; below, clipping may act.
        low, high = data.x.min(axis=0), data.x.max(axis=0)
        outside = rng.uniform(low, high + 0.5 * (high - low) + 1e-9, (400, data.x.shape[1])).astype(network.format)
        points_asked = np.concatenate([*asked, outside])
        outputs = network.outputs(points_asked)
        # The first step of a dense network reads the features unclipped.
        given.append(outputs[(points_asked >= low).all(axis=1)].astype(np.float64))
        ours = predicted(program, file, outside, network, folder)
        far = outputs[-len(outside) :].astype(np.float64)
        best = np.sort(far, axis=1)
        if far.shape[1] > 1:
            clear = best[:, -1] - best[:, -2] > 1e-3 * max(1.0, np.abs(far).max())
        else:
            clear = np.abs(far[:, 0] - np.floor(far[:, 0]) - 0.5) > 1e-3
        np.testing.assert_array_equal(ours[clear], decide(far, len(network.classes))[clear])
    compact, dense = given
    scale = max(1.0, np.abs(dense).max())
    loose = 1e-9 if network.format == np.float64 else 2e-2
    np.testing.assert_allclose(dense, compact, atol=loose * scale)


def options_for(construction, precision, head, per_sample):
    """None where the construction has no such head or takes no radius per sample."""
    _, _, own_radii, scalar, _ = construction
    if (head == "scalar" and not scalar) or (per_sample and not own_radii):
        return None
    return ["--precision", precision, "--head", head, *(["--per-sample"] if per_sample else [])]


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("head", ["logits", "scalar"])
@pytest.mark.parametrize("per_sample", [False, True], ids=["one-radius", "own-radii"])
def test_random_data(program, tmp_path, construction, precision, head, per_sample):
    options = options_for(construction, precision, head, per_sample)
    if options is None or (construction[0] in {"yu2024-lp", "projected"} and precision == "f32"):
        # Approximated powers and projections need binary64 for some of these data, and the program says so.
        return
    for seed, (samples, features) in enumerate([(9, 3), (7, 1), (6, 5)]):
        classes = 2 if construction[4] else 3
        data = write_csv(tmp_path / "data.csv", *random_data(seed, samples, features, classes))
        check(program, data, tmp_path, construction, *options, "--ratio", "0.8")


@pytest.mark.parametrize("ratio", ["0.3", "0.99"])
def test_iris(program, tmp_path, construction, ratio):
    data = iris()
    if construction[4]:
        return
    options = ("--ratio", ratio, "--precision", "f64")
    check(program, data, tmp_path, construction, *options, points=40, samples=None if LONG else 30)


def test_images(program, tmp_path, construction):
    """8-bit rows, stored as bytes with a table."""
    x, y = digits(rounds(20, most=60))
    y = y % 2 if construction[4] else y
    data = write_idx(tmp_path, x.astype(np.uint8) * 15, y)
    check(program, data, tmp_path, construction, "--ratio", "0.9", points=30)


def test_many_digits(program, tmp_path):
    """600 samples in the compact forms, 1,797 in a long run."""
    data = write_npz(tmp_path / "digits.npz", *digits(rounds(600, most=1797)))
    for name, norm in [("nearest", "l2"), ("nearest", "linf"), ("wide", "linf"), ("lipschitz", "l1")]:
        file = tmp_path / "net.onnx"
        report = build(program, data, file, name, norm, "compact", "--ratio", "0.9")
        assert report["certified"] == len(data)
        network = Network(file)
        rng = np.random.default_rng(0)
        for i in rng.choice(len(data), 20, replace=False):
            _, hostile = ball_points(data, i, report["radius"], network.format, norm, 30, rng)
            assert (network.labels(hostile) == network.classes.index(data.y[i])).all()
