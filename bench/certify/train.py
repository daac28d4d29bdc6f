"""Networks for the measurements of certificates: trained on MNIST, written as ONNX.

    python bench/certify/train.py MNIST_FOLDER OUT_FOLDER

2x50 and 3x100 ReLUs, trained plainly, 3x100 trained on points found by three steps of projected gradient
descent within 0.1 in the sup norm, and 3x100 trained on bounds by intervals (Gowal et al., ICCV 2019) within 0.1.
Adam, batches of 128, the same networks on every run of one machine.
"""

import gzip
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

STEPS = 3


def read(path):
    raw = gzip.open(path, "rb").read()
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape)).reshape(shape[0], -1)


def mnist(folder, part):
    images = read(os.path.join(folder, f"{part}-images-idx3-ubyte.gz")).astype(np.float32) / np.float32(255)
    return images, read(os.path.join(folder, f"{part}-labels-idx1-ubyte.gz")).ravel()


def forward(layers, x):
    values = [x]
    for w, b in layers[:-1]:
        values.append(np.maximum(values[-1] @ w.T + b, 0))
    w, b = layers[-1]
    return values, values[-1] @ w.T + b


def backward(layers, values, gradient):
    gradients = []
    for at in reversed(range(len(layers))):
        gradients.append((gradient.T @ values[at], gradient.sum(0)))
        gradient = gradient @ layers[at][0]
        if at:
            gradient = gradient * (values[at] > 0)
    return gradients[::-1], gradient


def of_loss(logits, labels):
    shares = np.exp(logits - logits.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    shares[np.arange(len(labels)), labels] -= 1
    return shares / len(labels)


def attacked(layers, x, labels, radius, random):
    moved = np.clip(x + random.uniform(-radius, radius, x.shape).astype(np.float32), 0, 1)
    for _ in range(STEPS):
        values, logits = forward(layers, moved)
        _, gradient = backward(layers, values, of_loss(logits, labels))
        moved = np.clip(moved + radius / 2 * np.sign(gradient), x - radius, x + radius).clip(0, 1)
    return moved.astype(np.float32)


def of_intervals(layers, x, labels, radius):
    """Gradients of the loss of the worst logits that intervals allow within a radius."""
    center, half, read = x, np.full_like(x, radius), []
    for at, (w, b) in enumerate(layers):
        middle, reach = center @ w.T + b, half @ abs(w).T
        read.append((center, half, middle, reach))
        low, high = np.maximum(middle - reach, 0), np.maximum(middle + reach, 0)
        center, half = (high + low) / 2, (high - low) / 2
    sides = np.ones_like(middle)
    sides[np.arange(len(labels)), labels] = -1
    of_middle = of_loss(middle + sides * reach, labels)
    of_reach = of_middle * sides
    gradients = []
    for at in reversed(range(len(layers))):
        (w, _), (center, half, _, _) = layers[at], read[at]
        gradients.append((of_middle.T @ center + of_reach.T @ half * np.sign(w), of_middle.sum(0)))
        if at:
            _, _, middle, reach = read[at - 1]
            of_center, of_half = of_middle @ w, of_reach @ abs(w)
            of_high = (of_center + of_half) / 2 * (middle + reach > 0)
            of_low = (of_center - of_half) / 2 * (middle - reach > 0)
            of_middle, of_reach = of_high + of_low, of_high - of_low
    return gradients[::-1]


def train(widths, images, labels, radius, epochs, seed, by_intervals=False):
    random = np.random.default_rng(seed)
    sizes = [images.shape[1], *widths, 10]
    layers = [
        (random.normal(0, (2 / a) ** 0.5, (b, a)).astype(np.float32), np.zeros(b, np.float32))
        for a, b in zip(sizes, sizes[1:])
    ]
    moments = [[np.zeros_like(p) for p in layer] for layer in layers for _ in range(2)]
    step = 0
    for epoch in range(epochs):
        order = random.permutation(len(images))
        within = radius * min(1, (epoch + 1) / max(1, epochs // 2))
        for start in range(0, len(order), 128):
            batch = order[start : start + 128]
            x, y = images[batch], labels[batch]
            if radius and not by_intervals:
                x = attacked(layers, x, y, within, random)
            values, logits = forward(layers, x)
            gradients, _ = backward(layers, values, of_loss(logits, y))
            if by_intervals:
                share = 0.5 * within / radius
                pairs = zip(gradients, of_intervals(layers, x, y, within))
                gradients = [[(1 - share) * g + share * h for g, h in zip(*pair)] for pair in pairs]
            step += 1
            rate = 1e-3 * (1 - epoch / epochs) * (1 - 0.999**step) ** 0.5 / (1 - 0.9**step)
            for at, (layer, gradient) in enumerate(zip(layers, gradients)):
                for p, g, m, v in zip(layer, gradient, moments[2 * at], moments[2 * at + 1]):
                    m += 0.1 * (g - m)
                    v += 0.001 * (g * g - v)
                    p -= (rate * m / (np.sqrt(v) + 1e-8)).astype(np.float32)
    return layers


def write(layers, path):
    nodes, tensors, name = [], [], "x"
    for at, (w, b) in enumerate(layers):
        tensors += [numpy_helper.from_array(w, f"w{at}"), numpy_helper.from_array(b, f"b{at}")]
        last = at + 1 == len(layers)
        nodes.append(helper.make_node("Gemm", [name, f"w{at}", f"b{at}"], ["y" if last else f"z{at}"], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [f"z{at}"], [f"v{at}"]))
            name = f"v{at}"
    shape = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
    graph = helper.make_graph(
        nodes, "mlp", [shape("x", layers[0][0].shape[1])], [shape("y", len(layers[-1][1]))], tensors
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def main():
    folder, out = sys.argv[1:]
    images, labels = mnist(folder, "train")
    test, test_labels = mnist(folder, "t10k")
    os.makedirs(out, exist_ok=True)
    for name, widths, radius, epochs, by_intervals in [
        ("2x50", [50, 50], 0, 8, False),
        ("3x100", [100, 100, 100], 0, 8, False),
        ("3x100-adversarial", [100, 100, 100], 0.1, 5, False),
        ("3x100-intervals", [100, 100, 100], 0.1, 8, True),
    ]:
        layers = train(widths, images, labels, radius, epochs, 1, by_intervals)
        accuracy = (forward(layers, test)[1].argmax(1) == test_labels).mean()
        write(layers, os.path.join(out, f"{name}.onnx"))
        print(f"{name}: {accuracy:.4f} of the test images right", flush=True)


if __name__ == "__main__":
    main()
