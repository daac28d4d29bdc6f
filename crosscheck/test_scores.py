"""Scores of the nearest-neighbour rule against simulation, and planted label errors."""

import numpy as np
import pytest

from datasets import digits, write_npz

NORMS = {"linf": lambda gaps: gaps.max(axis=2), "l1": lambda gaps: gaps.sum(axis=2), "l2": lambda gaps: (gaps**2).sum(axis=2)}
SHARE = 0.7
SETS = 4000


def neighbours(x, base, norm):
    """Indices of `base` from near to far, smaller ones first among equally near: pixels are integers."""
    distances = NORMS[norm](np.abs(x[:, None] - base[None]))
    return np.argsort(distances, axis=1, kind="stable")


@pytest.mark.parametrize("norm", NORMS)
def test_scores_are_within_the_error_of_simulation(program, tmp_path, norm):
    x, y = digits(240)
    train, test = write_npz(tmp_path / "train.npz", x[:160], y[:160]), write_npz(tmp_path / "test.npz", x[160:], y[160:])
    answer = program("scores", train.path, test.path, "--norm", norm, "--share", SHARE, "-o", tmp_path / "scores.npz")
    assert answer.code == 0 and answer.json["error"] < 2e-14, answer.stderr
    found = np.load(tmp_path / "scores.npz")
    order = neighbours(x, x[:160], norm)
    rng = np.random.default_rng(1)
    present = rng.random((SETS, 160)) < SHARE
    # right[t, j]: whether point j gets its label from training set t; an empty one is never drawn.
    right = np.empty((SETS, 240), bool)
    for j in range(240):
        first = order[j, np.argmax(present[:, order[j]], axis=1)]
        right[:, j] = y[first] == y[j]

    def difference(i, j):
        """The estimate of the influence of i on j, and its standard error."""
        with_, without = right[present[:, i], j], right[~present[:, i], j]
        spread = lambda a: (a.var() + 1 / len(a)) / len(a)
        return with_.mean() - without.mean(), np.sqrt(spread(with_) + spread(without))

    def check(value, i, j):
        estimate, error = difference(i, j)
        # Five standard errors: one of a million would be farther off.
        assert abs(value - estimate) <= 5 * error, (norm, i, j, value, estimate, error)

    for i in range(160):
        check(found["memorization"][i], i, i)
        assert abs(found["unseen"][i] - right[~present[:, i], i].mean()) <= 0.09
    for j in range(80):
        assert abs(found["test_right"][j] - right[:, 160 + j].mean()) <= 5 * 0.5 / np.sqrt(SETS)
        row = found["test_neighbours"][j]
        assert (row == order[160 + j, : len(row)]).all()
        for k in range(4):
            check(found["test_influence"][j, k], row[k], 160 + j)


def test_planted_label_errors_are_found(program, tmp_path):
    x, y = digits()
    rng = np.random.default_rng(0)
    wrong = rng.choice(len(x), len(x) // 20, replace=False)
    noisy = y.copy()
    noisy[wrong] = (y[wrong] + rng.integers(1, 10, len(wrong))) % 10
    data = write_npz(tmp_path / "noisy.npz", x, noisy)
    answer = program("scores", data.path, "-o", tmp_path / "scores.npz")
    assert answer.code == 0, answer.stderr
    suspect = np.load(tmp_path / "scores.npz")["suspect"].astype(bool)
    assert answer.json["suspects"] == suspect.sum()
    hits = suspect[wrong].sum()
    assert hits / suspect.sum() >= 0.9 and hits / len(wrong) >= 0.95, (hits, suspect.sum())
