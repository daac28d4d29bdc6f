"""`indelible predict` and onnxruntime on the same network and the same images, one after the other.

    INDELIBLE=target/release/indelible target/venv/bin/python bench/predict/onnxruntime_ratio.py NET.onnx IMAGES.gz [RUNS [BATCH ...]]

Both use all cores. Prints one JSON object: the smallest wall time of each (reading files is not counted on
either side) and their ratio; the processor time of each (ours with starting, reading and unpacking files) and
their ratio, which a busy machine disturbs less; and whether all labels agree.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime


def images(path):
    raw = gzip.decompress(open(path, "rb").read())
    shape = [int.from_bytes(raw[4 + 4 * i : 8 + 4 * i], "big") for i in range(raw[3])]
    pixels = np.frombuffer(raw, np.uint8, offset=4 + 4 * len(shape)).reshape(shape[0], -1)
    return pixels.astype(np.float32) / np.float32(255)


def processor_seconds(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def ours(network, path, runs):
    seconds, start = [], processor_seconds(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        target = os.path.join(folder, "labels.npy")
        for _ in range(runs):
            command = [os.environ["INDELIBLE"], "predict", network, path, "-o", target, "--json"]
            seconds.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["seconds"])
        processor = (processor_seconds(resource.RUSAGE_CHILDREN) - start) / runs
        return min(seconds), processor, np.load(target)


def theirs(network, points, runs, batch):
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    seconds, begun = [], processor_seconds(resource.RUSAGE_SELF)
    for _ in range(runs):
        start = time.perf_counter()
        outputs = [session.run(None, {name: points[i : i + batch]})[0] for i in range(0, len(points), batch)]
        seconds.append(time.perf_counter() - start)
    processor = (processor_seconds(resource.RUSAGE_SELF) - begun) / runs
    names = json.loads(session.get_modelmeta().custom_metadata_map["indelible.classes"])
    labels = np.array([int(names[c]) for c in np.concatenate(outputs).argmax(axis=1)])
    return min(seconds), processor, labels


def main():
    network, path = sys.argv[1:3]
    runs = int(sys.argv[3]) if len(sys.argv) > 3 else 5
    batches = [int(batch) for batch in sys.argv[4:]] or [256, 1000, 10_000]
    points = images(path)
    mine, my_processor, labels = ours(network, path, runs)
    result = {"images": len(points), "indelible": {"wall_s": mine, "processor_s": my_processor}, "agree": True}
    measured = {}
    for batch in batches:
        seconds, processor, other = theirs(network, points, runs, batch)
        measured[batch] = (seconds, processor)
        result[f"onnxruntime, batches of {batch}"] = {"wall_s": seconds, "processor_s": processor}
        result["agree"] &= bool((labels == other).all())
    result["wall_ratio"] = min(seconds for seconds, _ in measured.values()) / mine
    result["processor_ratio"] = min(processor for _, processor in measured.values()) / my_processor
    print(json.dumps(result))


if __name__ == "__main__":
    main()
