"""The Python package beside the program, FAISS and scikit-learn, on MNIST, one after the other.

    INDELIBLE=target/release/indelible python bench/python/beside.py MNIST_FOLDER [RUNS [LIMIT]]

Needs the package, scikit-learn and faiss-cpu. Prints one JSON object with two questions:

- `fit`: `MemorizingClassifier(construction="cells", radius=0.1, scale="images").fit` of all images, and `indelible
  build` of the same, less reading the files;
- `nearest_enemies`: the distance of each image to the nearest one of another digit in the Euclidean norm, with FAISS
  one flat index for each digit, as code for r-separation has it, and with scikit-learn one brute-force search for
  each, for an eighth of the images, its time times eight.

For each the smallest wall time of RUNS runs (default 3) and the processor time of that run, which a busy machine
disturbs less, and their ratios.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors

import indelible
from indelible import MemorizingClassifier

# Every how manieth image scikit-learn is asked about.
PART = 8


def mnist(folder, limit):
    def read(name, skip):
        path = Path(folder) / name
        data = path.read_bytes() if path.exists() else gzip.open(f"{path}.gz").read()
        return np.frombuffer(data, np.uint8, offset=skip)

    images = read("train-images-idx3-ubyte", 16).reshape(-1, 784)
    return images[:limit], read("train-labels-idx1-ubyte", 8)[:limit].astype(np.int64)


def processor(who):
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def fastest(runs, work, who=resource.RUSAGE_SELF):
    """The smallest wall time, which `work` may correct, with the processor time of that run."""
    measured = []
    for _ in range(runs):
        started, used = time.perf_counter(), processor(who)
        corrected = work()
        wall = time.perf_counter() - started if corrected is None else corrected
        measured.append((wall, processor(who) - used))
    wall, cpu = min(measured)
    return {"seconds": round(wall, 3), "processor_seconds": round(cpu, 3)}


def fit(images, labels, runs):
    with tempfile.TemporaryDirectory() as folder:
        data, net = os.path.join(folder, "data.npz"), os.path.join(folder, "net.onnx")
        np.savez(data, X=images, y=labels)
        options = ["--construction", "cells", "--radius", "0.1", "--json"]

        def program():
            command = [os.environ["INDELIBLE"], "build", data, "-o", net, *options]
            seconds = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"]
            return seconds["total"] - seconds["read"]

        def package():
            model = MemorizingClassifier(construction="cells", radius=0.1, scale="images", progress=False)
            assert model.fit(images, labels).certificate_.holds

        return {
            "program": fastest(runs, program, resource.RUSAGE_CHILDREN),
            "package": fastest(runs, package),
        }


def nearest_enemies(images, labels, runs):
    rows = images.astype(np.float32)
    found = {}

    def package():
        found["package"] = indelible.nearest_enemies(images, labels, "l2", progress=False).lower

    def flat():
        distances = np.zeros(len(rows))
        for digit in range(10):
            index = faiss.IndexFlatL2(rows.shape[1])
            index.add(rows[labels != digit])
            distances[labels == digit] = np.sqrt(index.search(rows[labels == digit], 1)[0][:, 0])
        found["faiss"] = distances

    def brute():
        started = time.perf_counter()
        for digit in range(10):
            search = NearestNeighbors(n_neighbors=1, algorithm="brute", n_jobs=-1).fit(rows[labels != digit])
            search.kneighbors(rows[labels == digit][::PART])
        return PART * (time.perf_counter() - started)

    answer = {"package": fastest(runs, package), "faiss": fastest(runs, flat), "scikit-learn": fastest(1, brute)}
    answer["scikit-learn"]["processor_seconds"] *= PART
    answer["largest_difference_from_faiss"] = float(np.abs(found["package"] - found["faiss"]).max())
    return answer


def main():
    folder, *rest = sys.argv[1:]
    runs, limit = int(rest[0]) if rest else 3, int(rest[1]) if len(rest) > 1 else None
    images, labels = mnist(folder, limit)
    answer = {"samples": len(images), "fit": fit(images, labels, runs)}
    answer["nearest_enemies"] = nearest_enemies(images, labels, runs)
    for question, ours, theirs in [("fit", "package", "program"), ("nearest_enemies", "package", "faiss")]:
        both = answer[question][ours], answer[question][theirs]
        answer[question]["ratio"] = {key: round(both[0][key] / both[1][key], 3) for key in both[0]}
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
