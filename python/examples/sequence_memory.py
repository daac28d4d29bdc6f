"""A nearest-neighbour memory for a language model (Khandelwal et al. 2019), with exact neighbours.

    python sequence_memory.py FOLDER [MOST_CHARACTERS]

Reads the texts (*.md) of a folder, trains a small neural model of the next character (Bengio et al. 2003) on
the first eight tenths of each, and stores for every character of these the model's inner vector of what comes
before it. p = share * p_kNN + (1 - share) * p_LM, where p_kNN are the characters behind the nearest stored
vectors, weighted by exp(-distance^2 / temperature). Both numbers are chosen on the ninth tenth; printed is the
perplexity on the last.
"""

import sys
from pathlib import Path

import numpy as np

from indelible import neighbor_graph

CONTEXT, EMBEDDING, HIDDEN = 8, 12, 48
NEIGHBOURS = 32


def corpus(folder, most=None):
    """Characters as numbers in three parts, and how many there are of them."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(Path(folder).glob("*.md"))]
    texts = [text[: most // len(texts)] if most else text for text in texts]
    known = {letter: number for number, letter in enumerate(sorted(set("".join(texts))))}
    parts = [[], [], []]
    for text in texts:
        numbers = np.array([known[letter] for letter in text], np.int64)
        for part, piece in zip(parts, np.split(numbers, [len(text) * 8 // 10, len(text) * 9 // 10]), strict=True):
            part.append(piece)
    return parts, len(known)


def windows(pieces):
    """What comes before each character, nearest first, and the character."""
    before, after = [], []
    for piece in pieces:
        if len(piece) > CONTEXT:
            rows = np.lib.stride_tricks.sliding_window_view(piece, CONTEXT + 1)
            before.append(rows[:, CONTEXT - 1 :: -1])
            after.append(rows[:, CONTEXT])
    return np.concatenate(before), np.concatenate(after)


class Model:
    """Embeddings of the characters before, one hidden layer, a softmax."""

    def __init__(self, letters, seed=0):
        random = np.random.default_rng(seed)
        shapes = (letters, EMBEDDING), (CONTEXT * EMBEDDING, HIDDEN), (HIDDEN,), (HIDDEN, letters), (letters,)
        self.numbers = [random.normal(0, 1 / max(1, s[0]) ** 0.5, s) if len(s) > 1 else np.zeros(s) for s in shapes]
        self.moments = [(np.zeros_like(p), np.zeros_like(p)) for p in self.numbers]
        self.random, self.steps = random, 0

    def vectors(self, before):
        """The inner vector of each context: what is stored and looked for."""
        embedding, weights, bias = self.numbers[:3]
        return np.tanh(embedding[before].reshape(len(before), -1) @ weights + bias)

    def probabilities(self, vectors):
        scores = vectors @ self.numbers[3] + self.numbers[4]
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    def train(self, before, after, epochs, batch=256):
        """Adam."""
        total = epochs * -(-len(after) // batch)
        for _ in range(epochs):
            order = self.random.permutation(len(after))
            for start in range(0, len(order), batch):
                rows = order[start : start + batch]
                rate = 4e-3 * (1 - self.steps / total)
                self.steps += 1
                for p, g, (m, v) in zip(self.numbers, self.slopes(before[rows], after[rows]), self.moments, strict=True):
                    m += 0.1 * (g - m)
                    v += 0.01 * (g * g - v)
                    p -= rate * (m / (1 - 0.9**self.steps)) / (np.sqrt(v / (1 - 0.99**self.steps)) + 1e-8)

    def slopes(self, before, after):
        embedding, weights, _, output, _ = self.numbers
        vectors = self.vectors(before)
        of_scores = self.probabilities(vectors)
        of_scores[np.arange(len(after)), after] -= 1
        of_scores /= len(after)
        of_sums = (of_scores @ output.T) * (1 - vectors**2)
        of_embedding = np.zeros_like(embedding)
        np.add.at(of_embedding, before.ravel(), (of_sums @ weights.T).reshape(-1, EMBEDDING))
        inputs = embedding[before].reshape(len(before), -1)
        return of_embedding, inputs.T @ of_sums, of_sums.sum(0), vectors.T @ of_scores, of_scores.sum(0)


def nearest(stored, asked, k=NEIGHBOURS):
    """Distances to the k nearest stored vectors of each one that is asked about, and which they are: exactly."""
    graph = neighbor_graph(asked, k, "l2", base=stored)
    return graph.data.reshape(-1, k), graph.indices.reshape(-1, k)


def remembered(distances, letters, count, temperature):
    """p_kNN: a row per context, a column per character."""
    weights = np.exp(-(distances**2 - distances[:, :1] ** 2) / temperature)
    found = np.zeros((len(distances), count))
    np.add.at(found, (np.arange(len(distances))[:, None], letters), weights)
    return found / found.sum(1, keepdims=True)


def interpolated(p_memory, p_model, share):
    return share * p_memory + (1 - share) * p_model


def perplexity(probabilities, after):
    return float(np.exp(-np.log(probabilities[np.arange(len(after)), after]).mean()))


def chosen(distances, letters, p_model, after):
    """The temperature and the share of least perplexity."""
    tried = [
        (perplexity(interpolated(remembered(distances, letters, p_model.shape[1], temperature), p_model, share), after),
         temperature, share)
        for temperature in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0)
        for share in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
    ]  # fmt: skip
    return min(tried)[1:]


def prepared(folder, most=None, epochs=8):
    """A trained model, the stored vectors with the characters behind them, and the other two parts likewise."""
    parts, letters = corpus(folder, most)
    (before, after), *others = map(windows, parts)
    model = Model(letters)
    model.train(before, after, epochs)
    vectors = [model.vectors(part).astype(np.float32) for part in (before, *(part for part, _ in others))]
    return model, list(zip(vectors, (after, *(behind for _, behind in others)), strict=True))


def main():
    folder, *most = sys.argv[1:]
    model, ((stored, behind), valid, test) = prepared(folder, *map(int, most))
    found = [nearest(stored, vectors) for vectors, _ in (valid, test)]
    p_model = [model.probabilities(vectors) for vectors, _ in (valid, test)]
    temperature, share = chosen(found[0][0], behind[found[0][1]], p_model[0], valid[1])
    p_memory = remembered(found[1][0], behind[found[1][1]], p_model[1].shape[1], temperature)
    alone, both = perplexity(p_model[1], test[1]), perplexity(interpolated(p_memory, p_model[1], share), test[1])
    print(f"{len(stored):,} stored characters, {len(test[1]):,} held out")
    print(f"temperature {temperature:g}, share of the memory {share:g}")
    print(f"perplexity {alone:.3f} without memory, {both:.3f} with it")


if __name__ == "__main__":
    main()
