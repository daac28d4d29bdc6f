"""What is known of a part of the pairs, put together: the same whatever the parts were.

A distance is known by the float64 that enclose it. Enclosures put most distances in order: where
they do not overlap, or are one and the same float64. Which of two distances within overlapping
enclosures is smaller they do not say; both are kept then, and the samples are compared again,
exactly, at the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Nearest:
    """For each sample the candidates for its k nearest enemies: rows sorted by the lower end, the
    upper end and the index; infinite and -1 where there are fewer."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    indices: NDArray[np.int64]

    @classmethod
    def nothing(cls, rows: int, k: int) -> "Nearest":
        return cls(np.full((rows, k), np.inf), np.full((rows, k), np.inf), np.full((rows, k), -1))

    def merged(self, other: "Nearest", k: int) -> "Nearest":
        """The candidates of both."""
        lower, upper, indices = (
            np.concatenate([mine, theirs], axis=1)
            for mine, theirs in zip(self.columns(), other.columns(), strict=True)
        )
        order = np.lexsort((indices, upper, lower), axis=1)
        lower, upper, indices = (np.take_along_axis(column, order, axis=1) for column in (lower, upper, indices))
        # Whoever is certainly not nearer than k others is no candidate.
        needed = lower < self._bound(upper, k)[:, None]
        needed[:, :k] = True
        width = int(needed.sum(axis=1).max(initial=k))
        lower[~needed], upper[~needed], indices[~needed] = np.inf, np.inf, -1
        return Nearest(*(np.ascontiguousarray(column[:, :width]) for column in (lower, upper, indices)))

    def columns(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        return self.lower, self.upper, self.indices

    @staticmethod
    def _bound(upper: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        return np.partition(upper, k - 1, axis=1)[:, k - 1]

    def up_to(self, k: int) -> NDArray[np.float64]:
        """A distance for each sample that its k-th nearest enemy does not exceed."""
        return np.ascontiguousarray(self._bound(self.upper, k))

    def open_rows(self, k: int) -> NDArray[np.int64]:
        """The samples of which it is not known who of the candidates are the k nearest, or in which order."""
        if self.lower.shape[1] == 1:
            return np.zeros(0, np.int64)
        before = np.maximum.accumulate(self.upper, axis=1)[:, :-1]
        overlaps = (self.lower[:, 1:] < before)[:, :k]
        return np.flatnonzero(overlaps.any(axis=1))


@dataclass
class Closest:
    """Candidates for the closest pair: both ends of their distances, and the pairs, smaller index first."""

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    pairs: NDArray[np.int64]

    @classmethod
    def nothing(cls) -> "Closest":
        return cls(np.zeros(0), np.zeros(0), np.zeros((0, 2), np.int64))

    @classmethod
    def of(cls, lower: float, upper: float, pair: tuple[int, int]) -> "Closest":
        return cls(np.array([lower]), np.array([upper]), np.array([pair], np.int64))

    def merged(self, other: "Closest") -> "Closest":
        """The candidates of both."""
        lower, upper, pairs = (
            np.concatenate(both)
            for both in ((self.lower, other.lower), (self.upper, other.upper), (self.pairs, other.pairs))
        )
        order = np.lexsort((pairs[:, 1], pairs[:, 0], upper, lower))
        lower, upper, pairs = lower[order], upper[order], pairs[order]
        needed = lower < upper.min(initial=np.inf)
        needed[:1] = True
        return Closest(lower[needed], upper[needed], pairs[needed])

    @property
    def up_to(self) -> float:
        """A distance that the closest pair does not exceed."""
        return float(self.upper.min(initial=np.inf))
