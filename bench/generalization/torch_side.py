"""The same training as `numpy_side.py` in torch."""

import torch
from torch.nn.functional import cross_entropy, linear, relu

BATCH = 128
STEPS = 3


def logits(layers, x):
    for w, b in layers[:-1]:
        x = relu(linear(x, w, b))
    return linear(x, *layers[-1])


def standard(layers, x, y, radius):
    return cross_entropy(logits(layers, x), y)


def adversarial(layers, x, y, radius):
    moved = (x + radius * (2 * torch.rand_like(x) - 1)).clamp(0, 1)
    for _ in range(STEPS):
        moved.requires_grad_(True)
        (slope,) = torch.autograd.grad(cross_entropy(logits(layers, moved), y), moved)
        moved = moved.detach() + radius / 2 * slope.sign()
        moved = torch.clamp(moved, x - radius, x + radius).clamp(0, 1)
    return standard(layers, moved, y, radius)


def interval(layers, x, y, radius):
    low, high = (x - radius).clamp(0, 1), (x + radius).clamp(0, 1)
    for at, (w, b) in enumerate(layers):
        center, reach = linear((low + high) / 2, w, b), linear((high - low) / 2, w.abs())
        low, high = center - reach, center + reach
        if at + 1 < len(layers):
            low, high = relu(low), relu(high)
    own = torch.nn.functional.one_hot(y, high.shape[1]).bool()
    worst = torch.where(own, low, high)
    return (standard(layers, x, y, radius) + cross_entropy(worst, y)) / 2


KINDS = {"standard": standard, "adversarial": adversarial, "interval": interval}


def train(kind, widths, images, labels, radius, epochs, seed):
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    sizes = [images.shape[1], *widths, int(labels.max()) + 1]
    scale = 0.5 if kind == "interval" else 1.0
    layers = [
        (
            (torch.randn(b, a, generator=generator) * scale * (2 / a) ** 0.5).requires_grad_(True),
            torch.zeros(b, requires_grad=True),
        )
        for a, b in zip(sizes, sizes[1:])
    ]
    x, y = torch.tensor(images), torch.tensor(labels).long()
    count = -(-len(x) // BATCH)
    steps = epochs * count
    adam = torch.optim.Adam([p for layer in layers for p in layer], lr=1e-3)
    for step in range(steps):
        if step % count == 0:
            order = torch.randperm(len(x), generator=generator)
        batch = order[step % count * BATCH :][:BATCH]
        adam.param_groups[0]["lr"] = 1e-3 * (1 - step / steps)
        adam.zero_grad()
        KINDS[kind](layers, x[batch], y[batch], radius * min(1, 2 * step / steps)).backward()
        adam.step()
    return [tuple(p.detach().numpy() for p in layer) for layer in layers]
