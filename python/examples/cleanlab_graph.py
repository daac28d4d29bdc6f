"""cleanlab on top of exact neighbours: outliers, near-duplicates and label issues in scikit-learn's digits.

    pip install "cleanlab[datalab]"
    python cleanlab_graph.py

Datalab looks for neighbours itself unless it is given a graph; this one is exact.
"""

import numpy as np
from cleanlab import Datalab
from sklearn.datasets import load_digits

from indelible import neighbor_graph


def main():
    X, y = load_digits(return_X_y=True)
    X, y = X[:600], y[:600].copy()
    wrong = np.random.default_rng(0).choice(len(y), 6, replace=False)
    y[wrong] = (y[wrong] + 1) % 10
    graph = neighbor_graph(X, k=10, norm="l2")
    # How often each class is among the neighbours of an image: probabilities without a model.
    votes = np.zeros((len(y), 10))
    for column in y[graph.indices].reshape(len(y), -1).T:
        votes[np.arange(len(y)), column] += 1
    lab = Datalab({"y": y}, label_name="y", verbosity=0)
    shares = (votes + 0.1) / (votes + 0.1).sum(axis=1, keepdims=True)
    kinds = {"label": {}, "outlier": {}, "near_duplicate": {}}
    lab.find_issues(knn_graph=graph, pred_probs=shares, issue_types=kinds)
    labels = lab.get_issues("label")
    ranked = np.argsort(labels["label_score"].to_numpy(), kind="stable")[:12]
    print(f"{len(set(ranked) & set(wrong))} of 6 wrong labels are among the 12 worst")
    print(lab.get_issue_summary().to_string(index=False))


if __name__ == "__main__":
    main()
