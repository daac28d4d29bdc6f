"""Tables that pandas, numpy and scikit-learn write are the numbers that they read back themselves.

What the program read is told by the digest of the dataset, which is computed here from numpy's arrays."""

import hashlib
import struct

import numpy as np
import pandas
import pytest

from datasets import iris


def digest(x, y) -> str:
    """As `digest` of indelible-io defines it: classes in the order of numbers, else of bytes."""
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
    np.savez(tmp_path / "d.npz", x, y)
    check(tmp_path / "d.npz", x, y)
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
    # Where no sample has the first feature, only the comment says that indices count from 0.
    sparse = x.copy()
    sparse[:, 0] = 0
    for zero_based in (False, True):
        comment = "petals\nand sepals"
        dump_svmlight_file(sparse, y, str(tmp_path / "t.svm"), zero_based=zero_based, comment=comment)
        said = check(tmp_path / "t.svm", sparse, y)
        assert f"indices from {int(not zero_based)}" in said["format"], said


def test_tables_of_pandas(check, flowers, tmp_path):
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
    # An index that was written to CSV, read and written again.
    frame.reset_index(drop=True).to_csv(tmp_path / "t.csv")
    pandas.read_csv(tmp_path / "t.csv").to_parquet(file)
    said = check(file, x, (y == 1).astype(int))
    assert said["left_out"] == ["column Unnamed: 0 (an index of the rows)"]
    halves = pandas.DataFrame({"x": list(x.astype(np.float16)), "label": y})
    halves.to_parquet(file)
    check(file, x.astype(np.float16), y)


def test_what_parquet_stores_as_integers_is_refused(program, tmp_path):
    """Durations and periods, whoever writes them."""
    import datetime

    import polars
    import pyarrow
    from pyarrow import parquet

    file = tmp_path / "t.parquet"
    frame = pandas.DataFrame({"a": [1.5, 2, 3], "label": list("xyx")})
    seconds = pyarrow.array([1, 2, 3], pyarrow.duration("s"))
    lists = pyarrow.array([[1], [2], [3]], pyarrow.list_(pyarrow.duration("s")))
    writers = [
        ("durations", lambda: frame.assign(t=pandas.to_timedelta([1, 2, 3], unit="s")).to_parquet(file)),
        ("'pandas.period'", lambda: frame.assign(t=pandas.period_range("2020-01", periods=3, freq="M")).to_parquet(file)),
        ("durations", lambda: parquet.write_table(pyarrow.table(frame).append_column("t", seconds), file)),
        ("durations", lambda: parquet.write_table(pyarrow.table(frame).append_column("t", lists), file)),
        ("durations", lambda: polars.DataFrame({"a": [1.5, 2, 3], "t": [datetime.timedelta(1)] * 3, "label": list("xyx")}).write_parquet(file)),
    ]  # fmt: skip
    for what, write in writers:
        write()
        answer = program("separation", file)
        assert answer.code == 2 and f"column 't' of" in answer.stderr and what in answer.stderr, answer.stderr
        answer = program("separation", file, "--drop", "t")
        assert answer.code == 0 and answer.json["features"] == 1, answer.stderr
    # Labels are numbers, too; a tensor of a fixed shape is its numbers.
    parquet.write_table(pyarrow.table({"a": [1.5, 2, 3], "label": seconds}), file)
    answer = program("separation", file)
    assert answer.code == 2 and "durations" in answer.stderr, answer.stderr
    tensors = pyarrow.FixedShapeTensorArray.from_numpy_ndarray(np.arange(12.0).reshape(3, 2, 2))
    parquet.write_table(pyarrow.table({"x": tensors, "label": list("xyx")}), file)
    answer = program("separation", file)
    assert answer.code == 0 and answer.json["separation"]["lower"] == 4.0, answer.stderr


def test_every_command_says_what_it_read(program, tmp_path):
    table, file = tmp_path / "t.csv", tmp_path / "net.onnx"
    table.write_text("# made by hand\n,a;b,c,kind\n0,1.5,2,x\n1,3,4,y\n2,5,7,x\n".replace(";", "_"))
    built = program("build", table, "-o", file, "--construction", "cells")
    assert built.code == 0, built.stderr
    expected = {
        "file": str(table),
        "format": "CSV, separator ',', header",
        "samples": 3,
        "features": 2,
        "classes": 2,
        "labels": "column kind",
        "left_out": ["column 0 (an index of the rows)", "1 line of comments (#)"],
        "scaling": None,
        "warnings": [],
    }
    assert built.json["data"] == expected
    for command in (
        ("separation", table),
        ("separation", table, "--within", 1),
        ("separation", table, "--against", table),
        ("compare", table),
        ("certify", file, table),
        ("predict", file, table),
        ("explain", file, table, "--sample", 0),
        ("inspect", file, "--data", table),
        ("refute", file, table, "--radius", 0.1),
        ("bounds", table),
    ):
        answer = program(*command)
        assert answer.code == 0, (command, answer.stderr)
        assert answer.json["data"] == expected, command


def test_flags_choose_columns_and_dialects(program, tmp_path):
    table = tmp_path / "t.csv"
    table.write_text("when;a;b;kind;c\nmon;1,5;2;x;3\ntue;4,5;5;y;6\n")
    refused = program("separation", table)
    assert refused.code == 2 and "line 2, column 1 (when): 'mon'" in refused.stderr, refused.stderr

    def separation(*options):
        answer = program("separation", table, *options)
        assert answer.code == 0, answer.stderr
        return answer.json

    found = separation("--drop", "when", "--label-column", "kind")
    assert (found["features"], found["separation"]["lower"]) == (3, 3.0)
    found = separation("--features", "b", "--label-column", "kind")
    assert (found["features"], found["separation"]["lower"]) == (1, 3.0)
    assert found["data"]["left_out"] == [f"column {name} (not among --features)" for name in ("when", "a", "c")]
    table.write_text("1^2^a\n3^4^b\n")
    assert "no separator found" in program("separation", table).stderr
    assert separation("--delimiter", "^")["features"] == 2
    assert separation("--delimiter", "^", "--no-header")["samples"] == 2
    assert separation("--delimiter", "^", "--header")["samples"] == 1
    for options in (("--decimal", ";"), ("--delimiter", "ab"), ("--drop", ""), ("--arrays", "X"), ("--arrays", "a,b")):
        assert program("separation", table, *options).code == 2, options


def test_missing_values_and_conflicts(program, tmp_path):
    table = tmp_path / "t.csv"
    frame = pandas.DataFrame({"a": [1.0, np.nan, 3.0, 1.0], "b": [0.25, 5.0, 0.5, 0.25], "label": list("xyyz")})
    frame.to_csv(table)
    refused = program("separation", table)
    assert refused.code == 2 and "line 3, column 2 (a): the cell is empty" in refused.stderr
    answer = program("separation", table, "--missing", "drop")
    assert answer.code == 1 and answer.json["conflicts"] == [[0, 2]]
    answer = program("separation", table, "--missing", "drop", "--on-conflict", "first")
    assert (answer.json["samples"], answer.json["separation"]["lower"]) == (2, 2.0)
    assert answer.json["data"]["left_out"][1:] == [
        "1 sample with missing values (1)",
        "1 samples equal to one with another label (2)",
    ]
    # pandas' own means: binary64 sums of three numbers are exact here.
    frame = frame.iloc[:3]
    frame.to_csv(table, index=False)
    net = tmp_path / "net.onnx"
    assert program("build", table, "-o", net, "--missing", "mean").code == 0
    filled = frame.fillna({"a": frame["a"].mean()})
    assert program("inspect", net).json["metadata"]["dataset"] == digest(filled[["a", "b"]].to_numpy(), filled["label"])
