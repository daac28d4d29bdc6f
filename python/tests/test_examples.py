"""The examples run, and find what they say."""

import runpy
import sys
from pathlib import Path

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
