"""Benchmarks with known answers: an independent reader of VNN-LIB with exact fractions tries to refute every
answer, onnxruntime replays every witness, the official parser reads every text, and an audit finds every
answer that is changed."""

import csv
import itertools
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx
import pytest
import vnnlib
from onnx import numpy_helper

from effort import LONG, rounds
from exactly import Exact
from network import Network

COUNT = 1008 if LONG else 96
COMPARED = {
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
}


@pytest.fixture(scope="module")
def benchmark(program, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("benchmarks") / "iris"
    answer = program("benchmark", folder, "--count", COUNT, "--seed", 5)
    assert answer.code == 0, answer.stderr
    made = answer.json
    assert made["instances"] + made["left_out"] == COUNT and made["left_out"] <= COUNT // 8, made
    assert made["sat"] > COUNT // 3 and made["unsat"] > COUNT // 3, made
    return folder


def truth(folder) -> list[dict]:
    with open(folder / "ground_truth.csv", newline="") as file:
        return list(csv.DictReader(file))


def forms(text):
    """Nested lists of words."""
    stack = [[]]
    for word in re.findall(r"[()]|[^\s()]+", re.sub(r";[^\n]*", "", text)):
        if word == "(":
            stack.append([])
        elif word == ")":
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(word)
    return stack[0]


def value(form, values):
    if isinstance(form, str):
        return values[form] if form in values else Fraction(form)
    head, *rest = form
    rest = [value(part, values) for part in rest]
    if head == "+":
        return sum(rest)
    if head == "-":
        return -rest[0] if len(rest) == 1 else rest[0] - sum(rest[1:])
    return np.prod(np.array(rest, dtype=object))


def holds(form, values) -> bool:
    head, *rest = form
    if head == "and":
        return all(holds(part, values) for part in rest)
    if head == "or":
        return any(holds(part, values) for part in rest)
    return COMPARED[head](value(rest[0], values), value(rest[1], values))


class Property:
    """A query of version 1.0."""

    def __init__(self, path):
        self.asserted = [form[1] for form in forms(path.read_text()) if form[0] == "assert"]

    def holds(self, x, y) -> bool:
        values = {f"X_{i}": Fraction(v) for i, v in enumerate(x)} | {f"Y_{i}": Fraction(v) for i, v in enumerate(y)}
        return all(holds(form, values) for form in self.asserted)

    def boxes(self, inputs) -> list:
        """Boxes of inputs that some alternative speaks of, as binary64 numbers."""
        found = [{}]
        for form in self.asserted:
            parts = form[1:] if form[0] == "or" else [form]
            ends = [self.ends(part) for part in parts]
            found = [known | own for known, own in itertools.product(found, ends)]
        boxes = []
        for ends in found:
            if all((i, sign) in ends for i in range(inputs) for sign in ("<=", ">=")):
                box = [[float(ends[i, ">="]) for i in range(inputs)], [float(ends[i, "<="]) for i in range(inputs)]]
                if box not in boxes:
                    boxes.append(box)
        return boxes

    def ends(self, form) -> dict:
        parts = form[1:] if form[0] == "and" else [form]
        bounds = [part for part in parts if isinstance(part[1], str) and part[1].startswith("X_")]
        return {(int(part[1][2:]), part[0]): Fraction(part[2]) for part in bounds}


def test_both_versions_hold_the_same(benchmark):
    rows = truth(benchmark)
    for version in ("1.0", "2.0"):
        with open(benchmark / version / "instances.csv", newline="") as file:
            listed = [tuple(row[:2]) for row in csv.reader(file)]
        assert listed == [(row["onnx"], row["vnnlib"]) for row in rows]
        for row in rows:
            onnx.checker.check_model(benchmark / version / row["onnx"], full_check=True)
        count = len(list((benchmark / version / "vnnlib").iterdir()))
        assert count == len(rows)


def test_the_official_parser_reads_every_text(benchmark):
    for row in truth(benchmark):
        query = vnnlib.parse_query_file(str(benchmark / "2.0" / row["vnnlib"]))
        (network,) = query.networks
        inputs = onnx.load(benchmark / "2.0" / row["onnx"]).graph.input[0].type.tensor_type.shape.dim[1].dim_value
        assert list(network.inputs[0].shape) == [1, inputs]
        ours = forms((benchmark / "1.0" / row["vnnlib"]).read_text())
        assert len(query.assertions) == sum(form[0] == "assert" for form in ours)


def test_nothing_refutes_an_answer(benchmark):
    rng = np.random.default_rng(3)
    tried, families = 0, set()
    for row in truth(benchmark):
        file = benchmark / "1.0" / row["onnx"]
        asked, network, exact = Property(benchmark / "1.0" / row["vnnlib"]), Network(file), Exact(file)
        if row["status"] == "sat":
            text = (benchmark / row["witness"]).read_text()
            assert text.startswith("sat\n")
            given = dict(re.findall(r"\(([^\s()]+) ([^\s()]+)\)", text))
            x = [float(given[f"X_{i}"]) for i in range(sum(name.startswith("X_") for name in given))]
            assert all(float(np.float32(v)) == v for v in x)
            assert asked.holds(x, map(float, network.outputs(np.array([x], dtype=np.float32))[0])), row
            assert asked.holds(x, exact(x)), row
            continue
        boxes = asked.boxes(exact.inputs)
        assert boxes, row
        for low, high in boxes:
            low, high = np.array(low, dtype=np.float32), np.array(high, dtype=np.float32)
            share = rng.choice([0, 0.5, 1], (24, len(low))) + rng.uniform(-0.1, 0.1, (24, len(low)))
            points = np.clip(low + share * (high - low), low, high).astype(np.float32)
            for at, (x, y) in enumerate(zip(points, network.outputs(points), strict=True)):
                assert not asked.holds(map(float, x), map(float, y)), row
                if at < 3:
                    assert not asked.holds(map(float, x), exact(x)), row
                tried += 1
        families.add(row["family"])
    assert tried > 500 and len(families) >= 20, families


def results(path, rows, answers):
    lines = [
        f"bench,{row['onnx']},{row['vnnlib']},0.1,{answer},1.5\n" for row, answer in zip(rows, answers, strict=True)
    ]
    path.write_text("".join(lines))
    return path


def test_an_audit_finds_every_answer_that_is_changed(program, benchmark, tmp_path):
    rows = truth(benchmark)
    right = [row["status"] for row in rows]
    right[0] = {"sat": "violated", "unsat": "holds"}[right[0]]
    answer = program("audit", benchmark, results(tmp_path / "right.csv", rows, right))
    assert answer.code == 0 and answer.json["outcomes"]["solved"] == len(rows), answer
    for index in range(0, len(rows), len(rows) // 16):
        changed = list(right)
        changed[index] = "unsat" if rows[index]["status"] == "sat" else "sat"
        answer = program("audit", benchmark, results(tmp_path / "wrong.csv", rows, changed))
        assert answer.code == 1 and answer.json["outcomes"]["wrong"] == 1, answer
        assert [failure["vnnlib"] for failure in answer.json["failures"]] == [rows[index]["vnnlib"]]


def test_the_program_answers_its_own_benchmark(program, benchmark):
    answer = program("audit", benchmark, "--solver", program.path, "--timeout", 20)
    outcomes = answer.json["outcomes"]
    assert answer.code == 0 and outcomes["wrong"] == outcomes["bad_witness"] == 0, answer
    assert outcomes["solved"] > len(truth(benchmark)) // 2, outcomes


def test_two_networks_are_compared(program, benchmark, tmp_path):
    """Differences of outputs on a box: what points show is never denied, and points that are given show it."""
    rng = np.random.default_rng(8)
    names = ["wide", "cells", "nearest", "lipschitz", "split", "trained", "convolution"]
    files = [benchmark / "2.0" / "onnx" / f"{name}-000.onnx" for name in names]
    decided = set()
    for first, second in itertools.combinations([file for file in files if file.exists()], 2):
        low = np.array([5.0, 3.0, 4.0, 1.0], np.float32) + rng.choice([-0.5, 0, 0.5], 4).astype(np.float32)
        high = low + np.float32(0.0625)
        points = (low + rng.uniform(0, 1, (200, 4)) * (high - low)).astype(np.float32)
        apart = np.subtract(*(Network(file).outputs(points)[:, 0].astype(float) for file in (first, second)))
        for bound in (apart.max() - 1e-3, apart.max() + 1e-3 + 4 * np.ptp(apart)):
            text = "(vnnlib-version <2.0>)"
            for name, x, y in ("fAB", "gCD"):
                text += f"(declare-network {name} (declare-input {x} float32 [1,4])(declare-output {y} float32 [1,3]))"
            for i in range(4):
                text += f"(assert (== A[0,{i}] C[0,{i}]))(assert (>= A[0,{i}] {low[i]:.9f}))"
                text += f"(assert (<= A[0,{i}] {high[i]:.9f}))"
            query = tmp_path / "query.vnnlib"
            query.write_text(text + f"(assert (>= (- B[0,0] D[0,0]) {bound:.9f}))")
            given = ["--network", f"f={first}", "--network", f"g={second}"]
            answer = program("verify", query, *given, "--branches", 100).json
            decided.add(answer["answer"])
            if answer["answer"] == "sat":
                x = answer["inputs"][:4]
                assert x == answer["inputs"][4:]
                assert Exact(first)(x)[0] - Exact(second)(x)[0] >= Fraction(f"{bound:.9f}")
            elif answer["answer"] == "unsat":
                assert bound > apart.max(), (first, second)
    assert {"sat", "unsat"} <= decided


def test_known_answers_of_the_competition(program, vnncomp):
    """Published: property 1, 3 and 4 hold for the first network, property 2 holds for 1_1 and not for 1_2."""
    folder = vnncomp[0].parent
    known = [("1_1", 1, "unsat"), ("1_1", 3, "unsat"), ("1_1", 4, "unsat"), ("1_2", 1, "unsat"), ("1_2", 2, "sat")]
    for network, number, expected in known:
        file, asked = folder / f"ACASXU_run2a_{network}_batch_2000.onnx", folder / f"acasxu_prop_{number}.vnnlib"
        if not (file.exists() and asked.exists()):
            pytest.skip("no networks of ACAS Xu")
        answer = program("verify", file, asked, "--timeout", rounds(4, most=20))
        assert answer.json["answer"] in (expected, "timed-out"), (network, number, answer)


def test_what_ends_a_file_is_not_left_out_of_a_query(program, tmp_path):
    """A Softmax changes no label, but the outputs that a query is about."""
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Gemm", ["x", "W"], ["l"], transB=1),
            onnx.helper.make_node("Softmax", ["l"], ["y"], axis=1),
        ],
        "softmax",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 2])],
        [numpy_helper.from_array(np.array([[1.0], [0.0]], np.float32), "W")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "net.onnx")
    query = "(declare-const X_0 Real)(declare-const Y_0 Real)(declare-const Y_1 Real)"
    query += "(assert (>= X_0 1.0))(assert (<= X_0 2.0))(assert (<= Y_0 0.9))"
    (tmp_path / "q.vnnlib").write_text(query)
    answer = program("verify", tmp_path / "net.onnx", tmp_path / "q.vnnlib")
    assert answer.code == 2 and "Softmax" in answer.stderr, answer
