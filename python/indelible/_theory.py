"""What exists, what is necessary, and what constructions take."""

from dataclasses import dataclass, field
from typing import Any

from numpy.typing import ArrayLike

from . import _native
from ._data import as_stored, dataset, norm_name, shown, unmapped
from ._numbers import real, real_or_none, text, whole
from ._plot import axes, drawn
from ._run import Progress, running

__all__ = ["Comparison", "Decision", "bounds", "compare", "decide"]


@dataclass(frozen=True)
class Decision:
    """Whether a network of depth 2 with this many hidden neurons memorizes the data.

    Attributes
    ----------
    answer : {"yes", "no", "unknown"}
        The answer; "unknown" only when time ran out.
    width : int
        The number of hidden neurons that it is for.
    rounds : int
        How many networks were checked on the balls.
    precision : str or None
        With "yes", the format that holds such a network.
    points : list of (int, str, list of str)
        With "no", points that no such network gets right: the sample in whose ball each lies, its
        class and its coordinates, integers or fractions.
    proof : str or None
        With "no", what ``indelible decide --check`` reads.
    reason : str or None
        With "unknown", why.
    """

    answer: str
    width: int
    rounds: int
    precision: str | None = None
    points: list[tuple[int, str, list[str]]] = field(default_factory=list, repr=False)
    proof: str | None = field(default=None, repr=False)
    reason: str | None = None


def decide(
    X: ArrayLike,
    y: ArrayLike,
    width: int | None = None,
    radius: float = 0.0,
    norm: str | float = "linf",
    *,
    timeout: float | None = None,
    solver: str = "z3",
    scale: str | None = None,
    progress: Progress = None,
) -> Decision:
    """Decides exactly whether a network of depth 2 with scalar head memorizes the data.

    It is NP-hard: for a few dozen samples of a few features.

    Parameters
    ----------
    X, y, progress
        As of :func:`separation`.
    scale : {None, "images"}, default=None
        "images": bytes k are k/255, rounded to float32.
    width : int, default=None
        Hidden neurons; None: the smallest number that suffices.
    radius : float, default=0.0
        The radius of the balls, in the units of the features; 0 is plain memorization.
    norm : {"linf", "l1"}, default="linf"
        Their norm.
    timeout : float, default=None
        Seconds after which the answer is "unknown".
    solver : str, default="z3"
        The SMT solver, a program, which widths above 1 need.

    Returns
    -------
    Decision

    Raises
    ------
    ValueError, TypeError
        When the data, the width, the radius or the norm cannot be used.
    RuntimeError
        When the solver is missing or fails.

    Examples
    --------
    >>> from indelible import decide
    >>> decide([[0.0], [1.0], [2.0]], [1, 2, 1], width=1, radius=0.25).answer
    'no'
    """
    data, _ = unmapped(X, y, as_stored(scale, "a network that is decided about"))
    asked = None if width is None else whole(width, "width", 1)
    within, solving = real(radius, "radius"), (real_or_none(timeout, "timeout"), text(solver, "solver"))
    with running(None, progress) as run:
        said = _native.decide(data, asked, within, norm_name(norm), solving, run)
    return Decision(**said)


def bounds(
    X: ArrayLike | None = None,
    y: ArrayLike | None = None,
    *,
    samples: int | None = None,
    features: int | None = None,
    classes: int | None = None,
    norm: str | float = "linf",
    ratio: float = 0.9,
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> list[dict[str, Any]]:
    """What the literature proves necessary and sufficient, for data or for numbers.

    Parameters
    ----------
    X, y, norm, scale, n_jobs, progress
        As of :func:`separation`; with data, what each construction takes on them is counted, too.
    samples, features, classes : int, default=None
        Without data: how many there are.
    ratio : float, default=0.9
        The radius as a share of the largest possible one, between 0 and 1.

    Returns
    -------
    list of dict
        One for each result, with ``kind`` ("necessary", "sufficient", "needed" by the data, "measured"),
        ``quantity``, ``formula``, ``value``, ``bits_per_parameter`` and ``bits`` (of measured parameters),
        ``accuracy`` ("explicit", "order of growth"), ``robust``, ``condition``, ``built`` and
        ``source``: what ``pandas.DataFrame`` takes.

    Raises
    ------
    ValueError, TypeError
        When neither data nor all three numbers are given, or the ratio is out of range.

    Examples
    --------
    >>> from indelible import bounds
    >>> rows = bounds(samples=100, features=4, classes=2)
    >>> sorted({row["kind"] for row in rows})
    ['necessary', 'sufficient']
    """
    ratio = real(ratio, "ratio")
    counts = {"samples": samples, "features": features, "classes": classes}
    data, numbers = None, (0, 0, 0)
    if X is not None:
        if any(count is not None for count in counts.values()):
            raise ValueError("data and numbers were both given; expected X and y, or samples, features and classes")
        data = dataset(X, y, scale)
    else:
        missing = [name for name, count in counts.items() if count is None]
        if missing:
            raise ValueError(f"{' and '.join(missing)} not given; expected X and y, or samples, features and classes")
        numbers = tuple(whole(count, name, 1) for name, count in counts.items())
    with running(n_jobs, progress) as run:
        return _native.bounds_table(numbers, data, norm_name(norm), ratio, run)


class Comparison(dict[str, list[Any]]):
    """All constructions side by side: a dict of columns, which ``pandas.DataFrame`` takes.

    The columns are ``construction``, ``depth``, ``width``, ``nonzero`` and ``all`` (parameters),
    ``bits_per_parameter`` and ``bits`` (of the nonzero ones), ``max_abs_parameter``, ``lipschitz``
    (a bound; infinite where none was found), ``certified`` (a count of samples), ``form``, ``build_seconds`` and ``certify_seconds``.

    Attributes
    ----------
    norm : str
        The norm of the radius.
    radius, ratio : float
        The radius of all balls, in the units of the features, and as a share of the largest one.
    samples : int
        Number of samples.
    refused : dict of str to str
        The constructions that cannot be built for the data, and why.
    """

    def __init__(
        self, rows: list[dict[str, Any]], refused: dict[str, str], norm: str, radius: float, ratio: float, samples: int
    ):
        super().__init__({key: [row[key] for row in rows] for key in (rows[0] if rows else ())})
        self.norm, self.radius, self.ratio, self.samples, self.refused = norm, radius, ratio, samples, refused

    def plot(self, ax: Any = None) -> "Comparison":
        """Draws the nonzero parameters of each construction as bars, pale where not every sample
        is certified, into ``ax`` or a new one. Needs matplotlib.

        Returns
        -------
        Comparison
            Itself, with ``ax_`` and ``figure_``, where it was drawn.
        """
        ax = axes(ax)
        names, sizes = self["construction"], self["nonzero"]
        bars = ax.barh(names, sizes)
        for bar, certified in zip(bars, self["certified"], strict=True):
            bar.set_alpha(1.0 if certified == self.samples else 0.35)
        ax.bar_label(bars, [f"{size:,}" for size in sizes], padding=3)
        ax.set_xscale("log")
        ax.margins(x=0.15)
        ax.invert_yaxis()
        ax.set_xlabel("nonzero parameters")
        ax.set_title(f"{self.samples:,} samples, {self.norm}, radius {self.radius:.6g} (ratio {self.ratio:g})")
        return drawn(self, ax)


def compare(
    X: ArrayLike,
    y: ArrayLike,
    norm: str | float = "linf",
    *,
    ratio: float = 0.9,
    precision: str = "f32",
    scale: str | None = None,
    n_jobs: int | None = None,
    progress: Progress = None,
) -> Comparison:
    """Builds, counts and certifies every construction that serves the data.

    Parameters
    ----------
    X, y, norm, scale, n_jobs, progress
        As of :func:`separation`.
    ratio : float, default=0.9
        The radius as a share of the largest possible one, between 0 and 1.
    precision : {"f32", "f64"}, default="f32"
        The format of the networks.

    Returns
    -------
    Comparison
        A row for each construction; radii in the units of the features, parameters and neurons
        counted.

    Raises
    ------
    ValueError, TypeError
        When the data cannot be memorized, no construction serves them, or an option is unknown.

    Examples
    --------
    >>> from indelible import compare
    >>> table = compare([[0.0], [1.0], [5.0]], ["low", "high", "high"])
    >>> "cells" in table["construction"], set(table["certified"])
    (True, {3})
    """
    ratio = real(ratio, "ratio")
    data = dataset(X, y, scale)
    name = norm_name(norm)
    with running(n_jobs, progress) as run:
        radius, rows, refused = _native.compare(data, name, ratio, text(precision, "precision"), run)
    if not rows:
        raise ValueError("; ".join(f"{construction}: {why}" for construction, why in refused))
    return Comparison(rows, dict(refused), shown(name), radius, ratio, data.samples)
