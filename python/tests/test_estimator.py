"""The estimator is one of scikit-learn."""

import copy
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from indelible import MemorizingClassifier

X, Y = load_iris(return_X_y=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"construction": "wide", "norm": "l1"},
        {"head": "scalar", "precision": "f64"},
        {"per_sample": True, "scale": "standard", "precision": "f64"},
    ],
    ids=str,
)
def test_it_passes_every_check_of_scikit_learn(options):
    check_estimator(MemorizingClassifier(progress=False, **options))


def test_it_works_where_estimators_do():
    pipeline = make_pipeline(StandardScaler(), MemorizingClassifier())
    assert pipeline.fit(X, Y).score(X, Y) == 1.0
    search = GridSearchCV(pipeline, {"memorizingclassifier__ratio": [0.5, 0.9]}, cv=3).fit(X, Y)
    assert search.best_score_ > 0.5
    assert len(cross_val_score(MemorizingClassifier(construction="nearest"), X, Y, cv=3)) == 3


def test_it_is_copied_with_its_network():
    model = MemorizingClassifier(per_sample=True).fit(X, Y)
    for other in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert np.array_equal(other.decision_function(X), model.decision_function(X))
        assert np.array_equal(other.radius_, model.radius_)
        assert other.network_.to_bytes() == model.network_.to_bytes()
        with pytest.raises(ValueError, match="does not hold the data"):
            other.explain(0)
    with pytest.raises(NotFittedError):
        clone(model).predict(X)


def test_five_lines(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    images, digits = load_digits(return_X_y=True)
    model = MemorizingClassifier().fit(images, digits)
    assert model.certify(images, digits).holds
    model.to_onnx(tmp_path / "digits.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "digits.onnx")
    (outputs,) = session.run(None, {"x": images.astype(np.float32)})
    assert np.array_equal(outputs.argmax(axis=1), digits)


def test_a_file_becomes_a_classifier(tmp_path):
    for labels in (Y, np.array(["c", "a", "b"])[Y], Y == 1):
        for head in ("logits", "scalar"):
            model = MemorizingClassifier(head=head).fit(X, labels)
            model.to_onnx(tmp_path / "net.onnx")
            other = MemorizingClassifier.from_onnx(tmp_path / "net.onnx")
            assert np.array_equal(other.predict(X), labels)
            assert np.array_equal(other.decision_function(X), model.decision_function(X))
            assert (other.radius_, other.form_, other.head) == (model.radius_, model.form_, head)
            assert other.certificate_ is None and other.certify(X, labels).holds
    with pytest.raises(OSError, match=r"no\.onnx"):
        MemorizingClassifier.from_onnx(tmp_path / "no.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match=r"bad\.onnx"):
        MemorizingClassifier.from_onnx(tmp_path / "bad.onnx")


def test_frames_keep_their_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    model = MemorizingClassifier(construction="cells").fit(frame, pandas.Series(Y))
    assert model.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert np.array_equal(model.predict(frame), Y)
    assert model.explain(0)["constraints"][0]["name"] in "abcd"
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])
    polars = pytest.importorskip("polars")
    assert np.array_equal(model.predict(polars.DataFrame(frame.to_dict("list"))), Y)


def test_what_memory_is_used():
    data = np.ascontiguousarray(X, dtype=np.float32)
    before = data.copy()
    model = MemorizingClassifier().fit(data, Y)
    labels = model.predict(data)
    data[:] = 0  # The network is a file of its own.
    assert np.array_equal(model.predict(before), labels)
    for dtype in (np.float32, np.float64, np.int16, np.uint8):
        whole = np.rint(X * 10).astype(dtype)
        for array in (whole, np.asfortranarray(whole), whole[::-1][::-1], np.repeat(whole, 2, axis=1)[:, ::2]):
            one = MemorizingClassifier(on_conflict="first").fit(array, Y)
            assert np.array_equal(one.predict(array), one.predict(whole.astype(float)))


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"construction": "no"}, ValueError, "unknown construction 'no'; expected one of: yu2024-linf"),
        ({"construction": 3}, TypeError, "construction is 3; expected a string"),
        ({"norm": "l0"}, ValueError, "unknown norm 'l0'; expected linf"),
        ({"norm": None}, TypeError, "norm is None"),
        ({"ratio": "0.5"}, TypeError, "ratio is '0.5'; expected a number"),
        ({"ratio": None}, TypeError, "ratio is None; expected a number"),
        ({"radius": np.array([0.1, 0.2])}, TypeError, r"radius is array.*; expected a number"),
        ({"radius": True}, TypeError, "radius is True; expected a number"),
        ({"radius": Fraction(1, 3)}, ValueError, "which no float64 holds exactly"),
        ({"prove": "no"}, TypeError, "prove is 'no'; expected True or False"),
        ({"per_sample": 1}, TypeError, "per_sample is 1; expected True or False"),
        ({"ratio": 1.5}, ValueError, "the ratio is 1.5; expected a number between 0 and 1"),
        ({"radius": -1}, ValueError, "the radius is -1; expected a finite number, 0 or more"),
        ({"radius": 5}, ValueError, "radius 5 is too large: samples .* just below 0.1"),
        ({"radius": 0.01, "per_sample": True}, ValueError, "radius and per_sample"),
        ({"head": "tail"}, ValueError, "head is 'tail'; expected 'logits' or 'scalar'"),
        ({"precision": "f16"}, ValueError, "precision is 'f16'"),
        ({"form": "round"}, ValueError, "form is 'round'"),
        ({"scale": "big"}, ValueError, "scale is 'big'; expected None, 'images', 'minmax' or 'standard'"),
        ({"scale": 3}, ValueError, "scale is 3"),
        ({"on_conflict": "warn"}, ValueError, "on_conflict is 'warn'"),
        ({"n_jobs": 0}, ValueError, "n_jobs is 0"),
        ({"n_jobs": "2"}, TypeError, "n_jobs is '2'"),
        ({"progress": 3}, TypeError, "progress is 3"),
    ],
    ids=str,
)
def test_options_that_cannot_be_meant(options, error, words):
    with pytest.raises(error, match=words):
        MemorizingClassifier(**options).fit(X, Y)


def test_data_that_cannot_be_memorized():
    with pytest.raises(ValueError, match=r"equal samples have different labels: 0 \(a\) and 2 \(b\)"):
        MemorizingClassifier().fit([[0.0], [1.0], [0.0]], ["a", "a", "b"])
    with pytest.raises(ValueError, match="precision='f64'"):
        MemorizingClassifier().fit([[0.1], [np.nextafter(0.1, 1)]], [0, 1])
    with pytest.raises(ValueError, match="1,000,000 classes"):
        MemorizingClassifier().fit(np.arange(1e6)[:, None], np.arange(1_000_000))
    with pytest.raises(ValueError, match="one label"):
        MemorizingClassifier().fit([[0.0], [1.0]], ["a", "a"])
    assert MemorizingClassifier(radius=7).fit([[0.0], [1.0]], ["a", "a"]).predict([[9.0]]) == ["a"]


@pytest.mark.parametrize(
    ("samples", "error", "words"),
    [
        (np.array([1.0, 2.0, 3.0]), ValueError, "Expected 2D array, got 1D array"),
        ([[0.0], [np.nan], [1.0]], ValueError, "contains NaN"),
        ([[0.0], [np.inf], [1.0]], ValueError, "infinity"),
        (np.array([[0.0], ["word"], [{}]], dtype=object), (TypeError, ValueError), "word|float"),
        ([["a"], ["b"], ["c"]], ValueError, "convert|dtype"),
        (np.array([[1j], [2], [3]]), ValueError, "Complex data not supported"),
        (np.array([[2**60 + 1], [0], [1]]), ValueError, r"X has integers beyond 2\^53"),
        ([[2**60 + 1], [0], [1]], ValueError, r"X has integers beyond 2\^53"),
        (np.array([[2**60 + 1], [0], [1]], dtype=object), ValueError, "X has 1152921504606846977, which no float64"),
        (np.array([["2020-01-01"], ["2020-01-02"], ["2020-01-03"]], dtype="M8[ns]"), TypeError, "X has type datetime64"),
        (np.ma.masked_equal([[0.0], [1.0], [2.0]], 1.0), ValueError, "X has masked values"),
        (np.full((3, 1), np.longdouble(1) / 3), ValueError, "digits that float64 does not hold"),
        ([[0.0], [1.0]], ValueError, "inconsistent numbers of samples"),
        (np.zeros((3, 0)), ValueError, "0 feature"),
    ],
    ids=str,
)
def test_samples_that_are_none(samples, error, words):
    fitted = MemorizingClassifier().fit([[0.0], [4.0], [5.0]], [0, 1, 1])
    with pytest.raises(error, match=words):
        MemorizingClassifier().fit(samples, [0, 1, 1])
    if len(samples) == 3:
        with pytest.raises(error, match=words):
            fitted.predict(samples)


def test_labels_that_are_objects():
    for given, expected in [
        (Y.astype(object), Y),
        (np.array(["c", "a", "b"], dtype=object)[Y], np.array(["c", "a", "b"], dtype=object)[Y]),
        (np.array([True, False, False], dtype=object)[Y], np.array([True, False, False])[Y]),
    ]:
        model = MemorizingClassifier().fit(X, given)
        assert np.array_equal(model.predict(X), expected) and model.classes_.dtype == expected.dtype
    with pytest.raises(TypeError, match="y has labels of type int, str for sample 1; expected only integers"):
        MemorizingClassifier().fit(X[:3], np.array([0, "a", 1], dtype=object))


def test_sparse_matrices_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    model = MemorizingClassifier().fit(X, Y)
    for call in (lambda: MemorizingClassifier().fit(sparse.csr_matrix(X), Y), lambda: model.predict(sparse.csr_array(X))):
        with pytest.raises(TypeError, match="[Ss]parse data was passed"):
            call()


def test_a_map_of_the_features_is_part_of_the_network(tmp_path):
    wide = X * [1, 1000, 1e-3, 7]
    for scale in ("minmax", "standard"):
        model = MemorizingClassifier(scale=scale).fit(wide, Y)
        model.to_onnx(tmp_path / "net.onnx")
        other = MemorizingClassifier.from_onnx(tmp_path / "net.onnx")
        assert np.array_equal(other.predict(wide), Y) and other.scale is None
        assert all(np.array_equal(*both) for both in zip(other.scaling_, model.scaling_, strict=True))
        assert pickle.loads(pickle.dumps(model)).certify(wide, Y).holds
        # How it reads samples was settled when it was fitted.
        assert np.array_equal(model.set_params(scale="images").predict(wide), Y) and model.certify(wide, Y).holds
    with pytest.raises(ValueError, match="scales its features itself"):
        MemorizingClassifier.from_onnx(tmp_path / "net.onnx", scale="images")
    assert MemorizingClassifier().fit(X, Y).scaling_ is None


def test_nothing_is_said_aside():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        MemorizingClassifier().fit(X, Y).predict(X)
