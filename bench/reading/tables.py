"""How long reading CSV takes beside pandas and polars: processor time of all threads.

    INDELIBLE=target/release/indelible python bench/reading/tables.py [FOLDER]

Two tables are written into FOLDER (default: a temporary one), 110 MB and 60 MB: 60,000 x 784 bytes with a label, most
of them 0, as MNIST has, and 30,000 x 100 numbers with 16 or 17 digits. The program reads each for a network with other
inputs, which it refuses once the table is read, so that nothing but reading is measured; of the others the time to
import them is taken off."""

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import pandas
from onnx import TensorProto, helper, numpy_helper

ROUNDS = 5


def tables(folder):
    rng = np.random.default_rng(0)
    images, numbers = folder / "images.csv", folder / "numbers.csv"
    if not images.exists():
        pixels = rng.integers(0, 256, (60_000, 784)) * (rng.random((60_000, 784)) < 0.19)
        table = pandas.DataFrame(pixels, columns=[f"pixel{i}" for i in range(784)])
        table.insert(0, "label", rng.integers(0, 10, 60_000))
        table.to_csv(images, index=False)
    if not numbers.exists():
        table = pandas.DataFrame(rng.normal(size=(30_000, 100))).assign(label=np.arange(30_000) % 3)
        table.to_csv(numbers, index=False)
    return images, numbers


def network(folder):
    """Three inputs, which no table has."""
    weights = numpy_helper.from_array(np.ones((3, 2), np.float32), "w")
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", n]) for name, n in (("x", 3), ("y", 2))]
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g", values[:1], values[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "net.onnx")
    return folder / "net.onnx"


def processor_time(command, expected=0):
    """The least of several runs, in seconds."""
    best = float("inf")
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert done.returncode == expected, done.stderr
        best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def main():
    program = os.environ.get("INDELIBLE", "target/release/indelible")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    net = network(folder)
    for table in tables(folder):
        ours = processor_time([program, "predict", net, table], expected=2)
        print(f"{table.name} ({table.stat().st_size / 1e6:.0f} MB): indelible {ours:.2f} s", end="")
        for name in ("pandas", "polars"):
            python = lambda read: processor_time([sys.executable, "-c", f"import {name}; {read}"])
            theirs = python(f"{name}.read_csv({str(table)!r})") - python("")
            print(f"; {name} {theirs:.2f} s ({theirs / ours:.1f} times)", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
