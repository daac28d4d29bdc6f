"""Nearest enemies and separation on a local Ray cluster with 1 and 2 workers: time, and bytes read and sent.

    python bench/ray/measure.py [MNIST_FOLDER] [SAMPLES]

Without a folder, random bytes of 784 features. Prints one JSON object: for each number of workers the wall time, the
tasks, what they read and sent and how long they computed; the same on one machine without Ray; and, on paper, what
1.28 million images of 150,528 bytes take with the constants measured here: seconds for each pair and byte, bytes for
each row and task. The answers of all runs must be the same to the bit.
"""

import gzip
import json
import math
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import ray

import indelible
from indelible import ray as far

SHARDS = 4
NORM = "l2"
# The task on paper.
IMAGES, BYTES, BLOCK, STRIPE, CORES = 1_280_000, 150_528, 2 << 30, 8, 64


def data(arguments):
    count = int(arguments[-1]) if arguments and arguments[-1].isdecimal() else 10_000
    if arguments and not arguments[0].isdecimal():
        read = lambda name, skip: np.frombuffer(gzip.open(Path(arguments[0]) / f"{name}.gz").read(), np.uint8, offset=skip)  # noqa: E731
        images = read("train-images-idx3-ubyte", 16).reshape(-1, 784)
        return images[:count], read("train-labels-idx1-ubyte", 8)[:count].astype(np.int64)
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, 784)).astype(np.uint8), rng.integers(0, 10, count)


def shards(folder, X, y):
    files = []
    for k, (rows, labels) in enumerate(zip(np.array_split(X, SHARDS), np.array_split(y, SHARDS), strict=True)):
        files.append((folder / f"x{k}.npy", folder / f"y{k}.npy"))
        np.save(files[-1][0], rows)
        np.save(files[-1][1], labels)
    return far.Shards.npy([x for x, _ in files], [y for _, y in files])


def timed(call):
    started, used = time.perf_counter(), time.process_time()
    found = call()
    return found, {"seconds": round(time.perf_counter() - started, 2), "processor_seconds": round(time.process_time() - used, 2)}


def on_ray(files, call, workers, rows):
    ray.init(num_cpus=workers, include_dashboard=False, logging_level="error", log_to_driver=False)
    far.separation(files, NORM, block_rows=rows)  # Workers are started, files are in memory.
    work = far.Work()
    found, taken = timed(lambda: call(files, NORM, block_rows=rows, work=work))
    ray.shutdown()
    return found, {**taken, "tasks": work.tasks, "bytes_read": work.bytes_read, "bytes_sent": work.bytes_sent, "worker_seconds": round(work.seconds, 2)}


def on_paper(measured, samples, features):
    """What all of ImageNet takes with the seconds for each pair and byte of this run."""
    cost = measured["worker_seconds"] / (samples * samples * features)
    rows = BLOCK // BYTES
    blocks = math.ceil(IMAGES / rows)
    tasks = blocks * math.ceil(blocks / STRIPE)
    return {
        "block_rows": rows,
        "blocks": blocks,
        "tasks": tasks,
        "terabytes_read": round((blocks * blocks + tasks) * rows * BYTES / 1e12, 1),
        "gigabytes_sent": round(tasks * rows * 32 / 1e9, 1),
        "core_hours": round(cost * IMAGES * IMAGES * BYTES / 3600, 0),
        f"hours_on_{CORES}_cores": round(cost * IMAGES * IMAGES * BYTES / 3600 / CORES, 1),
    }


def main():
    X, y = data(sys.argv[1:])
    answer = {"samples": len(X), "features": X.shape[1]}
    rows = math.ceil(len(X) / (2 * SHARDS))
    with tempfile.TemporaryDirectory() as folder:
        files = shards(Path(folder), X, y)
        for name in ("nearest_enemies", "separation"):
            expected, alone = timed(lambda: getattr(indelible, name)(X, y, NORM, n_jobs=1))
            answer[name] = {"one thread without Ray": alone}
            for workers in (1, 2):
                found, measured = on_ray(files, getattr(far, name), workers, rows)
                for key, value in vars(expected).items():
                    assert np.array_equal(getattr(found, key), value), (name, key)
                answer[name][f"{workers} on Ray"] = measured
    answer["on paper"] = on_paper(answer["nearest_enemies"]["1 on Ray"], len(X), X.shape[1])
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
