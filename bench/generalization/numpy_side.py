"""Training of dense ReLU networks in numpy: standard, adversarial (PGD), and on interval bounds (IBP).

Layers are pairs of a matrix (outputs x inputs) and a bias, as `bench/certify/train.py` writes them.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent.parent / "certify"))
from train import attacked, backward, forward, of_loss

BATCH = 128


def standard(layers, x, y, radius, random):
    values, logits = forward(layers, x)
    return backward(layers, values, of_loss(logits, y))[0]


def adversarial(layers, x, y, radius, random):
    return standard(layers, attacked(layers, x, y, radius, random), y, radius, random)


def interval(layers, x, y, radius, random):
    """Gradients of the mean of the loss itself and the loss of the worst logits that intervals leave open
    (Gowal et al. 2018)."""
    low, high = np.clip(x - radius, 0, 1), np.clip(x + radius, 0, 1)
    kept = []
    for at, (w, b) in enumerate(layers):
        middle, half = (low + high) / 2, (high - low) / 2
        center, reach = middle @ w.T + b, half @ np.abs(w).T
        low, high = center - reach, center + reach
        kept.append((middle, half, low, high))
        if at + 1 < len(layers):
            low, high = np.maximum(low, 0), np.maximum(high, 0)
    worst, rows = high.copy(), np.arange(len(y))
    worst[rows, y] = low[rows, y]
    of_high = of_loss(worst, y)
    of_low = np.zeros_like(of_high)
    of_low[rows, y], of_high[rows, y] = of_high[rows, y], 0
    gradients = []
    for at in reversed(range(len(layers))):
        w, (middle, half, low, high) = layers[at][0], kept[at]
        if at + 1 < len(layers):
            of_low, of_high = of_low * (low > 0), of_high * (high > 0)
        of_center, of_reach = of_low + of_high, of_high - of_low
        gradients.append((of_center.T @ middle + (of_reach.T @ half) * np.sign(w), of_center.sum(0)))
        of_middle, of_half = of_center @ w, of_reach @ np.abs(w)
        of_low, of_high = (of_middle - of_half) / 2, (of_middle + of_half) / 2
    plain = standard(layers, x, y, radius, random)
    return [tuple((a + b) / 2 for a, b in zip(*pair)) for pair in zip(plain, gradients[::-1])]


KINDS = {"standard": standard, "adversarial": adversarial, "interval": interval}


def train(kind, widths, images, labels, radius, epochs, seed):
    """Adam; the radius grows over the first half of the epochs."""
    random = np.random.default_rng(seed)
    sizes = [images.shape[1], *widths, int(labels.max()) + 1]
    scale = 0.5 if kind == "interval" else 1.0
    layers = [
        (random.normal(0, scale * (2 / a) ** 0.5, (b, a)).astype(np.float32), np.zeros(b, np.float32))
        for a, b in zip(sizes, sizes[1:])
    ]
    numbers = [p for layer in layers for p in layer]
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in numbers]
    count = -(-len(images) // BATCH)
    steps = epochs * count
    for step in range(steps):
        if step % count == 0:
            order = random.permutation(len(images))
        batch = order[step % count * BATCH :][:BATCH]
        within = radius * min(1, 2 * step / steps)
        found = KINDS[kind](layers, images[batch], labels[batch], within, random)
        rate = 1e-3 * (1 - step / steps) * (1 - 0.999 ** (step + 1)) ** 0.5 / (1 - 0.9 ** (step + 1))
        for p, g, (m, v) in zip(numbers, [g for pair in found for g in pair], moments):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            p -= (rate * m / (np.sqrt(v) + 1e-8)).astype(np.float32)
    return layers
