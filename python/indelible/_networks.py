"""Networks: what is proved about them, and what refutes them."""

from dataclasses import dataclass, field
from errno import ENOENT
from os import PathLike, strerror
from os.path import exists
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import _native
from ._data import as_stored, exactly, norm_name, unmapped
from ._numbers import real, real_or_none, whole
from ._plot import axes, drawn
from ._run import Progress, running

__all__ = ["Certificate", "Collision", "Robustness", "certify", "refute", "robustness"]

VERDICTS = np.array(["certified", "refuted", "misclassified", "undecided"])


@dataclass(frozen=True, eq=False)
class Certificate:
    """What was shown about each sample within its radius.

    Certified: every real point of the closed ball gets the label, and so does every input that
    rounding makes of such a point, from the network as executed in its own format, with sums in
    any order, fused or not. Refuted: a point of the ball gets another label. Misclassified: the
    sample itself does. Undecided: neither was shown.

    Attributes
    ----------
    norm, precision : str
        The norm of the balls; the format that is executed.
    radius : float, or ndarray of float64, shape (n_samples,)
        The radius of all balls, or of each, in the units of the features.
    samples, certified, exact, refuted, misclassified, undecided : int
        Counts. Those of ``exact`` are certified with outputs that are constant on the ball, to the bit.
    smallest_margin : tuple (float, int), or None
        Over certified samples, a lower bound of the right logit less the largest other one (for a
        scalar head ½ less the distance from the label), and the sample.
    engines : dict of str to int
        How many samples each engine decided.
    verdicts : ndarray of str, shape (n_samples,)
        "certified", "refuted", "misclassified" or "undecided".
    margins : ndarray of float64, shape (n_samples,)
        The margin of each certified sample, else NaN.
    predicted : list of (str or None), length n_samples
        The class that the network gives a misclassified sample, or the point that refutes it.
    points : dict of int to ndarray of float64, shape (n_features,)
        For refuted samples the point of the ball that gets another label.
    """

    norm: str
    precision: str
    radius: float | NDArray[np.float64]
    samples: int
    certified: int
    exact: int
    refuted: int
    misclassified: int
    undecided: int
    smallest_margin: tuple[float, int] | None
    engines: dict[str, int]
    verdicts: NDArray[np.str_] = field(repr=False)
    margins: NDArray[np.float64] = field(repr=False)
    predicted: list[str | None] = field(repr=False)
    points: dict[int, NDArray[np.float64]] = field(repr=False)

    @property
    def holds(self) -> bool:
        """Whether every sample is certified."""
        return self.certified == self.samples


def certificate_of(said: dict[str, Any], classes: list[str]) -> Certificate:
    """The certificate that Rust describes."""
    known = dict(said)
    known["verdicts"] = VERDICTS[known.pop("verdict")]
    known["margins"] = known.pop("margin")
    known["predicted"] = [classes[c] if 0 <= c < len(classes) else None for c in known["predicted"].tolist()]
    return Certificate(**known)


@dataclass(frozen=True, eq=False)
class Robustness:
    """Bounds of the largest radius within which each sample keeps its label.

    Attributes
    ----------
    norm : str
        The norm of the radii.
    correct : ndarray of bool, shape (n_samples,)
        Whether the sample itself gets its label.
    certified : ndarray of float64, shape (n_samples,)
        The largest radius that was certified, in the units of the features; 0 where none was.
    attacked : ndarray of float64, shape (n_samples,)
        The smallest distance at which another label was found; infinite where none was. The truth
        lies between the two.
    """

    norm: str
    correct: NDArray[np.bool_]
    certified: NDArray[np.float64]
    attacked: NDArray[np.float64]

    def accuracy(self, radius: float) -> tuple[float, float]:
        """The share of samples that keep their label within ``radius``: at least, and at most."""
        certified = self.correct & (self.certified >= radius)
        return float(certified.mean()), float((self.correct & (self.attacked > radius)).mean())

    def plot(self, ax: Any = None) -> "Robustness":
        """Draws the robust accuracy over the radius, certified and attacked, into ``ax`` or new axes.
        The truth lies between the two. Needs matplotlib.

        Returns
        -------
        Robustness
            Itself, with ``ax_`` and ``figure_``, where it was drawn.
        """
        ax = axes(ax)
        finite = self.attacked[np.isfinite(self.attacked)]
        ends = np.unique(np.concatenate([[0.0], self.certified, finite]))
        both = np.array([self.accuracy(radius) for radius in ends])
        for name, share in (("attacked", both[:, 1]), ("certified", both[:, 0])):
            ax.step(ends, share, where="post" if name == "attacked" else "pre", label=name)
        ax.set_xlabel(f"radius ({self.norm})")
        ax.set_ylabel("robust accuracy")
        ax.set_ylim(0, 1.05)
        ax.set_title(f"{len(self.correct):,} samples")
        ax.legend()
        return drawn(self, ax)


@dataclass(frozen=True, eq=False)
class Collision:
    """Two points of balls of different labels between which a first layer cannot tell.

    Attributes
    ----------
    samples : tuple of two int
        The samples in whose balls they lie.
    labels, predicted : tuple of two (str or None)
        The labels they should get, and those that the network gives.
    misclassified : int
        Which of the two points gets a wrong label: 0 or 1.
    points : ndarray of float64, shape (2, n_features)
        The points.
    """

    samples: tuple[int, int]
    labels: tuple[str | None, str | None]
    predicted: tuple[str | None, str | None]
    misclassified: int
    points: NDArray[np.float64]


def opened(network: Any) -> _native.Network:
    """The network that a path, bytes, a model of the package onnx or an estimator holds."""
    if isinstance(network, _native.Network):
        return network
    if isinstance(network, (str, PathLike)):
        return _read(network)
    if isinstance(network, (bytes, bytearray, memoryview)):
        return _native.Network(bytes(network))
    if hasattr(network, "SerializeToString"):
        return _native.Network(network.SerializeToString())
    if hasattr(network, "network_"):
        return network.network_
    raise TypeError(
        f"network is {type(network).__name__}; expected the path of an ONNX file, its bytes, "
        "a model of the package onnx or a fitted MemorizingClassifier"
    )


def _read(path: str | PathLike[str]) -> _native.Network:
    if not exists(path):
        raise FileNotFoundError(ENOENT, strerror(ENOENT), str(path))
    return _native.Network.open(path)


def file_of(network: Any) -> bytes:
    """The ONNX file of what :func:`opened` opens."""
    if isinstance(network, (str, PathLike)):
        _read(network)  # What is wrong with the file is said with its name.
        with open(network, "rb") as file:
            return file.read()
    return opened(network).to_bytes()


def _asked(network: Any, X: ArrayLike, y: ArrayLike, scale: str | None) -> tuple[_native.Network, _native.Data]:
    """The network, and the data as it reads them."""
    model = opened(network)
    return model, unmapped(X, y, scale_for(model, scale))[0]


def scale_for(model: _native.Network, scale: str | None) -> str | None:
    """What is done to features before a network reads them."""
    scale = as_stored(scale, "a network")
    if scale is not None and model.describe()["scaling"] is not None:
        raise ValueError(f"scale is {scale!r}, but the network scales its features itself; leave scale out")
    return scale


def effort_of(branches: int | None, timeout: float | None) -> tuple[int | None, float | None]:
    """How much is tried."""
    return None if branches is None else whole(branches, "branches", 0), real_or_none(timeout, "timeout")


def radius_of(radius: Any) -> float | NDArray[np.float64] | None:
    """One radius, one for each sample, or none."""
    if radius is None or np.ndim(radius) == 0:
        return real_or_none(radius, "radius")
    radii = np.asarray(radius)
    if radii.ndim != 1:
        raise ValueError(f"radius has shape {radii.shape}; expected a number, or one for each sample")
    return np.ascontiguousarray(exactly(radii, "radius"), dtype=np.float64)


def certify(
    network: Any,
    X: ArrayLike,
    y: ArrayLike,
    radius: float | ArrayLike | None = None,
    norm: str | float | None = None,
    *,
    ratio: float | None = None,
    branches: int | None = None,
    timeout: float | None = None,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Certificate:
    """Proves that a piecewise-linear network keeps the labels of samples within a radius.

    Parameters
    ----------
    network : path, bytes, onnx.ModelProto or MemorizingClassifier
        Any network of affine maps, ReLUs and the like; docs/onnx.md lists the operators.
    X : array of shape (n_samples, n_features), or frame
        The samples.
    y : array of shape (n_samples,)
        The labels they are to keep, matched by name where the network names its classes.
    radius : float, or array of shape (n_samples,), default=None
        The radius around every sample, or around each, in the units of the features. None: what
        the file claims.
    norm : str or float, default=None
        The norm of the radius. None: what the file claims, else "linf".
    ratio : float, default=None
        A radius for each sample instead: this share of half the distance to its nearest enemy.
    branches : int, default=None
        Parts of a ball to look at before a sample stays undecided, for dense layers (None: 2000).
    timeout : float, default=None
        Seconds for each sample; which ones are decided then depends on the machine.
    scale : {None, "images"}, default=None
        "images": bytes k are k/255, rounded to float32. A network that scales its features itself
        takes them as they stand, and its radii are those of scaled features.
    n_jobs, progress
        As of :func:`separation`.

    Returns
    -------
    Certificate

    Raises
    ------
    ValueError, TypeError, OSError
        When the network or the data cannot be used, or do not belong together.

    Examples
    --------
    >>> from indelible import MemorizingClassifier, certify
    >>> X, y = [[0.0], [1.0], [5.0]], ["low", "high", "high"]
    >>> model = MemorizingClassifier(radius=0.25).fit(X, y)
    >>> certify(model, X, y, radius=0.25).certified
    3
    >>> found = certify(model, X, y, radius=0.6)
    >>> found.holds, sorted(set(found.verdicts.tolist()) & {"refuted"})
    (False, ['refuted'])
    """
    given, ratio = radius_of(radius), real_or_none(ratio, "ratio")
    if given is not None and ratio is not None:
        raise ValueError("radius and ratio were both given; expected one of them")
    effort = effort_of(branches, timeout)
    model, data = _asked(network, X, y, scale)
    name = None if norm is None else norm_name(norm)
    with running(n_jobs, progress) as run:
        return certificate_of(*_native.certify(model, data, name, (given, ratio), effort, run))


def robustness(
    network: Any,
    X: ArrayLike,
    y: ArrayLike,
    norm: str | float | None = None,
    *,
    rounds: int = 16,
    branches: int | None = None,
    timeout: float | None = None,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Robustness:
    """Bounds the largest radius within which a network keeps the label of each sample.

    Parameters
    ----------
    network, X, y, norm, timeout, scale, n_jobs, progress
        As of :func:`certify`.
    rounds : int, default=16
        Questions about each sample: with more, the two radii come closer.
    branches : int, default=None
        As of :func:`certify` (None: 64).

    Returns
    -------
    Robustness
        With arrays of shape (n_samples,), radii in the units of the features.

    Raises
    ------
    ValueError, TypeError, OSError
        When the network or the data cannot be used, or do not belong together.

    Examples
    --------
    >>> from indelible import MemorizingClassifier, robustness
    >>> X, y = [[0.0], [1.0], [5.0]], ["low", "high", "high"]
    >>> found = robustness(MemorizingClassifier(radius=0.25).fit(X, y), X, y)
    >>> bool((found.certified >= 0.25).all()), found.accuracy(0.25)
    (True, (1.0, 1.0))
    """
    effort, rounds = effort_of(branches, timeout), whole(rounds, "rounds", 1)
    model, data = _asked(network, X, y, scale)
    name = None if norm is None else norm_name(norm)
    with running(n_jobs, progress) as run:
        found = _native.robustness(model, data, name, rounds, effort, run)
    return Robustness(**found)


def refute(
    network: Any,
    X: ArrayLike,
    y: ArrayLike,
    radius: float,
    norm: str | float = "linf",
    *,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Collision | None:
    """Looks for two points of balls of different labels that a narrow first layer cannot tell apart.

    Parameters
    ----------
    network, X, y, norm, scale, n_jobs, progress
        As of :func:`certify`; the network must be one of layers (``form="dense"``).
    radius : float
        The radius of the balls, in the units of the features.

    Returns
    -------
    Collision or None
        None where no such points were found, which proves nothing.

    Raises
    ------
    ValueError, TypeError, OSError
        When the network or the data cannot be used, or do not belong together.

    Examples
    --------
    >>> from indelible import MemorizingClassifier, refute
    >>> X, y = [[0.0, 0.0], [1.0, 1.0]], [0, 1]
    >>> model = MemorizingClassifier(form="dense").fit(X, y)
    >>> refute(model, X, y, radius=0.25) is None
    True
    """
    radius = real(radius, "radius")
    model, data = _asked(network, X, y, scale)
    with running(n_jobs, progress) as run:
        found = _native.refute(model, data, norm_name(norm), radius, run)
    if found is None:
        return None
    both = ("samples", "labels", "predicted")
    return Collision(**{key: tuple(value) if key in both else value for key, value in found.items()})
