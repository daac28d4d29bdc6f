"""How many directions real data need in l2, from ρ = 0.01 to 0.99, beside what theory says of any data.

    INDELIBLE=target/release/indelible target/venv/bin/python bench/directions/table.py [NAME ...]

Prints a Markdown table per dataset. `found` is the number of directions of `build --construction cells`,
`dimensions` how many numbers they lie among where that is fewer than the features. Both are counts of a network
that was certified. The bounds:

- needed: ρ² min(N − 1, n) neurons of the first layer, on the worst data of this size (Kim, Moon & Yun,
  NeurIPS 2025, Proposition 3.2);
- Kim: dimensions that their third theorem projects to, max(⌈9nρ²⌉, ⌈600 ln N⌉, ⌈10 ln n⌉), not more than n;
- Egosi: the least width k with ρ ≤ √((k − 6)/n) N^(−2/(k − 6)) / (4√e) (Egosi, Yehudai & Shamir 2025); none
  where no k up to n + 6 does.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

RATIOS = (0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)
PROGRAM = os.environ.get("INDELIBLE", "target/release/indelible")


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments), "--json"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip())
    return json.loads(done.stdout)


def tables(folder):
    """Names and files: tables of scikit-learn as CSV, and MNIST where the environment names it."""
    from sklearn import datasets

    for name in ("iris", "wine", "breast_cancer", "digits"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        path = folder / f"{name}.csv"
        with open(path, "w") as file:
            file.write(",".join([f"f{j}" for j in range(x.shape[1])] + ["label"]) + "\n")
            for row, label in zip(x, y):
                file.write(",".join([repr(float(v)) for v in row] + [str(label)]) + "\n")
        yield name, path, []
    mnist = os.environ.get("INDELIBLE_MNIST")
    if mnist:
        for limit in (1000, 3000):
            yield f"mnist-{limit}", Path(mnist) / "train-images-idx3-ubyte.gz", ["--limit", limit]


def egosi(samples, features, ratio):
    for width in range(7, features + 7):
        room = width - 6
        if ratio <= math.sqrt(room / features) * samples ** (-2 / room) / (4 * math.sqrt(math.e)):
            return width
    return None


def row(path, options, folder, ratio):
    file = folder / "cells.onnx"
    built = run("build", path, "-o", file, "--construction", "cells", "--norm", "l2", "--ratio", ratio,
                "--form", "compact", *options)
    seen = run("inspect", file)
    samples, features = built["samples"], seen["inputs"]
    directions = seen["directions"]["count"]
    dimensions = seen["directions"].get("dimensions") or "–"
    needed = math.ceil(ratio**2 * min(samples - 1, features))
    kim = min(features, max(math.ceil(9 * features * ratio**2), math.ceil(600 * math.log(samples)),
                            math.ceil(10 * math.log(features))))
    width = egosi(samples, features, ratio)
    certified = f"{built['certified']}/{samples}"
    return [ratio, directions, dimensions, needed, kim, width or "none", built["parameters"]["nonzero"], certified]


def main():
    chosen = sys.argv[1:]
    head = ["ρ", "found", "dimensions", "needed on the worst data", "Kim", "Egosi", "nonzero in all", "certified"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for name, path, options in tables(folder):
            if chosen and name not in chosen:
                continue
            print(f"\n{name}\n")
            print("| " + " | ".join(head) + " |")
            print("|" + "---|" * len(head))
            for ratio in RATIOS:
                print("| " + " | ".join(map(str, row(path, options, folder, ratio))) + " |", flush=True)


if __name__ == "__main__":
    main()
