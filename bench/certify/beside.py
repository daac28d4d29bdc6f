"""`indelible certify` beside CROWN, α-CROWN and PGD on the same networks and images.

    INDELIBLE=target/release/indelible target/verifiers/neuralsat/bin/python bench/certify/beside.py \
        MNIST_FOLDER NETWORKS_FOLDER [--limit N] [--batch N]

The bounds are those of auto_LiRPA as the package neuralsat brings it (`bench/verifiers/audit neuralsat`
installs that); NETWORKS_FOLDER is what `bench/certify/train.py` wrote, or other chains of Gemm, MatMul, Add
and ReLU. Balls in the sup norm, without a range of valid inputs, around the first N test images that the network
has right. Times are wall time per image: of batches on both cores for bounds and attack, of the whole command,
shared by all images, for ours.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from src.abstractor.auto_LiRPA import BoundedModule, BoundedTensor, PerturbationLpNorm

from table import RADII
from train import mnist

RESTARTS, STEPS = 10, 40


def read(path):
    """The layers of a chain of affine maps with ReLUs between them."""
    graph = onnx.load(path).graph
    tensors = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}
    layers = []
    for node in graph.node:
        values = [tensors[name] for name in node.input if name in tensors]
        if node.op_type == "Gemm":
            by_rows = next((a.i for a in node.attribute if a.name == "transB"), 0)
            layers.append(affine(values[0] if by_rows else values[0].T, values[1]))
        elif node.op_type == "MatMul":
            layers.append(affine(values[0].T if node.input[1] in tensors else values[0], None))
        elif node.op_type == "Add":
            layers[-1].bias.data = values[0].flatten()
        elif node.op_type == "Relu":
            layers.append(torch.nn.ReLU())
    return torch.nn.Sequential(*layers).eval()


def affine(weights, bias):
    layer = torch.nn.Linear(weights.shape[1], weights.shape[0])
    layer.weight.data = weights.clone()
    layer.bias.data = torch.zeros(weights.shape[0]) if bias is None else bias.clone()
    return layer


def leads(labels):
    """Rows that take each other output from that of the label."""
    rows = torch.eye(10)[labels].unsqueeze(1) - torch.eye(10).unsqueeze(0)
    keep = ~torch.eye(10, dtype=bool)[labels]
    return rows[keep].reshape(len(labels), 9, 10)


def bounded(network, x, labels, radius, batch, method):
    """How many images are certified, and seconds per image."""
    model = BoundedModule(network, torch.zeros(batch, x.shape[1]), device="cpu")
    model.set_bound_opts({"optimize_bound_args": {"iteration": 20, "lr_alpha": 0.1}})
    certified, start = 0, time.perf_counter()
    for at in range(0, len(x), batch):
        some, of = x[at : at + batch], labels[at : at + batch]
        ball = BoundedTensor(some, PerturbationLpNorm(norm=np.inf, eps=radius))
        lower, _ = model.compute_bounds(x=(ball,), C=leads(of), method=method, bound_upper=False)
        certified += int((lower > 0).all(dim=1).sum())
    return certified, (time.perf_counter() - start) / len(x)


def broken(network, x, labels, radius):
    """How many images projected gradient descent breaks, and seconds per image."""
    torch.manual_seed(0)
    found, start = torch.zeros(len(x), dtype=bool), time.perf_counter()
    for _ in range(RESTARTS):
        at = x + radius * (2 * torch.rand_like(x) - 1)
        for step in range(STEPS):
            at.requires_grad_(True)
            outputs = network(at)
            found |= outputs.argmax(1) != labels
            (gradient,) = torch.autograd.grad(torch.nn.functional.cross_entropy(outputs, labels, reduction="sum"), at)
            at = (at.detach() + radius * 0.5 * 0.02 ** (step / STEPS) * gradient.sign()).clamp(x - radius, x + radius)
        found |= network(at).argmax(1) != labels
    return int(found.sum()), (time.perf_counter() - start) / len(x)


def ours(file, images, labels, radius, *options):
    """Certified, refuted, undecided, and seconds per image."""
    with tempfile.TemporaryDirectory() as folder:
        data = os.path.join(folder, "images.npz")
        np.savez(data, X=images, y=labels)
        command = [os.environ["INDELIBLE"], "certify", file, data, "--radius", str(radius), "--norm", "linf", "--json"]
        run = subprocess.run([*command, *options], capture_output=True)
    found = json.loads(run.stdout)
    return found["certified"], found["refuted"], found["undecided"], found["seconds"] / len(images)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mnist")
    parser.add_argument("networks")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--batch", type=int, default=25)
    parser.add_argument("--timeout", default="10")
    parser.add_argument("--radii", type=float, nargs="+")
    options = parser.parse_args()
    images, labels = mnist(options.mnist, "t10k")
    print("network radius | CROWN ms | alpha-CROWN ms | PGD broken ms | ours without branching: certified refuted ms"
          f" | ours, {options.timeout} s: certified refuted undecided ms")
    for name in sorted(os.listdir(options.networks)):
        file = os.path.join(options.networks, name)
        network = read(file)
        x, y = torch.tensor(images), torch.tensor(labels).long()
        right = torch.nonzero(network(x[: 3 * options.limit]).argmax(1) == y[: 3 * options.limit]).flatten()
        right = right[: options.limit]
        x, y = x[right], y[right]
        for radius in options.radii or RADII.get(name.removesuffix(".onnx"), [0.005, 0.01, 0.02, 0.03]):
            cells = [f"{name} {radius}"]
            for method in ("CROWN", "alpha-CROWN"):
                certified, seconds = bounded(network, x, y, radius, options.batch, method)
                cells.append(f"{certified} {seconds * 1e3:.1f}")
            found, seconds = broken(network, x, y, radius)
            cells.append(f"{found} {seconds * 1e3:.1f}")
            certified, refuted, _, seconds = ours(file, x.numpy(), y.numpy(), radius, "--branches", "0")
            cells.append(f"{certified} {refuted} {seconds * 1e3:.1f}")
            certified, refuted, undecided, seconds = ours(file, x.numpy(), y.numpy(), radius, "--timeout", options.timeout)
            cells.append(f"{certified} {refuted} {undecided} {seconds * 1e3:.1f}")
            print(" | ".join(cells), flush=True)


if __name__ == "__main__":
    main()
