"""Networks that were trained and networks that were built, in one table and one picture.

    python bench/generalization/measure.py OUT_FOLDER --program target/release/indelible [--mnist FOLDER]

Dense networks are trained by standard, adversarial (PGD) and interval-bound (IBP) training, in torch where
that can be imported, else in numpy; `indelible build` builds from the same samples. Printed are, on the
training set, accuracy, the samples that `indelible certify` certifies and those that it refutes with a point
within each radius, parameters, and seconds; then what `indelible generalize` says of the test set, with
its picture in OUT_FOLDER. The data are scikit-learn's digits (two thirds of them) or, with --mnist, the
first --limit images of MNIST.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parent.parent / "certify"))
from train import forward, mnist, write

try:
    import torch_side as side
except ImportError:
    import numpy_side as side

KINDS = {"standard": "standard", "adversarial": "adversarial (PGD)", "interval": "interval bounds (IBP)"}


def data(args, out):
    """Training images and labels, and the files of them and of the test set."""
    if args.mnist:
        images, labels = mnist(args.mnist, "train")
        files = [Path(args.mnist) / f"{part}-images-idx3-ubyte.gz" for part in ("train", "t10k")]
        return images[: args.limit], labels[: args.limit], *files
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    x = (x / 16).astype(np.float32)
    held = np.arange(len(x)) % 3 == 2
    np.savez(out / "train.npz", X=x[~held], y=y[~held])
    np.savez(out / "test.npz", X=x[held], y=y[held])
    return x[~held], y[~held], out / "train.npz", out / "test.npz"


def asked(program, *arguments):
    run = subprocess.run([program, *map(str, arguments), "--json"], capture_output=True, text=True)
    # 1: not every sample is certified.
    if run.returncode > 1 or not run.stdout:
        sys.exit(run.stderr)
    return json.loads(run.stdout)


def certified(args, network, source, radius):
    started = time.perf_counter()
    effort = ["--branches", args.branches, "--limit", args.prove]
    found = asked(args.program, "certify", network, source, "--norm", "linf", "--radius", radius, *effort)
    share = lambda key: f"{100 * found[key] / found['samples']:.2f} %"
    return f"{share('certified')} / {share('refuted')}", time.perf_counter() - started


def line(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--program", required=True)
    parser.add_argument("--mnist")
    parser.add_argument("--limit", type=int, default=60000)
    parser.add_argument("--widths", type=int, nargs="+", default=[100, 100])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--radius", type=float, default=0.1, help="trained and built for")
    parser.add_argument("--radii", type=float, nargs="+", default=[0.02, 0.1], help="asked about")
    parser.add_argument("--branches", type=int, default=0)
    parser.add_argument("--prove", type=int, default=60000, help="the first so many training samples")
    parser.add_argument("--constructions", nargs="+", default=["cells"])
    parser.add_argument("--samples", type=int, default=500, help="of the test set")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    images, labels, source, test = data(args, args.out)
    within = [f"certified / refuted within {radius}" for radius in args.radii]
    print(f"{len(images):,} training samples, trained with {side.__name__.removesuffix('_side')}; "
          f"certified of the first {min(args.prove, len(images)):,}\n")  # fmt: skip
    line("network", "training accuracy", *within, "parameters", "training or building", "certifying")
    line(*["---"] * (5 + len(within)))
    networks = []
    for kind, name in KINDS.items():
        started = time.perf_counter()
        layers = side.train(kind, args.widths, images, labels, args.radius, args.epochs, seed=1)
        trained = time.perf_counter() - started
        path = args.out / f"{kind}.onnx"
        write(layers, path)
        right = (forward(layers, images)[1].argmax(1) == labels).mean()
        found = [certified(args, path, source, radius) for radius in args.radii]
        parameters = sum(p.size for layer in layers for p in layer)
        times = f"{trained:.0f} s", f"{sum(taken for _, taken in found):.0f} s"
        line(name, f"{100 * right:.2f} %", *(words for words, _ in found), f"{parameters:,}", *times)
        networks.append(path)
    for name in args.constructions:
        path, started = args.out / f"{name}.onnx", time.perf_counter()
        limit = ["--limit", len(images)]
        built = asked(args.program, "build", source, *limit, "--construction", name, "--radius", args.radius, "-o", path)
        taken = time.perf_counter() - started
        found = [certified(args, path, source, radius) for radius in args.radii]
        nonzero = f"{built['parameters']['nonzero']:,}"
        times = f"{taken:.0f} s", f"{sum(taken for _, taken in found):.0f} s"
        line(f"`{name}`, built for {args.radius}", "100.00 %", *(words for words, _ in found), nonzero, *times)
    generalize = [args.program, "generalize", source, test, "--limit", len(images), "--radius", args.radius]
    generalize += ["--network", *networks, "--constructions", ",".join(args.constructions), "--samples", args.samples]
    generalize += ["--clip", "0,1", "--branches", args.branches, "--svg", args.out / "generalize.svg"]
    print(flush=True)
    subprocess.run(list(map(str, generalize)), check=True)


if __name__ == "__main__":
    main()
