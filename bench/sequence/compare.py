"""Exact neighbours as the memory of a language model beside approximate ones of FAISS.

    pip install ./python -r bench/sequence/requirements.txt
    python bench/sequence/compare.py docs [--characters N]

The model and the texts are those of `python/examples/sequence_memory.py`. Temperature and share are chosen once,
with exact neighbours; each row says how many of the 32 vectors found are no farther than the 32nd nearest one
(equal contexts have equal vectors), how long building an index and searching took for all held-out characters,
and the perplexity.
"""

import argparse
import runpy
import time
from pathlib import Path

import faiss
import numpy as np

EXAMPLE = Path(__file__).resolve().parents[2] / "python" / "examples" / "sequence_memory.py"


def indices(width, size):
    """Name and index of each peer."""
    cells = int(4 * size**0.5)
    yield "FAISS flat (exact up to rounding)", faiss.IndexFlatL2(width)
    for probes in (1, 8, 32):
        index = faiss.IndexIVFFlat(faiss.IndexFlatL2(width), width, cells)
        index.nprobe = probes
        yield f"FAISS IVF, {probes} of {cells} cells", index
    for breadth in (32, 128):
        index = faiss.IndexHNSWFlat(width, 32)
        index.hnsw.efConstruction, index.hnsw.efSearch = 80, breadth
        yield f"FAISS HNSW 32, {breadth} looked at", index


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--characters", type=int)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    faiss.omp_set_num_threads(args.threads)
    example = runpy.run_path(str(EXAMPLE))
    perplexity, remembered, interpolated = (example[name] for name in ("perplexity", "remembered", "interpolated"))
    k = example["NEIGHBOURS"]
    model, ((stored, behind), valid, (asked, after)) = example["prepared"](args.folder, args.characters)
    distances, places = example["nearest"](stored, valid[0])
    temperature, share = example["chosen"](distances, behind[places], model.probabilities(valid[0]), valid[1])
    p_model = model.probabilities(asked)
    print(f"{len(stored):,} stored vectors of {stored.shape[1]} numbers, {len(asked):,} held-out characters, "
          f"temperature {temperature:g}, share {share:g}, {args.threads} thread(s)\n")  # fmt: skip
    print("| neighbours | of the 32 nearest | index | search | perplexity |\n|---|---|---|---|---|")
    print(f"| none | | | | {perplexity(p_model, after):.4f} |")
    started = time.process_time()
    graph = example["neighbor_graph"](asked, k, "l2", base=stored, n_jobs=args.threads)
    exact, taken = graph.data.reshape(-1, k), time.process_time() - started

    def row(name, distances, places, built, searched):
        far = np.linalg.norm(stored[places].astype(float) - asked[:, None], axis=2)
        # What was not found stands there twice.
        twice = np.diff(np.sort(places, axis=1), axis=1) == 0
        found = ((far <= exact[:, -1:] * (1 + 1e-9)).sum() - twice.sum()) / places.size
        p_memory = remembered(distances, behind[places], p_model.shape[1], temperature)
        both = perplexity(interpolated(p_memory, p_model, share), after)
        print(f"| {name} | {100 * found:.2f} % | {built:.2f} s | {searched:.2f} s | {both:.4f} |", flush=True)

    row("indelible, exact", exact, graph.indices.reshape(-1, k), 0.0, taken)
    for name, index in indices(stored.shape[1], len(stored)):
        started = time.process_time()
        if not index.is_trained:
            index.train(stored)
        index.add(stored)
        built, started = time.process_time() - started, time.process_time()
        squares, places = index.search(asked, k)
        searched = time.process_time() - started
        # What was not found is infinitely far; the first is always found.
        places = np.where(places < 0, places[:, :1], places)
        row(name, np.sqrt(np.maximum(squares, 0)), places, built, searched)


if __name__ == "__main__":
    main()
