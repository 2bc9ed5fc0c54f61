"""vrtune report on the command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import vrtune.reporting.report
from vrtune.cli.report import report
from vrtune.figures.panel import Panel

STUDY = "sgd-digits-softmax"
CODE = """
import sys
from typer.testing import CliRunner
from vrtune.cli.main import app
done = CliRunner().invoke(app, ["report"], catch_exceptions=False)
assert done.exit_code == 0, done.output
heavy = {"torch", "torchvision", "numba", "matplotlib"} & set(sys.modules)
assert not heavy, heavy
"""


def test_a_page_of_all_studies(studies: Path, run) -> None:
    said = dict(line.split(None, 1) for line in run("report").splitlines())
    assert said["page"] == "report.html"
    assert said["figures"].endswith("of 1 study")
    assert said["size"].endswith("MB")
    assert float(said["seconds"]) > 0
    page = (studies / "report.html").read_text(encoding="utf-8")
    assert STUDY in page
    assert page.count("plotly.js v") == 1


def test_a_page_goes_where_it_is_asked_to(
    studies: Path, run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(studies))
    run("report", STUDY, "-o", "~/mine.html", "--storage", f"sqlite:///{studies}/studies.db")
    assert (studies / "mine.html").exists()
    assert not (studies / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("none",), 2, "there is no study 'none'"),
        (("--format", "jpg"), 2, "'jpg' is not one of"),
        (("-o", "none/x.html"), 1, "No such file or directory"),
        (("-o", "studies"), 1, "it is a folder"),
        (("-o", "x" * 300), 2, "-o: give a shorter path"),
        (("--width", "0"), 2, "--width: give 3 to 100 centimetres"),
        (("--font", "nan"), 2, "--font: give 3 to 50 points"),
        (("--format", "svg", "-o", "studies.db"), 1, "give another folder with -o"),
        (("--storage", "sqlite:///none.db"), 2, "none.db"),
    ],
)
@pytest.mark.usefixtures("studies")
def test_what_can_not_be_done(words: tuple[str, ...], status: int, said: str, complain) -> None:
    assert said in complain("report", *words, status=status)


@pytest.mark.usefixtures("studies")
def test_a_file_that_can_not_be_written_is_told_before_the_work(
    complain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vrtune.reporting.report, "report", None)
    complain("report", "-o", "none/x.html", status=1)


def test_images_of_a_paper(studies: Path, run, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kaleido")
    asked: list[object] = []

    def save(panels: dict[str, Panel], folder: Path, format: str, paper, *, doing) -> list[Path]:
        asked.extend([folder, format, paper.width_cm, paper.font_pt])
        doing("drawing")
        folder.mkdir()
        (folder / "a.svg").write_text("x" * 10**6)
        return [folder / "a.svg"]

    monkeypatch.setattr(vrtune.reporting.report, "save_images", save)
    said = run("report", "--format", "svg", "-o", "out", "--width", "17", "--font", "9")
    assert asked == [Path("out"), "svg", 17.0, 9.0]
    assert "drawing" in said
    assert "1.0 MB" in said
    assert not (studies / "report.html").exists()


@pytest.mark.usefixtures("studies")
def test_no_kaleido(complain, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kaleido", None)
    assert "pip install 'vrtune[images]'" in complain("report", "--format", "pdf", status=1)


@pytest.mark.usefixtures("studies")
def test_a_report_needs_no_pytorch() -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", CODE], check=True)


def test_a_storage_is_only_read(studies: Path, run) -> None:
    """It may lie where nothing can be written."""
    (studies / "here").mkdir()
    kept = studies / "studies.db"
    kept.chmod(0o400)
    before = kept.read_bytes()
    run("report", "-o", "here/r.html")
    assert kept.read_bytes() == before


def test_options_are_those_of_python() -> None:
    """But for what a command writes."""
    from inspect import signature

    own = set(signature(report).parameters) - {"format", "width", "font"}
    assert own == set(signature(vrtune.reporting.report.report).parameters)
