"""Networks that provably memorize a labelled dataset robustly, and exact distances between classes.

:class:`MemorizingClassifier` is an estimator of scikit-learn: what it fits keeps the label of every
sample under every perturbation up to a radius, proved for the ONNX file that it writes. The
functions say how far apart classes are, exactly, prove the same of networks that others trained,
and say what such networks must cost.

Distances and radii are in the units of the features. Every error says what was given and what was
expected: ``ValueError`` and ``TypeError`` for data and options, ``OSError`` for files.
"""

from typing import TYPE_CHECKING, Any

from ._distances import (
    ClosePairs,
    NearestEnemies,
    Separation,
    k_nearest_enemies,
    nearest_enemies,
    pairs_within,
    separation,
)
from ._native import __version__
from ._neighbours import Duplicates, duplicates, get_nearest_oppo_dist, neighbor_graph
from ._networks import Certificate, Collision, Robustness, certify, refute, robustness
from ._theory import Comparison, Decision, bounds, compare, decide

if TYPE_CHECKING:
    from ._classifier import MemorizingClassifier

__all__ = [
    "Certificate",
    "ClosePairs",
    "Collision",
    "Comparison",
    "Decision",
    "Duplicates",
    "MemorizingClassifier",
    "NearestEnemies",
    "Robustness",
    "Separation",
    "__version__",
    "bounds",
    "certify",
    "compare",
    "decide",
    "duplicates",
    "get_nearest_oppo_dist",
    "k_nearest_enemies",
    "nearest_enemies",
    "neighbor_graph",
    "pairs_within",
    "refute",
    "robustness",
    "separation",
]


def __getattr__(name: str) -> Any:
    # scikit-learn is needed for the estimator only, and takes a second to import.
    if name == "MemorizingClassifier":
        try:
            from ._classifier import MemorizingClassifier
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] != "sklearn":
                raise
            message = "MemorizingClassifier needs scikit-learn 1.6 or newer: pip install scikit-learn"
            raise ImportError(message) from None
        return globals().setdefault(name, MemorizingClassifier)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
