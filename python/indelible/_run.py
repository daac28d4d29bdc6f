"""How many threads work, and who is told how far it is."""

import os
import sys
from collections.abc import Callable
from typing import Any

Progress = bool | Callable[..., Any] | None
Run = tuple[int, Callable[[str, int, int], object] | None]


def cores() -> int:
    """The cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def threads(n_jobs: int | None) -> int:
    """Threads for ``n_jobs`` as scikit-learn means it: -1 is every core, -2 all but one; None is
    the variable RAYON_NUM_THREADS where it is set, else every core, as for BLAS."""
    if n_jobs is None:
        asked = os.environ.get("RAYON_NUM_THREADS", "")
        return int(asked) if asked.isdecimal() and int(asked) > 0 else cores()
    if isinstance(n_jobs, bool) or not hasattr(n_jobs, "__index__"):
        raise TypeError(f"n_jobs is {n_jobs!r}; expected None or an integer")
    count = n_jobs.__index__()
    if count == 0:
        raise ValueError("n_jobs is 0; expected None, 1 or more, or -1 for every core")
    return count if count > 0 else max(1, cores() + 1 + count)


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
