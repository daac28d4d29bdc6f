"""Tables that pandas, numpy and scikit-learn write are the numbers that they read back themselves.

What the program read is told by the digest of the dataset, which is computed here from numpy's arrays."""

import hashlib
import struct

import numpy as np
import pytest

from datasets import iris


def digest(x, y) -> str:
    """As docs/onnx.md defines it: classes in the order of numbers, else of bytes."""
    x = np.asarray(x, dtype=np.float64)
    labels = [str(label) for label in y]
    integers = all(label.lstrip("-").isdigit() for label in labels)
    names = sorted(set(labels), key=int if integers else str.encode)
    count = lambda n: struct.pack("<Q", n)
    text = count(x.shape[1]) + count(x.shape[0]) + x.astype("<f8").tobytes()
    text += b"".join(count(names.index(label)) for label in labels) + count(len(names))
    text += b"".join(count(len(name.encode())) + name.encode() for name in names)
    return hashlib.sha256(text).hexdigest()


@pytest.fixture
def check(program, tmp_path):
    """Asserts that the program reads `x` and `y` from a file."""

    def check(path, x, y, *options):
        file = tmp_path / "net.onnx"
        answer = program("build", path, "-o", file, "--precision", "f64", *options)
        assert answer.code == 0, answer.stderr
        assert program("inspect", file).json["metadata"]["dataset"] == digest(x, y), answer.json["data"]
        return answer.json["data"]

    return check


@pytest.fixture(scope="module")
def flowers():
    data = iris()
    y = np.array(data.y)
    # Two flowers of one species are equal; none of two are.
    return data.x, y, np.unique(y, return_inverse=True)[1]


def test_numpy_arrays(check, flowers, tmp_path):
    x, _, y = flowers
    labels = tmp_path / "y.npy"
    for kind in (np.int8, ">i4", np.uint64, np.float32, ">f8", np.float16):
        np.save(labels, y.astype(kind))
        for order, dtype in (("C", "<f8"), ("F", ">f8"), ("F", "<f4"), ("C", ">f4"), ("F", "<f2"), ("C", ">f2")):
            file = tmp_path / "x.npy"
            array = np.asarray(x.astype(dtype), order=order)
            np.save(file, array)
            check(file, array, y, "--labels", labels)
        np.savez(tmp_path / "d.npz", x_train=x, y_train=y.astype(kind), x_test=x)
        said = check(tmp_path / "d.npz", x, y)
        assert said["left_out"] == ["array 'x_test'"]
    np.save(labels, y == 1)
    np.save(tmp_path / "x.npy", x)
    check(tmp_path / "x.npy", x, (y == 1).astype(int), "--labels", labels)


def test_savetxt_and_svmlight(check, flowers, tmp_path):
    from sklearn.datasets import dump_svmlight_file

    x, _, y = flowers
    table = np.column_stack([x, y])
    for options in (
        {},
        {"delimiter": ","},
        {"delimiter": ";", "header": "a;b;c;d;label"},
        {"delimiter": ",", "header": "a,b,c,d,label", "comments": ""},
        {"delimiter": "\t", "fmt": "%.17g", "newline": "\r\n"},
        {"delimiter": ",", "fmt": "%.17g", "encoding": "utf-16"},
    ):
        np.savetxt(tmp_path / "t.txt", table, **options)
        check(tmp_path / "t.txt", x, y)
    for zero_based in (False, True):
        dump_svmlight_file(x, y, str(tmp_path / "t.svm"), zero_based=zero_based)
        check(tmp_path / "t.svm", x, y)


def test_tables_of_pandas(check, flowers, tmp_path):
    pandas = pytest.importorskip("pandas")
    x, words, y = flowers
    file = tmp_path / "t.csv"
    frame = pandas.DataFrame(x)
    for label in (words, y, y.astype(float)):
        frame["species"] = label
        expected = [int(v) if isinstance(v, float) else v for v in label.tolist()]
        for options in (
            {"index": False},
            {},
            {"sep": ";", "decimal": ","},
            {"sep": "\t", "index": False, "encoding": "utf-8-sig"},
            {"sep": "|", "encoding": "utf-16"},
            {"quoting": 1},
            {"header": False, "index": False},
        ):
            frame.to_csv(file, **options)
            check(file, x, expected)
    frame["species"] = y == 1
    frame.to_csv(file)
    check(file, x, (y == 1).astype(int))
    # Written, read and written again: two columns that count the rows.
    pandas.read_csv(file).to_csv(file)
    said = check(file, x, (y == 1).astype(int))
    assert len(said["left_out"]) == 2


def test_parquet_of_pandas(check, flowers, tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    x, words, y = flowers
    file = tmp_path / "t.parquet"
    frame = pandas.DataFrame(x, columns=list("abcd"))
    for label, expected in ((words, words), (pandas.Categorical(words), words), (y == 1, (y == 1).astype(int))):
        frame["species"] = label
        for codec in ("snappy", "gzip", "zstd", "lz4", None):
            frame.to_parquet(file, compression=codec)
            check(file, x, expected)
    frame.index = pandas.Index(np.arange(len(x)) * 7, name="flower")
    frame.to_parquet(file)
    said = check(file, x, (y == 1).astype(int))
    assert said["left_out"] == ["column flower (an index of the rows)"]
    halves = pandas.DataFrame({"x": list(x.astype(np.float16)), "label": y})
    halves.to_parquet(file)
    check(file, x.astype(np.float16), y)
