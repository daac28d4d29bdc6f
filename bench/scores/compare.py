"""Label errors that were planted: what `indelible scores` doubts beside what cleanlab finds.

    python -m venv target/bench-scores
    target/bench-scores/bin/pip install -r bench/scores/requirements.txt
    target/bench-scores/bin/python bench/scores/compare.py --program target/release/indelible

Digits of scikit-learn (1,797 images), 5 % of the labels replaced by another one, several seeds. cleanlab
judges probabilities that a classifier gives in 5-fold cross-validation: k nearest neighbours and
logistic regression."""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from cleanlab.filter import find_label_issues
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier


def ours(program, folder, x, y, share):
    data, file = folder / "data.npz", folder / "scores.npz"
    np.savez(data, X=x, y=y)
    command = [program, "scores", data, "--share", str(share), "-o", file, "--json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return np.load(file)["suspect"].astype(bool)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default="target/release/indelible")
    parser.add_argument("--seeds", type=int, default=5)
    args = parser.parse_args()
    x, truth = load_digits(return_X_y=True)
    models = {
        "k-NN, k = 5": KNeighborsClassifier(5),
        "k-NN, k = 10": KNeighborsClassifier(10),
        "logistic regression": LogisticRegression(max_iter=1000),
    }
    rows = {}
    for seed in range(args.seeds):
        rng = np.random.default_rng(seed)
        wrong = rng.choice(len(x), len(x) // 20, replace=False)
        y = truth.copy()
        y[wrong] = (truth[wrong] + rng.integers(1, 10, len(wrong))) % 10
        planted = np.zeros(len(x), bool)
        planted[wrong] = True

        def note(name, found, seconds):
            hits = (found & planted).sum()
            rows.setdefault(name, []).append((hits / max(found.sum(), 1), hits / planted.sum(), found.sum(), seconds))

        with tempfile.TemporaryDirectory() as folder:
            for share in (0.7, 0.5, 0.3):
                started = time.perf_counter()
                found = ours(Path(args.program).resolve(), Path(folder), x, y, share)
                note(f"indelible, share {share}", found, time.perf_counter() - started)
        for name, model in models.items():
            started = time.perf_counter()
            scaled = x / 16 if "regression" in name else x
            probabilities = cross_val_predict(model, scaled, y, cv=5, method="predict_proba")
            taken = time.perf_counter() - started
            for way in ("prune_by_noise_rate", "confident_learning", "low_normalized_margin"):
                note(f"cleanlab ({way}), {name}", find_label_issues(y, probabilities, filter_by=way), taken)
    print("| method | precision | recall | found | seconds |\n|---|---|---|---|---|")
    for name, values in rows.items():
        precision, recall, found, seconds = np.mean(values, axis=0)
        print(f"| {name} | {precision:.3f} | {recall:.3f} | {found:.0f} | {seconds:.2f} |")


if __name__ == "__main__":
    main()
