"""Arrays, frames and labels as the functions in Rust take them."""

import math
import warnings
from numbers import Number
from typing import Any

import numpy as np

from ._native import Data

# Every integer up to this is a float64.
_EXACT = 2**53
# Maps of every feature, found from the data.
MAPS = ("minmax", "standard")


def norm_name(norm: object) -> str:
    """The name of a norm that is given as one, or by its exponent as numpy has it."""
    if isinstance(norm, str):
        return norm
    if isinstance(norm, (int, float, np.integer, np.floating)) and not isinstance(norm, bool):
        value = float(norm)
        return "linf" if value == math.inf else f"l{np.format_float_positional(value, trim='-')}"
    raise TypeError(f"norm is {norm!r}; expected 'linf', 'l1', 'l2', 'l1.5' and the like, or a number")


def shown(norm: str) -> str:
    """The name that the program has for a norm that it knows."""
    exponent = norm.lower().removeprefix("l")
    return "linf" if exponent == "inf" else norm_name(float(exponent))


def is_sparse(X: Any) -> bool:
    return hasattr(X, "nnz") and hasattr(X, "tocsr") or type(X).__module__.startswith("scipy.sparse")


def feature_names(X: Any) -> list[str] | None:
    """The names of the columns of a frame, where all of them are strings."""
    columns = getattr(X, "columns", None)
    if columns is None or isinstance(X, np.ndarray):
        return None
    names = list(columns)
    return names if names and all(isinstance(name, str) for name in names) else None


def same_columns(X: Any, like: Any, names: tuple[str, str]) -> None:
    """Refuses two frames whose columns have other names, or another order."""
    given, expected = feature_names(X), feature_names(like)
    if given is None or expected is None or given == expected:
        return
    if len(given) != len(expected):
        return  # What is wrong then is said where features are counted.
    at = next(k for k, pair in enumerate(zip(given, expected)) if pair[0] != pair[1])
    raise ValueError(
        f"column {at} of {names[0]} is {given[at]!r} and that of {names[1]} {expected[at]!r}; "
        "expected the same columns in the same order"
    )


def _array(X: Any, name: str) -> np.ndarray:
    if is_sparse(X):
        raise TypeError(f"{name} is a sparse matrix; expected a dense array: {name}.toarray() makes one")
    if isinstance(X, (str, bytes)) or X is None:
        raise TypeError(f"{name} is {type(X).__name__}; expected an array of numbers, a row for each sample")
    if hasattr(X, "to_numpy"):
        X = _frame(X, name) if hasattr(X, "columns") else X.to_numpy()
    if isinstance(X, np.ma.MaskedArray):
        if np.ma.is_masked(X):
            raise ValueError(f"{name} has masked values; every feature must be a finite number")
        X = X.data
    try:
        with warnings.catch_warnings():
            # Before numpy 1.24 such rows became objects, with this warning.
            warnings.filterwarnings("error", "Creating an ndarray from ragged")
            a = np.asarray(X)
    except (ValueError, Warning) as error:
        raise ValueError(f"{name} is no array: {error}; expected rows of equal length") from None
    if a.ndim == 0 and a.dtype.kind == "O":
        raise TypeError(f"{name} is {type(X).__name__}; expected an array of numbers, a row for each sample")
    if isinstance(X, (list, tuple)) and a.dtype.kind == "f" and (np.abs(a) >= _EXACT).any():
        _as_given(np.asarray(X, dtype=object), a, name)
    return a


def _frame(X: Any, name: str) -> np.ndarray:
    """The numbers of a frame, whose columns may have types of their own: the common type may hold them not."""
    a = X.to_numpy()
    columns = X.get_columns() if hasattr(X, "get_columns") else [X.iloc[:, j] for j in range(X.shape[1])]
    if not columns or all(getattr(column, "dtype", None) == a.dtype for column in columns):
        return a
    known = [_column(column, f"column {j} of {name}") for j, column in enumerate(columns)]
    return np.stack(known, axis=1) if all(one.dtype.kind in "biuf" for one in known) else a


def _column(column: Any, name: str) -> np.ndarray:
    a = column.to_numpy()
    if a.dtype.kind == "O" and getattr(column.dtype, "kind", "O") in "biuf":
        # Numbers of which some may be missing: None, or what pandas has for it.
        given = [np.nan if value is None or type(value).__name__ == "NAType" else value for value in a]
        return _as_given(np.array(given, dtype=object), np.array(given, dtype=np.float64), name)
    return exactly(a, name) if a.dtype.kind in "biuf" else a


def _as_given(given: np.ndarray, wide: np.ndarray, name: str) -> np.ndarray:
    """Numbers in float64, where it holds those that were given."""
    # Python compares its own numbers exactly; numpy would round them first.
    for value, number in zip(given.ravel().tolist(), wide.ravel().tolist(), strict=True):
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, Number) and value != number and value == value:
            raise ValueError(f"{name} has {value!r}, which no float64 holds exactly; expected numbers that are float64")
    return wide


def exactly(a: np.ndarray, name: str) -> np.ndarray:
    """The same numbers in uint8, float32 or float64: as they are where they are so already."""
    kind, size = a.dtype.kind, a.dtype.itemsize
    if kind == "b":
        return a.view(np.uint8)
    if kind == "u" and size == 1 or kind == "f" and size in (4, 8):
        return a.astype(a.dtype.newbyteorder("="), copy=False)
    if kind == "f" and size == 2 or kind in "iu" and size <= 2:
        return a.astype(np.float32)
    if kind in "iu":
        if size == 8 and a.size and (int(a.max()) > _EXACT or int(a.min()) < -_EXACT):
            raise ValueError(f"{name} has integers beyond 2^53, which no float64 holds exactly; scale them down")
        return a.astype(np.float64)
    if kind == "f":
        wide = a.astype(np.float64)
        if not np.array_equal(wide, a, equal_nan=True):
            raise ValueError(f"{name} has type {a.dtype} with digits that float64 does not hold; expected float64")
        return wide
    if kind == "c":
        raise TypeError(f"{name} holds complex numbers; expected real ones")
    if kind == "O":
        numbers = (int, float, np.number)
        odd = next((f", {type(value).__name__} among them" for value in a.flat if not isinstance(value, numbers)), "")
        raise TypeError(
            f"{name} is an array of objects{odd}; expected numbers: "
            f"convert what is meant with {name}.astype(float)"
        )
    raise TypeError(f"{name} has type {a.dtype}; expected numbers")


def refuse_rounding(X: Any, name: str = "X") -> None:
    """Refuses what would be rounded, or lose its meaning, where it is converted to float64. What is
    no array is left to whoever converts it."""
    if is_sparse(X) or isinstance(X, (str, bytes)) or X is None:
        return
    a = _array(X, name)
    if a.dtype.kind in "US":
        raise ValueError(f"{name} has type {a.dtype}; expected numbers: convert what is meant with {name}.astype(float)")
    if a.dtype.kind in "Mm" or a.dtype.kind in "iuf" and a.dtype.itemsize >= 8:
        exactly(a, name)
    if a.dtype.kind == "O":
        if any(isinstance(value, (str, bytes)) for value in a.flat):
            exactly(a, name)
        try:
            wide = a.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            return
        _as_given(a, wide, name)


def features(X: Any, name: str = "X") -> np.ndarray:
    """The samples as rows of uint8, float32 or float64 in C order: no copy of an array that is so
    already. Further dimensions are flattened."""
    a = _array(X, name)
    if a.ndim < 2:
        raise ValueError(
            f"{name} has shape {a.shape}; expected 2 dimensions, a row for each sample: "
            f"{name}.reshape(-1, 1) where there is one feature, {name}.reshape(1, -1) where there is one sample"
        )
    if a.ndim > 2:
        a = a.reshape(len(a), math.prod(a.shape[1:]))
    return np.require(exactly(a, name), requirements=["C", "A"])


def class_names(classes: np.ndarray) -> list[str]:
    """What the program calls these classes: 1 and 0 for True and False, 7 for 7.0."""
    if classes.dtype.kind == "b":
        return [str(int(c)) for c in classes]
    if classes.dtype.kind == "f":
        return [str(int(c)) if float(c).is_integer() else np.format_float_positional(float(c)) for c in classes]
    return [str(c) for c in classes]


def classes_named(names: list[str]) -> np.ndarray:
    """Labels from the names of classes: integers where all names are written as such."""
    try:
        numbers = np.asarray([int(name) for name in names])
    except (ValueError, OverflowError):
        return np.asarray(names)
    return numbers if [str(number) for number in numbers] == names else np.asarray(names)


def labels(y: Any, name: str = "y") -> tuple[np.ndarray, np.ndarray]:
    """The distinct labels in order, and for each sample which of them it has."""
    if y is None:
        raise TypeError(f"{name} is None; expected a label for each sample")
    if is_sparse(y):
        raise TypeError(f"{name} is a sparse matrix; expected a label for each sample")
    if isinstance(y, (str, bytes)):
        raise TypeError(f"{name} is {type(y).__name__}; expected a label for each sample")
    refuse_merged(y, name)
    a = _array(y, name)
    if a.ndim == 2 and a.shape[1] == 1:
        a = a.ravel()
    if a.ndim != 1:
        raise ValueError(f"{name} has shape {a.shape}; expected 1 dimension, a label for each sample")
    if a.dtype.kind == "O":
        a = _of_one_kind(a, name)
    if a.dtype.kind not in "biufU":
        raise TypeError(f"{name} has type {a.dtype}; expected labels that are integers, strings or booleans")
    if a.dtype.kind == "f" and not np.isfinite(a).all():
        sample = int(np.flatnonzero(~np.isfinite(a))[0])
        raise ValueError(f"the label of sample {sample} is {a[sample]}; expected a finite number or a word")
    classes, codes = np.unique(a, return_inverse=True)
    return classes, codes.reshape(-1).astype(np.int64, copy=False)


def refuse_merged(y: Any, name: str = "y") -> None:
    """Refuses a list of labels that numpy would make one kind of, or round, merging what differs."""
    if not isinstance(y, (list, tuple)) or _array(y, name).ndim != 1:
        return
    words = [isinstance(label, str) for label in y]
    truths = [isinstance(label, (bool, np.bool_)) for label in y]
    if any(words) and not all(words) or any(truths) and not all(truths):
        given = np.empty(len(y), object)
        given[:] = y
        _of_one_kind(given, name)


def _of_one_kind(labels: np.ndarray, name: str) -> np.ndarray:
    """Labels that are objects, as words, booleans or integers."""
    for kinds, dtype in ((str, str), ((bool, np.bool_), bool), ((int, np.integer), np.int64)):
        kept = (lambda label: not isinstance(label, bool)) if dtype is np.int64 else (lambda label: True)
        if labels.size and all(isinstance(label, kinds) and kept(label) for label in labels):
            if dtype is str and any(label.endswith("\0") for label in labels):
                raise ValueError(f"{name} has words that end in a NUL, which numpy's words lose; expected other ones")
            try:
                return labels.astype(dtype)
            except OverflowError:
                raise ValueError(f"{name} has integers beyond 64 bits; expected smaller ones, or words") from None
    kinds = [type(label).__name__ for label in labels]
    other = next((f", {kind} for sample {i}" for i, kind in enumerate(kinds) if kind != kinds[0]), "")
    given = f"labels of type {kinds[0]}{other}" if kinds else "no labels"
    raise TypeError(f"{name} has {given}; expected only integers, only strings or only booleans")


def scale_name(scale: Any) -> str | None:
    """What is done to features, by the program's names; None for nothing."""
    if scale is None or isinstance(scale, str) and scale == "none":
        return None
    if isinstance(scale, str) and scale in ("images", *MAPS):
        return scale
    raise ValueError(f"scale is {scale!r}; expected None, 'images', 'minmax' or 'standard'")


def as_stored(scale: Any, who: str) -> str | None:
    """The scale of data that are no map's: None or "images"."""
    name = scale_name(scale)
    if name in MAPS:
        raise ValueError(f"scale is {name!r}, but {who} reads features as they stand; expected None or 'images'")
    return name


def unmapped(X: Any, y: Any, scale: Any = None, names: tuple[str, str] = ("X", "y")) -> tuple[Data, np.ndarray]:
    """A labelled dataset, whose features no map has changed, and its classes."""
    a = features(X, names[0])
    classes, codes = labels(y, names[1])
    if len(codes) != len(a):
        raise ValueError(f"{names[0]} has {len(a):,} samples and {names[1]} {len(codes):,} labels; expected as many")
    return Data(a, codes, class_names(classes), feature_names(X), scale_name(scale) == "images"), classes


def points(X: Any, scale: Any = None, name: str = "X") -> Data:
    """Samples whose labels do not matter, whose features no map has changed."""
    a = features(X, name)
    return Data(a, np.zeros(len(a), np.int64), [""], feature_names(X), scale_name(scale) == "images")


def mapped(data: Data, scale: Any, like: Data | None = None) -> Data:
    """The samples behind the map of every feature that ``scale`` asks for: that of ``like``, where it is given."""
    name = scale_name(scale)
    return data.behind(name, like) if name in MAPS else data


def dataset(X: Any, y: Any, scale: Any = None) -> Data:
    """A labelled dataset as distances are measured in it."""
    return mapped(unmapped(X, y, scale)[0], scale)
