"""Rows for numbers that have none: values of records that round to them, by the labels beside them.

In a table all cells of a column are looked for under one name, and those of a line in one row of
the record, so that a match by chance does not stand. Elsewhere a number of at most two digits is
left to a person.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from quoted_parts.elements import Element
from quoted_parts.records import rounded
from quoted_parts.tokens import Token

SCALES = {"{}": 1.0, "100 * {}": 100.0, "{} / 1e6": 1e-6}
Key = tuple[str, str]  # a value's place in its row, and how it is scaled


@dataclass(frozen=True)
class Cell:
    """A number in a table: its line, its column, and the how manyeth of its cell it is."""

    token: Token
    line: int
    column: tuple[int, int]
    words: frozenset[str]  # of the line's first cells and the column's head


@dataclass(frozen=True)
class Match:
    record: str
    where: str
    score: float


def scales(text: str, token: Token) -> list[str]:
    """How a value may have been scaled, by what follows the number."""
    after = text[token.end : token.end + 3].lstrip(" ")
    if after.startswith("%"):
        return ["100 * {}", "{}"]
    if after.startswith("M"):
        return ["{} / 1e6"]
    return ["{}"]


def cells(text: str, found: Sequence[Token]) -> Iterator[list[Cell]]:
    """The tables of a document, each as its numbers."""
    inside = {token.start: token for token in found}
    for block in re.finditer(r"(?:^\|.*\n)+", text, re.M):
        lines = block[0].splitlines()
        head = [word_set(cell) for cell in _split(lines[0])]
        start, made = block.start(), []
        for line, body in enumerate(lines):
            parts = _split(body)
            place = start + 1
            told = word_set(" ".join(parts[:4]))
            for column, part in enumerate(parts if line else []):
                mine = [t for s, t in inside.items() if place <= s < place + len(part)]
                for nth, token in enumerate(sorted(mine, key=lambda t: t.start)):
                    top = head[column] if column < len(head) else set()
                    made.append(Cell(token, line, (column, nth), frozenset(told | top)))
                place += len(part) + 1
            start += len(body) + 1
        if made:
            yield made


def _split(line: str) -> list[str]:
    """The cells of a line, each as long as it stands there."""
    return re.split(r"(?<!\\)\|", line.strip("\n"))[1:-1]


def word_set(text: str) -> set[str]:
    """Lower-case words and numbers."""
    return set(re.findall(r"[a-z]+|\d[\d.]*", text.lower().replace("-", " ").replace("_", " ")))


def in_table(
    text: str, table: Sequence[Cell], groups: Sequence[Sequence[Element]]
) -> dict[Token, Match]:
    """The best reading of each cell; of several records the one its line and column agree on."""
    read: dict[Token, dict[str, Match]] = defaultdict(dict)
    for elements in groups:
        for reading in (_by_line(text, table, elements), _by_cell(text, table, elements)):
            for column, size in Counter(cell.column for cell in table).items():
                hits = [c for c in table if c.column == column and c.token in reading]
                for cell in hits if len(hits) > 1 else []:
                    match = reading[cell.token]
                    match = replace(match, score=len(hits) / size + 0.2 * match.score)
                    before = read[cell.token].get(match.record)
                    if before is None or match.score > before.score:
                        read[cell.token][match.record] = match
    best = {
        token: max(found.values(), key=lambda match: match.score) for token, found in read.items()
    }
    lines, columns = Counter[tuple[int, str]](), Counter[tuple[tuple[int, int], str]]()
    for cell in table:
        if cell.token in best:
            lines[cell.line, best[cell.token].record] += 1
            columns[cell.column, best[cell.token].record] += 1

    def agreed(cell: Cell, match: Match) -> float:
        near = lines[cell.line, match.record] + columns[cell.column, match.record]
        return near + 0.1 * match.score

    return {
        cell.token: max(read[cell.token].values(), key=partial(agreed, cell))
        for cell in table
        if cell.token in best
    }


def _matches(text: str, token: Token, element: Element) -> list[Key]:
    low, high = rounded(token.number)
    found = []
    for scale in scales(text, token):
        by = SCALES[scale]
        found += [
            (name, scale)
            for name, value in element.values.items()
            if (value == token.number if isinstance(value, str) else low <= value * by <= high)
        ]
    return found


def _by_line(text: str, table: Sequence[Cell], elements: Sequence[Element]) -> dict[Token, Match]:
    """A line of the table is a row of the record; which, and the columns' names, by turns."""
    lines: dict[int, list[Cell]] = defaultdict(list)
    for cell in table:
        lines[cell.line].append(cell)
    hits = {
        (cell.token, place): set(_matches(text, cell.token, element))
        for cell in table
        for place, element in enumerate(elements)
    }
    names: dict[tuple[int, int], Key] = {}

    def fits(cell: Cell, place: int) -> bool:
        found = hits[cell.token, place]
        return names[cell.column] in found if cell.column in names else bool(found)

    def worth(line: int, place: int) -> float:
        told = len(lines[line][0].words & elements[place].words)
        return sum(fits(cell, place) for cell in lines[line]) + 0.5 * told

    for _ in range(4):
        rows = {
            line: max(range(len(elements)), key=lambda place: worth(line, place)) for line in lines
        }
        votes: dict[tuple[int, int], Counter[Key]] = defaultdict(Counter)
        for cell in table:
            votes[cell.column].update(hits[cell.token, rows[cell.line]])
        names = {column: _first(count) for column, count in votes.items() if count}
    found = {}
    for line, mine in lines.items():
        element, good = elements[rows[line]], [c for c in mine if fits(c, rows[line])]
        for cell in good:
            told = min(len(cell.words & element.words), 3)
            score = len(good) / len(mine) + 0.3 * told
            if cell.column in names:
                found[cell.token] = _match(element, names[cell.column], score)
    return found


def _first(votes: Counter[Key]) -> Key:
    """The one that most agree on; of equals the shortest name."""
    return min(votes, key=lambda key: (-votes[key], len(key[1]), len(key[0]), key))


def _by_cell(text: str, table: Sequence[Cell], elements: Sequence[Element]) -> dict[Token, Match]:
    """A cell is a row of the record, of the labels of its line and column; all under one name."""
    votes: Counter[Key] = Counter()
    hits = {}
    for cell in table:
        most = max(len(cell.words & element.words) for element in elements)
        if not most:
            continue
        near = [e for e in elements if len(cell.words & e.words) == most]
        hits[cell.token] = [(e, _matches(text, cell.token, e), most) for e in near]
        votes.update({key for _, keys, _ in hits[cell.token] for key in keys})
    ranked = sorted(votes, key=lambda key: (-votes[key], len(key[0]), key))
    order = {key: rank for rank, key in enumerate(ranked)}
    found = {}
    for token, each in hits.items():
        fits = [(order[key], e, key, most) for e, keys, most in each for key in keys]
        if fits:
            rank, element, key, most = min(fits, key=lambda fit: fit[0])
            if votes[key] > 1:
                found[token] = _match(element, key, 0.3 * min(most, 3) - 0.05 * rank)
    return found


def in_prose(text: str, token: Token, groups: Sequence[Sequence[Element]]) -> list[Match]:
    """Values that round to a number, those first whose labels stand in its sentence."""
    start = max(text.rfind(". ", 0, token.start), text.rfind("\n\n", 0, token.start), 0)
    said = word_set(text[start : token.end + 60])
    near = word_set(text[max(0, token.start - 60) : token.end + 30])
    found: dict[str, Match] = {}
    for elements in groups:
        for element in elements:
            told = len(said & element.words) + 2 * len(near & element.words)
            for name, scale in _matches(text, token, element):
                own = 3 * len(near & word_set(name)) + len(said & word_set(name))
                match = _match(element, (name, scale), told + own - 0.01 * len(name))
                found.setdefault(match.where, match)
    return sorted(found.values(), key=lambda match: -match.score)


def _match(element: Element, key: Key, score: float) -> Match:
    name, scale = key
    return Match(element.record, scale.format(name.format(element.where)), score)


def linked(text: str, records: Mapping[str, Mapping[str, object]]) -> list[str]:
    """The records that a section names, or whose script it names."""
    names = set(re.findall(r"([\w-]+)\.json", text))
    scripts = set(re.findall(r"benchmarks/(\w+\.py)", text))
    return [
        path
        for path, data in records.items()
        if path.split("/")[-1][:-5] in names
        or any(script in str(data.get("command", "")) for script in scripts)
    ]
