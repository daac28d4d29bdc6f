"""The page of `report`, as a parser of HTML sees it."""

import base64
import csv
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import numpy as np
import pytest

from datasets import digits, write_npz

EMPTY = {"meta", "img", "br", "hr", "link", "input", "path", "rect"}
HOSTILE = "<script>alert(1)</script>\"'&<!--"


class Page(HTMLParser):
    """All elements with their attributes, the text of each, and that all that opens closes."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], ""
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "attributes": dict(attrs), "text": "", "inside": [e["tag"] for e in self.open], "holds": []}
        assert len(dict(attrs)) == len(attrs), (tag, attrs)
        for outer in self.open:
            outer["holds"].append(element)
        self.elements.append(element)
        if tag not in EMPTY:
            self.open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in EMPTY:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1]["tag"] == tag, (tag, [e["tag"] for e in self.open])
        self.open.pop()

    def handle_data(self, data):
        self.text += data
        for element in self.open:
            element["text"] += data

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]


def checked(path) -> Page:
    """What every page promises: nothing from outside, nothing that runs, tables with headers, pictures with words."""
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert text.lstrip().startswith("<!DOCTYPE html>")
    for tag in ("script", "link", "iframe", "object", "embed", "form", "base"):
        assert not page.all(tag), tag
    for element in page.elements:
        for name, value in element["attributes"].items():
            assert not name.startswith("on"), element
            if name in ("src", "href", "xlink:href"):
                assert value.startswith(("data:image/svg+xml;base64,", "#")), value
    ids = [e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link["attributes"]["href"][1:] in ids, link
    assert page.all("html")[0]["attributes"]["lang"] == "en"
    assert "default-src 'none'" in text and "prefers-color-scheme: dark" in text and "@media print" in text
    for style in page.all("style"):
        assert "url(" not in style["text"] and "@import" not in style["text"]
    for table in page.all("table"):
        headers = [e for e in table["holds"] if e["tag"] == "th"]
        assert headers and all(h["attributes"]["scope"] in ("row", "col") for h in headers)
        assert any(e["tag"] == "caption" and e["text"].strip() for e in table["holds"])
    for svg in page.all("svg"):
        assert svg["attributes"]["role"] == "img" and svg["attributes"]["aria-label"]
        assert svg["holds"][0]["tag"] == "title" and svg["holds"][0]["text"].strip()
    for image in page.all("img"):
        assert len(image["attributes"]["alt"]) > 20
        ElementTree.fromstring(base64.b64decode(image["attributes"]["src"].split(",", 1)[1]))
    levels = [int(e["tag"][1]) for e in page.elements if e["tag"] in ("h1", "h2", "h3")]
    assert levels[0] == 1 and levels.count(1) == 1 and all(b <= a + 1 for a, b in zip(levels, levels[1:]))
    return page


def test_digits(program, tmp_path):
    x, y = digits(300)
    y = np.asarray(y).copy()
    y[7] = (y[7] + 1) % 10
    data = write_npz(tmp_path / "digits.npz", x, y)
    answer = program("report", data.path, "-o", tmp_path / "report.html", "--network", tmp_path / "net.onnx")
    assert answer.code == 0, answer.stderr
    page, found = checked(tmp_path / "report.html"), answer.json
    distance, i, j = data.closest_pair()
    assert found["separation"]["distance"]["lower"] <= distance <= found["separation"]["distance"]["upper"]
    assert found["built"]["certified"] == found["built"]["samples"] == 300
    assert found["bytes"] == (tmp_path / "report.html").stat().st_size
    # Whoever reads it sees the same numbers.
    assert f"{distance / 2:g}" in page.text and "300 of 300" in page.text
    assert {"sample": 7}.items() <= {"sample": found["scores"]["suspected"][0]["sample"]}.items()
    titles = [svg["holds"][0]["text"] for svg in page.all("svg")]
    assert any(title.startswith("sample 7,") for title in titles) and len(page.all("img")) == 2
    again = program.certify(tmp_path / "net.onnx", data.path)
    assert again.code == 0 and again.json["certified"] == 300
    # Wherever and whenever it is made.
    first = (tmp_path / "report.html").read_bytes()
    program("report", data.path, "-o", tmp_path / "report.html", "--network", tmp_path / "net.onnx", "--threads", 1)
    strip = lambda page: page[: page.index(b"This page was made by")]
    assert strip((tmp_path / "report.html").read_bytes()) == strip(first)


def test_names_are_text(program, tmp_path):
    """Names of classes, columns and files that would be markup, or commands."""
    folder = tmp_path / "a $(touch owned) <img src=x onerror=alert(1)> 'q'"
    folder.mkdir()
    with open(folder / "<script>.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([f"{HOSTILE}", "height\u202e{{ 7*7 }}", "class"])
        for k in range(30):
            writer.writerow([k, 2 * k, [HOSTILE, "</table>{% raw %}", "\u202eevil", "a" * 500][k % 4]])
    answer = program("report", folder / "<script>.csv", "-o", folder / "<b>.html")
    assert answer.code == 0, answer.stderr
    page = checked(folder / "<b>.html")
    assert "<script>.csv" in page.all("h1")[0]["text"]
    assert HOSTILE in page.text and "{{ 7*7 }}" in page.text and "a" * 70 not in page.text
    assert not page.all("svg") or all("picture" != svg["attributes"]["class"] for svg in page.all("svg"))


@pytest.mark.parametrize("rows", ["1,a\n1,b\n2,a\n", "1,a\n2,a\n3,a\n", "1,a\n2,b\n"])
def test_small_and_hopeless_data(program, tmp_path, rows):
    """Equal samples with different labels, one label, two samples: there is a page, and it says so."""
    (tmp_path / "data.csv").write_text(rows)
    answer = program("report", tmp_path / "data.csv", "--no-header", "-o", tmp_path / "report.html")
    assert answer.code == 0, answer.stderr
    page = checked(tmp_path / "report.html")
    assert ("why" in answer.json["built"]) == ("None was built" in page.text)
    refused = program("report", tmp_path / "data.csv", "-o", tmp_path / "r.html", "--network", tmp_path / "n.onnx", "--no-header")
    assert refused.code == (1 if "why" in answer.json["built"] else 0)
    assert (tmp_path / "n.onnx").exists() == (refused.code == 0)
