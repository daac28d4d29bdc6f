"""Runs our program and its peers on the same data and prints a table.

Peers that would need hours get a part of the queries against all samples, and
their time is extrapolated in proportion; the table says so. Nothing else runs
between the measurements of a row, so ratios hold even where the machine is
busy; absolute seconds hold only on a quiet one.
"""

import argparse
import gzip
import json
import math
import pathlib
import statistics
import subprocess
import time

import numpy as np


def mnist(folder):
    """Training images as rows of bytes, and labels."""
    def read(name, skip):
        path = pathlib.Path(folder) / name
        data = gzip.open(f"{path}.gz").read() if not path.exists() else path.read_bytes()
        return np.frombuffer(data[skip:], np.uint8)
    return read("train-images-idx3-ubyte", 16).reshape(-1, 784), read("train-labels-idx1-ubyte", 8)


def images(count):
    """Images of 32 × 32 × 3 bytes whose spectrum falls like that of photographs."""
    rng = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(32)[:, None], np.fft.rfftfreq(32)[None, :])
    frequency[0, 0] = 1 / 64
    parts = []
    for start in range(0, count, 5000):
        n = min(5000, count - start)
        spectrum = rng.standard_normal((n, 3, 32, 17)) + 1j * rng.standard_normal((n, 3, 32, 17))
        x = np.fft.irfft2(spectrum / frequency**1.1, s=(32, 32))
        x = 0.85 * x[:, :1] + 0.35 * x
        x = x / x.std() * 62 + 120 + 10 * rng.standard_normal((n, 1, 1, 1))
        parts.append(np.clip(np.round(x), 0, 255).astype(np.uint8))
    rows = np.concatenate(parts).transpose(0, 2, 3, 1).reshape(count, 3072)
    return rows, rng.integers(0, 10, count).astype(np.uint8)


def normal(samples, width):
    """Independent normal features."""
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((samples, width), dtype=np.float32)
    return rows, rng.integers(0, 10, samples).astype(np.uint8)


class Data:
    """Samples in a file for our program, and as floats for its peers."""

    def __init__(self, name, rows, labels, scratch):
        self.name, self.rows, self.labels = name, rows, labels
        self.kind = "u8" if rows.dtype == np.uint8 else "f32"
        self.paths = [pathlib.Path(scratch) / f"{name}.{end}" for end in ("features", "labels")]
        rows.tofile(self.paths[0])
        labels.tofile(self.paths[1])

    def floats(self):
        return self.rows.astype(np.float32) / np.float32(255) if self.kind == "u8" else self.rows

    def ours(self, program, work, norm, runs, samples=None):
        count = samples or len(self.rows)
        command = [program, self.kind, *self.paths, count, self.rows.shape[1], work, norm, runs]
        return json.loads(subprocess.run(map(str, command), check=True, capture_output=True).stdout)


def once(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def faiss_enemies(x, y, metric):
    """Distance of every sample to its nearest enemy by a flat index per class."""
    import faiss
    nearest = np.empty(len(x), np.float32)
    for c in np.unique(y):
        index = faiss.IndexFlat(x.shape[1], metric)
        index.add(np.ascontiguousarray(x[y != c]))
        nearest[y == c] = index.search(np.ascontiguousarray(x[y == c]), 1)[0][:, 0]
    return nearest


def part_of(peer, norm):
    """A function that takes queries and samples and finds all distances, and how many queries it gets."""
    if peer == "torch.cdist":
        import torch
        p = {"linf": math.inf, "l1": 1.0, "l2": 2.0}[norm]
        def run(q, x):
            a, b = torch.from_numpy(q), torch.from_numpy(x)
            return [float(torch.cdist(a[i:i + 100], b, p=p).min()) for i in range(0, len(a), 100)]
        return run
    if peer == "scipy cdist":
        from scipy.spatial.distance import cdist
        name = {"linf": "chebyshev", "l1": "cityblock", "l2": "euclidean"}[norm]
        return lambda q, x: [cdist(q[i:i + 100], x, name).min() for i in range(0, len(q), 100)]
    if peer == "scikit-learn":
        from sklearn.neighbors import NearestNeighbors
        name = {"linf": "chebyshev", "l1": "manhattan", "l2": "euclidean"}[norm]
        def run(q, x):
            return NearestNeighbors(n_neighbors=1, algorithm="brute", metric=name, n_jobs=2).fit(x).kneighbors(q)
        return run
    import faiss
    metric = {"linf": faiss.METRIC_Linf, "l1": faiss.METRIC_L1, "l2": faiss.METRIC_L2}[norm]
    def run(q, x):
        index = faiss.IndexFlat(x.shape[1], metric)
        index.add(x)
        return index.search(q, 1)
    return run


def compare(data, norm, works, peers, options):
    """One row per work of ours beside the peers, which do the same for all works."""
    ours = {work: data.ours(options.program, work, norm, options.runs) for work in works}
    x, y = data.floats(), data.labels
    rows = []
    for peer, queries in peers:
        if queries is None:
            import faiss
            seconds, nearest = [], None
            for _ in range(options.runs):
                took, nearest = once(lambda: faiss_enemies(x, y, faiss.METRIC_L2))
                seconds.append(took)
            took, how = statistics.median(seconds), f"all, median of {options.runs}"
            least = math.sqrt(float(nearest.min()))
            found = ours[works[0]]
            if works[0] == "lambda" and abs(least - found["lower"]) > 1e-3 * found["lower"]:
                raise SystemExit(f"FAISS finds {least}, we {found['lower']}")
        else:
            took, _ = once(lambda: part_of(peer, norm)(np.ascontiguousarray(x[:queries]), x))
            took, how = took * len(x) / queries, f"from {queries} queries"
        for work in works:
            rows.append((data.name, work, norm, ours[work]["seconds"], peer, took, how))
    return rows


def growth(data, options):
    """Seconds against the number of samples, and the exponent that fits best."""
    sizes = [1000, 2000, 5000, 10000, 20000, 40000, 60000]
    print("\n| work | norm | " + " | ".join(f"{n:,}" for n in sizes) + " | exponent | from 10,000 |")
    print("|---|---|" + "---|" * (len(sizes) + 2))
    for work, norm in [(w, n) for n in ("linf", "l2", "l1") for w in ("lambda", "nearest")]:
        times = [data.ours(options.program, work, norm, options.runs, n)["seconds"] for n in sizes]
        slopes = [np.polyfit(np.log(sizes[k:]), np.log(np.maximum(times[k:], 1e-4)), 1)[0] for k in (0, 3)]
        print(f"| {work} | {norm} | " + " | ".join(f"{t:.3f}" for t in times) + f" | {slopes[0]:.2f} | {slopes[1]:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mnist", help="folder with the MNIST files")
    parser.add_argument("--program", required=True)
    parser.add_argument("--scratch", required=True)
    parser.add_argument("--runs", type=int, default=3, help="runs of which the median is taken")
    parser.add_argument("--only", default="", help="measure only comparisons whose name contains this")
    parser.add_argument("--growth", action="store_true", help="measure how time grows with the samples instead")
    options = parser.parse_args()
    digits = Data("mnist", *mnist(options.mnist), options.scratch)
    if options.growth:
        return growth(digits, options)
    both = ["lambda", "nearest"]
    slow = [("torch.cdist", 300), ("scipy cdist", 300), ("FAISS flat", 300), ("scikit-learn", 300)]
    plan = {
        "mnist l2": lambda: compare(digits, "l2", both, [("FAISS flat", None), ("torch.cdist", 3000), ("scipy cdist", 300), ("scikit-learn", 3000)], options),
        "mnist linf": lambda: compare(digits, "linf", both, slow, options),
        "mnist l1": lambda: compare(digits, "l1", both, slow, options),
        "images linf": lambda: compare(Data("images", *images(50_000), options.scratch), "linf", ["lambda"], [("scipy cdist", 100), ("FAISS flat", 100)], options),
        "normal l2": lambda: compare(Data("normal", *normal(20_000, 512), options.scratch), "l2", both, [("FAISS flat", None), ("torch.cdist", 3000), ("scikit-learn", 3000)], options),
    }
    print("| data | work | norm | ours, s | peer | peer, s | measured on | peer / ours |")
    print("|---|---|---|---|---|---|---|---|")
    for name, rows in plan.items():
        if options.only in name:
            for data, work, norm, ours, peer, took, how in rows():
                print(f"| {data} | {work} | {norm} | {ours:.2f} | {peer} | {took:.1f} | {how} | {took / ours:.0f} |", flush=True)


if __name__ == "__main__":
    main()
