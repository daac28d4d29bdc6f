"""`indelible predict` and onnxruntime on the same network and the same images, one after the other.

    INDELIBLE=target/release/indelible target/venv/bin/python bench/cells/onnxruntime_ratio.py NET.onnx IMAGES.gz [RUNS]

Both use all cores. Reading files is not counted on either side. Prints one JSON object: the median of the
seconds of each, their ratio, and whether all labels agree.
"""

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime

BATCHES = (256, 1000, 10_000)


def images(path):
    raw = gzip.decompress(open(path, "rb").read())
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    pixels = np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape)).reshape(shape[0], -1)
    return pixels.astype(np.float32) / np.float32(255)


def ours(network, path, runs):
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "labels.npy")
        for _ in range(runs):
            command = [os.environ["INDELIBLE"], "predict", network, path, "-o", target, "--json"]
            seconds.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"])
        return seconds, np.load(target)


def theirs(network, points, runs, batch):
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    seconds = []
    for _ in range(runs):
        start = time.perf_counter()
        outputs = [session.run(None, {name: points[i : i + batch]})[0] for i in range(0, len(points), batch)]
        seconds.append(time.perf_counter() - start)
    names = json.loads(session.get_modelmeta().custom_metadata_map["indelible.classes"])
    return seconds, np.array([int(names[c]) for c in np.concatenate(outputs).argmax(axis=1)])


def main():
    network, path = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 3
    points = images(path)
    mine, labels = ours(network, path, runs)
    result = {"images": len(points), "indelible_s": statistics.median(mine), "onnxruntime_s": {}, "agree": True}
    for batch in BATCHES:
        seconds, other = theirs(network, points, runs, batch)
        result["onnxruntime_s"][batch] = statistics.median(seconds)
        result["agree"] &= bool((labels == other).all())
    result["ratio_to_fastest"] = min(result["onnxruntime_s"].values()) / result["indelible_s"]
    print(json.dumps(result))


if __name__ == "__main__":
    main()
