"""The page: one file, in order, and nothing in it is taken for what it is not."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from reference.made_studies import EVIL, NAMES, make

from vrtune.display.measures import Measure
from vrtune.reporting.report import Report, report
from vrtune.storages.opening import open_storage

VOID = {"meta", "link", "img", "br", "hr", "input", "line", "wbr"}


class Reader(HTMLParser):
    """Elements with their attributes, texts by element, and whether all are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [data for name, data in self.texts if name == tag]


@pytest.fixture(scope="module")
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def read(text: str) -> Reader:
    return Reader(text)


def test_elements_are_closed_and_ids_are_their_own(read: Reader) -> None:
    assert read.open == []
    ids = [attrs["id"] for _, attrs in read.elements if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert not any(re.search(r"\s", str(name)) for name in ids)


def test_plotly_is_there_once_and_nothing_is_fetched(read: Reader, text: str) -> None:
    scripts = [attrs for attrs in read.of("script") if "type" not in attrs]
    assert len(scripts) == 2
    assert text.count("plotly.js v") == 1
    for tag, attrs in read.elements:
        for name in ("src", "href", "srcset", "action", "poster"):
            to = attrs.get(name) or ""
            assert to.startswith(("#", "data:")) or not to, (tag, to)
    (style,) = read.said("style")
    assert "url(" not in style
    assert "@import" not in style


def test_the_policy_allows_the_two_programs_alone(read: Reader, text: str) -> None:
    (policy,) = [m["content"] for m in read.of("meta") if m.get("http-equiv")]
    programs = re.findall(r"<script>(.*?)</script>", text, re.S)
    hashes = {
        base64.b64encode(hashlib.sha256(program.encode()).digest()).decode() for program in programs
    }
    assert set(re.findall(r"'sha256-([^']+)'", str(policy))) == hashes
    assert str(policy).startswith("default-src 'none'")
    assert "unsafe-eval" not in str(policy)


def test_foreign_names_are_no_markup(read: Reader, text: str) -> None:
    """Of studies, settings and what Plotly reads; each is shown letter by letter."""
    assert not read.of("img")
    assert EVIL not in text
    said = "".join(data for _, data in read.texts)
    assert EVIL in said
    assert NAMES[1] in said


def test_each_figure_has_its_title_a_sentence_and_its_data(found: Report, read: Reader) -> None:
    figures = read.of("figure")
    assert len(figures) == len(found) == len(read.of("figcaption")) > 8
    kept = [json.loads(data) for data in read.said("script") if data.startswith('{"figure"')]
    for (name, panel), given in zip(found.items(), kept, strict=True):
        assert given["file"] == name
        assert given["csv"] == panel.csv()
        assert len(given["figure"]["data"]) == len(panel.figure.data)
    plots = [attrs for attrs in read.of("div") if attrs.get("class") == "plot"]
    assert all(attrs["aria-label"] for attrs in plots)
    buttons = {attrs["data-csv"] for attrs in read.of("button")}
    assert {attrs["data-from"] for attrs in plots} == buttons


def test_sections_come_in_reading_order(read: Reader) -> None:
    assert read.said("h2") == [
        "Result",
        "How sure",
        "Notes",
        "Methods side by side",
        "Studies",
        "How it was made",
        "What is missing",
    ]
    assert len(read.of("h1")) == 1
    levels = [int(tag[1]) for tag, _ in read.elements if re.fullmatch(r"h\d", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_table_has_a_row_a_method(found: Report, read: Reader, text: str) -> None:
    tables = [t for t in text.split("<table>")[1:] if "What each method reached" in t]
    assert len(tables) == 1
    body = tables[0].partition("<tbody>")[2].partition("</tbody>")[0]
    assert body.count("<tr>") == 3
    assert f"{0.95:.4f} ± 0.0100" in body
    assert body.count("<svg") == 3  # the lines that stand for methods in figures


def test_commands_that_would_add_what_is_missing(found: Report, read: Reader) -> None:
    (first, *_) = read.said("code")
    assert "vrtune retrain" in first
    assert first.endswith("-- -storm")
    assert any("vrtune diagnose" in said for said in read.said("code"))


def test_a_long_page_has_contents_and_folds_studies(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/many.db"
    storage = open_storage(url)
    for number in range(6):
        make(storage, f"study {number}", "sgd", trials=3)
    read = Reader(report(storage=url).html())
    links = [str(attrs["href"]).removeprefix("#") for attrs in read.of("a")]
    ids = {attrs.get("id") for _, attrs in read.elements}
    assert len(links) > 6
    assert set(links) <= ids
    folded = [attrs for attrs in read.of("details") if str(attrs.get("id")).startswith("study-")]
    assert ["open" in attrs for attrs in folded] == [True] * 3 + [False] * 3


def test_one_study_alone_has_its_page(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/one.db"
    make(open_storage(url), "one", "sgd", trials=3)
    read = Reader(report("one", storage=url).html())
    assert read.open == []
    assert len(read.of("figure")) > 3
    assert not read.of("nav")


def test_a_study_with_nothing_to_say_breaks_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/none.db"
    make(open_storage(url), "none", "storm", trials=0)
    read = Reader(report(storage=url).html())
    assert read.open == []
    assert any("no complete trial" in said for said in read.said("p"))


def test_the_table_says_what_its_signs_mean(text: str) -> None:
    assert "± is the standard deviation" in text


def test_a_page_of_numbers_speaks_of_their_metric(url: str) -> None:
    for name in ("sgd", "adam"):
        make(open_storage(url), name, name, measure=Measure("r2", "r2", "maximize"))
    html = report(storage=url).html()
    said = html[html.index("<header>") : html.index("</main>")]  # before Plotly's own program
    assert said.count("validation r2") > 4
    assert "Test r2 over epochs" in said
    assert "accuracy" not in said
    assert "validation loss" not in said
