"""A real cluster on this machine: several workers, one of which is killed at its work."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from shards import npy
from test_shards import same

import indelible
from indelible import ray as far

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False)
    yield
    ray.shutdown()


def children(parent):
    """The processes that a process started, with what they call themselves."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            stat, name = (entry / "stat").read_text(), (entry / "cmdline").read_text()
        except OSError:
            continue  # It is gone.
        if int(stat.rsplit(")", 1)[1].split()[1]) == parent:
            found.append((int(entry.name), name))
    return found


def a_worker_at_its_work():
    """The process of a worker of this cluster that is doing a task."""
    for _ in range(500):
        for daemon, name in children(os.getpid()):
            if "raylet" in name:
                for worker, name in children(daemon):
                    if name.startswith("ray::indelible."):
                        return worker
        time.sleep(0.01)
    raise AssertionError("no worker is at work")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc")
def test_a_killed_worker_changes_nothing(cluster, tmp_path):
    rng = np.random.default_rng(5)
    X, y = rng.integers(0, 40, (6000, 30)).astype(np.uint8), rng.integers(0, 3, 6000)
    data = npy(tmp_path, X, y, [2500, 4000])
    killed = []

    class Murder:
        """A bar that kills a worker once some tasks are done."""

        def __init__(self, **_):
            pass

        def update(self, _):
            if not killed:
                killed.append(a_worker_at_its_work())
                os.kill(killed[0], signal.SIGKILL)

        def close(self):
            pass

    work = far.Work()
    options = {"block_rows": 750, "progress": Murder, "work": work}
    same(far.k_nearest_enemies(data, 2, "l2", **options), indelible.k_nearest_enemies(X, y, 2, "l2"))
    assert killed and work.tasks >= 8
    with pytest.raises(ProcessLookupError):
        os.kill(killed[0], 0)
    same(far.separation(data, "l1", block_rows=1000), indelible.separation(X, y, "l1"))


@pytest.mark.filterwarnings("ignore")
def test_what_goes_wrong_is_said_in_one_line(cluster, tmp_path):
    X = np.array([[0.0], [np.nan], [1.0]])
    with pytest.raises(ValueError) as error:
        far.separation(npy(tmp_path, X, np.arange(3), []), block_rows=3)
    said = str(error.value)
    assert "x0.npy" in said and "sample 1, feature 0 is NaN" in said and "\n" not in said
    assert indelible.separation([[0.0], [1.0]], [0, 1]).lower == 1.0
