"""Long work: threads, progress, Ctrl-C."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import indelible
from indelible import _run
from indelible._run import threads

RNG = np.random.default_rng(0)
# Some seconds on one core; interrupted long before.
SLOW = (RNG.normal(size=(60_000, 40)), RNG.integers(0, 2, 60_000))
QUICK = (RNG.normal(size=(3_000, 10)), RNG.integers(0, 2, 3_000))


def test_results_do_not_depend_on_threads():
    first = indelible.nearest_enemies(*QUICK, "l2", n_jobs=1)
    for n_jobs in (2, 7, -1, None):
        other = indelible.nearest_enemies(*QUICK, "l2", n_jobs=n_jobs)
        assert np.array_equal(first.indices, other.indices) and np.array_equal(first.lower, other.lower)


def test_threads_follow_n_jobs(monkeypatch):
    monkeypatch.setattr(_run, "cores", lambda: 8)
    monkeypatch.setattr(_run, "_limited", list)
    for variable in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.delenv(variable, raising=False)
    assert [threads(n) for n in (None, 3, -1, -2, -10_000, 10**30, np.int64(2))] == [8, 3, 8, 7, 1, 256, 2]
    # joblib sets this one for its workers.
    for said, expected in [("3", 3), ("2,1", 2), ("100", 8), ("0", 8), ("many", 8)]:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
        assert threads(None) == expected and threads(-1) == 8
    monkeypatch.setenv("RAYON_NUM_THREADS", "5")
    assert threads(None) == 5


def test_threads_are_limited_as_others_are(monkeypatch):
    control = pytest.importorskip("threadpoolctl")
    pytest.importorskip("sklearn.utils._openmp_helpers")  # Brings OpenMP.
    monkeypatch.setattr(_run, "cores", lambda: 8)
    monkeypatch.delenv("RAYON_NUM_THREADS", raising=False)
    with control.threadpool_limits(1):
        assert threads(None) == 1 and threads(3) == 3


def test_progress_is_told_as_to_tqdm():
    bars = []

    class Bar:
        def __init__(self, total, desc, leave):
            self.total, self.desc, self.done, self.closed = total, desc, 0, False
            bars.append(self)

        def update(self, count):
            assert count > 0
            self.done += count

        def close(self):
            self.closed = True

    indelible.nearest_enemies(SLOW[0][:20_000], SLOW[1][:20_000], "l1", progress=Bar, n_jobs=1)
    assert bars and all(bar.closed and bar.desc and 0 <= bar.done <= (bar.total or 0) for bar in bars)

    def refuse(**_):
        raise KeyError("no bar")

    with pytest.raises(KeyError, match="no bar"):
        indelible.nearest_enemies(*SLOW, "l1", progress=refuse)


def test_other_threads_go_on():
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    indelible.nearest_enemies(SLOW[0][:20_000], SLOW[1][:20_000], "l1", n_jobs=1)
    stop.set()
    thread.join()
    assert len(ticks) > 10


CODE = """
import numpy as np, indelible
rng = np.random.default_rng(0)
X, y = rng.normal(size=(60_000, 40)), rng.integers(0, 2, 60_000)
print("ready", flush=True)
try:
    indelible.nearest_enemies(X, y, "l1")
except KeyboardInterrupt:
    print("interrupted", flush=True)
    print(indelible.separation([[0.0], [1.0]], [0, 1]).lower, flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_an_interrupt_is_heard():
    child = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "ready\n"
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    said, _ = child.communicate(timeout=120)
    assert said == "interrupted\n1.0\n" and child.returncode == 0


def _forked(send):
    send.send(indelible.separation(*QUICK).pair)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore")
def test_a_forked_process_has_threads_of_its_own():
    expected = indelible.separation(*QUICK).pair
    context = multiprocessing.get_context("fork")
    receive, send = context.Pipe()
    child = context.Process(target=_forked, args=(send,))
    child.start()
    assert receive.poll(120) and receive.recv() == expected
    child.join()
