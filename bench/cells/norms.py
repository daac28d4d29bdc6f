"""Time, memory and parameters of `build` and `certify` in several norms.

    INDELIBLE=target/release/indelible target/venv/bin/python bench/cells/norms.py DATA NORM:RATIO ...

DATA is a file that the program reads, or `images` for 50,000 synthetic images of 32 × 32 pixels in three
colours (3,072 codes of 8 bits from a fixed seed): smooth fields whose spectrum falls as that of photographs does,
with a faint pattern of their class; `images:N` takes N of them. NORM:RATIO:each asks for a radius per sample.
Prints one row of a Markdown table each: what `certify` says of the file, wall time of the stages as the program
reports them, peak memory and processor time as the kernel reports them.
"""

import json
import os
import subprocess
import sys
import tempfile

import numpy as np

SIDE, COLOURS, CLASSES = 32, 3, 10
ENVELOPE = 1.1
PATTERN = 0.35


def fields(rng, count):
    """Smooth random fields with mean 0 and deviation 1."""
    spectrum = np.fft.rfft2(rng.standard_normal((count, SIDE, SIDE), dtype=np.float32))
    ways = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]) * SIDE
    fields = np.fft.irfft2(spectrum / np.maximum(ways, 1) ** ENVELOPE, s=(SIDE, SIDE))
    return ((fields - fields.mean()) / fields.std()).astype(np.float32)


def images(samples, seed=1):
    """Codes of 8 bits, `samples` × 3,072, and labels."""
    rng = np.random.default_rng(seed)
    patterns = np.stack([fields(rng, CLASSES) for _ in range(COLOURS)], 1)
    x = np.empty((samples, COLOURS * SIDE * SIDE), dtype=np.uint8)
    y = rng.integers(0, CLASSES, samples)
    for start in range(0, samples, 1000):
        labels = y[start : start + 1000]
        grey, brightness, contrast = fields(rng, len(labels)), rng.normal(0, 0.5, len(labels)), rng.gamma(9, 6, len(labels))
        for colour in range(COLOURS):
            field = grey + 0.4 * fields(rng, len(labels)) + PATTERN * patterns[labels, colour] + brightness[:, None, None]
            values = 120 + contrast[:, None, None] * field
            part = np.clip(np.rint(values), 0, 255).astype(np.uint8).reshape(len(labels), -1)
            x[start : start + 1000, colour * SIDE * SIDE : (colour + 1) * SIDE * SIDE] = part
    return x, y


def run(command):
    """What the program prints, its processor time in seconds and its peak memory in MiB."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{' '.join(command)}: exit code {child.returncode}")
    return json.loads(output), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def measure(program, data, asked, folder):
    norm, ratio, *each = asked.split(":")
    net = os.path.join(folder, "net.onnx")
    command = [program, "build", data, "--norm", norm, "--ratio", ratio, "-o", net, "--json"]
    built, cpu, memory = run(command + ["--per-sample"] * bool(each))
    proof, *_ = run([program, "certify", net, data, "--json"])
    seconds = built["seconds"]
    row = [norm, ratio, "each" if each else "one", built["construction"], f"{built['parameters']['nonzero']:,}"]
    row += [f"{proof['certified']:,} of {proof['samples']:,}"]
    row += [f"{seconds[stage]:.0f}" for stage in ("separation", "build", "certify")]
    row += [f"{cpu:.0f}", f"{memory:.0f}", f"{os.path.getsize(net) / 1e6:.1f}"]
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    data, *asked = sys.argv[1:]
    program = os.environ["INDELIBLE"]
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    head = "norm|ratio|radius|construction|nonzero|certified|separation s|build s|certify s|CPU s|MiB|file MB"
    print("| " + " | ".join(head.split("|")) + " |")
    print("|" + "---|" * 12, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if data.split(":")[0] == "images":
            x, y = images(int((data.split(":") + ["50000"])[1]))
            data = os.path.join(folder, "images.npz")
            np.savez(data, X=x, y=y)
        for one in asked:
            measure(program, data, one, folder)


if __name__ == "__main__":
    main()
