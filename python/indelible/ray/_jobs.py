"""Who gives workers their tasks: as many at a time as can run, each with what is known by then."""

import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .._data import as_stored
from .._run import Progress, running
from ._shards import Block, Shards
from ._tasks import TASKS, Result

# A worker may die this often at one task.
RETRIES = 5
# What a block takes at most, unless asked otherwise, in bytes.
BLOCK = 256 << 20
# Blocks that a task compares one with, at most.
STRIPE = 8

Arguments = Callable[[], tuple[Any, ...]]


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise ImportError("indelible.ray needs Ray: pip install ray") from None
    if not ray.is_initialized():
        ray.init()
    return ray


def _call(name: str, *arguments: Any) -> Result:
    return TASKS[name](*arguments)


@dataclass
class Work:
    """What a call took.

    Attributes
    ----------
    tasks : int
        How many were done, those that a checkpoint had not counted.
    bytes_read : int
        What workers read of the features, in bytes.
    bytes_sent : int
        What tasks were given beside that and what they answered, in bytes.
    seconds : float
        The processor time that workers took to read and compute, all together.
    """

    tasks: int = 0
    bytes_read: int = 0
    bytes_sent: int = 0
    seconds: float = 0.0


@dataclass
class Job:
    """Work on shards that is divided into tasks.

    ``asked`` is what every task is told; ``plan`` how the samples are divided.
    """

    what: str
    shards: Shards
    asked: dict[str, Any]
    block_rows: int | None
    num_cpus: int
    checkpoint: str | os.PathLike[str] | None
    progress: Progress
    work: Work | None
    plan: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        if not isinstance(self.shards, Shards):
            raise TypeError(f"data is {type(self.shards).__name__}; expected Shards.npy(…) or Shards.parquet(…)")
        self.asked["scale"] = as_stored(self.asked["scale"], "whoever reads shards")
        if self.asked["scale"] is not None:
            self.shards.as_images()
        self.asked["threads"] = self.num_cpus
        self.ray = _ray()
        cores = self.ray.cluster_resources().get("CPU", 0)
        if cores < self.num_cpus:
            raise ValueError(f"num_cpus is {self.num_cpus}, but the cluster has {cores:g} cores; no task could ever begin")
        self.slots = int(cores // self.num_cpus)
        rows = self.block_rows or max(1, min(BLOCK // self.shards.row_bytes, -(-self.shards.samples // (2 * self.slots))))
        count = len(self.shards.blocks(rows))
        plan = {"rows": rows, "stripe": max(1, min(STRIPE, count * count // (4 * self.slots)))}
        self.store = _Store(self.checkpoint, self._identity()) if self.checkpoint is not None else None
        self.plan = self.store.plan(plan) if self.store else plan
        self.asked["rows"] = self.plan["rows"]
        self.blocks = self.shards.blocks(self.plan["rows"])

    def _identity(self) -> dict[str, Any]:
        """What makes two jobs the same one."""
        files = [[os.path.basename(path), size, time] for shard in self.shards.shards for path, size, time in shard.files]
        asked = {key: repr(value) for key, value in self.asked.items() if key != "threads"}
        return {"what": self.what, "asked": asked, "label": self.shards.label, "files": files}

    def stripes(self, others: Callable[[int], list[Block]]) -> Iterator[tuple[int, int, list[Block]]]:
        """Every block against ``others``, a few of them at a time: the first few for each, then the next."""
        stripe, longest = self.plan["stripe"], len(self.blocks)
        for start in range(0, longest, stripe):
            for number in range(len(self.blocks)):
                if bases := others(number)[start : start + stripe]:
                    yield number, start, bases

    def run(self, tasks: Iterable[tuple[str, str, Arguments]], total: int, merge: Callable[[str, Result], None]) -> None:
        """Does tasks, each a key, the name of what is done, and its arguments, which are made when it begins."""
        remote = self.ray.remote(num_cpus=self.num_cpus, max_retries=RETRIES)(_call).options(name=f"indelible.{self.what}")
        shards, pending, done = self.ray.put(self.shards), {}, 0
        with running(1, self.progress) as (_, tell):

            def take(key: str, result: Result) -> None:
                nonlocal done
                merge(key, result)
                done += 1
                if tell:
                    tell("comparing blocks", done, total)

            try:
                for key, name, arguments in tasks:
                    while len(pending) > self.slots:
                        take(*self._finished(pending))
                    if self.store and (known := self.store.load(key)) is not None:
                        take(key, known)
                        continue
                    given = arguments()
                    self._count(bytes_sent=sum(a.nbytes for a in given if isinstance(a, np.ndarray)))
                    pending[remote.remote(name, shards, self.asked, *given)] = key
                while pending:
                    take(*self._finished(pending))
            finally:
                for reference in pending:
                    self.ray.cancel(reference)

    def _finished(self, pending: dict[Any, str]) -> tuple[str, Result]:
        """The next task that is done, and what it found: on disk before anybody relies on it."""
        (reference,), _ = self.ray.wait(list(pending), num_returns=1)
        key = pending.pop(reference)
        try:
            result = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            raise (error.cause or error) from None
        except self.ray.exceptions.RayError as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise RuntimeError(f"the task {key} was lost {RETRIES + 1} times: {lines[0]}") from None
        self._count(1, int(result["bytes_read"]), sum(part.nbytes for part in result.values()), float(result["seconds"]))
        if self.store:
            self.store.save(key, result)
        return key, result

    def _count(self, tasks: int = 0, bytes_read: int = 0, bytes_sent: int = 0, seconds: float = 0.0) -> None:
        if self.work is not None:
            self.work.tasks += tasks
            self.work.bytes_read += bytes_read
            self.work.bytes_sent += bytes_sent
            self.work.seconds += seconds

    def one(self, key: str, name: str, *arguments: Any) -> Result:
        """What a single task finds."""
        found: list[Result] = []
        self.run([(key, name, lambda: arguments)], 1, lambda _, result: found.append(result))
        return found[0]


class _Store:
    """A folder with what finished tasks found, so that another run can go on from there."""

    def __init__(self, folder: str | os.PathLike[str], identity: dict[str, Any]):
        self.folder, self.identity = Path(folder), identity
        self.folder.mkdir(parents=True, exist_ok=True)

    def plan(self, plan: dict[str, int]) -> dict[str, int]:
        """How the samples are divided: as in the run that this one goes on with, else ``plan``."""
        path = self.folder / "job.json"
        if path.exists():
            try:
                known = json.loads(path.read_text(encoding="utf-8"))
                same, plan = known["identity"] == self.identity, {key: int(known["plan"][key]) for key in plan}
            except (ValueError, KeyError, TypeError):
                raise ValueError(f"{path} describes no job; give another folder as checkpoint") from None
            if not same:
                raise ValueError(f"{self.folder} is the checkpoint of another job or of files that were changed since; give another folder")
            return plan
        # What begins with a dot was written by a run that was ended before it was complete.
        if any(not path.name.startswith(".") for path in self.folder.iterdir()):
            raise ValueError(f"{self.folder} has files but no job.json; give an empty folder as checkpoint")
        self._write(path, json.dumps({"identity": self.identity, "plan": plan}).encode())
        return plan

    def load(self, key: str) -> Result | None:
        try:
            content = io.BytesIO((self.folder / f"{key}.npz").read_bytes())
            with np.load(content, allow_pickle=False) as file:
                return {name: file[name] for name in file.files}
        except FileNotFoundError:
            return None
        except (ValueError, EOFError, zipfile.BadZipFile):
            return None  # What cannot be read is done again.

    def save(self, key: str, result: Result) -> None:
        memory = io.BytesIO()
        np.savez(memory, **result)
        self._write(self.folder / f"{key}.npz", memory.getvalue())

    def _write(self, path: Path, content: bytes) -> None:
        """Writes all of a file or nothing."""
        with tempfile.NamedTemporaryFile(dir=self.folder, prefix=".", delete=False) as file:
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                os.replace(file.name, path)
            except BaseException:
                os.unlink(file.name)
                raise
