"""Foreign texts and data in a page: shown letter by letter, and read back as they were."""

from __future__ import annotations

import html
import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrtune.reporting import markup

EVIL = [
    "</script><script>alert(1)</script>",
    "<!--",
    "-->",
    "&lt;",
    "]]>",
    "'\"`",
    "a\u2028b",
    "\x00",
]


class Scripts(HTMLParser):
    """What script elements hold, and all other elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inside, self.tags = list[str](), list[str]()
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.inside.append(data)


@pytest.mark.parametrize("evil", EVIL)
def test_json_in_a_script_ends_where_it_should(evil: str) -> None:
    parts = {"a": json.dumps(evil), evil: json.dumps([evil, 1.5, None])}
    read = Scripts(markup.embedded("data-1", parts))
    assert read.tags == ["script"]
    assert json.loads("".join(read.inside)) == {"a": evil, evil: [evil, 1.5, None]}


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_text_in_a_script_is_read_back(text: str) -> None:
    read = Scripts(markup.embedded("data-1", {"a": json.dumps(text)}))
    assert json.loads("".join(read.inside)) == {"a": text}
    assert read.tags == ["script"]


@pytest.mark.parametrize("evil", EVIL)
def test_text_is_no_markup_and_ends_no_attribute(evil: str) -> None:
    said = markup.text(evil)
    assert not set("<>\"'\u2028\x00") & set(said)
    assert html.unescape(said) == evil.replace("\u2028", "\\u2028").replace("\x00", "\\x00")


def test_what_is_empty_makes_no_section() -> None:
    assert markup.section("a", "A", "") == ""
    assert "<h2>A</h2>" in markup.section("a", "A", "<p>x</p>")


def test_a_table_has_scopes_and_a_name() -> None:
    made = markup.table(("study", "<seed>"), [("a<b", 1), ("c", 2)], "How & why")
    assert made.count('scope="col"') == 2
    assert made.count('scope="row"') == 2
    assert "a&lt;b" in made
    assert 'aria-label="How &amp; why"' in made
    assert "<seed>" not in made
