"""`indelible certify` on trained networks: what is decided, and how long it takes.

    INDELIBLE=target/release/indelible python bench/certify/table.py MNIST_FOLDER NETWORKS_FOLDER [--timeout S] [--limit N]

One line per network and radius: certified, refuted, misclassified, undecided, engines, and the median and the
largest time of a sample on one core.
"""

import argparse
import json
import os
import subprocess

RADII = {
    "2x50": [0.01, 0.02, 0.03],
    "3x100": [0.01, 0.02, 0.03],
    "3x100-adversarial": [0.02, 0.03, 0.05],
    "3x100-intervals": [0.03, 0.05],
}


def certify(program, network, images, radius, limit, timeout):
    command = [program, "certify", network, images, "--radius", str(radius), "--limit", str(limit), "--json"]
    command += ["--norm", "linf", "--timeout", str(timeout)] if timeout else ["--norm", "linf"]
    return json.loads(subprocess.run(command, capture_output=True).stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mnist")
    parser.add_argument("networks")
    parser.add_argument("--timeout", type=float)
    parser.add_argument("--limit", type=int, default=100)
    options = parser.parse_args()
    images = os.path.join(options.mnist, "t10k-images-idx3-ubyte.gz")
    print("network radius certified refuted misclassified undecided median_ms largest_s wall_s engines")
    for file in sorted(os.listdir(options.networks)):
        name = file.removesuffix(".onnx")
        for radius in RADII.get(name, [0.005, 0.01, 0.02, 0.03]):
            found = certify(
                os.environ["INDELIBLE"], os.path.join(options.networks, file), images, radius, options.limit, options.timeout
            )
            times = sorted(found["sample_seconds"])
            print(
                name, radius, *(found[k] for k in ("certified", "refuted", "misclassified", "undecided")),
                f"{times[len(times) // 2] * 1e3:.2f} {times[-1]:.2f} {found['seconds']:.2f}", json.dumps(found["engines"]),
                flush=True,
            )


if __name__ == "__main__":
    main()
