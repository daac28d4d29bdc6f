"""Whether averages of several features tell more apart in the sup norm than single features do.

    target/venv/bin/python bench/directions/oblique.py MNIST_FOLDER

In the sup norm a direction is a signed average: its dual norm is the sum of its absolute weights. For
ratios of the largest radius the script takes 20,000 random pairs of enemies among the training images, the
feature that tells most of them apart by more than twice the radius, and features added one by one, with the
better sign, to the average of those at hand, whichever of the 300 best tells most apart with them.
Prints the share of the pairs that the average of k features tells apart.
"""

import gzip
import sys
from pathlib import Path

import numpy as np

# The separation of the training images, in units of [0, 1].
SEPARATION = 252 / 255
PAIRS, POOL, MOST, SHOWN = 20_000, 300, 16, (1, 2, 4, 8, 16)


def read(folder, name, header):
    return np.frombuffer(gzip.decompress((Path(folder) / name).read_bytes())[header:], np.uint8)


def main():
    images = read(sys.argv[1], "train-images-idx3-ubyte.gz", 16).reshape(-1, 784)
    labels = read(sys.argv[1], "train-labels-idx1-ubyte.gz", 8)
    i, j = np.random.default_rng(0).integers(0, len(labels), (2, 2 * PAIRS))
    enemies = np.flatnonzero(labels[i] != labels[j])[:PAIRS]
    gaps = (images[i[enemies]].astype(np.float32) - images[j[enemies]].astype(np.float32)) / 255
    print("| ratio | " + " | ".join(map(str, SHOWN)) + " |\n|" + "---|" * (len(SHOWN) + 1))
    for ratio in (0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9):
        least = ratio * SEPARATION
        alone = (np.abs(gaps) > least).mean(0)
        pool = np.argsort(-alone)[:POOL]
        total, shares = gaps[:, pool[0]].copy(), [alone[pool[0]]]
        while len(shares) < MOST:
            count = len(shares) + 1
            tried = [total + sign * gaps[:, f] for f in pool for sign in (1, -1)]
            found = [(np.abs(sums) > least * count).mean() for sums in tried]
            total = tried[int(np.argmax(found))]
            shares.append(max(found))
        row = " | ".join(f"{100 * shares[k - 1]:.1f} %" for k in SHOWN)
        print(f"| {ratio} | {row} |", flush=True)


if __name__ == "__main__":
    main()
