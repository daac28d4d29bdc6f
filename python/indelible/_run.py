"""How many threads work, and who is told how far it is."""

import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

Progress = bool | Callable[..., Any] | None
# Threads, on machines with fewer cores.
MOST = 256

Run = tuple[int, Callable[[str, int, int], object] | None]


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def _number(variable: str) -> int | None:
    """The number of threads that a variable of the environment asks for, if it does."""
    first = os.environ.get(variable, "").split(",")[0].strip()
    return int(first) if first.isdecimal() and int(first) > 0 else None


@lru_cache(maxsize=1)
def _controller(_modules: int) -> Any:
    """What threadpoolctl knows of the libraries that were loaded with so many modules."""
    make = getattr(sys.modules.get("threadpoolctl"), "ThreadpoolController", None)
    return make() if make is not None else None


def _limited() -> list[int]:
    """The threads that threadpoolctl, where somebody uses it, leaves to OpenMP, else to BLAS."""
    controller = _controller(len(sys.modules))
    pools = controller.info() if controller is not None else []
    openmp = [pool for pool in pools if pool.get("user_api") == "openmp"]
    return [pool["num_threads"] for pool in openmp or pools]


def threads(n_jobs: int | None) -> int:
    """Threads for ``n_jobs`` as scikit-learn means it: -1 is every core, -2 all but one; None is
    the variable RAYON_NUM_THREADS where it is set, else what OpenMP would use: all cores that
    neither OMP_NUM_THREADS, which joblib sets for its workers, nor threadpoolctl forbids."""
    if n_jobs is None:
        asked = [_number("OMP_NUM_THREADS") or cores(), *_limited()]
        return _number("RAYON_NUM_THREADS") or max(1, min(cores(), *asked))
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__"):
        raise TypeError(f"n_jobs is {n_jobs!r}; expected None or an integer")
    count = n_jobs.__index__()
    if count == 0:
        raise ValueError("n_jobs is 0; expected None, 1 or more, or -1 for every core")
    # More than some hundreds serve nobody, and too many could not be started.
    return min(count, max(MOST, cores())) if count > 0 else max(1, cores() + 1 + count)


class _Bars:
    """One bar for each stage of the work, made by something that is called as tqdm is."""

    def __init__(self, make: Callable[..., Any]):
        self.make, self.bar, self.stage, self.shown = make, None, None, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        if self.stage != (what, total):
            self.close()
            self.bar = self.make(total=total or None, desc=what, leave=False)
            self.stage, self.shown = (what, total), 0
        if self.bar is not None and done > self.shown:
            self.bar.update(done - self.shown)
            self.shown = done

    def close(self) -> None:
        bar, self.bar = self.bar, None
        if bar is not None:
            bar.close()


def _tqdm() -> Callable[..., Any] | None:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm


class running:
    """``with running(n_jobs, progress) as run``: what the functions in Rust take.

    ``progress`` is None (bars of tqdm where it is installed and stderr is a terminal), False, True
    (bars in any case) or something that is called as tqdm is: with ``total``, ``desc`` and
    ``leave``, and gives something with ``update(n)`` and ``close()``.
    """

    def __init__(self, n_jobs: int | None, progress: Progress):
        self.count = threads(n_jobs)
        make = progress if callable(progress) else None
        if progress is not None and make is None and not isinstance(progress, bool):
            raise TypeError(f"progress is {progress!r}; expected None, True, False or something like tqdm")
        if progress is True or progress is None and sys.stderr is not None and sys.stderr.isatty():
            make = _tqdm()
            if make is None and progress is True:
                raise ImportError("progress=True needs tqdm: pip install tqdm")
        self.bars = _Bars(make) if make else None

    def __enter__(self) -> Run:
        return self.count, self.bars

    def __exit__(self, *_: object) -> None:
        if self.bars:
            self.bars.close()
