"""The numbers of README.md and docs/ beside the records that they come from: docs/numbers.csv.

    python benchmarks/quoted.py [DOCUMENT ...] [--write]

Prints what is wrong with the table, and proposes a row for every number that has none: where a
record of that section (linked there, or written by a script named there) has a value that rounds
to it. With --write the table is written anew, in the documents' order; a proposal is to be read
before it is believed, and a number for which nothing is found gets `?`, to be filled in by hand.
tests/test_numbers.py holds the table to documents and records.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from quoted_parts import table
from quoted_parts.elements import Element, groups
from quoted_parts.matching import Match, cells, in_prose, in_table, linked
from quoted_parts.records import Records
from quoted_parts.table import Row
from quoted_parts.tokens import Token, tokens

ROOT = Path(__file__).parents[1]
UNKNOWN = "?"
Groups = dict[str, list[Element]]  # of the rows of a record, by where they stand in it


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", nargs="*", help="README.md, docs/load.md ...; default: all")
    parser.add_argument("--write", action="store_true", help="write docs/numbers.csv anew")
    given = parser.parse_args()
    texts, path = table.documents(ROOT), ROOT / "docs" / "numbers.csv"
    rows, records = table.read(path), Records(ROOT / "docs")
    asked = given.documents or list(texts)
    kept = {name: [row for row in rows if row.document == name] for name in texts}
    for name in asked:
        faults = [table.false(row, ROOT, records, texts[name]) for row in kept[name]]
        for fault in (*filter(None, faults), *table.unlike(name, texts[name], rows)):
            print(fault)
    for name in asked:
        known, kept[name] = kept[name], proposed(ROOT, name, texts[name], kept[name])
        for row in kept[name]:
            if row not in known:
                print(f"{name}, {row.section}: {row.number} = {row.where} of {row.record or '-'}")
    if given.write:
        table.write(path, [row for each in kept.values() for row in each])


def proposed(root: Path, document: str, text: str, rows: list[Row]) -> list[Row]:
    """A row for every number of a document: those that it has, and proposals for the others.

    A number that moved keeps its row where nothing else is found for it: cells that changed places
    come from other rows than before.
    """
    written: dict[str, list[Token]] = {}
    for token in tokens(text):
        written.setdefault(token.section, []).append(token)
    own = {token: row for name, there in written.items() for token, row in _kept(name, there, rows)}
    used = {id(row) for row in own.values()}
    moved = [row for row in rows if id(row) not in used]
    records: dict[str, tuple[dict[str, Any], Groups]] = {}
    for section, there in written.items():
        missing = [token for token in there if token not in own]
        if not missing:
            continue
        records = records or _records(root / "docs")
        for token, match in _guessed(text, there, missing, records).items():
            before = next((row for row in moved if row.number == token.number), None)
            record, where = (match.record, match.where) if match else ("", UNKNOWN)
            if before and not match:
                moved.remove(before)
                record, where = before.record, before.where
            own[token] = Row(document, section, token.number, record, where)
    return [own[token] for there in written.values() for token in there]


def _kept(section: str, there: list[Token], rows: list[Row]) -> Iterator[tuple[Token, Row]]:
    """The numbers of a section that have their row, in order."""
    held = [row for row in rows if row.section == section]
    theirs, ours = [row.number for row in held], [token.number for token in there]
    for a, b, size in SequenceMatcher(None, theirs, ours, autojunk=False).get_matching_blocks():
        yield from zip(there[b : b + size], held[a : a + size], strict=True)


def _guessed(
    text: str,
    there: list[Token],
    missing: list[Token],
    records: dict[str, tuple[dict[str, Any], Groups]],
) -> dict[Token, Match | None]:
    """What the numbers of a section that have no row may come from."""
    start, end = text.rfind("\n#", 0, there[0].start) + 1, text.find("\n#", there[-1].end)
    raw = {path: data for path, (data, _) in records.items()}
    near = linked(text[start : end if end > 0 else None], raw) or linked(text, raw)
    lists = [each for path in near for name, each in records[path][1].items() if name and each]
    lists.append([element for path in near for element in records[path][1][""]])
    found: dict[Token, Match | None] = dict.fromkeys(missing)
    for block in cells(text, missing):
        found |= in_table(text, block, lists)
    for token in missing:
        digits = token.number.replace(".", "").replace(",", "").strip("-0")
        if found[token] is None and len(digits) > 2:
            found[token] = next(iter(in_prose(text, token, lists)), None)
    return found


def _records(docs: Path) -> dict[str, tuple[dict[str, Any], Groups]]:
    """All records of docs/, whole and taken apart."""
    found = {}
    for path in sorted([*docs.glob("benchmarks/*.json"), *docs.glob("figures/*.json")]):
        name, data = path.relative_to(docs).as_posix(), json.loads(path.read_text(encoding="utf-8"))
        found[name] = data, groups(name, data)
    return found


if __name__ == "__main__":
    main()
