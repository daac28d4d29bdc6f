"""onnxruntime, on the shipped file, gives every sample's label on the hardest points of its ball, and
says what `predict` says."""

import numpy as np
import pytest

from datasets import digits, iris, random_data, read_mnist, write_csv, write_npz
from effort import rounds
from network import Network, decide, right_output
from points import hostile_points

# Inputs beyond the ball on which `predict` and onnxruntime may differ, because both round and a label
# changes somewhere: those whose two best labels are closer than this share of the largest output.
NEARLY_TIED = 1e-3


def check(program, data, file, tmp_path, *options, points=300, samples=None, seed=0):
    """Builds and asks onnxruntime; returns the report of the build and the number of points asked."""
    report = program.build(data.path, file, "--construction", "yu2024-linf", *options)
    network = Network(file)
    certificate = certify(program, data, file, options)
    # The compact form certifies by an exact argument, whose outputs are integers; so is every sample
    # whose interval has no width.
    exact = certificate["exact"]
    assert exact <= certificate["certified"] == len(data)
    if report["form"] == "compact":
        assert exact == len(data)
    rng = np.random.default_rng(seed)
    radii = network.radii(len(data))
    chosen = range(len(data)) if samples is None else rng.choice(len(data), samples, replace=False)
    asked, hit_exactly, all_points = 0, 0, []
    for i in chosen:
        hostile = hostile_points(data, i, radii[i], network.format, points, rng)
        outputs = network.outputs(hostile)
        labels = decide(outputs, len(network.classes))
        wrong = np.flatnonzero(labels != network.classes.index(data.y[i]))
        assert len(wrong) == 0, f"sample {i} fails at {hostile[wrong[0]]!r}: {outputs[wrong[0]]!r}"
        hit_exactly += bool((outputs == right_output(network, data.y[i])).all())
        asked += len(hostile)
        all_points.append((hostile[:40], labels[:40]))
    if samples is None or exact == len(data):
        assert hit_exactly >= min(exact, len(chosen)), "an exact certificate, but onnxruntime rounds differently"
    agree_on_predictions(program, file, network, all_points, tmp_path)
    return report, asked


def certify(program, data, file, options):
    answer = program.certify(file, data.path, *[o for o in limit_of(options)])
    assert answer.code == 0, answer.stderr
    return answer.json


def limit_of(options):
    return options[options.index("--limit") :][:2] if "--limit" in options else ()


def agree_on_predictions(program, file, network, pieces, tmp_path):
    """`predict` on the same numbers, as a file without labels."""
    points = np.concatenate([p for p, _ in pieces])
    labels = np.concatenate([l for _, l in pieces])
    np.testing.assert_array_equal(predicted(program, file, points, network, tmp_path), labels)


def predicted(program, file, points, network, tmp_path):
    """Positions of classes that `predict` gives."""
    source, target = tmp_path / "points.npy", tmp_path / "labels.npy"
    np.save(source, points)
    answer = program("predict", file, source, "-o", target)
    assert answer.code == 0, answer.stderr
    numbers = np.load(target)
    names = network.classes
    if all(name.lstrip("-").isdigit() for name in names):
        return np.array([names.index(str(v)) if v >= 0 else -1 for v in numbers])
    return numbers


CASES = [
    (form, precision, head, per_sample)
    for form in ("dense", "compact")
    for precision in ("f32", "f64")
    for head in ("logits", "scalar")
    for per_sample in (False, True)
]


def options_of(form, precision, head, per_sample):
    options = ["--form", form, "--precision", precision, "--head", head]
    return options + ["--per-sample"] if per_sample else options


def name(case):
    return "-".join([*case[:3], "own-radii" if case[3] else "one-radius"])


@pytest.mark.parametrize("case", CASES, ids=name)
def test_iris(program, tmp_path, case):
    check(program, iris(), tmp_path / "iris.onnx", tmp_path, *options_of(*case), points=200)


def test_these_points_do_find_failures(program, tmp_path):
    """The check of the check: a little beyond half the separation, one of the closest two must fail."""
    for seed in range(20):
        data = write_csv(tmp_path / "data.csv", *random_data(seed, 8, 3, 3))
        program.build(data.path, tmp_path / "net.onnx", "--construction", "yu2024-linf", "--precision", "f64")
        network = Network(tmp_path / "net.onnx")
        distance, *pair = data.closest_pair()
        rng = np.random.default_rng(seed)
        points = [hostile_points(data, i, distance / 2 * 1.001, network.format, 300, rng) for i in pair]
        failures = [
            (network.labels(hostile) != network.classes.index(data.y[i])).any() for i, hostile in zip(pair, points)
        ]
        assert any(failures), seed


# samples, features, classes, range of the features
SHAPES = {
    "one feature": (12, 1, 3, -1, 1),
    "two classes": (9, 2, 2, -1, 1),
    "many classes": (15, 3, 9, -5, 5),
    "one class each": (6, 2, 6, 0, 1),
    "all negative": (10, 4, 3, -9, -8),
    "wide": (8, 40, 3, -1, 1),
    "large numbers": (10, 3, 3, -1e6, 1e6),
    "small numbers": (10, 3, 3, -1e-6, 1e-6),
    "far from zero": (8, 3, 2, 1000, 1001),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("case", CASES, ids=name)
def test_random_data(program, tmp_path, shape, case):
    samples, features, classes, least, most = SHAPES[shape]
    for seed in range(rounds(1, most=3)):
        x, y = random_data(seed, samples, features, classes, least=least, most=most)
        data = write_csv(tmp_path / "data.csv", x, y)
        check(program, data, tmp_path / "net.onnx", tmp_path, *options_of(*case), seed=seed)


@pytest.mark.parametrize("ratio", ["0.5", "0.99", "0.9999"])
@pytest.mark.parametrize("form", ["dense", "compact"])
def test_other_ratios(program, tmp_path, form, ratio):
    for seed in range(3):
        data = write_csv(tmp_path / "data.csv", *random_data(seed, 10, 3, 3))
        for precision in ("f32", "f64"):
            check(program, data, tmp_path / "net.onnx", tmp_path, "--form", form, "--ratio", ratio,
                  "--precision", precision, seed=seed)


@pytest.mark.parametrize("case", CASES, ids=name)
def test_predict_agrees_far_outside(program, tmp_path, case):
    """Anywhere, not only in balls, unless the two best labels are nearly tied."""
    data = write_csv(tmp_path / "data.csv", *random_data(5, 14, 3, 4))
    file = tmp_path / "net.onnx"
    program.build(data.path, file, "--construction", "yu2024-linf", *options_of(*case))
    network = Network(file)
    points = np.random.default_rng(0).uniform(-1.5, 1.5, (4000, 3)).astype(network.format)
    outputs = network.outputs(points).astype(np.float64)
    if outputs.shape[1] == 1:
        clear = np.abs(outputs[:, 0] - np.floor(outputs[:, 0]) - 0.5) > NEARLY_TIED
    else:
        best = np.sort(outputs, axis=1)
        clear = best[:, -1] - best[:, -2] > NEARLY_TIED
    # Ties are not rare: between two classes the running label is a difference of hinges.
    assert clear.mean() > 0.9
    ours = predicted(program, file, points, network, tmp_path)
    np.testing.assert_array_equal(ours[clear], decide(outputs, len(network.classes))[clear])


def test_digits_dense(program, tmp_path):
    data = write_npz(tmp_path / "digits.npz", *digits(rounds(80, most=300)))
    report, _ = check(program, data, tmp_path / "net.onnx", tmp_path, "--form", "dense", points=60)
    assert report["width"] == 3 * 64 + 1


@pytest.mark.parametrize("precision", ["f32", "f64"])
@pytest.mark.parametrize("head", ["logits", "scalar"])
def test_digits_compact(program, tmp_path, precision, head):
    data = write_npz(tmp_path / "digits.npz", *digits())
    options = ("--form", "compact", "--precision", precision, "--head", head)
    check(program, data, tmp_path / "net.onnx", tmp_path, *options, points=60, samples=60)


def test_mnist_dense(program, mnist, tmp_path):
    """About 300 MB of Gemm."""
    data = read_mnist(mnist, 20)
    file = tmp_path / "net.onnx"
    report, _ = check(program, data, file, tmp_path, "--limit", "20", "--form", "dense", points=100)
    assert report["bytes"] > 250e6
    file.unlink()
