"""Files of Arrow (Feather) and Parquet that pandas, polars and pyarrow write are the numbers and classes
that they read back themselves, and the same as in every other file."""

import datetime
import decimal

import numpy as np
import pandas
import polars
import pyarrow
from pyarrow import ipc, parquet

from test_data import check, flowers  # noqa: F401 (fixtures)


def written(path, table, stream=False, **options):
    """Writes a table of pyarrow as Arrow IPC."""
    new = ipc.new_stream if stream else ipc.new_file
    with new(str(path), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=40)


def test_every_writer_and_codec(check, flowers, tmp_path):  # noqa: F811
    x, words, y = flowers
    file = tmp_path / "t.feather"
    frame = pandas.DataFrame(x, columns=list("abcd"))
    for label, expected in ((words, words), (pandas.Categorical(words), words), (y == 1, (y == 1).astype(int))):
        frame["species"] = label
        for codec in ("lz4", "zstd", "uncompressed"):
            frame.to_feather(file, compression=codec)
            said = check(file, x, expected)
            assert (said["format"], said["labels"]) == ("Arrow IPC", "column species")
        for stream in (False, True):
            for codec in (None, "lz4", "zstd"):
                written(file, pyarrow.table(frame), stream, compression=codec)
                check(file, x, expected)
        rows = polars.DataFrame({**{name: frame[name].to_numpy() for name in "abcd"}, "species": list(label)})
        kind = rows["species"].dtype
        for kind in (kind, *([polars.Categorical] if kind == polars.String else [])):
            rows = rows.with_columns(polars.col("species").cast(kind))
            for codec in ("uncompressed", "lz4", "zstd"):
                rows.write_ipc(file, compression=codec)
                check(file, x, expected)
                rows.write_ipc_stream(file, compression=codec)
                check(file, x, expected)
    frame.to_parquet(tmp_path / "t.parquet", compression="brotli")
    check(tmp_path / "t.parquet", x, (y == 1).astype(int))


def test_an_index_is_left_out(check, flowers, tmp_path):  # noqa: F811
    x, words, _ = flowers
    file = tmp_path / "t.arrow"
    frame = pandas.DataFrame(x, columns=list("abcd")).assign(species=words)
    written(file, pyarrow.Table.from_pandas(frame))
    assert check(file, x, words)["left_out"] == []
    for name in ("flower", None):
        frame.index = pandas.Index(np.arange(len(x)) * 7, name=name)
        written(file, pyarrow.Table.from_pandas(frame))
        left_out = name or "__index_level_0__"
        assert check(file, x, words)["left_out"] == [f"column {left_out} (an index of the rows)"]


def test_kinds_of_numbers(check, program, tmp_path):  # noqa: F811
    """Each kind in an Arrow file and in a Parquet file: the same digest, that of the numbers."""
    floats = np.array([0.5, -2, 3.25, 65504, 1e-7, 0])
    whole = np.array([0, 1, 2, 100, 127, 3])
    labels = ["u", "v", "u", "v", "v", "u"]
    lists = np.stack([floats, whole, floats + whole], axis=1)
    decimals = [decimal.Decimal(f"{value}.{value % 7}") for value in whole]
    by_number = pyarrow.array(whole).dictionary_encode()
    columns = [
        (pyarrow.array(floats.astype(np.float16)), floats.astype(np.float16)),
        (pyarrow.array(floats.astype(np.float32)), floats.astype(np.float32)),
        *((pyarrow.array(whole.astype(kind)), whole) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")),
        (pyarrow.array(decimals, pyarrow.decimal128(12, 1)), np.array(decimals, float)),
        (pyarrow.array(decimals, pyarrow.decimal32(9, 1)), np.array(decimals, float)),
        (pyarrow.array(decimals, pyarrow.decimal64(12, 1)), np.array(decimals, float)),
        (pyarrow.array(whole > 2), whole > 2),
        (by_number, whole),
        (pyarrow.array(list(lists)), lists),
        (pyarrow.array(list(lists), pyarrow.large_list(pyarrow.float64())), lists),
        (pyarrow.array(list(lists), pyarrow.list_(pyarrow.float32(), 3)), lists.astype(np.float32)),
        (pyarrow.FixedShapeTensorArray.from_numpy_ndarray(lists.reshape(6, 3, 1).copy()), lists),
    ]
    for values, expected in columns:
        x = np.asarray(expected, dtype=float).reshape(6, -1)
        x = np.hstack([x, np.arange(6)[:, None] / 4])
        table = pyarrow.table({"a": values, "b": np.arange(6) / 4, "label": labels})
        written(tmp_path / "t.arrow", table)
        check(tmp_path / "t.arrow", x, labels)
        if not str(values.type).startswith(("decimal32", "decimal64")):
            parquet.write_table(table, tmp_path / "t.parquet")
            check(tmp_path / "t.parquet", x, labels)


def test_what_is_refused(program, tmp_path):
    file = tmp_path / "t.feather"
    frame = pandas.DataFrame({"a": [1.5, 2, 3], "label": list("xyx")})
    day = datetime.date(2020, 1, 1)
    for what, column in (
        ("durations", pandas.to_timedelta([1, 2, 3], unit="s")),
        ("timestamps", pandas.to_datetime(["2020-01-01"] * 3)),
        ("dates", [day] * 3),
        ("times of day", [datetime.time(1)] * 3),
        ("'pandas.period'", pandas.period_range("2020-01", periods=3, freq="M")),
        ("nested values", pandas.interval_range(0, 3)),
        ("nested values", [{"u": 1}] * 3),
        ("nested values", [[[1]]] * 3),
        ("text as a feature", list("uvw")),
    ):
        frame.assign(t=column)[["a", "t", "label"]].to_feather(file)
        answer = program("separation", file)
        assert answer.code == 2 and "column 't' of" in answer.stderr and what in answer.stderr, answer.stderr
        answer = program("separation", file, "--drop", "t")
        assert answer.code == 0 and answer.json["features"] == 1, answer.stderr
    polars.DataFrame({"a": [1.5, 2, 3], "t": [datetime.timedelta(1)] * 3, "label": list("xyx")}).write_ipc(file)
    answer = program("separation", file)
    assert answer.code == 2 and "column 't' of durations" in answer.stderr, answer.stderr
    frame.assign(a=[1.5, None, 3]).to_feather(file)
    answer = program("separation", file)
    assert answer.code == 2 and "row 2, column 1 (a)" in answer.stderr, answer.stderr


def test_places_outside_of_a_dictionary(program, tmp_path):
    """Places outside of a dictionary are refused."""
    file = tmp_path / "t.arrow"
    outside = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0, 9, 1], pyarrow.int8()), pyarrow.array(["u", "v"]), safe=False)
    table = pyarrow.table({"a": [1.5, 2, 3], "label": outside})
    for stream in (False, True):
        written(file, table, stream)
        answer = program("separation", file)
        assert answer.code == 2 and answer.stderr.count("\n") == 1 and "Arrow IPC" in answer.stderr, answer.stderr


def test_changing_dictionaries(check, tmp_path):  # noqa: F811
    """Batches may add words to a dictionary; in a stream, have one of their own."""
    file = tmp_path / "t.arrow"
    growing = [["u", "v"], ["u", "v", "w"], ["u", "v", "w", "a"]]
    schema = pyarrow.schema([("a", pyarrow.float64()), ("label", pyarrow.dictionary(pyarrow.int8(), pyarrow.string()))])
    for new, deltas, words in (
        (ipc.new_file, True, growing),
        (ipc.new_stream, True, growing),
        (ipc.new_stream, False, growing),
        (ipc.new_stream, False, [["u", "v"], ["w", "u"], ["a"]]),
    ):
        with new(str(file), schema, options=ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)) as writer:
            for at, part in enumerate(words):
                labels = pyarrow.DictionaryArray.from_arrays(pyarrow.array(range(len(part)), pyarrow.int8()), part)
                columns = {"a": [10.0 * at + i for i in range(len(part))], "label": labels}
                writer.write_table(pyarrow.table(columns, schema=schema))
        x = [[10.0 * at + i] for at, part in enumerate(words) for i in range(len(part))]
        check(file, x, sum(words, []))


def test_altered_bytes(program, tmp_path):
    """Every byte of a file changed in turn: an answer or one line, never a panic."""
    file = tmp_path / "t.arrow"
    table = pyarrow.table({"a": [1.5, 2, 3], "b": pyarrow.array(list("xyx")).dictionary_encode(), "label": [0, 1, 0]})
    random = np.random.default_rng(1)
    for stream in (False, True):
        written(file, table, stream, compression="lz4")
        whole = file.read_bytes()
        for at in random.choice(len(whole), 60, replace=False):
            changed = bytearray(whole)
            changed[at] ^= 1 << int(random.integers(8))
            file.write_bytes(changed)
            answer = program("separation", file, "--drop", "b")
            assert answer.code in (0, 1, 2) and answer.stderr.count("\n") <= 1, (at, answer.stderr)
