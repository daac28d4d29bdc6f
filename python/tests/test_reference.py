"""Everything public is documented, and the pages of the reference are made without a warning."""

import inspect
import re
import warnings

import pytest

import indelible
import indelible.ray


def test_everything_public_says_what_it_is():
    for name in indelible.ray.__all__:
        text = inspect.getdoc(getattr(indelible.ray, name))
        assert text and len(text.split("\n")[0]) > 15, name
        assert not set(re.findall("<[a-z]+>", text)), name
    for name in indelible.__all__:
        item = getattr(indelible, name)
        if name == "__version__":
            continue
        text = inspect.getdoc(item)
        assert text and len(text.split("\n")[0]) > 20, name
        if inspect.isfunction(item):
            assert all(word in text for word in ("Parameters", "Returns", ">>>")), name
            assert "<" + "parameters>" not in text and "<" + "rest>" not in text, name
            given = [p for p in inspect.signature(item).parameters if p not in ("n_jobs", "progress")]
            assert all(p in text for p in given), (name, given)


def test_pages_are_made(tmp_path):
    pdoc = pytest.importorskip("pdoc")
    assert indelible.MemorizingClassifier  # It is there once it was asked for.
    pdoc.render.configure(docformat="numpy")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pdoc.pdoc("indelible", "indelible.ray", output_directory=tmp_path)
    for page, names in (("indelible.html", indelible.__all__), ("indelible/ray.html", indelible.ray.__all__)):
        text = (tmp_path / page).read_text()
        assert all(f'id="{name}"' in text for name in names if not name.startswith("_")), page
