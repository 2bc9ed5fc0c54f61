"""Tables as text, Markdown, LaTeX, HTML and CSV: every name survives, whatever it is made of."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexWalker
from reference.made_up import make

from vrtune.comparing.columns import Column, decimals
from vrtune.comparing.compare import Comparison, compare
from vrtune.comparing.evidence import Difference
from vrtune.comparing.formats import markdown, marked, web
from vrtune.comparing.latex import escaped, tabular
from vrtune.studies.retrained import Spread, spread

NASTY = [
    "50 % of_it & more #1 {x} ~ ^ \\alpha $y$",
    "a | b < c > d \" e ' f ` g",
    "--- ,, '' ?` [1ex] *",
    "\u00e9\u00fc\u015f\u00f1 \u03b1-SVRG \u0394 \u4e2d \u2013 \u2019 \u00b1 \U0001f600",
    "-1",
    "<script>alert(1)</script>",
    "![x](http://x) **b** _i_ \\",
]
PAGE = r"\documentclass{article}\usepackage{booktabs}\begin{document}%s\end{document}"


@pytest.fixture
def compared(url: str) -> Comparison:
    make(url, "sgd-a", [0.11, 0.2, 0.31, 0.2], pruned=2, cost=1234.0, again=[0.9, 0.8])
    make(url, "storm-a", [0.1, 0.25, 0.3, 0.22], cost=2000.0, again=[0.91, 0.83])
    make(url, "adam-a")
    return compare(storage=url)


# ---- LaTeX ---------------------------------------------------------------------------------------


def names(*texts: str) -> Column:
    return Column("method", texts, words=True)


@pytest.mark.parametrize("name", NASTY)
def test_a_parser_reads_a_name_as_it_is(name: str) -> None:
    written = escaped(name)
    LatexWalker(written, tolerant_parsing=False).get_latex_nodes()
    read = LatexNodes2Text(keep_comments=True).latex_to_text(written)
    for lost in re.findall("[^\x00-\u024f\u0370-\u03ff\u2013\u2014\u2019]", name):
        name = name.replace(lost, f"U+{ord(lost):04X}")

    def plain(text: str) -> str:
        for one, other in {"\u2019": "'", "\u201d": '"', "\u02c6": "^", "\u02dc": "~"}.items():
            text = text.replace(one, other)
        return re.sub(r"\s+", "", text)

    assert plain(read) == plain(name)


def test_a_table_has_a_cell_for_each_figure() -> None:
    figures = Column("loss", ("0.10 ± 0.02", "-", "-1.5"))
    rows = tabular(names("a & b", "c \\\\ d", "e"), [(figures,)]).splitlines()
    assert rows[0] == r"\begin{tabular}{@{}lr@{}}"
    assert rows[2] == r"Method & Loss \\"
    assert rows[4:7] == [
        r"a \& b & 0.10 $\pm$ 0.02 \\",
        r"c \textbackslash{}\textbackslash{} d & -- \\",
        r"e & $-1.5$ \\",
    ]


def test_headings_share_a_line_above() -> None:
    one, two = (Column(f"v {x}", ("1",), two=("v", x)) for x in ("loss", "accuracy"))
    lines = tabular(names("m"), [(one, two), (Column("cost", ("5",)),)]).splitlines()
    assert lines[2:5] == [
        r" & \multicolumn{2}{c}{V} &  \\",
        r"\cmidrule(lr){2-3}",
        r"Method & Loss & Accuracy & Cost \\",
    ]


def test_the_best_is_bold_in_the_column_that_a_difference_judges() -> None:
    loss, cost = Column("loss", ("1", "2"), "folds"), Column("cost", ("1", "2"))
    text = tabular(names("a", "b"), [(loss, cost)], {"folds": {1}})
    assert r"a & 1 & 1 \\" in text
    assert r"b & \textbf{2} & 2 \\" in text
    table = markdown(names("a", "b"), [(loss, cost)], {"folds": {1}})
    assert table.splitlines()[-2:] == ["| a | 1 | 1 |", "| b | **2** | 2 |"]


def test_the_tables_of_a_comparison_are_parsed(compared: Comparison) -> None:
    nodes, _, _ = LatexWalker(compared.latex(), tolerant_parsing=False).get_latex_nodes()
    tables = [n for n in nodes if getattr(n, "environmentname", "") == "tabular"]
    assert len(tables) >= 4
    for table in tables:
        text = table.latex_verbatim()
        wide = len(re.findall("[lr]", text.partition("@{}")[2].partition("@{}")[0]))
        rows = [row for row in text.split("\n") if row.endswith(r"\\") and "multicolumn" not in row]
        assert len(rows) >= 4
        assert {len(re.split(r"(?<!\\)&", row)) for row in rows} == {wide}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex here")
def test_pdflatex_compiles_it(compared: Comparison, tmp_path: Path) -> None:
    """With nothing but booktabs, whatever the names."""
    odd = tabular(names(*NASTY, *(f"[{n}" for n in NASTY)), [(Column("x", ("1",) * 14),)])
    page = PAGE % (compared.latex() + odd + compared.latex(pairs=True))
    (tmp_path / "t.tex").write_text(page, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "t.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    assert done.returncode == 0, done.stdout[-2000:]
    assert b"Missing character" not in done.stdout


# ---- Markdown and HTML ---------------------------------------------------------------------------


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags, self.texts = set[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("name", NASTY)
def test_a_page_shows_a_name_as_it_is(name: str) -> None:
    cells = Cells()
    cells.feed(web(names(name), [(Column("loss", ("1",)),)]))
    assert cells.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert "".join(cells.texts) == f"methodloss{name}1"


@pytest.mark.parametrize("name", NASTY)
def test_markdown_has_as_many_cells(name: str) -> None:
    head, rule, row = markdown(names(name), [(Column("loss", ("1",)),)]).splitlines()
    assert (head, rule) == ("| method | loss |", "| --- | ---: |")
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3
    assert "<" not in row


def test_markdown_is_escaped() -> None:
    assert marked("a|b*c_d`e[f]~g#h$i\\") == r"a\|b\*c\_d\`e\[f\]\~g\#h\$i" + "\\\\"
    assert marked('<b> & "x"') == '&lt;b&gt; &amp; "x"'


def test_a_notebook_gets_tables(compared: Comparison) -> None:
    cells = Cells()
    cells.feed(compared._repr_html_())
    assert {"table", "th", "td", "p"} <= cells.tags
    assert {"sgd", "storm", "adam", "0.2050 ± 0.0819"} <= {*cells.texts}


# ---- CSV and JSON --------------------------------------------------------------------------------


def test_csv_has_full_precision(compared: Comparison) -> None:
    sgd, storm, adam = csv.DictReader(io.StringIO(compared.csv()))
    row = compared.rows[0]
    assert row.validation_loss is not None
    assert float(sgd["validation_loss_mean"]) == row.validation_loss.mean
    assert float(sgd["validation_loss_std"]) == row.validation_loss.std
    assert float(sgd["search_cost"]) == 3 * 1234.0
    assert json.loads(storm["setting"]) == {"lr": 0.01}
    assert (sgd["trials_pruned"], sgd["test_accuracy_mean"]) == ("2", repr(0.9 / 2 + 0.8 / 2))
    assert (adam["method"], adam["validation_loss_mean"], adam["trial"]) == ("adam", "", "")


def test_csv_of_pairs(compared: Comparison) -> None:
    lines = list(csv.DictReader(io.StringIO(compared.csv(pairs=True))))
    assert len(lines) == len(compared.differences) == 12
    assert {line["kind"] for line in lines} == {d.kind for d in compared.differences}
    assert [line["mean"] for line in lines] == [
        "" if d.mean is None else repr(d.mean) for d in compared.differences
    ]


LEFT_OUT = ("reasons", "direction")  # the latter of losses and accuracies
NAMES = [*(name for name in Difference.model_fields if name not in LEFT_OUT), "note"]


def test_csv_of_no_pairs_is_a_line_of_names(url: str) -> None:
    make(url, "sgd", [0.1] * 4)
    assert compare(storage=url).csv(pairs=True) == ",".join(NAMES) + "\n"


def test_csv_shows_no_control_characters(url: str) -> None:
    make(url, "sgd", [0.1] * 4, space="a\x1b[31m\nb")
    _, second = compare(storage=url).csv().splitlines()
    assert second.startswith("a\\x1b[31m\\nb,sgd,")


def test_json_is_read_back(compared: Comparison) -> None:
    assert Comparison.model_validate_json(compared.model_dump_json()) == compared


# ---- figures -------------------------------------------------------------------------------------


def test_a_deviation_is_written_as_its_mean_is(url: str) -> None:
    make(url, "sgd", [1e30, 3e30, 2e30, 2e30])
    assert compare(storage=url).text().splitlines()[1].split()[:4] == [
        *("sgd", "2e+30", "+-", "8.165e+29")
    ]


def test_a_figure_has_two_digits_of_its_deviation() -> None:
    assert decimals([spread([0.1, 0.2, 0.3])], 2) == 2
    assert decimals([spread([0.10, 0.12]), spread([0.1, 0.1002])], 2) == 3
    assert decimals([spread([1e-5, 2e-5])], 2) == 7
    assert decimals([spread([1e-5, 2e-5])], 4) == 7
    assert decimals([spread([10.0, 50.0])], 2) == 2
    assert decimals([None, Spread(values=[None]), spread([1.0])], 2) == 4
