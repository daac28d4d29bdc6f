"""Exact neighbours for software that others wrote: graphs, duplicates, distances to other classes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._data import features, labels, mapped, norm_name, points, same_columns, shown
from ._distances import nearest_enemies
from ._numbers import real, whole
from ._run import Progress, running

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

__all__ = ["Duplicates", "duplicates", "get_nearest_oppo_dist", "neighbor_graph"]


def neighbor_graph(
    X: ArrayLike,
    k: int,
    norm: str | float = "l2",
    *,
    base: ArrayLike | None = None,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> "csr_matrix":
    """The k nearest other samples of each sample, or those of a base, exactly, as a sparse matrix of distances.

    This is what ``sklearn.neighbors.kneighbors_graph(mode="distance")`` gives, with the rows
    sorted by distance and without rounding in the search: what cleanlab's
    ``Datalab.find_issues(knn_graph=…)`` and estimators with ``metric="precomputed"`` take.

    Parameters
    ----------
    X : array of shape (n_samples, n_features), or frame
        The samples.
    k : int
        How many, from 1 to n_samples - 1, or to the number of samples of the base.
    base : array of shape (n_base, n_features), or frame, optional
        Where neighbours are looked for; a sample of X that is in it is its own neighbour. A map that
        ``scale`` asks for is that of the base.
    norm, scale, n_jobs, progress
        As of :func:`separation`.

    Returns
    -------
    scipy.sparse.csr_matrix of float64, shape (n_samples, n_samples) or (n_samples, n_base)
        ``k`` stored entries in each row, nearest first, smaller index first among equally near
        ones: the largest float64 that is not above the distance. Distances of 0 are stored.

    Raises
    ------
    ValueError, TypeError
        When X is no such array, the norm is none, or k is out of range.

    Examples
    --------
    >>> from indelible import neighbor_graph
    >>> graph = neighbor_graph([[0.0], [1.0], [3.0]], k=1)
    >>> graph.indices.tolist(), graph.data.tolist()
    ([1, 0, 1], [1.0, 1.0, 2.0])
    """
    from scipy.sparse import csr_matrix

    data, other = points(X, scale), None
    if base is not None:
        same_columns(X, base, ("X", "base"))
        like = points(base, scale, "base")
        data, other = mapped(data, scale, like), mapped(like, scale)
    else:
        data = mapped(data, scale)
    samples = data.samples
    if other is None and samples < 2:
        raise ValueError("X has 1 sample, which has no neighbour; expected two or more")
    count = whole(k, "k", 1, samples - 1 if other is None else other.samples)
    with running(n_jobs, progress) as run:
        lower, _, indices = _native.k_nearest(data, other, count, norm_name(norm), run)
    starts = np.arange(0, samples * count + 1, count)
    columns = samples if other is None else other.samples
    return csr_matrix((lower.ravel(), indices.ravel(), starts), shape=(samples, columns))


@dataclass(frozen=True, eq=False)
class Duplicates:
    """Test samples that equal, or nearly equal, a training sample.

    Attributes
    ----------
    norm : str
        The norm distances are measured in.
    test, train : ndarray of int64, shape (n_found,)
        The test samples, in ascending order, and the nearest training sample of each.
    distances : ndarray of float64, shape (n_found,)
        How far apart they are, in the units of the features: the largest float64 not above it.
    y_test, y_train : ndarray, shape (n_found,)
        Their labels.
    enemies : ndarray of int64, shape (n_found,)
        The nearest training sample with another label within the radius, which need not be the nearest
        of all; -1 where there is none.
    """

    norm: str
    test: NDArray[np.int64]
    train: NDArray[np.int64]
    distances: NDArray[np.float64]
    y_test: NDArray[Any]
    y_train: NDArray[Any]
    enemies: NDArray[np.int64]

    @property
    def conflicts(self) -> NDArray[np.bool_]:
        """Which of them have a training sample with another label within the radius."""
        return np.asarray(self.enemies >= 0)


def duplicates(
    X_train: ArrayLike,
    y_train: ArrayLike,
    X_test: ArrayLike,
    y_test: ArrayLike,
    radius: float = 0.0,
    norm: str | float = "linf",
    *,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Duplicates:
    """The test samples that lie within ``radius`` of a training sample, exactly, with both labels.

    Parameters
    ----------
    X_train, y_train, X_test, y_test : arrays of shape (n_samples, n_features) and (n_samples,)
        The samples and labels of both sets.
    radius : float, default=0.0
        The largest distance, in the units of the features; 0: equal samples.
    norm, scale, n_jobs, progress
        As of :func:`separation`; a map that ``scale`` asks for is that of the training samples.

    Returns
    -------
    Duplicates

    Raises
    ------
    ValueError, TypeError
        When the arrays are none such or do not belong together, or the radius is negative.

    Examples
    --------
    >>> from indelible import duplicates
    >>> found = duplicates([[0.0], [1.0]], ["a", "b"], [[1.0], [7.0]], ["a", "a"])
    >>> found.test.tolist(), found.train.tolist(), found.conflicts.tolist()
    ([0], [1], [True])
    """
    radius = real(radius, "radius")
    if not (radius >= 0 and np.isfinite(radius)):
        raise ValueError(f"the radius is {radius}; expected a finite number, 0 or more")
    same_columns(X_test, X_train, ("X_test", "X_train"))
    train, test = points(X_train, scale, "X_train"), points(X_test, scale, "X_test")
    known = [_decoded(y_train, train, "train"), _decoded(y_test, test, "test")]
    test, train = mapped(test, scale, train), mapped(train, scale)
    name = norm_name(norm)
    with running(n_jobs, progress) as run:
        lower, upper, nearest = (column[:, 0] for column in _native.k_nearest(test, train, 1, name, run))
    found = np.flatnonzero(upper <= radius)
    near, enemies = nearest[found], np.full(len(found), -1)
    if len(found):
        base = (features(X_train, "X_train"), known[0])
        again = nearest_enemies(
            features(X_test, "X_test")[found], known[1][found], norm, base=base, scale=scale, n_jobs=n_jobs
        )
        within = again.upper <= radius
        enemies[within] = again.indices[within]
    return Duplicates(shown(name), found, near, lower[found], known[1][found], known[0][near], enemies)


def _decoded(y: ArrayLike, data: _native.Data, name: str) -> NDArray[Any]:
    classes, codes = labels(y, f"y_{name}")
    if len(codes) != data.samples:
        raise ValueError(
            f"X_{name} has {data.samples:,} samples and y_{name} {len(codes):,} labels; expected as many"
        )
    return classes[codes]


def get_nearest_oppo_dist(
    X: ArrayLike, y: ArrayLike, norm: str | float, n_jobs: int | None = None
) -> NDArray[np.float64]:
    """The distance from each sample to the nearest one with another label, exactly.

    The name and the arguments are those of a function that code for "A Closer Look at Accuracy vs.
    Robustness" (Yang et al., NeurIPS 2020) and its descendants use; half the smallest of these
    numbers is the r of "r-separated". Where theirs gives its search structures, too, ``nns, ret =``
    becomes ``ret =``.

    Parameters
    ----------
    X : array of shape (n_samples, …)
        The samples; dimensions after the first are flattened.
    y : array of shape (n_samples,)
        Their labels.
    norm : float or str
        1, 2, numpy.inf or another exponent from 1 to 1000.
    n_jobs : int, default=None
        Threads, as of :func:`separation`.

    Returns
    -------
    ndarray of float64, shape (n_samples,)
        The largest float64 that is not above the distance, in the units of the features; infinite
        where all labels are equal.

    Raises
    ------
    ValueError, TypeError
        When X and y are not such arrays, or the norm is none.

    Examples
    --------
    >>> from indelible import get_nearest_oppo_dist
    >>> get_nearest_oppo_dist([[0.0], [1.0], [5.0]], [0, 1, 1], 2)
    array([1., 1., 5.])
    """
    return nearest_enemies(X, y, norm, n_jobs=n_jobs).lower
