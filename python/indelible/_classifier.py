"""A scikit-learn classifier that memorizes what it is fitted on, robustly and with a proof."""

from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import _native
from ._data import MAPS, class_names, classes_named, feature_names, labels, norm_name, refuse_merged, refuse_rounding, scale_name, shown
from ._distances import Separation
from ._networks import Certificate, Robustness, certificate_of, certify, file_of, robustness, scale_for
from ._numbers import real, real_or_none, whole, yes
from ._run import Progress, running
from ._words import documented

# An output of the network each: more classes than this are rather values of a regression.
MOST_CLASSES = 65_536
_TYPES = [np.float64, np.float32, np.uint8]
_CONFLICTS = ("error", "first", "drop")


@documented
class MemorizingClassifier(ClassifierMixin, BaseEstimator):
    """A ReLU network that keeps the label of every training sample within a radius, proved.

    It memorizes: a point outside all balls may get any label. What is proved is the ONNX file that
    :meth:`to_onnx` writes, in real arithmetic and as executed in its format.

    Parameters
    ----------
    construction : str, default="auto"
        The construction; "auto": that with the fewest nonzero parameters that certifies.
    norm : str or float, default="linf"
        The norm of the balls: "linf", "l1", "l2", or "lP" for a real P from 1 to 1000; or the
        exponent, as in numpy.
    radius : float, default=None
        The radius of all balls, in the units of the features. None: as ``ratio`` says.
    ratio : float, default=0.9
        The radius as a share of the largest possible one, between 0 and 1.
    per_sample : bool, default=False
        A radius for each sample: ``ratio`` of half the distance to its own nearest enemy.
    head : {"logits", "scalar"}, default="logits"
        One output for each class, the largest is the label; or one output, near the number of the
        class, counted from 1.
    precision : {"f32", "f64"}, default="f32"
        The format in which the network is stored and executed.
    form : {"auto", "dense", "compact"}, default="auto"
        How it is stored: layer by layer, or as a loop over samples or gathers.
    prove : bool, default=True
        Whether it must be proved; without it ``certificate_`` is None.
    on_conflict : {"error", "first", "drop"}, default="error"
        Equal samples with different labels, which no network memorizes: refuse them, keep those
        with the label of the first, or leave all of them out.
    scale : {None, "images", "minmax", "standard"}, default=None
        What is done to features. None: nothing. "images": bytes k (uint8) are k/255, rounded to
        float32. "minmax", "standard": a map of every feature onto [0, 1], or to mean 0 and standard
        deviation 1, is put in front of the network, which reads features as they stand; radii and
        distances are those of scaled features.
    <running>

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        The labels, in order.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of str, shape (n_features,)
        The names of the columns, where X was a frame.
    separation_ : Separation or None
        The smallest distance between two samples of different classes.
    radius_ : float, or ndarray of float64, shape (n_samples,)
        The radius that is kept, of all samples or of each, in the units of the features (of scaled
        ones where ``scale`` puts a map in front).
    certificate_ : Certificate or None
        What was proved about the training samples.
    construction_, form_ : str
        The construction that was chosen, and how the network is stored.
    reasons_ : list of str
        Why it was chosen; empty where it was named.
    lipschitz_ : float
        A bound of the Lipschitz constant of every output; infinite where none was found.
    scaling_ : tuple of two ndarrays of float64, shape (n_features,), or None
        The map in front of the network: offsets m and factors w, of ``(x - m) * w``.
    size_ : dict of str to int or float
        ``depth``, ``width``, ``nonzero`` and ``all`` (parameters), ``max_abs`` (the largest).
    dropped_ : ndarray of int64
        The samples left out because of ``on_conflict``.
    seconds_ : dict of str to float
        What took how long.
    network_ : object
        The network, which the functions of the package take, too.

    Examples
    --------
    >>> from indelible import MemorizingClassifier
    >>> X, y = [[0.0, 0.0], [2.0, 1.0], [1.0, 3.0], [5.0, 5.0]], ["low", "low", "high", "high"]
    >>> model = MemorizingClassifier().fit(X, y)
    >>> model.certificate_.holds, model.radius_, model.separation_.pair
    (True, 0.9, (1, 2))
    >>> model.predict([[2.5, 1.5]])
    array(['low'], dtype='<U4')
    """

    def __init__(
        self,
        construction: str = "auto",
        norm: str | float = "linf",
        radius: float | None = None,
        ratio: float = 0.9,
        per_sample: bool = False,
        head: str = "logits",
        precision: str = "f32",
        form: str = "auto",
        prove: bool = True,
        on_conflict: str = "error",
        scale: str | None = None,
        n_jobs: int | None = None,
        progress: Progress = None,
    ):
        self.construction = construction
        self.norm = norm
        self.radius = radius
        self.ratio = ratio
        self.per_sample = per_sample
        self.head = head
        self.precision = precision
        self.form = form
        self.prove = prove
        self.on_conflict = on_conflict
        self.scale = scale
        self.n_jobs = n_jobs
        self.progress = progress

    def fit(self, X: ArrayLike, y: ArrayLike) -> "MemorizingClassifier":
        """Builds the network and proves it.

        Parameters
        ----------
        X : array of shape (n_samples, n_features), or frame
            The samples. uint8, float32 and float64 in C order are used where they lie, and kept for
            :meth:`explain`: do not change them.
        y : array of shape (n_samples,)
            Their labels: integers, strings or booleans.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            When the data or an option cannot be used, equal samples have different labels, the
            radius is too large for any network, or no network could be proved.
        """
        asked = self._asked()
        names = feature_names(X)
        refuse_merged(y)
        X, y = self._checked(X, y)
        classes, codes = _labelled(y)
        if len(classes) > MOST_CLASSES:
            raise ValueError(
                f"y has {len(classes):,} classes for {len(y):,} samples; expected {MOST_CLASSES:,} at most, "
                "for each is an output of the network"
            )
        check_classification_targets(classes[codes])
        if len(classes) == 1 and self.radius is None:
            # The program says the same of one label.
            raise ValueError(
                f"all samples have one label (1 class, {classes[0]!r}), so the classes are infinitely far apart "
                "and a ratio of that distance is no radius; give radius"
            )
        scale = scale_name(self.scale)
        read_as = None if scale in MAPS else scale
        data = _data_of(X, codes, classes, names, read_as)
        dropped = np.zeros(0, np.int64)
        if self.on_conflict != "error":
            data, dropped = data.without_conflicts(self.on_conflict == "first")
        with running(self.n_jobs, self.progress) as run:
            network, found = _native.fit(data, asked, run)
        self.classes_, self.dropped_ = classes, dropped
        self._data, self._read_as = data, read_as
        self._describe(network, found)
        return self

    def _asked(self) -> dict[str, Any]:
        """The options, as Rust takes them."""
        scale = scale_name(self.scale)
        if self.on_conflict not in _CONFLICTS:
            raise ValueError(f"on_conflict is {self.on_conflict!r}; expected 'error', 'first' or 'drop'")
        if self.radius is not None and yes(self.per_sample, "per_sample"):
            raise ValueError("radius and per_sample were both given; expected one of them")
        for name in ("construction", "head", "precision", "form"):
            if not isinstance(getattr(self, name), str):
                raise TypeError(f"{name} is {getattr(self, name)!r}; expected a string")
        return {
            "construction": None if self.construction == "auto" else self.construction,
            "norm": norm_name(self.norm),
            "radius": real_or_none(self.radius, "radius"),
            "ratio": real(self.ratio, "ratio"),
            "per_sample": yes(self.per_sample, "per_sample"),
            "head": self.head,
            "precision": self.precision,
            "form": self.form,
            "prove": yes(self.prove, "prove"),
            "scale": scale if scale in MAPS else None,
        }

    def _checked(self, *data: ArrayLike, **options: Any) -> Any:
        """X, or X and y, as scikit-learn validates them, nothing rounded."""
        refuse_rounding(data[0])
        checked = validate_data(self, *data, dtype=_TYPES, order="C", **options)
        X, *rest = checked if isinstance(checked, tuple) else (checked,)
        X = np.require(X, requirements="A")  # What is not aligned is copied.
        return (X, *rest) if rest else X

    def _describe(self, network: _native.Network, found: dict[str, Any]) -> None:
        """Keeps the network and what is known about it."""
        said = network.describe()
        proof = found.get("certificate")
        self.network_ = network
        self.construction_ = found["construction"]
        self.form_ = found["form"]
        self.radius_ = found["radius"]
        self.reasons_ = (found.get("reason") or "").split("; ") if found.get("reason") else []
        closest = found.get("separation")
        self.separation_ = None if closest is None else Separation(shown(norm_name(self.norm)), *closest)
        names = class_names(self.classes_)
        self.certificate_ = None if proof is None else certificate_of({**proof, "radius": self.radius_}, names)
        self.lipschitz_ = found.get("lipschitz", np.inf)
        self.scaling_ = None if said["scaling"] is None else tuple(said["scaling"])
        self.size_ = {key: said[key] for key in ("depth", "width", "nonzero", "all", "max_abs")}
        self.seconds_ = found.get("seconds", {})

    def _outputs(self, X: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """The outputs for each sample, and the class that they denote."""
        check_is_fitted(self)
        names = feature_names(X)
        X = self._checked(X, reset=False)
        data = _data_of(X, np.zeros(len(X)), None, names, self._read_as)
        with running(self.n_jobs, self.progress) as run:
            outputs, codes = self.network_.evaluate(data, len(self.classes_), run)
        if len(codes) and codes.min() < 0:
            raise ValueError(f"the network gives NaN for sample {int(np.argmin(codes))}; its numbers overflow there")
        return outputs, codes

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """The label that the network gives each sample.

        Parameters
        ----------
        X : array of shape (n_samples, n_features), or frame

        Returns
        -------
        ndarray, shape (n_samples,)
        """
        _, codes = self._outputs(X)
        return self.classes_[codes]

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """How much each class is preferred.

        Parameters
        ----------
        X : array of shape (n_samples, n_features), or frame

        Returns
        -------
        ndarray of float64, shape (n_samples, n_classes), or (n_samples,) for two classes
            The logits; for a scalar head the negative distances from the numbers of the classes. For
            two classes that of the second less that of the first.
        """
        outputs, _ = self._outputs(X)
        if outputs.shape[1] < len(self.classes_):
            outputs = -np.abs(outputs - np.arange(1, len(self.classes_) + 1))
        if len(self.classes_) == 2:
            return outputs[:, 1] - outputs[:, 0]
        return outputs

    def _options(self) -> dict[str, Any]:
        """What functions about the network take beside the data."""
        check_is_fitted(self)
        return {"scale": self._read_as, "n_jobs": self.n_jobs, "progress": self.progress}

    def certify(self, X: ArrayLike, y: ArrayLike, radius: float | ArrayLike | None = None) -> Certificate:
        """Proves that samples, of the training data or not, keep their labels within a radius.

        Parameters
        ----------
        X, y : arrays of shape (n_samples, n_features) and (n_samples,)
            The samples and their labels.
        radius : float, or array of shape (n_samples,), default=None
            In the units of the features; None: the one that the network was fitted for.

        Returns
        -------
        Certificate
        """
        options = self._options()
        return certify(self.network_, X, y, radius, **options)

    def robustness(self, X: ArrayLike, y: ArrayLike, *, rounds: int = 16) -> Robustness:
        """Bounds the largest radius within which each sample keeps its label.

        Parameters
        ----------
        X, y : arrays of shape (n_samples, n_features) and (n_samples,)
            The samples and their labels.
        rounds : int, default=16
            Questions about each sample: with more, the bounds come closer.

        Returns
        -------
        Robustness
        """
        options = self._options()
        return robustness(self.network_, X, y, rounds=rounds, **options)

    def explain(self, i: int, X: ArrayLike | None = None, y: ArrayLike | None = None) -> dict[str, Any]:
        """Why a network of cells gives sample ``i`` its label.

        Parameters
        ----------
        i : int
            The sample, from 0.
        X, y : arrays, default=None
            The samples among which it is; None: those it was fitted on (less those of
            ``dropped_``), which an unpickled estimator no longer has.

        Returns
        -------
        dict
            ``radius`` and ``radius_units`` ("raw", or "scaled" where the network scales its features);
            ``cell``, the first cell that holds the ball of the sample, ``cells``, how many
            do, ``samples_in_cell``; and ``constraints``, a list of dict: every point of the ball has
            its ``feature`` (an index, of a direction where ``directions`` is true; ``name`` is that of
            the column) on the ``side`` (">=" or "<=") of the ``threshold``, the sample itself has
            ``value``, and ``excludes`` are the samples of other labels whose whole ball has not. Values
            and thresholds are in the units of ``X`` (along directions of scaled features, as these read).

        Raises
        ------
        ValueError
            When the network is none of cells, no cell holds the ball, or the data are gone.
        """
        check_is_fitted(self)
        data = getattr(self, "_data", None)
        if X is not None:
            X, y = self._checked(X, y, reset=False)
            classes, codes = _labelled(y)
            data = _data_of(X, codes, classes, None, self._read_as)
        if data is None:
            raise ValueError("the estimator does not hold the data it was fitted on; give X and y")
        with running(self.n_jobs, self.progress) as run:
            found = _native.explain(self.network_, data, whole(i, "i", 0), run)
        names = getattr(self, "feature_names_in_", None)
        for constraint in found["constraints"]:
            feature = constraint["feature"]
            named = names is not None and not found["directions"]
            constraint["name"] = str(names[feature]) if named else None
        return found

    def to_onnx(self, path: str | PathLike[str]) -> None:
        """Writes the network that was proved, byte for byte, as an ONNX file.

        Parameters
        ----------
        path : path
            The file, which is complete or not there. Its input ``x`` has shape (batch, n_features),
            its output ``y`` shape (batch, outputs).

        Raises
        ------
        OSError
            When it cannot be written.
        """
        check_is_fitted(self)
        self.network_.save(path)

    @classmethod
    def from_onnx(cls, path: str | PathLike[str], **parameters: Any) -> "MemorizingClassifier":
        """A classifier that predicts with the network of an ONNX file, this project's or another's.

        Parameters
        ----------
        path : path
            The file.
        **parameters
            Parameters of the classifier that do not follow from the file: ``scale``, ``n_jobs``,
            ``progress``.

        Returns
        -------
        MemorizingClassifier
            Nothing is proved about it: ``certificate_`` is None until :meth:`certify` is asked, and
            ``separation_`` is None. ``classes_`` are integers where all names in the file are, and 0,
            1, … where it names none.

        Raises
        ------
        ValueError, OSError
            When it cannot be read.
        """
        network = _native.Network(file_of(path))
        said = network.describe()
        outputs, names = said["outputs"], said["classes"]
        if names is None and outputs == 1:
            raise ValueError(f"{path} has one output and names no classes; expected one output for each class")
        scalar = outputs == 1 and names is not None and len(names) > 1
        model = cls(
            construction=said["construction"] or "auto",
            norm=said["norm"] or "linf",
            head="scalar" if scalar else "logits",
            precision=said["precision"],
            **parameters,
        )
        # What was said of ``scale`` at fit, or here, holds: another parameter would misread samples.
        model._read_as = scale_for(network, model.scale)
        model.classes_ = classes_named(names) if names is not None else np.arange(outputs)
        model.n_features_in_ = said["inputs"]
        if said["features"] is not None:
            model.feature_names_in_ = np.asarray(said["features"], dtype=object)
        model.dropped_ = np.zeros(0, np.int64)
        found = {"construction": said["construction"], "form": said["form"], "radius": said["radius"]}
        model._describe(network, found)
        return model

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_data"}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "network_")


def _data_of(
    X: NDArray[Any], codes: NDArray[Any], classes: NDArray[Any] | None, names: list[str] | None, scale: str | None
) -> _native.Data:
    """Checked samples as Rust takes them; without classes, labels do not matter."""
    codes = codes.astype(np.int64, copy=False)
    return _native.Data(X, codes, [""] if classes is None else class_names(classes), names, scale == "images")


def _labelled(y: ArrayLike) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The distinct labels in order, words as objects where they were given so, and which each sample has."""
    y = column_or_1d(y, warn=True)
    classes, codes = labels(y)
    return classes.astype(object) if y.dtype.kind == "O" and classes.dtype.kind == "U" else classes, codes
