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


def prepared(peer, norm, queries, rows):
    """What a peer does to find all distances from some queries to all rows, without its preparations."""
    if peer == "torch.cdist":
        import torch
        p = {"linf": math.inf, "l1": 1.0, "l2": 2.0}[norm]
        a, b = torch.from_numpy(queries), torch.from_numpy(rows)
        return lambda: [float(torch.cdist(a[i:i + 100], b, p=p).min()) for i in range(0, len(a), 100)]
    if peer == "scipy cdist":
        from scipy.spatial.distance import cdist
        name = {"linf": "chebyshev", "l1": "cityblock", "l2": "euclidean"}[norm]
        # scipy works in binary64 and would convert on every call.
        a, b = queries.astype(np.float64), rows.astype(np.float64)
        return lambda: [cdist(a[i:i + 100], b, name).min() for i in range(0, len(a), 100)]
    if peer == "scikit-learn":
        from sklearn.neighbors import NearestNeighbors
        name = {"linf": "chebyshev", "l1": "manhattan", "l2": "euclidean"}[norm]
        index = NearestNeighbors(n_neighbors=1, algorithm="brute", metric=name, n_jobs=2).fit(rows)
        return lambda: index.kneighbors(queries)
    import faiss
    index = faiss.IndexFlat(rows.shape[1], {"linf": faiss.METRIC_Linf, "l1": faiss.METRIC_L1, "l2": faiss.METRIC_L2}[norm])
    index.add(rows)
    return lambda: index.search(queries, 1)


def median_of(runs, function):
    """The median of the seconds that a function takes, and what it returns."""
    results = [once(function) for _ in range(runs)]
    return statistics.median(took for took, _ in results), results[0][1]


def compare(data, norm, works, peers, options):
    """One row per work of ours beside the peers, which do the same for all works."""
    ours = {work: data.ours(options.program, work, norm, options.runs) for work in works}
    x, y = data.floats(), data.labels
    rows = []
    for peer, queries in peers:
        if options.peer not in peer:
            continue
        if queries is None:
            import faiss
            took, nearest = median_of(options.runs, lambda: faiss_enemies(x, y, faiss.METRIC_L2))
            how = f"all, median of {options.runs}"
            least = math.sqrt(float(nearest.min()))
            found = ours[works[0]]
            if works[0] == "lambda" and abs(least - found["lower"]) > 1e-3 * found["lower"]:
                raise SystemExit(f"FAISS finds {least}, we {found['lower']}")
        else:
            run = prepared(peer, norm, np.ascontiguousarray(x[:queries]), x)
            took, how = median_of(options.runs, run)[0] * len(x) / queries, f"{queries} queries, median of {options.runs}"
        for work in works:
            rows.append((data.name, work, norm, ours[work]["seconds"], peer, took, how))
    return rows


def hostile_sets(digits, options):
    """Data that spare a search nothing, or seem to."""
    rng = np.random.default_rng(2)
    n = 8192
    ten = lambda count: rng.integers(0, 10, count).astype(np.uint8)
    hadamard = np.array([[1]], np.int8)
    while len(hadamard) < 4096:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    yield "all equally far", np.where(hadamard > 0, 255, 0).astype(np.uint8), ten(4096)
    one = np.full((n, 784), 0.3, np.float32)
    one[:, 400] = rng.random(n, dtype=np.float32)
    yield "equal but for one feature", one, ten(n)
    yield "one enemy only", digits.rows[:n], (np.arange(n) == n // 2).astype(np.uint8)
    yield "250 classes", digits.rows[:n], (np.arange(n) % 250).astype(np.uint8)
    which = rng.integers(0, 64, n)
    yield "clusters of duplicates", np.ascontiguousarray(digits.rows[which]), (which % 10).astype(np.uint8)
    noise = rng.standard_normal((n, 784), dtype=np.float32)
    yield "noise", noise, ten(n)
    yield "noise in bytes", rng.integers(0, 256, (n, 784)).astype(np.uint8), ten(n)
    yield "denormals", noise * np.float32(1e-41), ten(n)
    yield "10^38", np.clip(noise, -3, 3) * np.float32(1e38), ten(n)
    yield "twins", np.concatenate([noise[: n // 2], noise[: n // 2] + np.float32(1e-3)]), np.tile(np.arange(n // 2) % 2, 2).astype(np.uint8)


def hostile(digits, options):
    """Times on hostile data beside a plain loop with early exits and FAISS."""
    print("\n| data | norm | lambda, s | nearest, s | plain loop, s | FAISS flat, s | plain / nearest |")
    print("|---|---|---|---|---|---|---|")
    for name, rows, labels in hostile_sets(digits, options):
        if options.only not in name:
            continue
        data = Data("hostile", rows, labels, options.scratch)
        x = data.floats()
        for norm in ("linf", "l2", "l1"):
            ours = {work: data.ours(options.program, work, norm, 3)["seconds"] for work in ("lambda", "nearest")}
            plain = data.ours(options.program, "plain", norm, 1)["seconds"]
            part = len(x) if norm == "l2" else 128
            faiss = median_of(1, prepared("FAISS flat", norm, x[:part], x))[0] * len(x) / part
            print(f"| {name} | {norm} | {ours['lambda']:.3f} | {ours['nearest']:.3f} | {plain:.2f} | {faiss:.2f} | {plain / ours['nearest']:.1f} |", flush=True)


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
    parser.add_argument("--peer", default="", help="measure only peers whose name contains this")
    parser.add_argument("--growth", action="store_true", help="measure how time grows with the samples instead")
    parser.add_argument("--hostile", action="store_true", help="measure data that spare a search nothing instead")
    options = parser.parse_args()
    digits = Data("mnist", *mnist(options.mnist), options.scratch)
    if options.growth:
        return growth(digits, options)
    if options.hostile:
        return hostile(digits, options)
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
