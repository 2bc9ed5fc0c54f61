"""docs/numbers.csv: a row a number of a document, with the record it comes from; what is wrong."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from difflib import SequenceMatcher
from pathlib import Path

from quoted_parts.records import Records, agrees, number
from quoted_parts.tokens import NUMBER, Token, code, tokens

KINDS = {
    "arithmetic": "an expression of numbers, which is computed",
    "code": "a file of the repository, and words that stand with the number in a line of it",
    "command": "an option in the same section's code, with the number behind it",
    "definition": "what the words or the method mean by themselves",
    "paper": "what a paper or the source project says: name it",
    "setting": "what somebody chose, which no record holds: say what it sets",
}


@dataclass(frozen=True)
class Row:
    """A number as written, and the value of the record that it was rounded from.

    Without a record it was not measured, and `where` is one of `KINDS`, a colon and a few words.
    """

    document: str
    section: str
    number: str
    record: str
    where: str


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return [Row(**line) for line in csv.DictReader(file)]


def write(path: Path, rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([field.name for field in fields(Row)])
        out.writerows(map(astuple, rows))


def false(row: Row, root: Path, records: Records, text: str) -> str:
    """Why a row does not hold its number, in a sentence; nothing where it does."""
    wrong = _unrecorded(row, records) if row.record else _unsaid(row, root, records, text)
    return wrong and f'{row.document}, "{row.section}": {row.number} {wrong}'


def _unrecorded(row: Row, records: Records) -> str:
    """Of a number that was measured."""
    if not re.search(r"\br\[|\boption\(", row.where):
        return f"comes from {row.where}, which reads nothing in docs/{row.record}"
    try:
        value = records.value(row.record, row.where)
    except Exception as error:
        return f"comes from {row.where} of docs/{row.record}, which is {error!r}"
    if agrees(row.number, value):
        return ""
    return f"is written, but {row.where} of docs/{row.record} is {value!r}"


def _unsaid(row: Row, root: Path, records: Records, text: str) -> str:
    """Of a number that was not."""
    kind, _, said = (part.strip() for part in row.where.partition(":"))
    if kind not in KINDS or not said:
        return f"has no record: its `where` must be one of {', '.join(KINDS)}, then ': what'"
    if kind == "arithmetic":
        if not any(sign in said.partition("#")[0] for sign in "+-*/("):
            return f"is no result of {said}, which computes nothing"
        if not agrees(row.number, value := records.value("", said)):
            return f"is written, but {said} is {value!r}"
    if kind == "code":
        name, _, words = said.partition(" ")
        path = root / name
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        if not words or not any(words in line and _holds(line, row.number) for line in lines):
            return f"does not stand beside {words or 'any words'!r} in a line of {name}"
    if kind == "command":
        lines = code(text, row.section).splitlines()
        if not any(said in line and _holds(line, row.number) for line in lines):
            return f"does not stand beside {said!r} in that section's code"
    return ""


def _holds(line: str, wanted: str) -> bool:
    """Whether a number of that value stands in a line."""
    if "x" in wanted:
        return wanted in line
    found = NUMBER.finditer(line.replace("=", " ").replace("_", ""))
    return any("x" not in m[0] and number(m[0]) == number(wanted) for m in found)


def documents(root: Path) -> dict[str, str]:
    """The text of README.md and of all documents in docs/."""
    paths = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}


def unlike(document: str, text: str, rows: Sequence[Row]) -> list[str]:
    """Where the numbers of a document are not those of its rows, section by section, in order."""
    found = []
    written: dict[str, list[Token]] = {}
    for token in tokens(text):
        written.setdefault(token.section, []).append(token)
    held: dict[str, list[Row]] = {}
    for row in rows:
        if row.document == document:
            held.setdefault(row.section, []).append(row)
    for section in {**written, **held}:
        there, kept = written.get(section, []), held.get(section, [])
        ours, theirs = [t.number for t in there], [row.number for row in kept]
        for _, a, b, c, d in SequenceMatcher(None, theirs, ours, autojunk=False).get_opcodes():
            if theirs[a:b] == ours[c:d]:
                continue
            for token in there[c:d]:
                near = " ".join(text[max(0, token.start - 40) : token.end + 20].split())
                found.append(
                    f'{document}, "{section}": no row of docs/numbers.csv holds {token.number} '
                    f"(... {near} ...); python benchmarks/quoted.py {document} proposes one"
                )
            found += [
                f'{document}, "{section}": docs/numbers.csv has {row.number} '
                f"({row.where}), which stands there no more, or elsewhere; take the row out"
                for row in kept[a:b]
            ]
    return found
