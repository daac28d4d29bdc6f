"""What a worker does: reads blocks, compares them, and says what it found as arrays with names.

``bytes_read`` is how much of the features it read, ``seconds`` the processor time that it took.
"""

import functools
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _native
from ._merge import Closest, Nearest
from ._shards import Block, Shards

Result = dict[str, NDArray[Any]]


class Reader:
    """Reads blocks and counts."""

    def __init__(self, shards: Shards, scale: str | None):
        self.shards, self.scale, self.bytes_read = shards, scale, 0
        self.started = time.process_time()

    def __call__(self, block: Block) -> _native.Data:
        self.bytes_read += block.rows * self.shards.row_bytes
        return self.shards.read(block, self.scale)

    def pick(self, indices: NDArray[np.int64], rows: int) -> _native.Data:
        self.bytes_read += len(indices) * self.shards.row_bytes
        return self.shards.pick(indices, self.scale, rows)

    def says(self, **found: Any) -> Result:
        measured = {"bytes_read": self.bytes_read, "seconds": time.process_time() - self.started}
        return {name: np.asarray(value) for name, value in (found | measured).items()}


def nearest(
    shards: Shards, asked: dict[str, Any], block: Block, bases: list[Block], up_to: NDArray[np.float64]
) -> Result:
    """Candidates for the nearest enemies of the samples of a block among some others."""
    read, k, run = Reader(shards, asked["scale"]), asked["k"], (asked["threads"], None)
    queries, found = read(block), Nearest.nothing(block.rows, asked["k"])
    for base in bases:
        limit = np.minimum(up_to, found.up_to(k))
        other = queries if base == block else read(base)
        lower, upper, indices = _native.k_nearest_enemies_between(queries, other, k, limit, asked["norm"], run)
        indices[indices >= 0] += base.start
        found = found.merged(Nearest(lower, upper, indices), k)
    return read.says(lower=found.lower, upper=found.upper, indices=found.indices)


def settle_nearest(
    shards: Shards, asked: dict[str, Any], samples: NDArray[np.int64], others: NDArray[np.int64], up_to: NDArray[np.float64]
) -> Result:
    """The nearest enemies of samples, when all that come into question are among others."""
    read, run = Reader(shards, asked["scale"]), (asked["threads"], None)
    queries, base = read.pick(samples, asked["rows"]), read.pick(others, asked["rows"])
    lower, upper, indices = _native.k_nearest_enemies_between(queries, base, asked["k"], up_to, asked["norm"], run)
    return read.says(lower=lower, upper=upper, indices=np.where(indices < 0, -1, others[indices]))


def closest(shards: Shards, asked: dict[str, Any], block: Block, bases: list[Block], up_to: float) -> Result:
    """Candidates for the closest pair of enemies of which one is of a block and one of some others after it."""
    read, norm, run = Reader(shards, asked["scale"]), asked["norm"], (asked["threads"], None)
    queries, found = read(block), Closest.nothing()
    for base in bases:
        if base == block:
            lower, upper, pair = _native.separation_bound(queries, norm, run)
        else:
            limit = min(up_to, found.up_to)
            lower, upper, pair = _native.closest_enemies_between(queries, read(base), limit, norm, run)
        if pair is not None:
            i, j = pair
            found = found.merged(Closest.of(lower, upper, (block.start + i, base.start + j)))
    return read.says(lower=found.lower, upper=found.upper, pairs=found.pairs)


def settle_closest(shards: Shards, asked: dict[str, Any], samples: NDArray[np.int64]) -> Result:
    """The closest pair of enemies, when both of it are among these samples."""
    read = Reader(shards, asked["scale"])
    data = read.pick(samples, asked["rows"])
    lower, upper, pair = _native.separation_bound(data, asked["norm"], (asked["threads"], None))
    pairs = np.zeros((0, 2), np.int64) if pair is None else samples[np.array([pair])]
    return read.says(lower=[lower], upper=[upper], pairs=pairs)


def within(shards: Shards, asked: dict[str, Any], block: Block, bases: list[Block]) -> Result:
    """The pairs within a radius of which one is of a block and one of some others after it."""
    read, run = Reader(shards, asked["scale"]), (asked["threads"], None)
    queries, limit = read(block), asked["limit"]
    count, parts = 0, []
    for base in bases:
        other = None if base == block else read(base)
        options = (asked["radius"], asked["norm"], asked["all_pairs"], limit, run)
        number, pairs, lower, upper = _native.pairs_within(queries, other, *options)
        count += number
        parts.append((pairs + [block.start, base.start], lower, upper))
    pairs, lower, upper = first_pairs(parts, limit)
    return read.says(count=count, pairs=pairs, lower=lower, upper=upper)


def first_pairs(parts: list[tuple[NDArray[Any], ...]], limit: int) -> tuple[NDArray[Any], ...]:
    """The lexicographically first pairs, and both ends of their distances."""
    pairs, lower, upper = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))[:limit]
    return pairs[order], lower[order], upper[order]


@functools.lru_cache(maxsize=1)
def _network(file: bytes) -> _native.Network:
    return _native.Network(file)


def certify(shards: Shards, asked: dict[str, Any], file: bytes, block: Block, radii: NDArray[np.float64] | float | None) -> Result:
    """What is shown of the samples of a block, in the arrays of a certificate."""
    read, run = Reader(shards, asked["scale"]), (asked["threads"], None)
    options = (asked["norm"], (radii, None), asked["effort"], run)
    said, classes = _native.certify(_network(file), read(block), *options)
    found = {key: value for key, value in said.items() if not isinstance(value, (dict, tuple, type(None)))}
    points = said["points"]
    nothing = np.zeros((0, shards.features))
    return read.says(
        **found,
        classes=np.array(classes),
        refuted_samples=np.array(sorted(points), dtype=np.int64),
        points=np.array([points[i] for i in sorted(points)]) if points else nothing,
        engines=json.dumps(said["engines"]),
        smallest_margin=[] if said["smallest_margin"] is None else said["smallest_margin"],
    )


def robustness(shards: Shards, asked: dict[str, Any], file: bytes, block: Block) -> Result:
    """Bounds of the largest radius of each sample of a block."""
    read, run = Reader(shards, asked["scale"]), (asked["threads"], None)
    options = (asked["norm"], asked["rounds"], asked["effort"], run)
    return read.says(**_native.robustness(_network(file), read(block), *options))


TASKS: dict[str, Callable[..., Result]] = {
    task.__name__: task for task in (nearest, settle_nearest, closest, settle_closest, within, certify, robustness)
}
