"""Every number of README.md and docs/ is in docs/numbers.csv, and is what its record holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from scipy import stats

from vrtune.comparing.rates import found_rate

ROOT = Path(__file__).parents[1]
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]

TEXT = """# What was found

As `--lanes 4` has it, ResNet-18 took 1,234 steps (-2 to 41.5 %), .50 of Table 1's
on 28x28, about 1/3 and 1e-6 [json](9.json) (Johnson & Zhang 2013):

| lanes | H100 |
|---|---|
| 32 | 7 +- 0.25 |

```
python 77.py
```
"""
SECTION = "What was found"
RECORD = {"steps": 1234.4, "low": -2, "high": 0.4149, "half": 0.496, "rows": [{"a": 32, "b": 7}]}


@pytest.fixture(scope="module")
def parts() -> Callable[[str], ModuleType]:
    """The parts of benchmarks/quoted.py by name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        found = {
            name: import_module(f"quoted_parts.{name}") for name in ("tokens", "records", "table")
        }
    return found.__getitem__


@pytest.fixture
def small(tmp_path: Path, parts: Callable[[str], ModuleType]) -> Callable[..., list[str]]:
    """What is wrong with a small document, its record and its rows, each as given."""
    table, records = parts("table"), parts("records")

    def wrong(text: str = TEXT, record: dict | None = None, rows: list | None = None) -> list[str]:
        (tmp_path / "docs").mkdir(exist_ok=True)
        (tmp_path / "docs" / "r.json").write_text(json.dumps(record or RECORD))
        kept = ROWS if rows is None else rows
        made = [table.Row("README.md", SECTION, *row) for row in kept]
        seen = records.Records(tmp_path / "docs")
        found = [table.false(row, tmp_path, seen, text) for row in made]
        return [*filter(None, found), *table.unlike("README.md", text, made)]

    return wrong


ROWS = [
    ("1,234", "r.json", 'r["steps"]'),
    ("-2", "r.json", 'r["low"]'),
    ("41.5", "r.json", '100 * r["high"]'),
    (".50", "r.json", 'r["half"]'),
    ("28x28", "", "definition: the size of an image"),
    ("1/3", "", "arithmetic: 1 / (1 + 2)"),
    ("1e-6", "", "setting: the tolerance"),
    ("32", "r.json", 'one(r["rows"], b=7)["a"]'),
    ("7", "r.json", 'max(row["b"] for row in r["rows"])'),
    ("0.25", "", "paper: document 000"),
]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_number_of_a_document_has_its_row(
    document: str, parts: Callable[[str], ModuleType]
) -> None:
    table = parts("table")
    text = (ROOT / document).read_text(encoding="utf-8")
    found = table.unlike(document, text, table.read(ROOT / "docs" / "numbers.csv"))
    assert not found, "\n".join(found)


def test_every_row_is_what_its_record_holds(parts: Callable[[str], ModuleType]) -> None:
    table = parts("table")
    texts, records = table.documents(ROOT), parts("records").Records(ROOT / "docs")
    rows = table.read(ROOT / "docs" / "numbers.csv")
    assert {row.document for row in rows} <= set(texts)
    found = [table.false(row, ROOT, records, texts[row.document]) for row in rows]
    assert not any(found), "\n".join(filter(None, found))


def test_numbers_of_prose_and_tables_count_and_those_of_names_and_code_do_not(
    parts: Callable[[str], ModuleType],
) -> None:
    found = [token.number for token in parts("tokens").tokens(TEXT)]
    assert found == [number for number, *_ in ROWS]
    text = (
        "VGG16, x-1, 80GB, 0.08M, (003) a 20-point grid, 1 - 0.9, 1-3, 10^9, 2, 3,\n2. 5 torch 2.1"
    )
    found = [token.number for token in parts("tokens").tokens(text)]
    assert found == ["80", "0.08", "20", "1", "0.9", "1", "3", "10^9", "2", "3", "5"]
    said = "```text\nsaid 12\n```\n`a 4\nb 5` <!-- 6 --> ![7](8.png)\n"
    assert [token.number for token in parts("tokens").tokens(said)] == ["12"]


def test_a_document_that_agrees_passes(small: Callable[..., list[str]]) -> None:
    assert small() == []


def test_a_changed_number_fails(small: Callable[..., list[str]]) -> None:
    new, old = small(TEXT.replace("1,234", "1,235"))
    assert "no row of docs/numbers.csv holds 1,235" in new
    assert "quoted.py README.md" in new
    assert "has 1,234" in old
    changed = [("1,235", *ROWS[0][1:]), *ROWS[1:]]
    (wrong,) = small(TEXT.replace("1,234", "1,235"), rows=changed)
    assert "1,235 is written" in wrong
    assert "1234.4" in wrong


@pytest.mark.parametrize("where", ["1234.4", 'r["gone"]', 'r["rows"]', "1 / 0", 'r["steps'])
def test_a_row_that_does_not_find_it_in_the_record_fails(
    small: Callable[..., list[str]], where: str
) -> None:
    (wrong,) = small(rows=[("1,234", "r.json", where), *ROWS[1:]])
    assert wrong.startswith('README.md, "What was found": 1,234 ')


def test_two_numbers_that_change_places_fail(small: Callable[..., list[str]]) -> None:
    assert small(TEXT.replace("| 32 | 7 ", "| 7 | 32 "))


def test_a_new_number_fails(small: Callable[..., list[str]]) -> None:
    (wrong,) = small(TEXT + "\nAnd 3 more.\n")
    assert 'README.md, "What was found": no row of docs/numbers.csv holds 3 ' in wrong


def test_a_number_that_is_gone_fails(small: Callable[..., list[str]]) -> None:
    (wrong,) = small(TEXT.replace("| 32 |", "| |"))
    assert "stands there no more" in wrong


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 1234.6),
        ("low", 2),
        ("high", 0.4156),
        ("half", 0.506),
        ("rows", []),
        ("half", None),
    ],
)
def test_a_changed_record_fails(small: Callable[..., list[str]], name: str, value: object) -> None:
    assert len(small(record=RECORD | {name: value})) == (2 if name == "rows" else 1)


@pytest.mark.parametrize(
    "where",
    [
        *("", "setting", "setting:", "measured: once", "arithmetic: 1 / 5", "arithmetic: .3"),
        *("command: --folds", "code: docs/r.json", 'code: docs/r.json "low"', "code: no.py x"),
    ],
)
def test_what_no_record_holds_must_say_what_it_is(
    small: Callable[..., list[str]], where: str
) -> None:
    text = TEXT.replace("1/3", "0.3")
    assert len(small(text, rows=[*ROWS[:5], ("0.3", "", where), *ROWS[6:]])) == 1


@pytest.mark.parametrize(
    "where", ["command: --lanes", 'code: docs/r.json "other"', "arithmetic: 2 * 2"]
)
def test_what_code_holds_is_looked_up_there(small: Callable[..., list[str]], where: str) -> None:
    text, record = TEXT.replace("1/3", "4"), RECORD | {"other": 4}
    rows = [*ROWS[:5], ("4", "", where), *ROWS[6:]]
    assert small(text, record, rows) == []


def test_the_table_is_read_as_it_was_written(
    tmp_path: Path, parts: Callable[[str], ModuleType]
) -> None:
    table = parts("table")
    row = table.Row("docs/a.md", 'A, "b"', "1,234", "r.json", 'one(r["rows"], a="x, y")["b"]')
    rows = [row, replace(row, number="-2")]
    table.write(tmp_path / "numbers.csv", rows)
    assert table.read(tmp_path / "numbers.csv") == rows


def test_options_of_a_record_are_those_of_its_command(
    parts: Callable[[str], ModuleType],
) -> None:
    option = parts("records").option
    assert option("python a.py --lanes 4 8 --on --rate 1e-3 --x; b --x 2", "--lanes") == [4, 8]
    assert option("python a.py --rate 1e-3", "--rate") == [0.001]
    with pytest.raises(LookupError, match="2 rows"):
        parts("records").one([{"a": 1}, {"a": 1}], a=1)


def test_an_interval_is_that_of_students_t(parts: Callable[[str], ModuleType]) -> None:
    values = [0.2, 0.7, 0.4, 0.1]
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    assert parts("records").low95(values) == pytest.approx(low, rel=1e-3)
    assert parts("records").high95(values) == pytest.approx(high, rel=1e-4)


def test_what_the_readme_says_of_the_evidence_is_what_compare_works_out() -> None:
    assert round(100 * found_rate(2, 4, 0.25)) == 44  # %, of two methods with 4 folds
    assert found_rate(2, 5) > 0.8 < found_rate(2, 7, 1 / 7)  # 80 %: 5 seeds, 7 folds
