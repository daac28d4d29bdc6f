"""Datasets for the checks: the samples as binary64 numbers, which is what the program reads."""

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# Pixels k/255 rounded to binary32, as every image pipeline has them.
PIXELS = (np.arange(256, dtype=np.float32) / np.float32(255)).astype(np.float64)


@dataclass
class Dataset:
    """`x`: float64 [samples, features], `y`: class names as strings, `path`: what the program reads."""

    x: np.ndarray
    y: list[str]
    path: object

    def __len__(self):
        return len(self.x)

    def nearest_enemies(self, sample, count):
        """Indices of the nearest samples of another class in the sup norm."""
        enemies = np.flatnonzero(np.array(self.y) != self.y[sample])
        distances = np.abs(self.x[enemies] - self.x[sample]).max(axis=1)
        return enemies[np.argsort(distances, kind="stable")[:count]]

    def closest_pair(self):
        """The distance of the two closest samples of different classes, and the two."""
        labels = np.array(self.y)
        pairs = [
            (np.abs(self.x[i] - self.x[j]).max(), i, j)
            for i in range(len(self))
            for j in range(i)
            if labels[i] != labels[j]
        ]
        return min(pairs)


def write_csv(path: Path, x, y) -> Dataset:
    """Writes decimals that denote the binary64 numbers exactly."""
    x = np.asarray(x, dtype=np.float64)
    with open(path, "w") as file:
        file.write(",".join([f"f{j}" for j in range(x.shape[1])] + ["label"]) + "\n")
        for row, label in zip(x, y):
            file.write(",".join([repr(float(v)) for v in row] + [str(label)]) + "\n")
    return Dataset(x, [str(label) for label in y], path)


def write_npz(path: Path, x, y) -> Dataset:
    """Keeps the element type of `x`."""
    np.savez(path, X=x, y=np.asarray(y, dtype=np.int64))
    return Dataset(np.asarray(x, dtype=np.float64), [str(label) for label in y], path)


def random_data(seed, samples, features, classes, *, least=-1.0, most=1.0):
    """Uniform samples of which no two with different labels are closer than a little; every class occurs."""
    rng = np.random.default_rng(seed)
    while True:
        x = rng.uniform(least, most, (samples, features))
        y = np.concatenate([np.arange(classes), rng.integers(0, classes, samples - classes)])
        rng.shuffle(y)
        gaps = np.abs(x[:, None] - x[None]).max(axis=2)[y[:, None] != y[None]]
        if gaps.min(initial=np.inf) > 1e-3 * (most - least):
            return x, y


def iris() -> Dataset:
    """The embedded table, from scikit-learn's copy."""
    from sklearn.datasets import load_iris

    table = load_iris()
    return Dataset(table.data, [str(table.target_names[c]) for c in table.target], "iris")


def write_idx(folder: Path, codes, y) -> Dataset:
    """8-bit images, labels beside them; the compact form keeps 8-bit codes of these."""
    codes = np.asarray(codes, dtype=np.uint8)
    path = folder / "train-images-idx3-ubyte"
    shape = codes.shape if codes.ndim == 3 else (len(codes), 1, codes.shape[1])
    sizes = b"".join(int(d).to_bytes(4, "big") for d in shape)
    path.write_bytes(b"\0\0\x08\x03" + sizes + codes.tobytes())
    labels = np.asarray(y, dtype=np.uint8)
    header = b"\0\0\x08\x01" + len(labels).to_bytes(4, "big")
    (folder / "train-labels-idx1-ubyte").write_bytes(header + labels.tobytes())
    return Dataset(PIXELS[codes.reshape(len(codes), -1)], [str(label) for label in y], path)


def digits(limit=None):
    """8x8 digits with pixels 0..16 and their labels; write them with `write_npz`."""
    from sklearn.datasets import load_digits

    table = load_digits()
    return table.data[:limit], table.target[:limit]


def read_idx(path: Path) -> np.ndarray:
    raw = gzip.decompress(Path(path).read_bytes())
    dims = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(dims)).reshape(dims)


def read_mnist(images: Path, limit=None) -> Dataset:
    """The first `limit` images."""
    x = read_idx(images)[:limit]
    y = read_idx(images.with_name(images.name.replace("images-idx3", "labels-idx1")))[:limit]
    return Dataset(PIXELS[x.reshape(len(x), -1)], [str(label) for label in y], images)
