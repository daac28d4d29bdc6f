"""Data in files, block by block, say what the whole arrays do: with the tasks done one by one, in any order."""

import os

import numpy as np
import pytest
from shards import Alone, dataset, npy, parquet

import indelible
from indelible import MemorizingClassifier
from indelible import ray as far
from indelible.ray import Shards, _jobs


@pytest.fixture
def alone(monkeypatch):
    worker = Alone()
    monkeypatch.setattr(_jobs, "_ray", lambda: worker)
    return worker


def same(found, expected):
    """Two answers have the same numbers, to the bit."""
    assert type(found) is type(expected)
    for name, value in vars(expected).items():
        mine = getattr(found, name)
        if isinstance(value, np.ndarray):
            assert mine.dtype.kind == value.dtype.kind and np.array_equal(mine, value, equal_nan=value.dtype.kind == "f"), name
        elif name == "points":
            assert mine.keys() == value.keys() and all(np.array_equal(mine[i], value[i]) for i in value)
        else:
            assert mine == value, name


@pytest.mark.parametrize("kind", ["bytes", "reals", "binary32", "names"])
@pytest.mark.parametrize("norm", ["linf", "l1", "l2", "l1.5"])
def test_distances_are_those_of_one_machine(alone, tmp_path, kind, norm):
    X, y = dataset(kind)
    data = npy(tmp_path, X, y, [23, 24, 50])
    radius = 2 * indelible.separation(X, y, norm).upper
    for rows in (15, 100) if norm == "l2" else (15,):
        options = {"block_rows": rows}
        same(far.separation(data, norm, **options), indelible.separation(X, y, norm))
        same(far.nearest_enemies(data, norm, **options), indelible.nearest_enemies(X, y, norm))
        same(far.k_nearest_enemies(data, 4, norm, **options), indelible.k_nearest_enemies(X, y, 4, norm))
        for every in (False, True):
            asked = {"all_pairs": every, "limit": 20}
            same(far.pairs_within(data, radius, norm, **asked, **options), indelible.pairs_within(X, y, radius, norm, **asked))


def test_samples_that_no_enclosure_tells_apart(alone, tmp_path):
    # All as far from each other, at a distance that no float64 is; then duplicates with other labels.
    for X in (np.eye(40) * 0.1, np.repeat(np.arange(4.0)[:, None] * 0.1, 10, axis=0)):
        y = np.arange(40) * 7 % 3
        data = npy(tmp_path, X, y, [13])
        for norm in ("l2", "l3"):
            same(far.separation(data, norm, block_rows=9), indelible.separation(X, y, norm))
            same(far.k_nearest_enemies(data, 5, norm, block_rows=9), indelible.k_nearest_enemies(X, y, 5, norm))


def test_one_class_has_no_enemies(alone, tmp_path):
    X, _ = dataset("bytes")
    data = npy(tmp_path, X, np.zeros(60), [30])
    same(far.separation(data), indelible.separation(X, np.zeros(60)))
    same(far.k_nearest_enemies(data, 2), indelible.k_nearest_enemies(X, np.zeros(60), 2))
    assert far.pairs_within(data, 3.0).count == 0


def test_bytes_are_images_where_that_is_asked(alone, tmp_path):
    X, y = dataset("bytes")
    data = npy(tmp_path, X.reshape(60, 5, 1), y, [20])
    same(far.nearest_enemies(data, "l2", scale="images"), indelible.nearest_enemies(X, y, "l2", scale="images"))
    with pytest.raises(ValueError, match="scale is 'minmax', but"):
        far.separation(data, scale="minmax")


def test_files_have_types_of_their_own(alone, tmp_path):
    # Every distance is the same and no float64: samples of all files are compared again in the end.
    X, y = np.eye(40), np.arange(40) % 3
    parts = {"x0": X[:20].astype(np.uint8), "y0": y[:20], "x1": X[20:], "y1": y[20:].astype(str)}
    for name, array in parts.items():
        np.save(tmp_path / f"{name}.npy", array)
    data = Shards.npy([tmp_path / "x0.npy", tmp_path / "x1.npy"], [tmp_path / "y0.npy", tmp_path / "y1.npy"])
    same(far.separation(data, "l2", block_rows=9), indelible.separation(X, y, "l2"))
    same(far.k_nearest_enemies(data, 5, "l2", block_rows=9), indelible.k_nearest_enemies(X, y, 5, "l2"))
    with pytest.raises(ValueError, match=r"x0.npy holds bytes, .*x1.npy does not; expected bytes in all files or in none"):
        far.separation(data, "l2", scale="images")


@pytest.mark.parametrize("as_list", [False, True])
def test_parquet(alone, tmp_path, as_list):
    pytest.importorskip("pyarrow")
    for kind in ("bytes", "binary32", "names"):
        X, y = dataset(kind)
        data = parquet(tmp_path, X, y, [31], as_list=as_list)
        assert (data.samples, data.features, data.row_bytes) == (60, 5, X[0].nbytes)
        same(far.k_nearest_enemies(data, 2, "l2", block_rows=11), indelible.k_nearest_enemies(X, y, 2, "l2"))


def test_networks(alone, tmp_path):
    X, first = np.unique(dataset("names")[0], axis=0, return_index=True)
    y = dataset("names")[1][first]
    data = npy(tmp_path, X, y, [20, 45])
    blocks = [range(block.start, block.stop) for block in data.blocks(9)]
    for options in ({"construction": "wide"}, {"construction": "nearest", "norm": "l2"}):
        model = MemorizingClassifier(ratio=0.5, **options).fit(X, y)
        model.to_onnx(tmp_path / "net.onnx")
        same(far.certify(model, data, block_rows=9), indelible.certify(model, X, y))
        radii = np.linspace(0.1, 3, len(X)) * model.radius_
        for radius in (3 * model.radius_, radii):
            found, whole = far.certify(tmp_path / "net.onnx", data, radius, block_rows=9), model.certify(X, y, radius)
            assert found.certified == whole.certified and np.array_equal(found.margins, whole.margins, equal_nan=True)
            assert (found.samples, found.misclassified, found.smallest_margin) == (60, 0, whole.smallest_margin)
            # Attacks aim at the samples of a block: it is the answer for each of them.
            parts = [model.certify(X[b], y[b], radius[b] if np.ndim(radius) else radius) for b in blocks]
            assert found.verdicts.tolist() == [verdict for part in parts for verdict in part.verdicts]
            assert found.predicted == [label for part in parts for label in part.predicted]
            points = {b[i]: p for b, part in zip(blocks, parts, strict=True) for i, p in part.points.items()}
            assert found.points.keys() == points.keys() and all(np.array_equal(found.points[i], points[i]) for i in points)
            assert sum(found.engines.values()) == found.certified + found.refuted
        found = far.robustness(model, data, rounds=4, block_rows=9)
        parts = [model.robustness(X[b], y[b], rounds=4) for b in blocks]
        for name in ("correct", "certified", "attacked"):
            assert np.array_equal(getattr(found, name), np.concatenate([getattr(part, name) for part in parts]))
    with pytest.raises(ValueError, match=r"radius has 3 numbers for \d+ samples; expected one for each"):
        far.certify(model, data, [0.1, 0.2, 0.3])
    with pytest.raises(OSError, match="no.onnx"):
        far.certify(tmp_path / "no.onnx", data)


def test_work_is_counted_and_bounds_spare_work(alone, tmp_path):
    X, y = dataset("reals")
    work, bars = far.Work(), []

    class Bar:
        def __init__(self, total, desc, leave):
            self.total, self.done = total, 0
            bars.append(self)

        def update(self, count):
            self.done += count

        def close(self):
            pass

    far.nearest_enemies(npy(tmp_path, X, y, [30]), "linf", block_rows=10, work=work, progress=Bar)
    assert work.tasks == bars[0].total == bars[0].done and work.seconds > 0
    assert 6 * 60 * 40 <= work.bytes_read <= 7 * 60 * 40  # Six blocks, each against all, and once as queries.


def test_a_run_goes_on_where_one_ended(alone, tmp_path):
    X, y = dataset("reals")
    (tmp_path / "data").mkdir()
    data = npy(tmp_path / "data", X, y, [30])
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / ".half").write_text("what a run that was killed had begun to write")
    options = {"block_rows": 10, "checkpoint": tmp_path / "job"}

    class Stop:
        """A bar that ends the run after so many tasks."""

        def __init__(self, **_):
            self.done = 0

        def update(self, count):
            self.done += count
            if self.done >= 4:
                raise KeyboardInterrupt

        def close(self):
            pass

    with pytest.raises(KeyboardInterrupt):
        far.k_nearest_enemies(data, 2, "l2", progress=Stop, **options)
    before, expected, work = alone.done, indelible.k_nearest_enemies(X, y, 2, "l2"), far.Work()
    alone.cpus = 7  # The cluster may be another one; how the samples are divided stays.
    same(far.k_nearest_enemies(data, 2, "l2", work=work, **options), expected)
    assert before == 4 and work.tasks == alone.done - before
    done = alone.done
    same(far.k_nearest_enemies(data, 2, "l2", **options), expected)
    assert alone.done == done
    # A file that was damaged is nothing that is known.
    damaged = sorted((tmp_path / "job").glob("nearest-*.npz"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-40])
    same(far.k_nearest_enemies(data, 2, "l2", **options), expected)
    assert alone.done == done + 1
    for other in ({"k": 3, "norm": "l2"}, {"k": 2, "norm": "l1"}):
        with pytest.raises(ValueError, match="is the checkpoint of another job"):
            far.k_nearest_enemies(data, **other, **options)
    (tmp_path / "job" / "job.json").write_text("{}")
    with pytest.raises(ValueError, match="describes no job"):
        far.k_nearest_enemies(data, 2, "l2", **options)
    (tmp_path / "job" / "job.json").unlink()
    with pytest.raises(ValueError, match="has files but no job.json"):
        far.k_nearest_enemies(data, 2, "l2", **options)


def test_files_that_cannot_be_used(alone, tmp_path):
    X, y = dataset("reals")
    data = npy(tmp_path, X, y, [30])
    files = [tmp_path / name for name in ("x0.npy", "x1.npy", "y0.npy", "y1.npy")]
    np.save(tmp_path / "narrow.npy", X[:30, :3])
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / "two.npz", X=X, y=y)
    (tmp_path / "text.npy").write_text("no array")
    for call, error, words in [
        (lambda: Shards.npy(files[:2], files[2:3]), ValueError, "2 files of features and 1 of labels"),
        (lambda: Shards.npy([], []), ValueError, "features is empty"),
        (lambda: Shards.npy(str(files[0]), str(files[2])), TypeError, "features is str; expected a sequence of paths"),
        (lambda: Shards.npy([tmp_path / "no.npy"], files[2:3]), OSError, "no.npy"),
        (lambda: Shards.npy([tmp_path / "text.npy"], files[2:3]), ValueError, "text.npy is no NPY file"),
        (lambda: Shards.npy([tmp_path / "objects.npy"], files[2:3]), ValueError, "objects.npy is no NPY file"),
        (lambda: Shards.npy([tmp_path / "two.npz"], files[2:3]), ValueError, "two.npz is no NPY file"),
        (lambda: Shards.npy(files[2:3], files[2:3]), ValueError, r"y0.npy has shape \(30,\); expected 2 dimensions"),
        (lambda: Shards.npy(files[:1], files[:1]), ValueError, r"x0.npy has shape \(30, 5\); expected \(30,\)"),
        (lambda: Shards.npy([files[0], tmp_path / "narrow.npy"], files[2:]), ValueError, "narrow.npy has 3 features"),
        (lambda: far.separation(X), TypeError, "data is ndarray; expected Shards"),
        (lambda: far.separation(data, "l0"), ValueError, "unknown norm 'l0'"),
        (lambda: far.separation(data, block_rows=0), ValueError, "block_rows is 0"),
        (lambda: far.separation(data, num_cpus=4), ValueError, "num_cpus is 4, but the cluster has 3 cores"),
        (lambda: far.separation(data, cores=2), TypeError, "cores is no option; expected one of scale, block_rows"),
        (lambda: far.k_nearest_enemies(data, 0), ValueError, "k is 0"),
        (lambda: far.pairs_within(data, -1), ValueError, "the radius is -1"),
    ]:
        with pytest.raises(error, match=words):
            call()
    bad = X[30:].copy()
    bad[3, 2] = np.nan
    np.save(files[1], bad)
    with pytest.raises(ValueError, match="x1.npy was changed since work on it began"):
        far.separation(data)
    with pytest.raises(ValueError, match=r"rows 0 to 29 of .*x1.npy and .*y1.npy: sample 3, feature 2 is NaN"):
        far.separation(Shards.npy(files[:2], files[2:]), block_rows=30)


def test_tables_that_cannot_be_used(alone, tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet as pq

    def table(name, **columns):
        pq.write_table(pa.table(columns), tmp_path / name)
        return tmp_path / name

    good = table("good.parquet", a=[1.0, 2.0], label=["x", "y"])
    (tmp_path / "text.parquet").write_text("no table")
    for files, words in [
        ([table("none.parquet", a=[1.0])], "has no column 'label'; it has a"),
        ([table("words.parquet", a=["w"], label=[1])], "column 'a' of .*words.parquet has type string"),
        ([good, table("other.parquet", b=[1.0], label=["x"])], "other.parquet has other columns than .*good.parquet"),
        ([tmp_path / "text.parquet"], "text.parquet is no Parquet file"),
        ([table("empty.parquet", a=pa.array([], pa.float64()), label=pa.array([], pa.string()))], "0 samples of 1 features"),
    ]:
        with pytest.raises(ValueError, match=words):
            Shards.parquet(files)
    with pytest.raises(ValueError, match="rows 0 to 1 of .*: column 'a' of .* has missing values"):
        far.separation(Shards.parquet([table("missing.parquet", a=[1.0, None], label=["x", "y"])]), block_rows=2)
    big = table("big.parquet", a=[2**60 + 1, 0], b=[0.5, 1.0], label=["x", "y"])
    with pytest.raises(ValueError, match="integers beyond 2\\^53"):
        far.separation(Shards.parquet([big]))
    assert os.path.exists(good)
