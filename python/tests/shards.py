"""Samples in files, and someone who does the tasks of indelible.ray one by one, in any order, without Ray."""

import random
from types import SimpleNamespace

import numpy as np

from indelible.ray import Shards


def dataset(kind, samples=60, features=5):
    """Samples with many ties and few classes: as bytes, as reals that are rounded, or with names."""
    rng = np.random.default_rng(3)
    X, y = rng.integers(0, 6, (samples, features)), rng.integers(0, 3, samples)
    if kind == "bytes":
        return X.astype(np.uint8), y
    if kind == "reals":
        return X * 0.1, y
    if kind == "binary32":
        return rng.normal(size=(samples, features)).astype(np.float32), y
    return X.astype(float), np.array(["c", "a b", "ß"])[y]


def npy(folder, X, y, cuts):
    """The samples in NPY files, cut at some rows."""
    files = []
    for k, (rows, names) in enumerate(zip(np.split(X, cuts), np.split(y, cuts), strict=True)):
        for name, array in ((f"x{k}.npy", rows), (f"y{k}.npy", names)):
            np.save(folder / name, array)
        files.append((folder / f"x{k}.npy", folder / f"y{k}.npy"))
    return Shards.npy([x for x, _ in files], [y for _, y in files])


def parquet(folder, X, y, cuts, *, as_list=False, group=7):
    """The samples in Parquet files."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    files = []
    for k, (rows, names) in enumerate(zip(np.split(X, cuts), np.split(y, cuts), strict=True)):
        columns = {f"f{j}": rows[:, j] for j in range(rows.shape[1])}
        if as_list:
            flat = pa.array(np.ascontiguousarray(rows).ravel())
            columns = {"image": pa.FixedSizeListArray.from_arrays(flat, rows.shape[1])}
        files.append(folder / f"{k}.parquet")
        pq.write_table(pa.table({**columns, "label": names}), files[-1], row_group_size=group)
    return Shards.parquet(files)


class Alone:
    """Does the tasks of a job in this process, in an order of its own; it answers to what Ray answers to."""

    exceptions = SimpleNamespace(RayTaskError=type("RayTaskError", (Exception,), {"cause": None}), RayError=OSError)

    def __init__(self, seed=0, cpus=3):
        self.random, self.cpus, self.done = random.Random(seed), cpus, 0

    def cluster_resources(self):
        return {"CPU": self.cpus}

    def put(self, value):
        return value

    def remote(self, **_):
        def decorated(function):
            def begin(*arguments):
                return lambda: function(*arguments)

            handle = SimpleNamespace(remote=begin)
            handle.options = lambda **_: handle
            return handle

        return decorated

    def wait(self, pending, num_returns):
        assert num_returns == 1 and len(pending) <= self.cpus + 1
        return [self.random.choice(pending)], []

    def get(self, task):
        self.done += 1
        return task()

    def cancel(self, task):
        pass
