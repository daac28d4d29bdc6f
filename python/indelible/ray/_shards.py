"""Labelled samples in files, of which any rows can be read without the others."""

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _native
from .._data import class_names, exactly, features, labels, unmapped

Path = str | PathLike[str]


@dataclass(frozen=True)
class _Shard:
    """A file, and for NPY the file of its labels: each with size and time of change, by which it is
    known to be the same when it is read; its rows, and whether they are bytes."""

    files: tuple[tuple[str, int, int], ...]
    rows: int
    bytes: bool


@dataclass(frozen=True)
class Block:
    """Rows ``first`` to ``last`` of a shard, which are samples ``start`` to ``stop`` of all; ends excluded."""

    shard: int
    first: int
    last: int
    start: int

    @property
    def stop(self) -> int:
        return self.start + self.last - self.first

    @property
    def rows(self) -> int:
        return self.last - self.first


@dataclass(frozen=True)
class Shards:
    """Labelled samples in files that every node can read and none has to hold whole.

    Sample ``i`` is row ``i`` of the files, one after the other in the order given. Made by
    :meth:`npy` or :meth:`parquet`, which read no more than how large they are.

    Attributes
    ----------
    samples : int
        Number of samples.
    features : int
        Number of features.
    row_bytes : int
        What a sample takes, in bytes.
    """

    features: int
    row_bytes: int
    label: str | None
    shards: tuple[_Shard, ...]

    @classmethod
    def npy(cls, features: Sequence[Path], labels: Sequence[Path]) -> "Shards":
        """Samples in NPY files, each with one of labels.

        Parameters
        ----------
        features : sequence of paths
            Arrays of shape (rows, …) in C order; dimensions after the first are flattened.
        labels : sequence of paths
            As many arrays of shape (rows,).

        Returns
        -------
        Shards

        Raises
        ------
        ValueError, OSError
            When a file cannot be used, or they do not belong together.
        """
        given, known = _listed(features, "features"), _listed(labels, "labels")
        if len(given) != len(known):
            raise ValueError(f"{len(given)} files of features and {len(known)} of labels were given; expected as many")
        shards, widths, sizes = [], [], []
        for path, names in zip(given, known, strict=True):
            rows, y = _mapped(path), _mapped(names)
            if rows.ndim < 2:
                raise ValueError(f"{path} has shape {rows.shape}; expected 2 dimensions or more, a row for each sample")
            if y.shape != (len(rows),):
                raise ValueError(f"{names} has shape {y.shape}; expected ({len(rows)},), a label for each row of {path}")
            shards.append(_Shard((_stamp(path), _stamp(names)), len(rows), rows.dtype.kind in "ub" and rows.dtype.itemsize == 1))
            widths.append((path, math.prod(rows.shape[1:])))
            sizes.append(rows.dtype.itemsize)
        return cls(_same(widths), max(sizes) * widths[0][1], None, tuple(shards))._checked()

    @classmethod
    def parquet(cls, files: Sequence[Path], label: str = "label") -> "Shards":
        """Samples in Parquet files with the same columns.

        Parameters
        ----------
        files : sequence of paths
            Tables. Every column but that of the labels is a feature; or a single one is a list of
            fixed size, of all features. Needs pyarrow.
        label : str, default="label"
            The column of the labels.

        Returns
        -------
        Shards

        Raises
        ------
        ValueError, OSError
            When a file cannot be used, or they do not belong together.
        """
        shards, widths, sizes, columns = [], [], [], None
        for path in _listed(files, "files"):
            table = _parquet(path)
            names, width, size = _columns(table.schema_arrow, label, path)
            if columns is not None and names != columns[1]:
                raise ValueError(f"{path} has other columns than {columns[0]}; expected the same in the same order")
            columns = columns or (path, names)
            shards.append(_Shard((_stamp(path),), table.metadata.num_rows, size == width))
            widths.append((path, width))
            sizes.append(size)
        return cls(_same(widths), max(sizes), label, tuple(shards))._checked()

    def _checked(self) -> "Shards":
        if self.samples == 0 or self.features == 0:
            raise ValueError(f"the files have {self.samples} samples of {self.features} features; expected at least one of each")
        return self

    @property
    def samples(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def as_images(self) -> None:
        """Refuses files of which some hold bytes and others do not: only bytes would be divided by 255."""
        first = self.shards[0]
        for shard in self.shards:
            if shard.bytes != first.bytes:
                which, other = (first, shard) if first.bytes else (shard, first)
                raise ValueError(
                    f"scale is 'images', and {which.files[0][0]} holds bytes, which are divided by 255 then, "
                    f"but {other.files[0][0]} does not; expected bytes in all files or in none"
                )

    def blocks(self, rows: int) -> list[Block]:
        """Blocks of up to so many rows, none of which is of two files."""
        blocks, start = [], 0
        for number, shard in enumerate(self.shards):
            # Equally large ones: the last of a file is no small rest.
            count = -(-shard.rows // rows)
            ends = [shard.rows * k // count for k in range(count + 1)] if count else []
            for first, last in zip(ends, ends[1:], strict=False):
                blocks.append(Block(number, first, last, start + first))
            start += shard.rows
        return blocks

    def read(self, block: Block, scale: str | None) -> _native.Data:
        """The samples of a block."""
        with self._named(block):
            return unmapped(*self._rows(block), scale)[0]

    def pick(self, indices: NDArray[np.int64], scale: str | None, rows: int) -> _native.Data:
        """Some samples, in ascending order, read in blocks of up to ``rows`` rows."""
        samples, names = [], []
        for block in self.blocks(rows):
            chosen = indices[(indices >= block.start) & (indices < block.stop)] - block.start
            if len(chosen):
                with self._named(block):
                    X, y = self._rows(block)
                    # Exact numbers, and names: files may store both in types of their own.
                    classes, codes = labels(y[chosen])
                    samples.append(features(X[chosen]))
                    names.append(np.array(class_names(classes))[codes])
        return unmapped(np.concatenate(samples), np.concatenate(names), scale)[0]

    @contextmanager
    def _named(self, block: Block) -> Iterator[None]:
        """Says in which rows of which files something is wrong."""
        try:
            yield
        except (TypeError, ValueError) as error:
            files = " and ".join(path for path, _, _ in self.shards[block.shard].files)
            raise type(error)(f"rows {block.first} to {block.last - 1} of {files}: {error}") from None

    def _rows(self, block: Block) -> tuple[NDArray[Any], NDArray[Any]]:
        shard = self.shards[block.shard]
        for known in shard.files:
            if _stamp(known[0]) != known:
                raise ValueError(f"{known[0]} was changed since work on it began; begin again")
        if self.label is None:
            (features, _, _), (labels, _, _) = shard.files
            X = np.array(_mapped(features)[block.first : block.last])
            y = np.array(_mapped(labels)[block.first : block.last])
        else:
            X, y = _table_rows(shard.files[0][0], self.label, block.first, block.last)
        return X.reshape(len(X), -1), y


def _listed(paths: Sequence[Path], name: str) -> list[str]:
    if isinstance(paths, (str, PathLike)) or not isinstance(paths, Sequence):
        raise TypeError(f"{name} is {type(paths).__name__}; expected a sequence of paths")
    if not paths:
        raise ValueError(f"{name} is empty; expected at least one path")
    return [os.path.abspath(path) for path in paths]


def _stamp(path: str) -> tuple[str, int, int]:
    found = os.stat(path)
    return path, found.st_size, found.st_mtime_ns


def _mapped(path: str) -> NDArray[Any]:
    """An array in a file, of which only what is looked at is read."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"{path} is no NPY file of numbers or words: {error}") from None
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{path} is no NPY file; NPZ files cannot be read in part")
    return array


def _same(widths: list[tuple[str, int]]) -> int:
    (first, expected), *rest = widths
    for path, width in rest:
        if width != expected:
            raise ValueError(f"{path} has {width} features and {first} {expected}; expected as many")
    return expected


def _parquet(path: str) -> Any:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install pyarrow") from None
    try:
        return parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"{path} is no Parquet file: {error}") from None


def _columns(schema: Any, label: str, path: str) -> tuple[list[tuple[str, str]], int, int]:
    """Names and types of the features, how many they are, and the bytes that a row of them takes."""
    from pyarrow import types

    if label not in schema.names:
        raise ValueError(f"{path} has no column '{label}'; it has {', '.join(schema.names[:20])}")
    fields = [field for field in schema if field.name != label]
    lists = [field for field in fields if types.is_fixed_size_list(field.type)]
    if lists and len(fields) > 1:
        raise ValueError(f"{path} has the list '{lists[0].name}' beside other columns; expected it to have all features")
    kinds = [field.type.value_type if lists else field.type for field in fields]
    for field, kind in zip(fields, kinds, strict=True):
        if not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)):
            raise ValueError(f"column '{field.name}' of {path} has type {field.type}; expected numbers")
    width = lists[0].type.list_size if lists else len(fields)
    # As kept: uint8, float32 or float64, the widest of all columns.
    size = max((exactly(np.zeros(0, kind.to_pandas_dtype()), "").itemsize for kind in kinds), default=1)
    return [(field.name, str(field.type)) for field in fields], width, width * size


def _table_rows(path: str, label: str, first: int, last: int) -> tuple[NDArray[Any], NDArray[Any]]:
    table = _parquet(path)
    groups, start, skipped = [], 0, 0
    for number in range(table.metadata.num_row_groups):
        end = start + table.metadata.row_group(number).num_rows
        if start < last and end > first:
            skipped = start if not groups else skipped
            groups.append(number)
        start = end
    rows = table.read_row_groups(groups).slice(first - skipped, last - first)
    for name in rows.column_names:
        if rows.column(name).null_count:
            raise ValueError(f"column '{name}' of {path} has missing values; expected one in every row")
    features = [rows.column(name) for name in rows.column_names if name != label]
    y = rows.column(label).to_numpy()
    if len(features) == 1 and hasattr(features[0].type, "list_size"):
        values = features[0].combine_chunks().flatten()
        if values.null_count:
            raise ValueError(f"a list of {path} has missing values; expected one in every row")
        return exactly(values.to_numpy(zero_copy_only=False), path).reshape(len(y), -1), y
    columns = [exactly(np.asarray(column.to_numpy()), f"a column of {path}") for column in features]
    return np.stack(columns, axis=1), y
