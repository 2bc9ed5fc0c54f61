"""The numbers that stand in a document: in prose, in tables, and in what a program said (```text).

Numbers in code, in links and in names (ResNet-18, H100, float32, Table 1, torch 2.15, a citation's
year) are none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```[^\n]*$", re.M | re.S)
HEADING = re.compile(r"^#{1,6} (.+)$", re.M)
CODE = re.compile(r"(`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)\1(?!`)", re.S)  # in a line
HIDDEN = (
    re.compile(r"<!--.*?-->", re.S),
    CODE,
    re.compile(r"!\[[^]]*\]\([^)]*\)"),
    re.compile(r"(?<=\])\([^)\s]*\)"),  # where a link goes
    re.compile(r"https?://\S+"),
    re.compile(r"^ *\d+\. ", re.M),  # of a list
    re.compile(
        r"\b(?:[Tt]ables?|[Ff]igures?|[Ss]ections?|[Dd]ocuments?) \d+(?:\.\d+)*(?: and \d+)?"
    ),
    re.compile(r"\b(?:torch|PyTorch|Python|CUDA|PostgreSQL|vrtune) \d[\d.]*\d"),
    re.compile(r"\bH[12]00 \d+ ?GB"),
    re.compile(r"(?:\b[A-Z][\w&'-]*|al\.),? (?:19|20)\d\d(?![\d,.]\d)"),  # Bottou 2019
)
UNITS = r"(?:M|k|s|ms|h|x|GB|MB|kB|GiB|MiB)"
NUMBER = re.compile(
    r"(?<![\w.,^/])(?<![A-Za-z]-)"  # neither a part of a word nor of another number
    r"(?:\d+(?:x\d+)+|\d+/\d+|"  # 28x28, 1/3
    r"(?:(?<![\w)])[-\u2212])?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:e[-+]?\d+|\^\d+)?)"
    rf"(?={UNITS}?(?![A-Za-z\d_/]))"
)


@dataclass(frozen=True)
class Token:
    """A number of a document: under which heading, as written, and where in the text."""

    section: str
    number: str
    start: int
    end: int


def hidden(text: str) -> str:
    """`text` with blanks in place of all whose numbers do not count; every place stays."""
    out = FENCED.sub(_said, text)
    for pattern in HIDDEN:
        out = pattern.sub(lambda m: _blank(m[0]), out)
    return out


def headings(text: str) -> list[tuple[int, str]]:
    """Where each heading stands, and what it says."""
    bare = FENCED.sub(lambda m: _blank(m[0]), text)
    return [(m.start(), m[1].strip()) for m in HEADING.finditer(bare)]


def tokens(text: str) -> list[Token]:
    """All numbers that count, in order."""
    heads = headings(text)[::-1]
    found = []
    for m in NUMBER.finditer(hidden(text)):
        if re.fullmatch(r"0\d+", m[0]):  # 003 is a document's name
            continue
        section = next((name for start, name in heads if start <= m.start()), "")
        found.append(Token(section, m[0].replace("\u2212", "-"), m.start(), m.end()))
    return found


def code(text: str, section: str) -> str:
    """What stands in code under a heading."""
    heads = [*headings(text), (len(text), "")]
    for (start, name), (end, _) in pairwise(heads):
        if name == section:
            part = text[start:end]
            blocks = [m[3] for m in FENCED.finditer(part)]
            return "\n".join([*blocks, *(m[0] for m in CODE.finditer(FENCED.sub("", part)))])
    return ""


def _said(block: re.Match[str]) -> str:
    """What a program printed stays, without its fence."""
    if block[2] != "text":
        return _blank(block[0])
    start, end = block.start(3) - block.start(), block.end(3) - block.start()
    return _blank(block[0][:start]) + block[3] + _blank(block[0][end:])


def _blank(text: str) -> str:
    return re.sub(r"[^\n]", " ", text)
