"""Time, memory and parameters of `build --construction cells` against samples, features and labels.

    INDELIBLE=target/release/indelible target/venv/bin/python bench/cells/scaling.py [NAME ...]

Prints one row of a Markdown table per dataset: wall time of the stages as the program reports them, its peak
memory and processor time as the kernel reports them. All data are pseudo-random from fixed seeds.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

RATIO = "0.5"


def uniform(samples, features, classes, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.random((samples, features), dtype=np.float32)
    y = rng.integers(0, classes, samples)
    y[:classes] = np.arange(classes)
    return x, y


def smooth(samples, features, seed=1):
    x, _ = uniform(samples, features, 1, seed)
    y = (2 * np.sin(6 * x[:, 0]) + 2 * np.cos(9 * x[:, 1]) + 4).astype(np.int64)
    return x, y


def duplicates(samples, features, distinct, classes):
    x, y = uniform(distinct, features, classes)
    chosen = np.random.default_rng(2).integers(0, distinct, samples)
    chosen[:distinct] = np.arange(distinct)
    return x[chosen], y[chosen]


def one_feature(samples, features, classes):
    x = np.full((samples, features), 0.25, dtype=np.float32)
    values, y = uniform(samples, 1, classes)
    x[:, 117] = values[:, 0]
    return x, y


DATA = {
    "n = 3,072, random": lambda: uniform(20_000, 3072, 10),
    "n = 3,072, random, N / 2": lambda: uniform(10_000, 3072, 10),
    "n = 3,072, random, N / 4": lambda: uniform(5_000, 3072, 10),
    "n = 768, random": lambda: uniform(20_000, 768, 10),
    "n = 192, random": lambda: uniform(20_000, 192, 10),
    "2 features, smooth labels": lambda: smooth(100_000, 2),
    "2 features, random labels": lambda: uniform(100_000, 2, 10),
    "2 features, random labels, N / 2": lambda: uniform(50_000, 2, 10),
    "2 features, random labels, N / 4": lambda: uniform(25_000, 2, 10),
    "20,000 features": lambda: uniform(500, 20_000, 10),
    "1,000 classes": lambda: uniform(20_000, 50, 1000),
    "100 distinct points": lambda: duplicates(30_000, 10, 100, 3),
    "all equal but one feature": lambda: one_feature(2_000, 300, 3),
}


def write(name, path):
    x, y = DATA[name]()
    np.savez(path, X=x, y=y.astype(np.int64))
    print(*x.shape)


def measure(name):
    with tempfile.TemporaryDirectory() as folder:
        source = os.path.join(folder, "data.npz")
        # In a process of its own: a child starts with the peak memory of its parent.
        made = subprocess.run([sys.executable, __file__, "--write", name, source], check=True, capture_output=True)
        samples, features = map(int, made.stdout.split())
        command = [os.environ["INDELIBLE"], "build", source, "-o", os.path.join(folder, "net.onnx")]
        command += ["--construction", "cells", "--form", "compact", "--ratio", RATIO, "--json"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE)
        output = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            print(f"| {name} | failed with exit code {child.returncode} |", flush=True)
            return
        built = json.loads(output)
        shown = json.loads(
            subprocess.run([command[0], "inspect", command[4], "--json"], check=True, capture_output=True).stdout
        )
    seconds = built["seconds"]
    row = [
        name, f"{samples:,}", f"{features:,}", f"{built['certified']:,}", f"{built['parameters']['nonzero']:,}",
        f"{shown['cells']:,}", f"{shown['constraints']:,}", f"{shown['distinct_constraints']:,}",
        f"{seconds['separation']:.1f}", f"{seconds['build']:.1f}", f"{seconds['certify']:.1f}",
        f"{usage.ru_utime:.1f}", f"{usage.ru_maxrss / 1024:.0f}",
    ]
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    if sys.argv[1:2] == ["--write"]:
        return write(*sys.argv[2:])
    print(f"ratio {RATIO}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    head = "data|N|n|certified|parameters|cells|constraints|distinct|separation s|build s|certify s|CPU s|MB"
    print("| " + " | ".join(head.split("|")) + " |")
    print("|" + "---|" * 13, flush=True)
    for name in sys.argv[1:] or DATA:
        measure(name)


if __name__ == "__main__":
    main()
