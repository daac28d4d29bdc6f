"""The tutorial does what it says."""

import doctest
import os
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "python.md"


@pytest.mark.filterwarnings("ignore")
def test_the_tutorial_is_true(tmp_path, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert len(blocks) >= 6
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    test = doctest.DocTestParser().get_doctest("\n".join(blocks), {}, "python.md", str(PAGE), 0)
    said = []
    failed, tried = doctest.DocTestRunner(optionflags=flags).run(test, out=said.append)
    assert tried > 20 and not failed, "".join(said)
    figures = re.findall(r"\(figures/python-(\w+)\.svg\)", text)
    assert figures == ["robustness", "enemies", "compare"]
    assert all(os.path.getsize(f"{name}.svg") > 1000 for name in figures)
    assert all((PAGE.parent / "figures" / f"python-{name}.svg").exists() for name in figures)
    matplotlib.pyplot.close("all")
