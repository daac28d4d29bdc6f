"""Points of a ball on which a network is most likely to fail, in the numbers of its format.

The real ball around x is [x_j − r, x_j + r] in every feature. A number p of the format is in it or is
what rounding makes of a point of it exactly when RN(x_j − r) ≤ p ≤ RN(x_j + r), with the sums exact
before the one rounding: rounding is monotone, and a p strictly inside cannot have crossed an end.
"""

import itertools

import numpy as np


def rounded_sum(a, b, format) -> np.ndarray:
    """a + b of binary64 numbers, rounded once to `format`.

    Through binary64 to binary32 would round twice. Rounding to odd first does not matter to the second
    rounding (53 ≥ 24 + 2), so the binary64 sum is moved to the odd one of its two neighbours.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    total = a + b
    if format == np.float64:
        return total
    shadow = total - a
    error = (a - (total - shadow)) + (b - shadow)
    even = (np.ascontiguousarray(total).view(np.int64) & 1) == 0
    neighbour = np.nextafter(total, np.where(error > 0, np.inf, -np.inf))
    return np.where((error != 0) & even, neighbour, total).astype(format)


def box(x, radius, format):
    """The smallest and the largest number of the format that a point of the ball rounds to, per feature."""
    return rounded_sum(x, -np.float64(radius), format), rounded_sum(x, np.float64(radius), format)


def hostile_points(data, sample, radius, format, count, rng) -> np.ndarray:
    """About `count` points of the box of `sample`: its center, the points closest to its nearest
    enemies and farthest from them, faces, corners (all of them where there are few), coordinates one
    unit in the last place inside, random points, and mixtures of all of these."""
    x = data.x[sample]
    n = len(x)
    lower, upper = box(x, radius, format)
    center = x.astype(format)
    inward = np.nextafter(lower, upper), np.nextafter(upper, lower)
    points = [center, lower, upper, *inward]
    for enemy in data.nearest_enemies(sample, 8):
        towards = data.x[enemy].astype(format)
        points.append(np.clip(towards, lower, upper))
        points.append(np.where(towards > center, lower, upper))
        # Only the features in which the enemy is far, one by one and together.
        gap = np.abs(data.x[enemy] - x)
        far = np.argsort(-gap)[: min(n, 4)]
        end = np.where(towards > center, upper, lower)
        for features in (far, *far[:, None]):
            face = center.copy()
            face[features] = end[features]
            points.append(face)
    if 2**n <= count // 4:
        points += [np.array(corner, dtype=format) for corner in itertools.product(*zip(lower, upper))]
    left = max(0, count - len(points))
    share = rng.random((left, n))
    inside = np.clip((lower + share * (upper - lower).astype(np.float64)).astype(format), lower, upper)
    ends = np.where(rng.random((left, n)) < 0.5, lower, upper)
    edges = np.where(rng.random((left, n)) < 0.5, *inward)
    # A third corners, a third random, a third with every coordinate of some kind.
    kind = rng.integers(0, 4, (left, n))
    mixed = np.select([kind == 0, kind == 1, kind == 2], [ends, edges, inside], np.broadcast_to(center, (left, n)))
    which = np.arange(left)[:, None] % 3
    random = np.select([which == 0, which == 1], [ends, inside], mixed)
    return np.clip(np.concatenate([np.array(points), random]), lower, upper)


def size_in(norm, differences) -> np.ndarray:
    """Lengths of the rows of `differences`."""
    sizes = np.abs(differences)
    if norm == "linf":
        return sizes.max(axis=-1)
    # Scaled, so that no square over- or underflows.
    largest = np.maximum(sizes.max(axis=-1, keepdims=True), np.finfo(np.float64).tiny)
    order = float(norm[1:])
    return largest[..., 0] * ((sizes / largest) ** order).sum(axis=-1) ** (1 / order)


def ball_points(data, sample, radius, format, norm, count, rng):
    """Real points (float64) of the closed `norm` ball of `sample`, and what rounding to `format` makes of
    them: those of the sup-norm ball drawn towards the center until they lie in the ball, and points on
    the way to and away from other samples."""
    if norm == "linf":
        hostile = hostile_points(data, sample, radius, format, count, rng)
        return hostile.astype(np.float64), hostile
    x = data.x[sample]
    box_points = hostile_points(data, sample, radius, np.float64, count, rng)
    towards = data.x - x
    towards = np.concatenate([towards, -towards])[size_in(norm, np.concatenate([towards, -towards])) > 0]
    axes = np.concatenate([np.eye(len(x)), -np.eye(len(x))])
    directions = np.concatenate([box_points - x, towards * 1e30, axes * 1e30])
    sizes = size_in(norm, directions)[:, None]
    inside = radius * (1 - 1e-12)
    shrink = np.minimum(1.0, inside / np.where(sizes > 0, sizes, 1.0))
    reals = x + directions * shrink
    reals = reals[size_in(norm, reals - x) <= radius]
    return reals, reals.astype(format)
