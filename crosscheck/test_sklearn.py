"""Networks and pipelines of scikit-learn through skl2onnx: classifiers, regressors, linear models."""

import numpy as np
import onnx
import onnxruntime
import pytest

from graphs import outputs_of

# Few steps of training are enough here.
pytestmark = pytest.mark.filterwarnings("ignore:Stochastic Optimizer")


def saved(model, folder):
    file = folder / "net.onnx"
    onnx.save(model, file)
    return file


def labels_of(program, folder, file, points):
    """The names of the classes that `predict` gives, and its answer."""
    np.save(folder / "points.npy", points)
    answer = program("predict", file, folder / "points.npy", "-o", folder / "labels.csv")
    assert answer.code == 0, answer.stderr
    lines = (folder / "labels.csv").read_text().splitlines()
    assert lines[0] == "sample,label" and [line.split(",")[0] for line in lines[1:]] == [str(i) for i in range(len(points))]
    return [line.split(",", 1)[1] for line in lines[1:]], answer


@pytest.fixture(scope="module")
def sklearn_data():
    from sklearn.datasets import load_iris

    x, y = load_iris(return_X_y=True)
    return x.astype(np.float32), y


@pytest.mark.parametrize("zipmap", [True, False], ids=["ZipMap", "two outputs"])
@pytest.mark.parametrize("names", [False, True], ids=["numbers", "names"])
def test_classifiers_of_scikit_learn(program, tmp_path, sklearn_data, zipmap, names):
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier

    x, y = sklearn_data
    labels = np.array(["setosa", "versicolor", "virginica"])[y] if names else y
    model = MLPClassifier((8, 6), max_iter=150, random_state=0).fit(x, labels)
    file = saved(to_onnx(model, x[:1], options={"zipmap": zipmap}), tmp_path)
    found, answer = labels_of(program, tmp_path, file, x)
    assert found == [str(label) for label in model.predict(x)]
    assert answer.json["left_out"]
    # And it can be certified, by the names of its classes.
    table = tmp_path / "t.csv"
    table.write_text("a,b,c,d,label\n" + "".join(f"{','.join(map(repr, row.tolist()))},{label}\n" for row, label in zip(x, labels)))
    certified = program("certify", file, table, "--radius", "0.001", "--branches", "20")
    right = int((model.predict(x) == labels).sum())
    assert certified.json["certified"] + certified.json["undecided"] + certified.json["refuted"] == right
    assert certified.json["certified"] > right // 2


@pytest.mark.parametrize("zipmap", [True, False], ids=["ZipMap", "two outputs"])
@pytest.mark.parametrize("scaler", ["StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"])
def test_pipelines_of_scikit_learn(program, tmp_path, sklearn_data, scaler, zipmap):
    """A scaler in front, which is Scaler of ai.onnx.ml or Mul and Add; scores beside the label."""
    from skl2onnx import to_onnx
    from sklearn import preprocessing
    from sklearn.linear_model import SGDClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    x, y = sklearn_data
    x = x * np.float32([1, 20, 300, 0.5]) + np.float32([0, 5, -2, 1])
    for last in (MLPClassifier((8,), max_iter=100, random_state=0), SGDClassifier(random_state=0)):
        model = make_pipeline(getattr(preprocessing, scaler)(), last).fit(x, y)
        options = {id(last): {"zipmap": zipmap}}
        exported = to_onnx(model, x[:1], options=options)
        session = onnxruntime.InferenceSession(exported.SerializeToString())
        expected = session.run(None, {session.get_inputs()[0].name: x})[0]
        found, _ = labels_of(program, tmp_path, saved(exported, tmp_path), x)
        assert found == [str(label) for label in expected]


def test_binary_classifiers_of_scikit_learn(program, tmp_path, sklearn_data):
    """One logistic output, which skl2onnx turns into two."""
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPClassifier

    x, y = sklearn_data
    model = MLPClassifier((6,), max_iter=150, random_state=0).fit(x[:100], y[:100])
    file = saved(to_onnx(model, x[:1], options={"zipmap": False}), tmp_path)
    np.save(tmp_path / "points.npy", x[:100])
    answer = program("predict", file, tmp_path / "points.npy", "-o", tmp_path / "labels.csv")
    assert answer.code == 0, answer.stderr
    lines = (tmp_path / "labels.csv").read_text().splitlines()[1:]
    assert [line.split(",")[1] for line in lines] == [str(label) for label in model.predict(x[:100])]


def test_regressors_of_scikit_learn(program, tmp_path, sklearn_data):
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPRegressor

    x, _ = sklearn_data
    target = x[:, 3]
    model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=150, random_state=0).fit(x, target)
    file = saved(to_onnx(model, x[:1]), tmp_path)
    found, _ = outputs_of(program, tmp_path, file, x)
    np.testing.assert_allclose(found[:, 0], model.predict(x), rtol=1e-4, atol=1e-4)
    # Without labels, and with labels that are values, `-o` writes values.
    np.save(tmp_path / "target.npy", target.astype(np.float64))
    for more in ((), ("--labels", tmp_path / "target.npy")):
        answer = program("predict", file, tmp_path / "points.npy", "-o", tmp_path / "values.csv", *more)
        assert answer.code == 0 and "values" in answer.json, answer.stderr
        lines = (tmp_path / "values.csv").read_text().splitlines()
        assert lines[0] == "sample,value"
        np.testing.assert_allclose([float(line.split(",")[1]) for line in lines[1:]], found[:, 0], rtol=1e-12)


def test_regressors_of_several_values(program, tmp_path, sklearn_data):
    from skl2onnx import to_onnx
    from sklearn.neural_network import MLPRegressor

    x, _ = sklearn_data
    model = MLPRegressor(hidden_layer_sizes=(8,), max_iter=50, random_state=0).fit(x[:, :2], x[:, 2:])
    file = saved(to_onnx(model, x[:1, :2]), tmp_path)
    found, answer = outputs_of(program, tmp_path, file, x[:, :2])
    np.testing.assert_allclose(found, model.predict(x[:, :2]), rtol=1e-4, atol=1e-4)
    # Nobody says that they are no classes: a label is a position then, and that is said.
    assert answer.json["positions"] and "values" not in answer.json
    for name in ("values.csv", "values.npy"):
        answer = program("predict", file, tmp_path / "points.npy", "-o", tmp_path / name, "--values")
        assert answer.code == 0 and answer.json["values"] == [found.min(), found.max()], answer.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "values.npy"), found)
    lines = (tmp_path / "values.csv").read_text().splitlines()
    assert lines[0] == "sample,value0,value1"
    rows = [[float(value) for value in line.split(",")[1:]] for line in lines[1:]]
    np.testing.assert_array_equal(rows, found)
    # Labels that are such values are no classes.
    np.save(tmp_path / "target.npy", x[:, 3].astype(np.float64))
    answer = program("predict", file, tmp_path / "points.npy", "--labels", tmp_path / "target.npy")
    assert answer.code == 0 and "values" in answer.json, answer.stderr


@pytest.mark.parametrize("scaled", [False, True])
def test_linear_models_of_scikit_learn(program, tmp_path, sklearn_data, scaled):
    """LinearClassifier and LinearRegressor as skl2onnx writes them, of two classes and of three."""
    from skl2onnx import to_onnx
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    x, y = sklearn_data
    for last in (LogisticRegression(max_iter=500), LinearSVC(), RidgeClassifier(), LinearDiscriminantAnalysis()):
        for classes in (2, 3):
            for options in ({}, {"zipmap": False}, {"zipmap": False, "raw_scores": True}):
                # What skl2onnx does not write: options of these, and LinearSVC within a pipeline.
                if isinstance(last, (RidgeClassifier, LinearSVC)) and (options or (scaled and isinstance(last, LinearSVC))):
                    continue
                names = np.array(["no", "yes", "perhaps"])[y[y < classes]]
                model = (make_pipeline(StandardScaler(), last) if scaled else last).fit(x[y < classes], names)
                exported = to_onnx(model, x[:1], options={id(last): options} if options else None)
                session = onnxruntime.InferenceSession(exported.SerializeToString())
                expected = session.run(None, {session.get_inputs()[0].name: x})[0]
                file = saved(exported, tmp_path)
                found, answer = labels_of(program, tmp_path, file, x)
                assert found == list(expected) and answer.json["left_out"]
    model = LinearRegression().fit(x[:, :2], x[:, 2:])
    found, _ = outputs_of(program, tmp_path, saved(to_onnx(model, x[:1, :2]), tmp_path), x[:, :2])
    np.testing.assert_allclose(found, model.predict(x[:, :2]), rtol=1e-4, atol=1e-4)


def test_sums_of_sigmoids_are_refused(program, tmp_path, sklearn_data):
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier

    x, y = sklearn_data
    file = saved(to_onnx(OneVsRestClassifier(LogisticRegression()).fit(x, y), x[:1]), tmp_path)
    assert "operator Slice" in program("inspect", file).stderr
