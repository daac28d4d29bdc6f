"""Damaged files, thousands by default: what `certify` certifies of them must still be true.

Every verdict about every sample is confronted: a certified sample must withstand hundreds of hostile
points in onnxruntime and in real arithmetic, whatever was done to the file, and a refuted sample must
come with a point that onnxruntime gets wrong.
"""

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from attack import Attacker
from datasets import random_data, write_csv, write_idx
from effort import rounds
from network import Network

# Of every base.
MUTANTS = rounds(60)
DAMAGED = rounds(20)
# Halvings of the radius between a certified and a refused one.
HALVINGS = rounds(20, most=40)
# The program runs beside the Python of another mutant.
WORKERS = 2

# seed, samples, features, classes, least and largest feature
SHAPES = [(11, 8, 2, 3, -1, 1), (12, 7, 3, 4, 0, 2), (13, 9, 4, 3, 0, 255)]
BASES = [
    (form, precision, head, shape)
    for form in ("dense", "compact")
    for precision in ("f32", "f64")
    for head in ("logits", "scalar")
    for shape in SHAPES
]


# Compact forms that compare with stored rows: construction, norm, precision, head, shape.
STORED = [
    ("wide", "linf", "f32", "logits", SHAPES[0]),
    ("wide", "l1", "f64", "logits", SHAPES[1]),
    ("nearest", "linf", "f32", "logits", SHAPES[2]),
    ("nearest", "l1", "f32", "logits", SHAPES[0]),
    ("nearest", "l2", "f32", "logits", SHAPES[1]),
    ("nearest", "l2", "f64", "logits", SHAPES[0]),
    ("nearest", "l2", "f32", "logits", SHAPES[2]),
    ("lipschitz", "linf", "f64", "logits", SHAPES[1]),
    ("yu2024-l1", "l1", "f32", "scalar", SHAPES[0]),
    ("pipelined", "l1", "f32", "logits", SHAPES[2]),
    ("yu2024-lp", "l2", "f64", "logits", SHAPES[1]),
    ("yu2024-lp", "l2", "f64", "scalar", SHAPES[2]),
    ("yu2024-lp", "l3", "f64", "logits", SHAPES[0]),
]


# Files with every kind of constant, and their ratio: close to the limit teeth are fewer than hinges.
WITH_CONSTANTS = [
    *[(*case, "0.9") for case in STORED],
    ("yu2024-linf", "linf", "f32", "scalar", SHAPES[2], "0.9"),
    ("yu2024-linf", "linf", "f64", "logits", SHAPES[0], "0.9"),
    ("yu2024-lp", "l2", "f64", "logits", SHAPES[0], "0.999"),
]

# Tensors of numbers that the form of a compact file says.
CONSTANTS = re.compile(r"zeros|two|share\d+")


class Base:
    """A file as written, and the attacker of its balls."""

    def __init__(
        self, program, folder, form, precision, head, shape, *, ratio="0.9", construction="yu2024-linf", norm="linf"
    ):
        seed, samples, features, classes, least, most = shape
        self.program, self.folder, self.norm = program, folder, norm
        x, y = random_data(seed, samples, features, classes, least=least, most=most)
        # 8-bit images are written as such: the compact form keeps their codes and a table of levels.
        images = (least, most) == (0, 255)
        self.data = write_idx(folder, np.rint(x), y) if images else write_csv(folder / "data.csv", x, y)
        self.file = folder / "net.onnx"
        form_options = ("--construction", construction, "--norm", norm, "--form", form)
        options = (*form_options, "--precision", precision, "--head", head, "--ratio", ratio)
        self.radius = program.build(self.data.path, self.file, *options)["radius"]
        self.bytes = self.file.read_bytes()
        format = np.float32 if precision == "f32" else np.float64
        self.attacker = Attacker(self.data, np.full(samples, self.radius), format, norm=norm)

    def model(self) -> onnx.ModelProto:
        return onnx.load_from_string(self.bytes)

    def certify(self, number, file: bytes, radius=None):
        path = self.folder / f"mutant{number}.onnx"
        path.write_bytes(file)
        answer = self.program.certify(path, self.data.path, "--norm", self.norm, "--radius", repr(float(radius or self.radius)))
        path.unlink()
        return answer

    def judge(self, number, file: bytes, *, reals=True) -> Counter:
        return self.attacker.judge(file, self.certify(number, file), reals=reals)

    def judge_all(self, files) -> Counter:
        with ThreadPoolExecutor(WORKERS) as pool:
            return sum(pool.map(self.judge, range(len(files)), files), Counter())


@pytest.fixture(params=BASES, ids=lambda b: "-".join([*b[:3], str(b[3][0])]))
def base(request, program, tmp_path):
    return Base(program, tmp_path, *request.param)


@pytest.fixture(params=STORED, ids=lambda b: "-".join([*b[:4], str(b[4][0])]))
def stored(request, program, tmp_path):
    construction, norm, precision, head, shape = request.param
    return Base(program, tmp_path, "compact", precision, head, shape, construction=construction, norm=norm)


def nudged(value, steps):
    """`value` moved by that many units in the last place; codes wrap around."""
    if value.dtype == np.uint8:
        return np.uint8((int(value) + steps) % 256)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.sign(steps) * np.inf, dtype=value.dtype)
    return value


def change_one(rng, a):
    at = tuple(rng.integers(0, d) for d in a.shape)
    nonzero = np.argwhere(a)
    # Most entries of a dense network are 0 and one changed is soon noticed; half of the changes go elsewhere.
    if len(nonzero) and rng.random() < 0.7:
        at = tuple(nonzero[rng.integers(len(nonzero))])
    value = a[at]
    if a.dtype == np.uint8:
        a[at] = rng.integers(256) if rng.random() < 0.5 else nudged(value, int(rng.integers(-2, 3)))
        return a
    kind = rng.integers(7)
    if kind == 0:
        a[at] = -value
    elif kind == 1:
        a[at] = value * a.dtype.type(rng.choice([0, 0.5, 0.9, 0.99, 0.999999, 1.000001, 1.01, 1.1, 2, 10, 1e3, 1e-3]))
    elif kind in (2, 3):
        a[at] = nudged(value, int(rng.choice([-64, -16, -4, -3, -2, -1, 1, 2, 3, 4, 16, 64])))
    elif kind == 4:
        a[at] = value + a.dtype.type(rng.choice([-1, 1]) * 10.0 ** rng.integers(-9, 3))
    elif kind == 5:
        a[at] = 0
    else:
        other = tuple(rng.integers(0, d) for d in a.shape)
        a[at], a[other] = a[other].copy(), value
    return a


def change_many(rng, a):
    kind = rng.choice([0, 1, 4]) if a.dtype == np.uint8 else rng.integers(5)
    if kind == 0 and len(a) > 1:
        i, j = rng.choice(len(a), 2, replace=False)
        a[[i, j]] = a[[j, i]]
    elif kind == 1 and a.ndim == 2 and a.shape[1] > 1:
        i, j = rng.choice(a.shape[1], 2, replace=False)
        a[:, [i, j]] = a[:, [j, i]]
    elif kind == 2:
        a *= a.dtype.type(rng.choice([-1, 0, 0.5, 0.99, 1.01, 2]))
    elif kind == 3:
        a += (a != 0) * rng.normal(0, 10.0 ** rng.integers(-8, 0), a.shape).astype(a.dtype)
    else:
        a[rng.integers(len(a))] = 0
    return a


def flip_bit(rng, a):
    raw = bytearray(a.tobytes())
    raw[rng.integers(len(raw))] ^= 1 << rng.integers(8)
    return np.frombuffer(bytes(raw), a.dtype).reshape(a.shape)


def another_accumulator(rng, a):
    """`hot` with the 1 of a row elsewhere: that step counts for another class."""
    i = rng.integers(len(a))
    a[i] = np.roll(a[i], int(rng.integers(1, a.shape[1])))
    return a


def is_constant(tensor):
    """Whether the form says what is in the tensor: integers, certain numbers, and which accumulator is that of a
    step where there is but one. Files in which these are changed are refused (`test_changed_constants`)."""
    alone = tensor.name == "hot" and tensor.dims[1] == 1
    return alone or tensor.data_type == onnx.TensorProto.INT64 or CONSTANTS.fullmatch(tensor.name) is not None


def entries_in_use(model):
    """The tensors that say what a network computes, of each the entries that do: in a table that decodes bytes
    those of the bytes that occur."""
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return [
        (tensor, np.unique(arrays["rows"]) if tensor.name == "levels" else slice(None))
        for tensor in model.graph.initializer
        if not is_constant(tensor)
    ]


def mutants_of(base, count, seed):
    """Files in which one to three tensors of weights, thresholds or 8-bit codes were changed, at entries that
    count."""
    rng = np.random.default_rng(seed)
    model = base.model()
    tensors = entries_in_use(model)
    sizes = np.array([numpy_helper.to_array(tensor)[used].size for tensor, used in tensors], dtype=float)
    weights = 0.5 * sizes / sizes.sum() + 0.5 / len(sizes)
    files = []
    while len(files) < count:
        chosen = [tensors[i] for i in rng.choice(len(tensors), rng.choice([1, 1, 1, 2, 3]), p=weights)]
        kept = [(tensor, tensor.raw_data) for tensor, _ in chosen]
        for tensor, used in chosen:
            array = numpy_helper.to_array(tensor).copy()
            change = rng.choice([change_one, change_one, change_many, flip_bit])
            with np.errstate(all="ignore"):
                array[used] = (another_accumulator if tensor.name == "hot" else change)(rng, array[used])
            tensor.raw_data = array.tobytes()
        if any(tensor.raw_data != raw for tensor, raw in kept):
            files.append(model.SerializeToString())
        for tensor, raw in reversed(kept):
            tensor.raw_data = raw
    return files


def test_changed_weights(base):
    seen = base.judge_all(mutants_of(base, MUTANTS, seed=1))
    # Both must happen, and most files must be read, or nothing was tested.
    assert seen["refused"] <= at_least(10), seen
    assert seen["all certified"] >= at_least(100), seen
    assert seen["not all certified"] >= at_least(4), seen
    assert seen["confirmed refutations"] >= at_least(4), seen
    print(dict(seen))


def at_least(share):
    """One in `share` mutants, and one."""
    return max(1, MUTANTS // share)


def test_changed_rows(stored):
    """The same of files that compare with stored rows."""
    seen = stored.judge_all(mutants_of(stored, MUTANTS, seed=4))
    assert seen["refused"] <= at_least(10), seen
    assert seen["all certified"] >= at_least(100), seen
    assert seen["not all certified"] >= at_least(5), seen
    assert seen["confirmed refutations"] >= at_least(10), seen
    print(dict(seen))


def changed_constants(model):
    """What was done, and the file: every constant of the form, and `hot`, with the first or the last entry changed."""
    for tensor in model.graph.initializer:
        if not (is_constant(tensor) or tensor.name == "hot"):
            continue
        kept, array = tensor.raw_data, numpy_helper.to_array(tensor)
        for at in sorted({0, array.size - 1}):
            value = array.flat[at]
            if tensor.name == "hot":
                # No 1 in the row, one too many, or other numbers.
                values = [1 - value, 2, 255]
            elif array.dtype == np.int64:
                values = [value - 1, value + 1, -(2**63), 2**63 - 1]
            else:
                values = [nudged(value, -1), nudged(value, 1), value + 0.5, -1 - value, np.inf, np.nan]
            for other in values:
                changed = array.copy()
                changed.flat[at] = other
                tensor.raw_data = changed.tobytes()
                yield f"{tensor.name}[{at}] = {other}", model.SerializeToString()
        tensor.raw_data = kept


@pytest.mark.parametrize("case", WITH_CONSTANTS, ids=lambda c: "-".join([*c[:4], str(c[4][0]), c[5]]))
def test_changed_constants(program, tmp_path, case):
    """A file in which anything else stands where its form says what stands there is refused."""
    construction, norm, precision, head, shape, ratio = case
    base = Base(program, tmp_path, "compact", precision, head, shape, ratio=ratio, construction=construction, norm=norm)
    tried = Counter()
    for number, (what, file) in enumerate(changed_constants(base.model())):
        answer = base.certify(number, file)
        assert answer.code == 2, what
        tried[what.split("[")[0]] += 1
    max_affine = (construction, norm) == ("nearest", "l2")
    expected = {"start0", "end0"} if max_affine else {"start", "end", "zeros", "hot"}
    expected |= {"axis"} | ({"two", "share1"} if ratio == "0.999" else set())
    assert expected <= set(tried), tried
    print(dict(tried))


@pytest.mark.parametrize("ratio", ["0.5", "0.999"])
@pytest.mark.parametrize("form", ["dense", "compact"])
def test_changed_weights_at_other_ratios(program, tmp_path, form, ratio):
    base = Base(program, tmp_path, form, "f32", "logits", SHAPES[0], ratio=ratio)
    print(dict(base.judge_all(mutants_of(base, MUTANTS, seed=2))))


def test_larger_radii(base):
    """The largest radius that is certified stays below half the separation, and is true."""
    distance, _, _ = base.data.closest_pair()
    certified, refused = base.radius, distance
    for number in range(HALVINGS):
        middle = (certified + refused) / 2
        if base.certify(number, base.bytes, middle).code == 0:
            certified = middle
        else:
            refused = middle
    assert base.radius <= certified < distance / 2
    edge = Attacker(base.data, np.full(len(base.data), certified), base.attacker.format)
    assert edge.judge(base.bytes, base.certify(0, base.bytes, certified))["all certified"] == 1
    beyond = Attacker(base.data, np.full(len(base.data), distance * 0.55), base.attacker.format)
    seen = beyond.judge(base.bytes, base.certify(0, base.bytes, distance * 0.55))
    assert seen["confirmed refutations"] >= 1


def damage(base):
    """Bytes changed anywhere, pieces cut out or doubled: refused, or what is certified is true."""
    rng = np.random.default_rng(3)
    counts = Counter()
    for number in range(DAMAGED):
        file = bytearray(base.bytes)
        at = int(rng.integers(len(file)))
        # The structure is at the ends of the file and between the tensors, the weights are the bulk.
        if rng.random() < 0.5:
            at = int(rng.choice([at % 700, len(file) - 1 - at % 700]))
        kind = rng.integers(4)
        if kind == 0:
            file[at] ^= 1 << int(rng.integers(8))
        elif kind == 1:
            file[at] = int(rng.integers(256))
        elif kind == 2:
            del file[at : at + int(rng.integers(1, 9))]
        else:
            file = file[:at] if rng.random() < 0.5 else file[:at] + file[max(0, at - 5) :]
        file = bytes(file)
        answer = base.certify(number, file)
        if answer.code != 2:
            try:
                Network(file, optimize=False)
            except Exception:  # noqa: BLE001 - onnxruntime has many ways of refusing a file
                counts["onnxruntime refuses"] += 1
                continue
        counts += base.attacker.judge(file, answer, reals=False)
    assert counts["refused"] >= DAMAGED // 5, counts
    print(dict(counts))


def test_damaged_bytes(base):
    damage(base)


def test_damaged_rows(stored):
    damage(stored)


@pytest.mark.parametrize("precision", ["f32", "f64"])
def test_differences_that_overflow(program, tmp_path, precision):
    """A step at −0.6 M, M the largest number of the format, reaches 0.9 M and into the ball of a sample at
    0.5 M. That their difference is infinite must not count as far enough."""
    base = Base(program, tmp_path, "compact", precision, "scalar", (0, 2, 1, 2, -1, 1))
    format = base.attacker.format
    most = float(np.finfo(format).max)
    model = base.model()
    values = {
        "minima": [-most], "rows": [-0.6 * most, 0.5 * most], "radii": [0.85 * most, 0.5 * most],
        "scales": [2 / (0.05 * most), 1 / (0.1 * most)], "tops": [2, 1],
    }
    for tensor in model.graph.initializer:
        if tensor.name in values:
            array = np.array(values[tensor.name], format).reshape(tensor.dims)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    base.data = write_csv(tmp_path / "data.csv", [[float(format(0.5 * most))]], [0])
    answer = base.certify(0, model.SerializeToString(), 0.49 * most)
    assert answer.code == 1 and answer.json["refuted"] == 1
    seen = Attacker(base.data, [0.49 * most], format).judge(model.SerializeToString(), answer, reals=False)
    assert seen["confirmed refutations"] == 1
