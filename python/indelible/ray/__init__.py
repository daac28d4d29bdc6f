"""The exact distances and proofs for data that no machine holds whole, on a Ray cluster.

Samples stay in the files of :class:`Shards`, which every node must be able to read. Workers read
two blocks of rows at a time; who is nearest so far goes with each task, so that what one worker
found spares the others work. Distances are those of one machine, to the bit, whatever the blocks,
the number of workers and the order in which they end. A task whose worker dies is done again; with
``checkpoint``, a folder, another run goes on where one ended.

Ray comes from PyPI (``pip install ray``). Where it was not started it is, on this machine.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _native
from .._data import norm_name, shown
from .._distances import ClosePairs, NearestEnemies, Separation
from .._networks import VERDICTS, Certificate, Robustness, effort_of, file_of, radius_of, scale_for
from .._numbers import real, whole, yes
from .._words import documented
from . import _merge
from ._jobs import Arguments, Job, Work
from ._shards import Shards
from ._tasks import Result, first_pairs

__all__ = ["Shards", "Work", "certify", "k_nearest_enemies", "nearest_enemies", "pairs_within", "robustness", "separation"]

def _job(what: str, data: Shards, asked: dict[str, Any], options: dict[str, Any]) -> Job:
    """A job with the options that all functions have."""
    known = {"scale": None, "block_rows": None, "num_cpus": 1, "checkpoint": None, "progress": None, "work": None}
    for name in options:
        if name not in known:
            raise TypeError(f"{name} is no option; expected one of {', '.join(known)}")
    known |= options
    rows = None if known["block_rows"] is None else whole(known["block_rows"], "block_rows", 1)
    asked = asked | {"scale": known["scale"]}
    cpus = whole(known["num_cpus"], "num_cpus", 1)
    return Job(what, data, asked, rows, cpus, known["checkpoint"], known["progress"], known["work"])


@documented
def separation(data: Shards, norm: str | float = "linf", **options: Any) -> Separation:
    """The smallest distance between two samples with different labels, exactly.

    Parameters
    ----------
    <shards>
    <norm>
    <options>

    Returns
    -------
    Separation
        What :func:`indelible.separation` gives.

    Raises
    ------
    <lost>
    """
    job = _job("separation", data, {"norm": norm_name(norm)}, options)
    found = _merge.Closest.nothing()

    def merge(_: str, result: Result) -> None:
        nonlocal found
        found = found.merged(_merge.Closest(result["lower"], result["upper"], result["pairs"]))

    def tasks() -> Iterator[tuple[str, str, Arguments]]:
        for number, start, bases in job.stripes(lambda number: job.blocks[number:]):
            yield f"closest-{number}-{start}", "closest", lambda n=number, b=bases: (job.blocks[n], b, found.up_to)

    job.run(tasks(), sum(1 for _ in job.stripes(lambda number: job.blocks[number:])), merge)
    if len(found.lower) > 1:
        result = job.one("settle", "settle_closest", np.unique(found.pairs))
        found = _merge.Closest(result["lower"], result["upper"], result["pairs"])
    name = shown(norm_name(norm))
    if not len(found.lower):
        return Separation(name, np.inf, np.inf, None)
    i, j = found.pairs[0].tolist()
    return Separation(name, float(found.lower[0]), float(found.upper[0]), (i, j))


@documented
def k_nearest_enemies(data: Shards, k: int, norm: str | float = "linf", **options: Any) -> NearestEnemies:
    """For each sample the k nearest ones with other labels, nearest first, exactly.

    Parameters
    ----------
    <shards>
    <norm>
    <k>
    <options>

    Returns
    -------
    NearestEnemies
        What :func:`indelible.k_nearest_enemies` gives: arrays of shape (n_samples, k).

    Raises
    ------
    <lost>
    """
    job = _job("nearest", data, {"norm": norm_name(norm), "k": whole(k, "k", 1)}, options)
    k = whole(k, "k", 1, data.samples)
    blocks = job.blocks
    states = [_merge.Nearest.nothing(block.rows, k) for block in blocks]

    def others(number: int) -> list[Any]:
        return blocks[number:] + blocks[:number]

    def merge(key: str, result: Result) -> None:
        number = int(key.split("-")[1])
        part = _merge.Nearest(result["lower"], result["upper"], result["indices"])
        states[number] = states[number].merged(part, k)

    def tasks() -> Iterator[tuple[str, str, Arguments]]:
        for number, start, bases in job.stripes(others):
            # With what is known when the task begins.
            given = lambda n=number, b=bases: (blocks[n], b, states[n].up_to(k))  # noqa: E731
            yield f"nearest-{number}-{start}", "nearest", given

    job.run(tasks(), sum(1 for _ in job.stripes(others)), merge)
    _settle(job, states, k)
    columns = (np.concatenate(column) for column in zip(*((s.lower[:, :k], s.upper[:, :k], s.indices[:, :k]) for s in states), strict=True))
    return NearestEnemies(shown(norm_name(norm)), *columns)


def _settle(job: Job, states: list[_merge.Nearest], k: int) -> None:
    """Compares again what enclosures do not put in order."""
    open_rows = [state.open_rows(k) for state in states]

    def arguments(number: int) -> tuple[Any, ...]:
        state, rows = states[number], open_rows[number]
        candidates = state.indices[rows]
        return rows + job.blocks[number].start, np.unique(candidates[candidates >= 0]), state.up_to(k)[rows]

    def merge(key: str, result: Result) -> None:
        number = int(key.split("-")[1])
        state, rows = states[number], open_rows[number]
        for mine, name in zip(state.columns(), ("lower", "upper", "indices"), strict=True):
            mine[rows, :k] = result[name]

    numbers = [number for number, rows in enumerate(open_rows) if len(rows)]
    job.run(((f"settle-{n}", "settle_nearest", partial(arguments, n)) for n in numbers), len(numbers), merge)


@documented
def nearest_enemies(data: Shards, norm: str | float = "linf", **options: Any) -> NearestEnemies:
    """For each sample the nearest one with another label, exactly.

    Parameters
    ----------
    <shards>
    <norm>
    <options>

    Returns
    -------
    NearestEnemies
        What :func:`indelible.nearest_enemies` gives: arrays of shape (n_samples,).

    Raises
    ------
    <lost>
    """
    near = k_nearest_enemies(data, 1, norm, **options)
    return NearestEnemies(near.norm, near.lower[:, 0], near.upper[:, 0], near.indices[:, 0])


@documented
def pairs_within(
    data: Shards,
    radius: float,
    norm: str | float = "linf",
    *,
    all_pairs: bool = False,
    limit: int = 1000,
    **options: Any,
) -> ClosePairs:
    """The pairs of samples with different labels at distance ``radius`` or less, exactly.

    Parameters
    ----------
    <shards>
    <norm>
    <radius>
    <options>

    Returns
    -------
    ClosePairs
        What :func:`indelible.pairs_within` gives.

    Raises
    ------
    <lost>
    """
    limit = whole(limit, "limit", 0)
    asked = {"norm": norm_name(norm), "radius": real(radius, "radius"), "all_pairs": yes(all_pairs, "all_pairs"), "limit": limit}
    job = _job("within", data, asked, options)
    count, listed = 0, (np.zeros((0, 2), np.int64), np.zeros(0), np.zeros(0))

    def merge(_: str, result: Result) -> None:
        nonlocal count, listed
        count += int(result["count"])
        listed = first_pairs([listed, (result["pairs"], result["lower"], result["upper"])], limit)

    def stripes() -> Iterator[tuple[int, int, list[Any]]]:
        return job.stripes(lambda number: job.blocks[number:])

    tasks = ((f"within-{n}-{start}", "within", partial(lambda *a: a, job.blocks[n], bases)) for n, start, bases in stripes())
    job.run(tasks, sum(1 for _ in stripes()), merge)
    return ClosePairs(shown(norm_name(norm)), count, *listed)


def _of_network(
    name: str, network: Any, data: Shards, asked: dict[str, Any], options: dict[str, Any], radii: Any = None
) -> list[Result]:
    """What a task says of each block, with a slice of the radii where they are given for each sample."""
    file = file_of(network)
    options["scale"] = scale_for(_native.Network(file), options.get("scale"))
    digest = hashlib.sha256(file + np.asarray(radii, dtype=np.float64).tobytes()).hexdigest()
    job = _job(name, data, asked | {"network": digest}, options)
    if isinstance(radii, np.ndarray) and len(radii) != data.samples:
        raise ValueError(f"radius has {len(radii):,} numbers for {data.samples:,} samples; expected one for each")
    kept, found = job.ray.put(file), {}

    def arguments(block: Any) -> tuple[Any, ...]:
        if name != "certify":
            return kept, block
        return kept, block, radii[block.start : block.stop] if isinstance(radii, np.ndarray) else radii

    tasks = ((f"{name}-{n}", name, partial(arguments, block)) for n, block in enumerate(job.blocks))
    job.run(tasks, len(job.blocks), lambda key, result: found.update({int(key.split("-")[1]): result}))
    return [found[number] for number in range(len(job.blocks))]


@documented
def certify(
    network: Any,
    data: Shards,
    radius: float | ArrayLike | None = None,
    norm: str | float | None = None,
    *,
    branches: int | None = None,
    timeout: float | None = None,
    **options: Any,
) -> Certificate:
    """Proves that a piecewise-linear network keeps the labels of samples within a radius.

    Parameters
    ----------
    network : path, bytes, onnx.ModelProto or MemorizingClassifier
        The network.
    data : Shards
        The samples and the labels that they are to keep.
    radius : float, or array of shape (n_samples,), default=None
        The radius around every sample, or around each, in the units of the features. None: the one that
        the file claims for all.
    norm : str or float, default=None
        The norm of the radius. None: what the file claims, else "linf".
    branches, timeout
        As of :func:`indelible.certify`.
    <options>

    Returns
    -------
    Certificate
        What :func:`indelible.certify` gives for each block: certified are the same samples as on one
        machine, but attacks aim at other samples of a block, so that ``block_rows`` may decide who of
        the rest is refuted.

    Raises
    ------
    <lost>
    """
    radii = radius_of(radius)
    effort = effort_of(branches, timeout)
    asked = {"norm": None if norm is None else norm_name(norm), "effort": effort}
    parts = _of_network("certify", network, data, asked, options, radii)
    starts = np.cumsum([0] + [int(part["samples"]) for part in parts])
    points, engines, predicted, margins = {}, {}, [], []
    for start, part in zip(starts.tolist(), parts, strict=False):
        points.update({start + int(i): point for i, point in zip(part["refuted_samples"], part["points"], strict=True)})
        for engine, number in json.loads(str(part["engines"])).items():
            engines[engine] = engines.get(engine, 0) + number
        classes = part["classes"].tolist()
        predicted += [classes[c] if 0 <= c < len(classes) else None for c in part["predicted"].tolist()]
        if len(part["smallest_margin"]):
            margin, sample = part["smallest_margin"].tolist()
            margins.append((margin, start + int(sample)))
    counts = ("samples", "certified", "exact", "refuted", "misclassified", "undecided")
    first = parts[0]
    return Certificate(
        norm=str(first["norm"]),
        precision=str(first["precision"]),
        radius=radii if radii is not None else float(first["radius"]),
        **{name: sum(int(part[name]) for part in parts) for name in counts},
        smallest_margin=min(margins) if margins else None,
        engines=engines,
        verdicts=VERDICTS[_joined(parts, "verdict")],
        margins=_joined(parts, "margin"),
        predicted=predicted,
        points=points,
    )


@documented
def robustness(
    network: Any,
    data: Shards,
    norm: str | float | None = None,
    *,
    rounds: int = 16,
    branches: int | None = None,
    timeout: float | None = None,
    **options: Any,
) -> Robustness:
    """Bounds the largest radius within which a network keeps the label of each sample.

    Parameters
    ----------
    network, data, norm
        As of :func:`certify`.
    rounds, branches, timeout
        As of :func:`indelible.robustness`.
    <options>

    Returns
    -------
    Robustness
        What :func:`indelible.robustness` gives for each block.

    Raises
    ------
    <lost>
    """
    effort = effort_of(branches, timeout)
    asked = {"norm": None if norm is None else norm_name(norm), "rounds": whole(rounds, "rounds", 1), "effort": effort}
    parts = _of_network("robustness", network, data, asked, options)
    columns = (_joined(parts, name) for name in ("correct", "certified", "attacked"))
    return Robustness(str(parts[0]["norm"]), *columns)


def _joined(parts: list[Result], name: str) -> NDArray[Any]:
    return np.concatenate([part[name] for part in parts])
