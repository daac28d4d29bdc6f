"""How far apart classes are, exactly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._data import dataset, mapped, norm_name, same_columns, shown, unmapped
from ._numbers import real, whole, yes
from ._plot import axes, drawn
from ._run import Progress, running
from ._words import documented

__all__ = [
    "ClosePairs",
    "NearestEnemies",
    "Separation",
    "k_nearest_enemies",
    "nearest_enemies",
    "pairs_within",
    "separation",
]


@dataclass(frozen=True)
class Separation:
    """The smallest distance between two samples with different labels.

    Attributes
    ----------
    norm : str
        The norm it is measured in.
    lower, upper : float
        The distance lies between them, in the units of the features; they are equal where it is
        a float64, else neighbours. Infinite when all samples have one label.
    pair : tuple of two int, or None
        The samples that are this close, smaller index first; the first such pair.
    """

    norm: str
    lower: float
    upper: float
    pair: tuple[int, int] | None

    @property
    def max_radius(self) -> float:
        """Half the distance: a network exists for every radius below, and for none from there on."""
        return self.lower / 2


@dataclass(frozen=True, eq=False)
class NearestEnemies:
    """For each sample the nearest one with another label, or the k nearest ones.

    Attributes
    ----------
    norm : str
        The norm distances are measured in.
    lower, upper : ndarray of float64, shape (n_samples,) or (n_samples, k)
        The distance lies between them, in the units of the features; infinite where there is no enemy.
    indices : ndarray of int64, of the same shape
        The enemy: the smallest index among equally near ones; -1 where there is none.
    """

    norm: str
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    indices: NDArray[np.int64]

    def plot(self, ax: Any = None) -> "NearestEnemies":
        """Draws the share of samples whose nearest enemy is within each distance, into ``ax`` or new
        axes. Needs matplotlib.

        Returns
        -------
        NearestEnemies
            Itself, with ``ax_`` and ``figure_``, where it was drawn.
        """
        ax = axes(ax)
        nearest = np.sort(self.lower if self.lower.ndim == 1 else self.lower[:, 0])
        ax.step(nearest, np.arange(1, len(nearest) + 1) / len(nearest), where="post")
        ax.set_xlabel(f"distance to the nearest sample of another class ({self.norm})")
        ax.set_ylabel("share of samples")
        ax.set_title(f"{len(nearest):,} samples, the closest at {nearest[0]:.6g}")
        return drawn(self, ax)


@dataclass(frozen=True, eq=False)
class ClosePairs:
    """Pairs of samples that are close.

    Attributes
    ----------
    norm : str
        The norm distances are measured in.
    count : int
        How many there are.
    pairs : ndarray of int64, shape (n_listed, 2)
        The first of them, in lexicographic order, smaller index first.
    lower, upper : ndarray of float64, shape (n_listed,)
        Their distance lies between them, in the units of the features.
    """

    norm: str
    count: int
    pairs: NDArray[np.int64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]


@documented
def separation(
    X: ArrayLike,
    y: ArrayLike,
    norm: str | float = "linf",
    *,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Separation:
    """The smallest distance between two samples with different labels, exactly.

    Parameters
    ----------
    <data>
    <norm>
    <scale>
    <running>

    Returns
    -------
    Separation

    Raises
    ------
    ValueError, TypeError
        When X and y are not such arrays, or the norm is none.

    Examples
    --------
    >>> from indelible import separation
    >>> found = separation([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]], ["a", "b", "a"])
    >>> found.lower, found.upper, found.pair, found.max_radius
    (3.0, 3.0, (1, 2), 1.5)
    """
    data = dataset(X, y, scale)
    name = norm_name(norm)
    with running(n_jobs, progress) as run:
        lower, upper, pair = _native.separation_bound(data, name, run)
    return Separation(shown(name), lower, upper, pair)


@documented
def nearest_enemies(
    X: ArrayLike,
    y: ArrayLike,
    norm: str | float = "linf",
    *,
    base: tuple[ArrayLike, ArrayLike] | None = None,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> NearestEnemies:
    """For each sample the nearest one with another label, exactly.

    Parameters
    ----------
    <data>
    <norm>
    base : tuple (X, y), default=None
        Look among these samples instead: with a test set and a training set, how near test samples
        come to training samples of other classes. Classes are matched by their names; a map that
        ``scale`` asks for is that of these samples.
    <scale>
    <running>

    Returns
    -------
    NearestEnemies
        With arrays of shape (n_samples,).

    Raises
    ------
    ValueError, TypeError
        When X and y are not such arrays, the norm is none, or base has other features.

    Examples
    --------
    >>> from indelible import nearest_enemies
    >>> near = nearest_enemies([[0.0], [1.0], [5.0]], [0, 1, 1], "l2")
    >>> near.lower, near.indices
    (array([1., 1., 5.]), array([1, 0, 0]))
    """
    data, other = unmapped(X, y, scale)[0], None
    if base is not None:
        like = unmapped(*_pair(base), scale, ("base[0]", "base[1]"))[0]
        same_columns(X, base[0], ("X", "base[0]"))
        data, other = mapped(data, scale, like), mapped(like, scale)
    else:
        data = mapped(data, scale)
    name = norm_name(norm)
    with running(n_jobs, progress) as run:
        found = _native.nearest_enemies(data, other, name, run)
    return NearestEnemies(shown(name), *found)


def _pair(base: Any) -> tuple[Any, Any]:
    if isinstance(base, (tuple, list)) and len(base) == 2:
        return base[0], base[1]
    raise TypeError(f"base is {type(base).__name__}; expected a tuple (X, y)")


@documented
def k_nearest_enemies(
    X: ArrayLike,
    y: ArrayLike,
    k: int,
    norm: str | float = "linf",
    *,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> NearestEnemies:
    """For each sample the k nearest ones with other labels, nearest first, exactly.

    Parameters
    ----------
    <data>
    <norm>
    <k>
    <scale>
    <running>

    Returns
    -------
    NearestEnemies
        With arrays of shape (n_samples, k); infinite and -1 where a sample has fewer enemies.

    Raises
    ------
    ValueError, TypeError
        When X and y are not such arrays, the norm is none, or k is below 1.

    Examples
    --------
    >>> from indelible import k_nearest_enemies
    >>> k_nearest_enemies([[0.0], [1.0], [5.0]], [0, 1, 1], 2, "l1").indices
    array([[ 1,  2],
           [ 0, -1],
           [ 0, -1]])
    """
    data = dataset(X, y, scale)
    name = norm_name(norm)
    with running(n_jobs, progress) as run:
        found = _native.k_nearest_enemies(data, whole(k, "k", 1, data.samples), name, run)
    return NearestEnemies(shown(name), *found)


@documented
def pairs_within(
    X: ArrayLike,
    y: ArrayLike,
    radius: float,
    norm: str | float = "linf",
    *,
    all_pairs: bool = False,
    limit: int = 1000,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> ClosePairs:
    """The pairs of samples with different labels at distance ``radius`` or less, exactly.

    Parameters
    ----------
    <data>
    <norm>
    <radius>
    <scale>
    <running>

    Returns
    -------
    ClosePairs

    Raises
    ------
    ValueError, TypeError
        When X and y are not such arrays, the norm is none, or the radius is negative or not finite.

    Examples
    --------
    >>> from indelible import pairs_within
    >>> found = pairs_within([[0.0], [1.0], [5.0]], [0, 1, 1], 4.0, all_pairs=True)
    >>> found.count, found.pairs.tolist()
    (2, [[0, 1], [1, 2]])
    """
    within, every = real(radius, "radius"), yes(all_pairs, "all_pairs")
    data = dataset(X, y, scale)
    name = norm_name(norm)
    with running(n_jobs, progress) as run:
        found = _native.pairs_within(
            data, None, within, name, every, whole(limit, "limit", 0), run
        )
    return ClosePairs(shown(name), *found)
