"""report(): figures by name, a page in a file, and storages that are only read."""

from __future__ import annotations

from pathlib import Path

import pytest
from reference.made_studies import NAMES, make

from vrtune.errors import UsageError, VrtuneError
from vrtune.figures.panel import Panel
from vrtune.figures.style import axes
from vrtune.reporting.report import Report, _named, report
from vrtune.storages.opening import open_storage


def test_figures_by_name(found: Report) -> None:
    assert found["train-loss-over-epochs"].study is None
    assert found["cv-curves-sgd-digits-lenet"].study == "sgd-digits-lenet"
    assert "cv-curves" not in found
    assert [found[name].title for name in found] == [panel.title for panel in found.values()]
    with pytest.raises(KeyError):
        found["nothing"]


def test_a_report_says_what_it_holds(found: Report) -> None:
    lines = repr(found).splitlines()
    assert lines[0].startswith("Report: sgd, ")
    assert len(lines) == 1 + len(found)
    assert any("train-loss-over-epochs" in line and "Train loss" in line for line in lines)
    cell = found._repr_html_()
    assert "train-loss-over-epochs" in cell
    assert len(cell) < 100_000  # no Plotly
    assert "<script" not in cell


def test_names_are_names_of_files(found: Report) -> None:
    assert not any(set(name) & set("/\\\n") for name in found)
    assert all(len(f"{name}.png".encode()) <= 255 for name in found)


def test_figures_of_one_name_stay_apart() -> None:
    panels = [Panel("a", "A", "", axes("x", "y"), ("x",), [], study=s) for s in ("b", "b", None)]
    assert list(_named(panels)) == ["a-b", "a-b-2", "a"]


def test_a_page_is_written_and_nothing_else(made: str, tmp_path: Path) -> None:
    before = Path(made.removeprefix("sqlite:///")).read_bytes()
    found = report(NAMES[0], storage=made, output=tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [each.study for each in found.tuned] == [NAMES[0]]
    assert list(tmp_path.iterdir()) == [tmp_path / "r.html"]
    assert Path(made.removeprefix("sqlite:///")).read_bytes() == before


def test_what_can_not_be_done_is_said(made: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no study 'x'"):
        report("x", storage=made)
    with pytest.raises(VrtuneError, match="give another file with -o"):
        report(NAMES[0], storage=made, output=tmp_path)
    with pytest.raises(UsageError, match="output: give a path"):
        report(NAMES[0], storage=made, output=5)  # type: ignore[arg-type]
    with pytest.raises(VrtuneError):
        report(storage=f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


def test_tasks_that_differ_are_refused_unless_asked_for(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/two.db"
    storage = open_storage(url)
    make(storage, "a", "sgd", trials=3)
    make(storage, "b", "svrg", trials=3, seed=2)
    with pytest.raises(UsageError, match="any_task"):
        report(storage=url)
    page = report(storage=url, any_task=True).html()
    assert "seed 1" in page
    assert "seed 2" in page
