r"""A comparison as LaTeX: tables that need \usepackage{booktabs} and nothing else."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import groupby

from vrtune.comparing.columns import NOTHING, Bold, Column, Part

NEEDS = r"needs \usepackage{booktabs}"
PLUS_MINUS = r"$\pm$"
ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{c: f"${c}$" for c in "<>|"},
    '"': "{''}",  # not every encoding of fonts has a straight one
    "[": "{[}",  # after the end of a row it would be a length
    "*": "{*}",
    **{c: f"{{{c}}}" for c in "`'"},
    **{c: f"\\{c}" for c in "&%$#_{}"},
}
ACCENTS = {  # that combine with the letter before them
    "\u0300": r"\`", "\u0301": r"\'", "\u0302": r"\^", "\u0303": r"\~", "\u0304": r"\=",
    "\u0306": r"\u", "\u0307": r"\.", "\u0308": r"\"", "\u030a": r"\r", "\u030b": r"\H",
    "\u030c": r"\v", "\u0327": r"\c",
}  # fmt: skip
LETTERS = {
    "\u00df": r"\ss{}", "\u00e6": r"\ae{}", "\u00c6": r"\AE{}", "\u0153": r"\oe{}",
    "\u0152": r"\OE{}", "\u00f8": r"\o{}", "\u00d8": r"\O{}", "\u0142": r"\l{}",
    "\u0141": r"\L{}", "\u0131": r"\i{}", "\u00b1": PLUS_MINUS, "\u00d7": r"$\times$",
    "\u2013": r"\textendash{}", "\u2014": r"\textemdash{}", "\u2019": "{'}", "\u00a0": "~",
}  # fmt: skip
GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)$")
COMMANDS = {  # of Greek letters that are not of Latin shape
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"),
    *("lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi"),
    *("omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi"),
    "Omega",
}


def escaped(text: str) -> str:
    """Text for LaTeX, whatever the engine. Of a character that pdfTeX's own fonts lack the number
    is written: U+4E2D."""
    out = "".join(ESCAPED.get(c) or _letter(c) for c in unicodedata.normalize("NFC", text))
    return re.sub("([-,])(?=\\1)", r"\1{}", out)  # two would be one mark


def tabular(first: Column, parts: Sequence[Part], bold: Bold | None = None) -> str:
    """A table; its first column is of names, numbers are on the right."""
    columns = [first, *(column for part in parts for column in part)]
    kinds = "".join("l" if column.words else "r" for column in columns)
    lines = [rf"\begin{{tabular}}{{@{{}}{kinds}@{{}}}}", r"\toprule", *_head(columns), r"\midrule"]
    for i in range(len(first.cells)):
        cells = []
        for column in columns:
            cell = _cell(column.cells[i])
            cells.append(rf"\textbf{{{cell}}}" if column.is_bold(i, bold) else cell)
        lines.append(_row(cells))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _head(columns: Sequence[Column]) -> list[str]:
    """Headings; of those in two lines the first spans the columns that share it."""
    if not any(column.two for column in columns):
        return [_row([_heading(column.heading) for column in columns])]
    above, rules, place = list[str](), list[str](), 1
    for first, group in groupby(columns, lambda column: column.two and column.two[0]):
        count = len(list(group))
        if first:
            above.append(rf"\multicolumn{{{count}}}{{c}}{{{_heading(first)}}}")
            rules.append(rf"\cmidrule(lr){{{place}-{place + count - 1}}}")
        else:
            above += [""] * count
        place += count
    below = [_heading(column.two[1] if column.two else column.heading) for column in columns]
    return [_row(above), " ".join(rules), _row(below)]


def _heading(text: str) -> str:
    return escaped(text if text.startswith("p ") else text[:1].upper() + text[1:])


def _row(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(text: str) -> str:
    """A figure, several, or a text."""
    if text == NOTHING:
        return "--"
    for sign, written in (" ± ", f" {PLUS_MINUS} "), (" .. ", " to "):
        figures = text.split(sign)
        if len(figures) == 2 and all(map(_is_number, figures)):
            return written.join(map(_number, figures))
    return _number(text) if _is_number(text) else escaped(text)


def _number(text: str) -> str:
    """With a minus, not a hyphen."""
    return f"${text}$" if text[0] == "-" or "e" in text else text.removeprefix("+")


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?[\d.,]+(e[+-]?\d+)?", text) is not None


def _letter(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else f"U+{ord(character):04X}"
    if character in LETTERS:
        return LETTERS[character]
    if match := GREEK.fullmatch(unicodedata.name(character, "").replace("LAMDA", "LAMBDA")):
        name = match[2].lower() if match[1] == "SMALL" else match[2].capitalize()
        if name in COMMANDS:
            return f"$\\{name}$"
    letter, *marks = list(unicodedata.normalize("NFD", character))
    if len(marks) == 1 and letter.isascii() and letter.isalpha() and marks[0] in ACCENTS:
        return f"{ACCENTS[marks[0]]}{{{letter}}}"
    return f"U+{ord(character):04X}"
