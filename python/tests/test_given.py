"""What is given is what is used: nothing is read in another order, rounded or merged."""

import numpy as np
import pytest
from indelible import MemorizingClassifier, certify, compare, decide, duplicates, nearest_enemies, neighbor_graph

X = np.array([[1.0, 7.0], [2.0, 8.0], [3.0, 9.0]])
Y = [0, 1, 2]


def test_frames_with_other_columns_are_not_compared():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["a", "b"])
    for other in (frame[["b", "a"]], frame.rename(columns={"b": "c"})):
        with pytest.raises(ValueError, match="column . of X"):
            nearest_enemies(other, Y, base=(frame, Y))
        with pytest.raises(ValueError, match="expected the same columns in the same order"):
            duplicates(frame, Y, other, Y)
    assert duplicates(frame, Y, frame, Y).test.tolist() == [0, 1, 2]
    assert duplicates(frame, Y, X, Y).test.tolist() == [0, 1, 2]


def test_arrays_that_are_not_aligned_are_copied():
    flat = np.frombuffer(b"\0" + X.tobytes(), "u1")[1:].view("f8").reshape(X.shape)
    assert not flat.flags.aligned
    model = MemorizingClassifier().fit(flat, Y)
    assert model.predict(flat).tolist() == Y
    assert str(model.explain(0, flat, Y)) == str(model.explain(0, X, Y))


@pytest.mark.parametrize("given", [np.array([["9007199254740993"], ["1"]]), np.array([["1"], [2]], object)])
def test_texts_are_no_numbers(given):
    with pytest.raises((TypeError, ValueError), match="expected numbers: convert"):
        MemorizingClassifier().fit(given, [0, 1])
    with pytest.raises(TypeError, match="expected numbers"):
        nearest_enemies(given, [0, 1])


@pytest.mark.parametrize("y", [[2.0**53, 2**53 + 1, 5], [0, "a", 1], [True, 1, 0]])
def test_labels_are_not_merged(y):
    for ask in (MemorizingClassifier().fit, nearest_enemies):
        with pytest.raises((ValueError, TypeError)):
            ask(X, y)


def test_words_that_numpy_cannot_keep_are_refused():
    for ask in (MemorizingClassifier().fit, nearest_enemies):
        with pytest.raises(ValueError, match="NUL"):
            ask(X, np.array(["a\0", "a", "b"], object))


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError) as found:
        certify(tmp_path / "none.onnx", X, Y, 0.1)
    assert found.value.filename == str(tmp_path / "none.onnx")
    with pytest.raises(FileNotFoundError):
        MemorizingClassifier.from_onnx(tmp_path / "none.onnx")


def test_one_sample_has_no_neighbour():
    with pytest.raises(ValueError, match="two or more"):
        neighbor_graph(X[:1], 1)


def test_a_conflict_behind_an_equal_sample_is_seen():
    found = duplicates([[0.0], [0.0], [5.0]], ["a", "b", "b"], [[0.0], [5.0]], ["a", "b"])
    assert found.train.tolist() == [0, 2] and found.enemies.tolist() == [1, -1]
    assert found.conflicts.tolist() == [True, False]
    assert duplicates([[0.0]], [0], [[0.0]], [0]).conflicts.tolist() == [False]


def test_options_that_are_no_words_are_named():
    with pytest.raises(TypeError, match="solver is 3; expected a str"):
        decide(X, Y, width=2, radius=0.1, solver=3)
    with pytest.raises(TypeError, match="precision is 1; expected a str"):
        compare(X, Y, precision=1)
