"""Arrays of every kind: those that are numbers mean what they say, all others are refused."""

import numpy as np
import pytest

import indelible

X = np.array([[0.0, 0.0], [3.0, 4.0], [1.0, 1.0]])
Y = np.array(["a", "b", "a"])


@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i4", "<u8", ">i8", "f2", "f4", ">f4", "f8", ">f8", "g"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_numbers_are_those_of_the_array(dtype, order):
    found = indelible.separation(np.asarray(X, dtype=dtype, order=order), Y)
    assert (found.lower, found.upper, found.pair) == (3.0, 3.0, (1, 2))


def test_views_and_more_dimensions():
    wide = np.zeros((6, 4))
    wide[::2, ::2] = X
    assert indelible.separation(wide[::2, ::2], Y).lower == 3.0
    assert indelible.separation(X[::-1], Y[::-1]).pair == (0, 1)
    images = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert indelible.separation(images, [0, 1]).lower == 12.0
    assert indelible.separation(np.array([[True], [False]]), [0, 1]).lower == 1.0
    frozen = X.copy()
    frozen.setflags(write=False)
    assert indelible.separation(frozen, Y).lower == 3.0


@pytest.mark.parametrize(
    ("array", "error", "words"),
    [
        ([1.0, 2.0, 3.0], ValueError, r"X has shape \(3,\); expected 2 dimensions"),
        (3.0, ValueError, r"X has shape \(\)"),
        (None, TypeError, "X is NoneType; expected an array"),
        ("data.npz", TypeError, "X is str; expected an array"),
        ([["a"], ["b"], ["c"]], TypeError, "X has type <U1; expected numbers"),
        ([[1.0], [2.0, 3.0], [4.0]], ValueError, "X is no array: .*expected rows of equal length"),
        (np.array([[1], [None], [{}]]), TypeError, "X is an array of objects, NoneType among them"),
        (X + 1j, TypeError, "X holds complex numbers"),
        (X.astype("M8[s]"), TypeError, "X has type datetime64"),
        (np.where(X == 4, np.nan, X), ValueError, "sample 1, feature 1 is NaN; every feature must be a finite"),
        (np.where(X == 4, -np.inf, X), ValueError, "sample 1, feature 1 is -inf"),
        (X[:, :0], ValueError, "the dataset is empty: 3 samples of 0 features"),
        (X[:0], ValueError, "X has 0 samples and y 3 labels"),
        (X[:2], ValueError, "X has 2 samples and y 3 labels; expected as many"),
        (np.full((3, 1), 2**60 + 1), ValueError, "X has integers beyond 2\\^53"),
        ([[2**60 + 1, 0.5], [0, 0], [1, 1]], ValueError, "X has 1152921504606846977, which no float64 holds exactly"),
        (np.full((3, 1), np.longdouble(1) / 3), ValueError, "digits that float64 does not hold"),
        (np.ma.masked_equal(X, 4), ValueError, "X has masked values"),
    ],
)
def test_what_is_no_array_of_numbers_is_refused(array, error, words):
    with pytest.raises(error, match=words):
        indelible.separation(array, Y)


def test_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    for matrix in (sparse.csr_matrix(X), sparse.coo_array(X)):
        with pytest.raises(TypeError, match=r"X is a sparse matrix; .* X\.toarray\(\)"):
            indelible.separation(matrix, Y)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (None, TypeError, "y is NoneType|y is None; expected a label"),
        ([0, 1], ValueError, "X has 3 samples and y 2 labels"),
        ([[0, 1], [1, 0], [0, 0]], ValueError, r"y has shape \(3, 2\)"),
        ([0.0, np.nan, 1.0], ValueError, "the label of sample 1 is nan"),
        ([0, None, "a"], TypeError, "y has labels of type int, NoneType for sample 1; expected only integers, only"),
        (np.array([None] * 3), TypeError, "y has labels of type NoneType; expected only integers"),
        ([2**70, 0, 1], ValueError, "y has integers beyond 64 bits"),
        ([1j, 2, 3], TypeError, "y has type complex128"),
    ],
)
def test_what_is_no_label_is_refused(labels, error, words):
    with pytest.raises(error, match=words):
        indelible.separation(X, labels)


def test_labels_of_every_kind():
    for labels in (["a", "b", "a"], [0, 1, 0], [True, False, True], [0.5, 1.5, 0.5], [[7], [8], [7]], (-1, 2, -1)):
        assert indelible.separation(X, labels).pair == (1, 2)
    objects = np.array(["a", "b", "a"], dtype=object)
    assert indelible.separation(X, objects).pair == (1, 2)
    assert indelible.separation(X, np.arange(3)).pair == (0, 2)
    assert indelible.separation(np.arange(1e4)[:, None], np.arange(10_000)).lower == 1.0


def test_norms_by_name_and_by_exponent():
    for norm, lower in [(np.inf, 3.0), ("inf", 3.0), (1, 5.0), ("l1", 5.0), (2.0, 13**0.5), ("L2", 13**0.5)]:
        assert abs(indelible.separation(X, Y, norm).lower - lower) <= np.spacing(lower)
    assert 3.0 < indelible.separation(X, Y, 3).lower < 13**0.5
    for norm in (0.5, "max", np.nan, 2000):
        with pytest.raises(ValueError, match="unknown norm"):
            indelible.separation(X, Y, norm)
    names = [(2, "l2"), ("L2", "l2"), ("2.0", "l2"), (np.inf, "linf"), ("Linf", "linf"), (1.5, "l1.5"), ("l1.5", "l1.5")]
    assert all(indelible.separation(X, Y, norm).norm == name for norm, name in names)


def test_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"])
    for known in (frame, frame.astype("Int64"), frame.astype({"a": "float32", "b": "Int8"}), frame.astype({"a": bool, "b": "u1"})):
        expected = indelible.separation(np.array([[float(v) for v in row] for row in known.itertuples(index=False)]), Y)
        assert indelible.separation(known, pandas.Series(Y)) == expected
    big = pandas.DataFrame({"a": [2**60 + 1, 0, 1], "b": [0.5, 0.0, 0.0]})
    for known, words in [
        (big, "column 0 of X has integers beyond"),
        (big.astype({"a": "Int64"}), "column 0 of X has"),
        (frame.astype("Int64").replace(4, pandas.NA), "sample 1, feature 1 is NaN"),
    ]:
        with pytest.raises(ValueError, match=words):
            indelible.separation(known, Y)
    frame["b"] = ["x", "y", "z"]
    with pytest.raises(TypeError, match="X is an array of objects, str among them"):
        indelible.separation(frame, Y)


def test_frames_of_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    assert indelible.separation(frame, polars.Series(list(Y))).lower == 3.0
    mixed = frame.with_columns(polars.col("a").cast(polars.UInt8))
    assert indelible.separation(mixed, polars.Series(list(Y))).lower == 3.0
    for known, error, words in [
        (frame.lazy(), TypeError, "X is LazyFrame; expected an array"),
        (frame.with_columns(a=polars.Series([2**60 + 1, 0, 1])), ValueError, "column 0 of X has integers beyond"),
        (frame.with_columns(a=polars.Series(["x", "y", "z"])), TypeError, "X is an array of objects"),
    ]:
        with pytest.raises(error, match=words):
            indelible.separation(known, Y)
