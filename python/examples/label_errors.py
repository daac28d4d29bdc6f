"""Label errors and duplicates in scikit-learn's digits.

    python label_errors.py [FOLDER]

Prints the images that lie nearest to another class beside their own, and pairs of images that nearly
equal each other across halves of the data. With a folder, draws the first into suspects.svg there.
"""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from indelible import duplicates, nearest_enemies, neighbor_graph


def suspects(X, y, count):
    """The samples whose nearest enemy is nearest beside their nearest friend, with both distances."""
    enemy = nearest_enemies(X, y, "l2").lower
    graph = neighbor_graph(X, k=20, norm="l2")
    friend = np.full(len(y), np.inf)
    for i in range(len(y)):
        row = slice(graph.indptr[i], graph.indptr[i + 1])
        near = graph.data[row][y[graph.indices[row]] == y[i]]
        friend[i] = near.min(initial=np.inf)
    order = np.argsort(enemy / friend, kind="stable")[:count]
    return [(int(i), float(enemy[i]), float(friend[i])) for i in order]


def draw(X, y, found, path):
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, 5, layout="constrained", figsize=(7, 3.4))
    for ax, (i, _, _) in zip(axes.flat, found, strict=False):
        ax.imshow(X[i].reshape(8, 8), cmap="gray_r")
        ax.set_title(f"{i}: {y[i]}")
        ax.axis("off")
    figure.savefig(path)
    plt.close(figure)


def main():
    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(y), 10, replace=False)
    noisy = y.copy()
    noisy[wrong] = (noisy[wrong] + 1) % 10
    found = suspects(X, noisy, 20)
    caught = {i for i, _, _ in found} & set(wrong.tolist())
    print(f"{len(caught)} of 10 wrong labels are among the 20 suspects:")
    for i, enemy, friend in found[:10]:
        mark = "wrong" if i in wrong else "right"
        print(f"  image {i} labelled {noisy[i]} ({mark}): nearest other {enemy:.2f}, nearest friend {friend:.2f}")
    half = len(y) // 2
    near = duplicates(X[:half], y[:half], X[half:], y[half:], radius=4.0)
    print(f"{len(near.test)} images of the second half are within 4 grey levels of one of the first:")
    for i, j, distance in zip(near.test, near.train, near.distances, strict=True):
        print(f"  {half + i} ({y[half + i]}) and {j} ({y[j]}), {distance:g}")
    if len(sys.argv) > 1:
        draw(X, noisy, found, Path(sys.argv[1]) / "suspects.svg")


if __name__ == "__main__":
    main()
