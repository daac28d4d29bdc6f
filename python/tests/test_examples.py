"""The examples run, and find what they say."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(name, monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    return capsys.readouterr().out


@pytest.mark.filterwarnings("ignore")
def test_label_errors(monkeypatch, capsys, tmp_path):
    pytest.importorskip("matplotlib")
    said = run("label_errors.py", monkeypatch, capsys, tmp_path)
    assert said.startswith("8 of 10 wrong labels") and "images of the second half" in said
    assert (tmp_path / "suspects.svg").stat().st_size > 1000


@pytest.mark.filterwarnings("ignore")
def test_cleanlab_takes_the_graph(monkeypatch, capsys):
    pytest.importorskip("cleanlab")
    said = run("cleanlab_graph.py", monkeypatch, capsys)
    assert "6 of 6 wrong labels are among the 12 worst" in said and "near_duplicate" in said


def test_a_memory_lowers_perplexity(monkeypatch, capsys):
    docs = EXAMPLES.parents[1] / "docs"
    said = run("sequence_memory.py", monkeypatch, capsys, docs, 40_000)
    alone, both = (float(words.split()[0]) for words in said.split("perplexity ")[1].replace(",", "").split("memory "))
    assert both < alone, said


def test_a_memory_is_what_it_says():
    example = runpy.run_path(str(EXAMPLES / "sequence_memory.py"))
    model, ((stored, behind), _, (asked, after)) = example["prepared"](EXAMPLES.parents[1] / "docs", 20_000, epochs=1)
    asked, after = asked[:300], after[:300]
    distances, places = example["nearest"](stored, asked, 16)
    far = ((asked[:, None].astype(float) - stored[None].astype(float)) ** 2).sum(2)
    assert np.array_equal(places, np.argsort(far, axis=1, kind="stable")[:, :16])
    assert np.allclose(distances**2, np.sort(far, axis=1)[:, :16])
    p_model = model.probabilities(asked)
    p_memory = example["remembered"](distances, behind[places], p_model.shape[1], 0.2)
    for share in (0.0, 0.3, 1.0):
        p = example["interpolated"](p_memory, p_model, share)
        assert (p >= 0).all() and np.allclose(p.sum(1), 1)
    # By the definition: all weights of one character.
    weights = np.exp(-(distances[7] ** 2) / 0.2)
    expected = weights[behind[places[7]] == after[7]].sum() / weights.sum()
    assert np.isclose(p_memory[7, after[7]], expected)
