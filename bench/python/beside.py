"""The Python package beside the program, FAISS and scikit-learn, on MNIST, one after the other.

    INDELIBLE=target/release/indelible python bench/python/beside.py MNIST_FOLDER [RUNS [LIMIT [THREADS]]]

Needs the package, scikit-learn and faiss-cpu. Prints one JSON object with two questions:

- `fit`: `MemorizingClassifier(construction="cells", radius=0.1, scale="images").fit` of all images, and `indelible
  build` of the same, less reading the files;
- `nearest_enemies`: the distance of each image to the nearest one of another digit in the Euclidean norm, with FAISS
  one flat index for each digit, as code for r-separation has it, and with scikit-learn one brute-force search for
  each, for an eighth of the images, its time times eight.

One runs after the other, RUNS times in turn (default 3): the medians of wall time and of processor time, which a busy
machine disturbs less, and their ratios. THREADS: that many threads for all of them (default: all cores).
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
from statistics import median

import faiss
import numpy as np
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

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


def processor():
    """The processor time of this process and of those that it waited for, in seconds."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


def in_turn(runs, works):
    """The medians of wall time, which work may correct, and of processor time of each work, one after the other."""
    measured = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            started, used = time.perf_counter(), processor()
            corrected = work()
            wall = time.perf_counter() - started if corrected is None else corrected
            measured[name].append((wall, processor() - used))
    return {
        name: {"seconds": round(median(w for w, _ in times), 3), "processor_seconds": round(median(c for _, c in times), 3)}
        for name, times in measured.items()
    }


def fit(images, labels, runs, threads):
    with tempfile.TemporaryDirectory() as folder:
        data, net = os.path.join(folder, "data.npz"), os.path.join(folder, "net.onnx")
        np.savez(data, X=images, y=labels)
        options = ["--construction", "cells", "--radius", "0.1", "--json"]

        def program():
            command = [os.environ["INDELIBLE"], "build", data, "-o", net, *options]
            environment = os.environ | {"RAYON_NUM_THREADS": str(threads)}
            done = subprocess.run(command, check=True, capture_output=True, env=environment)
            seconds = json.loads(done.stdout)["seconds"]
            return seconds["total"] - seconds["read"]

        def package():
            model = MemorizingClassifier(construction="cells", radius=0.1, scale="images", n_jobs=threads, progress=False)
            assert model.fit(images, labels).certificate_.holds

        return in_turn(runs, {"program": program, "package": package})


def nearest_enemies(images, labels, runs, threads):
    rows = images.astype(np.float32)
    found = {}

    def package():
        found["package"] = indelible.nearest_enemies(images, labels, "l2", n_jobs=threads, progress=False).lower

    def flat():
        distances = np.zeros(len(rows))
        for digit in range(10):
            index = faiss.IndexFlatL2(rows.shape[1])
            index.add(rows[labels != digit])
            distances[labels == digit] = np.sqrt(index.search(rows[labels == digit], 1)[0][:, 0])
        found["faiss"] = distances

    def brute():
        for digit in range(10):
            search = NearestNeighbors(n_neighbors=1, algorithm="brute", n_jobs=threads).fit(rows[labels != digit])
            search.kneighbors(rows[labels == digit][::PART])

    faiss.omp_set_num_threads(threads)
    with threadpool_limits(threads):
        answer = in_turn(runs, {"package": package, "faiss": flat}) | in_turn(1, {"scikit-learn": brute})
    answer["scikit-learn"] = {key: round(PART * value, 3) for key, value in answer["scikit-learn"].items()}
    answer["largest_difference_from_faiss"] = float(np.abs(found["package"] - found["faiss"]).max())
    return answer


def main():
    folder, *rest = sys.argv[1:]
    runs, limit = int(rest[0]) if rest else 3, int(rest[1]) if len(rest) > 1 else None
    threads = int(rest[2]) if len(rest) > 2 else len(os.sched_getaffinity(0))
    images, labels = mnist(folder, limit)
    answer = {"samples": len(images), "threads": threads, "fit": fit(images, labels, runs, threads)}
    answer["nearest_enemies"] = nearest_enemies(images, labels, runs, threads)
    for question, ours, theirs in [("fit", "package", "program"), ("nearest_enemies", "package", "faiss")]:
        both = answer[question][ours], answer[question][theirs]
        answer[question]["ratio"] = {key: round(both[0][key] / both[1][key], 3) for key in both[0]}
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
