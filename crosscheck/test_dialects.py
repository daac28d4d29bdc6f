"""Tables as an enemy would have pandas and numpy write them: the program reads what pandas reads, or refuses in a line
that names the place or the option. Nothing else."""

import gzip
import io
import itertools
import zipfile

import numpy as np
import pandas
import pytest

from datasets import iris
from test_data import digest


@pytest.fixture(scope="module")
def frame():
    data = iris()
    rows = np.arange(0, 150, 7)
    table = pandas.DataFrame(data.x[rows], columns=["sepal length", "sepal, width", "petal", "width"])
    table["species"] = np.array(data.y)[rows]
    return table


@pytest.fixture
def read(program, tmp_path):
    """The digest and what was said of a file, or the line that refuses it."""

    def read(contents, *options, name="t.csv"):
        path = tmp_path / name
        path.write_bytes(contents.encode() if isinstance(contents, str) else contents)
        net = tmp_path / "net.onnx"
        answer = program(
            "build", path, "-o", net, "--precision", "f64", "--construction", "cells", "--no-certify", *options
        )
        if answer.code == 2:
            return None, answer.stderr
        assert answer.code == 0, answer.stderr
        return program("inspect", net).json["metadata"]["dataset"], answer.json["data"]

    return read


def of(table, label="species"):
    return digest(table.drop(columns=label).to_numpy(dtype=float), table[label])


DIALECTS = list(itertools.product([",", ";", "\t", "|"], [".", ","], [False, True], [0, 1, 2], ["\n", "\r\n", "\r"]))


# One in three of the combinations, every value of each among them.
@pytest.mark.parametrize("sep,decimal,index,quoting,end", DIALECTS[::3])
def test_dialects_of_pandas(read, frame, sep, decimal, index, quoting, end):
    text = frame.to_csv(sep=sep, decimal=decimal, index=index, quoting=quoting, lineterminator=end)
    found, said = read(text)
    assert found == of(frame), said


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("packed", [False, True])
def test_encodings(read, frame, encoding, packed):
    table = frame.rename(columns={"petal": "Blütenblatt"}).replace("setosa", "Борстистый")
    bytes = table.to_csv(index=False).encode(encoding)
    found, said = read(gzip.compress(bytes) if packed else bytes)
    assert found == of(table), said


@pytest.mark.parametrize("format", ["%.17g", "%.17e", "%+.17E", "%25.17f"])
def test_formats_of_numbers(read, frame, format):
    found, said = read(frame.to_csv(index=False, float_format=format))
    assert found == of(frame), said


KINDS = {
    "Int64": lambda f: f.assign(petal=pandas.array(range(len(f)), dtype="Int64") % 5),
    "boolean": lambda f: f.assign(petal=pandas.array(np.arange(len(f)) % 2 == 0, dtype="boolean")),
    "bool": lambda f: f.assign(petal=np.arange(len(f)) % 3 == 0),
    "categorical": lambda f: f.assign(species=pandas.Categorical(f["species"])),
    "string": lambda f: f.assign(species=f["species"].astype("string")),
    "float32": lambda f: f.assign(petal=f["petal"].astype("float32").astype(float)),
    "negative": lambda f: f.assign(petal=-f["petal"]),
    "small and large": lambda f: f.assign(petal=f["petal"] * 1e-300, width=f["width"] * 1e300),
    "numeric names": lambda f: f.set_axis([*range(4), "species"], axis=1),
    "years as names": lambda f: f.set_axis(["2019", "2020", "2021", "2022", "species"], axis=1),
    "blanks around labels": lambda f: f.assign(species=f["species"]),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("index", [False, True])
def test_types_of_columns(read, frame, kind, index):
    table = KINDS[kind](frame)
    found, said = read(table.to_csv(index=index))
    assert found == of(table), said


def test_wide_and_long(read):
    rng = np.random.default_rng(0)
    for samples, features in ((4, 5000), (3000, 2)):
        table = pandas.DataFrame(rng.normal(size=(samples, features)))
        table["label"] = np.arange(samples) % 2
        found, said = read(table.to_csv(index=False, float_format="%.17g"))
        assert found == of(table, "label"), said
    # Cells that are long, and labels with everything in them.
    table = pandas.DataFrame({"a": [1.0, 2, 3], "label": ['say "so", then', "x" * 100_000, "two\nlines"]})
    found, said = read(table.to_csv(index=False))
    assert found == of(table, "label"), said


def test_blank_lines_and_blanks(read, frame):
    lines = frame.to_csv(index=False).splitlines()
    found, said = read("\n\n".join(lines) + "\n\n  \n")
    assert found == of(frame), said
    found, said = read("\n".join(line.replace(",", " , ") for line in frame.rename(columns={"sepal, width": "w"}).to_csv(index=False).splitlines()))
    assert found == of(frame), said


def test_numpy_writers(read, frame):
    x = frame.drop(columns="species").to_numpy()
    y = np.arange(len(x)) % 3
    table = np.column_stack([x, y])
    for options in (
        {"delimiter": ","}, {"fmt": "%.17g"}, {"fmt": "%12.17g", "delimiter": " "}, {"delimiter": "\t", "header": "a\tb\tc\td\ty"},
        {"delimiter": ",", "footer": "the end"}, {"delimiter": ", "}, {"delimiter": " ; ", "newline": "\r\n"},
    ):
        file = io.StringIO()
        np.savetxt(file, table, **options)
        found, said = read(file.getvalue())
        assert found == digest(x, y), (options, said)


@pytest.mark.parametrize(
    "text,said",
    [
        ('a,b,label\n"1,234",5,x\n"12,500",6,y\n', "may have a decimal comma or thousands"),
        ("a,b,label\n1,0x1F,x\n2,3,y\n", "'0x1F' is not a number"),
        ("a,b,label\n1,inf,x\n2,3,y\n", "not a finite"),
        ("a,b,label\n1,1e400,x\n2,3,y\n", "not a finite"),
        ("a,b,label\n1,-Infinity,x\n2,3,y\n", "not a finite"),
        ("a,b,label\n1,1_000,x\n2,3,y\n", "'1_000' is not a number"),
        ("a,b,label\n1,12 %,x\n2,3,y\n", "'12 %' is not a number"),
        ("a,b,label\n1,$5,x\n2,3,y\n", "'$5' is not a number"),
        ("a,b,label\n1,1.234.567,x\n2,3,y\n", "'1.234.567' is not a number"),
        ("a,b,label\n1,1d5,x\n2,3,y\n", "'1d5' is not a number"),
        ("a,b,label\n1,2024-01-01,x\n2,2024-01-02,y\n", "--drop b"),
        ("a,b,label\n1,,x\n2,3,y\n", "empty"),
        ("a,b,label\n1,<NA>,x\n2,3,y\n", "'<NA>' is not a number"),
        ("a,b,label\n1,2,\n2,3,y\n", "the label is empty"),
        ("a,b,label\n1,2,nan\n2,3,1\n3,4,0\n", "stands for a value that is missing"),
        ("a,b,label\n1,2,x,9\n2,3,y\n", "line 2"),
        ("a,b,label\n1,2\n2,3,y\n", "line 2"),
        ("a;b;label\n1.234,5;2;x\n2,5;3;y\n", "'1.234,5' is not a number"),
        (",a,a\n,0,1\n0,1.5,2\n1,2.5,1\n", "second line of names"),
    ],
)
def test_what_is_no_number_is_refused(read, text, said):
    found, line = read(text)
    assert found is None and said in line, line


@pytest.mark.parametrize("text", ['a,b,label\n1,2,x\n3,4,"y\n5,6,x\n', 'a,b,label\n1,2,x\n3,4,"y', 'a,b,"label\n1,2,x\n3,4,y\n'])
def test_quotes_that_are_never_closed(read, text):
    with pytest.raises(pandas.errors.ParserError):
        pandas.read_csv(io.StringIO(text))
    found, line = read(text)
    assert found is None and "never closed" in line, line


def test_mixed_line_ends(read, frame):
    lines = frame.to_csv(index=False).splitlines()
    text = "".join(line + end for line, end in zip(lines, itertools.cycle(["\n", "\r", "\r\n", "\r"])))
    assert pandas.read_csv(io.StringIO(text, newline="")).shape == frame.shape
    found, said = read(text)
    assert found == of(frame), said
    # Within quotes it is a character.
    table = pandas.DataFrame({"a": [1.0, 2], "label": ["x\ry", "z"]})
    text = table.to_csv(index=False, quoting=1)
    assert pandas.read_csv(io.StringIO(text, newline=""))["label"][0] == "x\ry"
    found, said = read(text)
    assert found == of(table, "label"), said


@pytest.mark.parametrize("sep,decimal", [(";", ","), ("\t", "."), ("|", ".")])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_line_that_names_the_separator(read, frame, sep, decimal, encoding):
    text = f"sep={sep}\r\n" + frame.to_csv(sep=sep, decimal=decimal, index=False, lineterminator="\r\n")
    found, said = read(text.encode(encoding))
    assert found == of(frame), said
    assert said["left_out"] == [f"the first line 'sep={sep}'".replace("\t", "\\t")]


@pytest.mark.parametrize("more", [1, 2, 7])
@pytest.mark.parametrize("sep,decimal", [(",", "."), (";", ","), ("\t", ".")])
def test_separators_at_the_end_of_all_lines(read, frame, sep, decimal, more):
    """As Excel writes them right of a table: pandas calls them columns without names and values."""
    lines = frame.rename(columns={"sepal, width": "w"}).to_csv(sep=sep, decimal=decimal, index=False).splitlines()
    text = "".join(line + sep * more + "\r\n" for line in lines)
    there = pandas.read_csv(io.StringIO(text), sep=sep, decimal=decimal).dropna(axis=1, how="all")
    found, said = read(text)
    assert found == of(there) == of(frame), said


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "cp1251", "shift-jis", "utf-32"])
def test_other_encodings_are_refused(read, encoding):
    letter = "ж" if encoding in ("cp1251", "shift-jis") else "é"
    text = f"a,b,label\n1,2,{letter}\n3,4,y\n".encode(encoding)
    with pytest.raises(UnicodeDecodeError):
        pandas.read_csv(io.BytesIO(text))
    found, line = read(text)
    assert found is None and ("line 2" in line and "iconv" in line or "UTF-32 is not supported" in line), line


# Names that are numbers, above columns of fractions and of integers, with labels that are words or numbers.
NUMBERS_AS_NAMES = [
    [0, 1, 2, "species"], [1, 2, 3, "kind"], [0, 1, 2, 3], [1, 2, 3, 4], ["0.0", "1.0", "2.0", "kind"], ["0.0", "1.0", "2.0", "3.0"],
    [10, 20, 30, "label"], [2019, 2020, 2021, "species"], [2019, 2020, 2021, 2022], [400.5, 401.0, 401.5, "class"],
    [400.5, 401.0, 401.7, "material"], [1850, 1900, 2000, "kind"],
]  # fmt: skip


@pytest.mark.parametrize("integers", [False, True])
@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("names", NUMBERS_AS_NAMES, ids=lambda names: ",".join(map(str, names)))
def test_names_that_are_numbers(read, names, words, integers):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, (12, 3)) if integers else rng.normal(size=(12, 3))
    # No two samples are equal.
    x[:, 0] = np.arange(12) * 3 % 11 + (0 if integers else 0.5)
    table = pandas.DataFrame(x).assign(label=np.array(list("abc") if words else [7, 5, 8])[np.arange(12) % 3])
    expected = of(table, "label")
    found, said = read(table.to_csv(index=False, header=list(map(str, names))))
    assert found == expected, said
    found, said = read(table.to_csv(index=False, header=False))
    assert found == expected, said


def test_lines_within_quotes(read):
    columns = ["length\n(cm)", "width; mm", 'the "third"']
    for sep in (",", ";", "\t"):
        table = pandas.DataFrame([[1, 2, 3], [4.5, 5, 6]], columns=columns).assign(label=["two\nlines", "one"])
        found, said = read(table.to_csv(sep=sep, index=False))
        assert found == of(table, "label"), said


def test_blanks_with_tabs_among_them(read, frame):
    text = frame.rename(columns=lambda name: name.split()[0].replace(",", "")).to_csv(sep=" ", index=False, header=False)
    lines = [line.replace(" ", "\t" if at % 3 else "  \t ") for at, line in enumerate(text.splitlines())]
    found, said = read("\n".join(lines))
    assert found == of(frame), said


def test_lists_of_labels(program, tmp_path):
    x, net = np.arange(8.0).reshape(4, 2), tmp_path / "net.onnx"
    np.save(tmp_path / "x.npy", x)
    for labels in (pandas.Series(list("xyxz"), name="species"), pandas.Series([3, 1, 1, 2], name="y"), pandas.Series(["a, b", 'c "d"', "e", "e"], name="kind")):
        for options in ({}, {"index": False}, {"header": False, "index": False}, {"header": False}, {"quoting": 1}, {"sep": ";"}, {"index_label": "id"}):
            labels.to_csv(tmp_path / "y.csv", **options)
            answer = program("build", tmp_path / "x.npy", "--labels", tmp_path / "y.csv", "-o", net, "--precision", "f64")
            assert answer.code == 0, (options, answer.stderr)
            assert program("inspect", net).json["metadata"]["dataset"] == digest(x, labels), (options, answer.json["data"])


def test_names_that_come_twice(read):
    text = "a,a,label\n1,5,x\n2,7,y\n"
    assert read(text)[0] == digest([[1, 5], [2, 7]], ["x", "y"])
    found, line = read(text, "--drop", "a")
    assert found is None and "of two columns" in line


def test_several_lines_of_names(read):
    columns = pandas.MultiIndex.from_product([["a", "b"], [0, 1]])
    table = pandas.DataFrame(np.arange(16.0).reshape(4, 4) % 5, columns=columns)
    found, line = read(table.to_csv())
    assert found is None and "second line of names" in line, line
    # Two columns of an index have names: features, unless they are left out.
    table = pandas.DataFrame({"p": [1, 1, 2], "q": [1, 2, 1], "a": [0.5, 1.5, 2.5], "label": list("xyx")})
    found, said = read(table.set_index(["p", "q"]).to_csv(), "--drop", "p,q")
    assert found == digest([[0.5], [1.5], [2.5]], list("xyx")), said


SPELLINGS = ["", "NA", "N/A", "n/a", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "None", "<NA>", "#N/A", "#NA",
             "#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_missing_values_of_pandas(read, spelling):
    text = f"a,b,label\n1,2,x\n3,{spelling},y\n5,6,y\n"
    assert pandas.read_csv(io.StringIO(text))["b"].isna().sum() == 1
    assert read(text)[0] is None
    assert read(text, "--missing", "drop")[0] == digest([[1, 2], [5, 6]], ["x", "y"])
    assert read(text, "--missing", "mean")[0] == digest([[1, 2], [3, 4], [5, 6]], ["x", "y", "y"])


def test_other_kinds_of_files_are_named(read, frame, tmp_path):
    for name, part, said in (("t.xlsx", "xl/workbook.xml", "an Excel workbook"), ("t.ods", "content.xml", "an OpenDocument file")):
        with zipfile.ZipFile(tmp_path / "z", "w") as archive:
            archive.writestr("[Content_Types].xml", "<x/>")
            archive.writestr(part, "<x/>")
        found, line = read((tmp_path / "z").read_bytes(), name=name)
        assert found is None and said in line, line
