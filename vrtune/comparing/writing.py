"""A comparison as people read it: on a terminal, in Markdown, in LaTeX, in a notebook."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vrtune.comparing import latex
from vrtune.comparing.columns import Bold, Column, Part, budgets, chosen, costs, methods, results
from vrtune.comparing.evidence import Kind
from vrtune.comparing.formats import markdown, marked, web
from vrtune.comparing.notes import Note
from vrtune.comparing.pairs import pair_notes, pairs, parts, with_method
from vrtune.display.figures import safe
from vrtune.display.tables import Block, blocks, broken

if TYPE_CHECKING:
    from vrtune.comparing.compare import Comparison

FEW = 6  # methods whose pairs are all shown
LABEL = 14  # columns before a sentence
READABLE = 100  # columns of sentences, at most
BY: dict[Kind, str] = {
    "folds": "by fold",
    "seeds": "by seed",
    "equal trials": "equal trials",
    "equal gradient computations": "equal cost",
}
CONCLUDED = ("folds", "seeds")  # what the conclusion repeats
LEGEND = "{} is the standard deviation over folds, or over seeds; costs are gradient computations"
PAIRED = (
    "differences, first minus second; 95 % intervals and 1st/equal/2nd (how probable it is that "
    "the first is better, neither, or the second) are of a pair alone, p is corrected for all "
    "(Holm); by fold fresh starts alone count where there are any; equal trials and equal cost go "
    "by the values that settings were chosen by, so no 5 % holds for them"
)
BOLD = "bold: the best, and what can't be told from it at a level of 5 %, corrected by Holm"
NOT_BOLD = "nothing is bold where no method can be told from the best"


@dataclass(frozen=True)
class _Evidence:
    """The pairs that are shown: tables, each with the names of its pairs before its parts."""

    tables: list[tuple[Column, list[Part]]]
    notes: list[str]


def as_text(found: Comparison, width: int, *, only_pairs: bool = False) -> list[Block]:
    """Tables, what to bear in mind, and at the end what they say."""
    evidence, left = _evidence(found, every=only_pairs), methods(found.rows)
    tables = [*results(found.rows), *budgets(found.rows), *costs(found.rows)]
    first = [*_table(left, tables, width), *_table(left, chosen(found.rows), width)]
    said = [(BY[v.kind], Note(text=v.sentence)) for v in found.verdicts if v.kind not in CONCLUDED]
    said += [("how sure", Note(text=claim)) for claim in _claims(found)]
    said += [("conclusion", Note(text=found.conclusion))]
    notes = [("note", note) for note in _notes(found, evidence, "+-", only_pairs=only_pairs)]
    return [
        *([] if only_pairs else first),
        *(block for names, those in evidence.tables for block in _table(names, those, width)),
        *_sentences(notes, width),
        *_sentences([] if only_pairs else said, width),
    ]


def as_markdown(found: Comparison, *, only_pairs: bool = False) -> str:
    """Tables as GitHub reads them, and what they say."""
    evidence, rows, bold = _evidence(found, every=only_pairs), found.rows, _bold(found)
    columns = [*results(rows, sign="±", least=2), *budgets(rows, least=2), *costs(rows)]
    table = markdown(methods(rows), [*columns, *chosen(rows)], bold)
    said = [] if only_pairs else [*_verdicts(found), *_claims(found)]
    notes = _notes(found, evidence, "±", only_pairs=only_pairs)
    texts = [
        "" if only_pairs else table,
        *(markdown(names, those) for names, those in evidence.tables),
        "" if only_pairs else marked(safe(found.conclusion)),
        _list(said),
        _list([*_about(bold, only_pairs), *map(str, notes)]),
    ]
    return "\n\n".join(filter(None, texts)) + "\n"


def as_latex(found: Comparison, *, only_pairs: bool = False) -> str:
    """Tables for a paper; what they say stands in comments."""
    evidence, rows, bold = _evidence(found, every=only_pairs, places=3), found.rows, _bold(found)
    reached, (*spent, trials), (_, setting) = (
        results(rows, sign="±", least=2),
        costs(rows),
        chosen(rows),
    )
    pages = [reached[:2], [*reached[2:], *budgets(rows, least=2)], spent, [trials, setting]]
    tables = [] if only_pairs else [latex.tabular(methods(rows), p, bold) for p in pages if p]
    tables += [latex.tabular(names, [part]) for names, those in evidence.tables for part in those]
    said = [] if only_pairs else [found.conclusion, *_verdicts(found), *_claims(found)]
    said += _about(bold, only_pairs)
    said += map(str, _notes(found, evidence, "±", only_pairs=only_pairs))
    head = [latex.NEEDS, *(safe(text) for text in said if text)]
    return "\n\n".join(["\n".join(f"% {line}" for line in head), *tables]) + "\n"


def as_web(found: Comparison) -> str:
    """Tables for a notebook, and what they say."""
    evidence, rows = _evidence(found, every=False), found.rows
    columns = [*results(rows, sign="±"), *budgets(rows), *costs(rows), *chosen(rows)]
    tables = [web(methods(rows), columns, _bold(found))]
    tables += [web(names, those) for names, those in evidence.tables]
    said = [found.conclusion, *_verdicts(found), *_claims(found)]
    said += map(str, _notes(found, evidence, "±", only_pairs=False))
    texts = [f"<p>{html.escape(safe(text))}</p>" for text in said if text]
    return "".join([*tables, *texts])


def _evidence(found: Comparison, *, every: bool, places: int = 4) -> _Evidence:
    """All pairs; of many methods, in each way of comparing, those with the best alone."""
    best = {v.kind: v.best for v in found.verdicts if v.best}
    if len(found.rows) <= FEW or not best or every:
        columns = parts(found.differences, places)
        tables = [(pairs(found.differences), columns)] if columns else []
        return _Evidence(tables, pair_notes(found.differences))
    shown = [
        with_method(own, best[kind]) if kind in best else own
        for kind in BY
        if (own := [d for d in found.differences if d.kind == kind])
    ]
    tables = [(pairs(own), columns) for own in shown if (columns := parts(own, places))]
    count = len({(each.first, each.second) for each in found.differences})
    note = f"only the pairs with the best of each table are shown; all {count}: --pairs, pairs=True"
    return _Evidence(tables, [note, *pair_notes([d for own in shown for d in own])])


def _notes(found: Comparison, evidence: _Evidence, sign: str, *, only_pairs: bool) -> list[Note]:
    """What to bear in mind."""
    legend = [] if only_pairs else [LEGEND.format(sign)]
    paired = [PAIRED] if evidence.tables else []
    own = [Note(text=text) for text in (*legend, *paired, *evidence.notes)]
    return [*own, *(() if only_pairs else found.notes)]


def _verdicts(found: Comparison) -> list[str]:
    """A sentence each, but for what the conclusion says."""
    return [v.sentence for v in found.verdicts if v.kind not in CONCLUDED]


def _claims(found: Comparison) -> list[str]:
    """How far what the conclusion says can be trusted."""
    return [f"{BY[v.kind]}: {v.claim}" for v in found.verdicts if v.claim and v.kind in CONCLUDED]


def _bold(found: Comparison) -> Bold:
    """Of each way of comparing the rows of those that can't be told from the best, if that is said
    of some and not of all."""
    place = {row.method: i for i, row in enumerate(found.rows)}
    bold = {}
    for verdict in found.verdicts:
        level = {place[label] for label in (verdict.best, *verdict.level) if label in place}
        if verdict.winner or verdict.worse:
            bold[verdict.kind] = level
    return bold


def _about(bold: Bold, only_pairs: bool) -> list[str]:
    return [] if only_pairs else [BOLD if bold else NOT_BOLD]


def _table(first: Column, of: Sequence[Part], width: int) -> list[Block]:
    if not of:
        return []
    columns = [[[c.heading, *c.cells] for c in part] for part in of]
    return blocks([first.heading, *first.cells], columns, width)


def _sentences(said: Sequence[tuple[str, Note]], width: int) -> list[Block]:
    """A word and a sentence, which breaks at blanks; a command stays whole."""
    lines, room = [], min(width, READABLE) - LABEL
    for i, (label, note) in enumerate(said):
        shown = "" if i and said[i - 1][0] == label else label
        texts = broken(safe(note.text + ":" * bool(note.command)), max(room, LABEL))
        texts += [safe(note.command)] if note.command else []
        for text in texts:
            lines.append(f"{shown:<{LABEL}}{text}")
            shown = ""
    return [Block("", tuple(lines))] if lines else []


def _list(sentences: Sequence[str]) -> str:
    return "\n".join(f"- {marked(safe(sentence))}" for sentence in sentences)
