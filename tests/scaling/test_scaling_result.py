"""The answer as a table, a figure and files; and the whole way from a tiny search to it."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest

import vrtune
from vrtune import Task, batch_size
from vrtune.cli.main import app
from vrtune.errors import UsageError, VrtuneError
from vrtune.scaling.result import Scaling
from vrtune.scaling.rows import Row, curve
from vrtune.scaling.settings import ScalingSettings, read_sizes

TASK = Task(model="softmax", folds=2, limit=100)
SIZES = (10, 50)
STEPS = 20


def row(method: str, size: int, steps: float | None, **more: Any) -> Row:
    return Row(
        method=method,
        study=f"{method}-b{size}",
        batch_size=size,
        epochs=10,
        most_steps=3000,
        steps_per_epoch=300,
        trials=4,
        reached=0 if steps is None else 3,
        steps=steps,
        epochs_to_target=steps and steps / 300,
        **more,
    )


@pytest.fixture(scope="module")
def made() -> Scaling:
    """Two methods: one that is not there everywhere, and one that is there at once."""
    folds = {"steps_of_folds": (1500.0, 1700.0, None)}
    sgd = [row("sgd", 32, 1600, **folds), row("sgd", 64, 800), row("sgd", 128, None)]
    svrg = [row("<i>svrg", 32, 400, at_most=True), row("<i>svrg", 64, 390)]
    return Scaling(
        task=TASK,
        target=0.25,
        steps=3000,
        trials=4,
        samples=100,
        curves=(curve(sgd), curve(svrg)),
        sentences=("sgd: perfect scaling from 32 to 64; not reached at 128",),
    )


def test_the_table_holds_what_is_reached_and_what_is_not(made: Scaling) -> None:
    lines = [line.split() for line in made.text().splitlines()]
    assert ["32", "3", "of", "4", "5.33", "1,600", "1,600", "1,500"] in [each[:8] for each in lines]
    assert any(each[:2] == ["128", "0"] and "reached" in each for each in lines)
    assert "1,500 .. 1,700 (2 of 3)" in made.text()
    assert "<= 400" in made.text()
    assert "conclusion    sgd: perfect scaling from 32 to 64; not reached at 128" in repr(made)
    assert max(map(len, made.text(80).splitlines())) <= 80


def test_each_format_reads_back(made: Scaling, tmp_path: Path) -> None:
    assert Scaling.model_validate_json(made.save(tmp_path / "a.json").read_text()) == made
    lines = [*csv.DictReader(io.StringIO(made.save(tmp_path / "a.csv").read_text()))]
    assert [line["steps"] for line in lines] == ["1600.0", "800.0", "", "400.0", "390.0"]
    assert lines[1]["region"] == "perfect scaling"
    assert "| 64 | 3 of 4 |" in made.save(tmp_path / "a.md").read_text()
    page = made.save(tmp_path / "a.html").read_text()
    assert "Steps to the target over batch sizes" in page
    assert "<i>svrg" not in page + made._repr_html_()


def test_a_file_that_means_nothing_is_refused(made: Scaling, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"ends in one of \.html, \.json"):
        made.save(tmp_path / "a.xls")
    with pytest.raises(VrtuneError, match="can't be written"):
        made.save(tmp_path / "none" / "a.json")


def test_the_figure_shows_every_point_and_the_line_of_perfect_scaling(made: Scaling) -> None:
    panel = made.panel
    figure = panel.figure
    assert (figure.layout.xaxis.type, figure.layout.yaxis.type) == ("log", "log")
    assert list(figure.layout.xaxis.tickvals) == [32, 64, 128]
    ideal = [t for t in figure.data if t.mode == "lines"]
    assert [list(t.y) for t in ideal] == [[1600, 800, 400], [400, 200]]
    points = [t for t in figure.data if t.mode == "lines+markers" and t.showlegend is False]
    assert [list(t.y) for t in points] == [[1600, 800], [400, 390]]
    assert points[1].marker.symbol[0] == "circle-open"  # an upper bound
    assert (points[0].error_y.array[0], points[0].error_y.arrayminus[0]) == (100, 100)
    (missed,) = [t for t in figure.data if t.mode == "markers"]
    assert (missed.x[0], missed.y[0]) == (128, 3000)
    low, high = figure.layout.yaxis.range
    drawn = [v for t in (*ideal, *points, missed) for v in t.y]
    assert all(low <= math.log10(v) <= high for v in drawn)
    assert "&lt;i&gt;svrg" in [t.name for t in figure.data]
    assert "open triangle" in panel.how
    assert len(panel.rows) == 5


def test_a_figure_of_nothing_reached_says_so(made: Scaling) -> None:
    none = made.model_copy(
        update={"curves": (curve([row("sgd", 32, None), row("sgd", 64, None)]),)}
    )
    assert "open triangle" in none.panel.how
    assert {t.mode for t in none.panel.figure.data} >= {"markers"}


# ---- the whole way -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scaling, str]:
    url = f"sqlite:///{tmp_path_factory.mktemp('scaling')}/studies.db"
    return ask(url), url


def ask(url: str, **changes: Any) -> Scaling:
    given: dict[str, Any] = {"target": 2.0, "batch_sizes": SIZES, "steps": STEPS, "task": TASK}
    how = {"trials": 2, "jobs": 1, "storage": url, "progress": False, "sampler": "auto"}
    return batch_size("sgd", **{**given, **how, **changes})


def test_each_batch_size_has_a_study_of_equal_trials_and_steps(
    searched: tuple[Scaling, str],
) -> None:
    found, _ = searched
    assert [r.study for r in found.rows] == ["sgd-digits-softmax-b10", "sgd-digits-softmax-b50"]
    assert [(r.epochs, r.steps_per_epoch, r.most_steps) for r in found.rows] == [
        (4, 5, 20),
        (20, 1, 20),
    ]
    assert [r.trials for r in found.rows] == [2, 2]
    assert found.samples == 50


def test_steps_are_those_of_the_curves_that_the_studies_keep(
    searched: tuple[Scaling, str],
) -> None:
    """Read by a loop of its own from what Optuna holds."""
    found, url = searched
    for r in found.rows:
        least = math.inf
        for trial in optuna.load_study(study_name=r.study, storage=url).trials:
            values = trial.intermediate_values
            for epoch in range(1, r.epochs + 1):
                if epoch in values and values[epoch] <= 2.0:
                    v0, v1 = values.get(epoch - 1, values[epoch]), values[epoch]
                    after = (v0 - 2.0) / (v0 - v1) if v0 != v1 else 1.0
                    least = min(least, (epoch - 1 + after) * r.steps_per_epoch)
                    break
        assert r.steps == pytest.approx(least)
        assert r.reached > 0


def test_asked_again_it_searches_nothing(
    searched: tuple[Scaling, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And reads another target from the same curves."""
    _, url = searched

    def search(*_: Any, **__: Any) -> None:
        raise AssertionError("all is there")

    monkeypatch.setattr("vrtune.scaling.batch_size.search", search)
    harder = ask(url, target=1e-9)
    assert [r.steps for r in harder.rows] == [None, None]
    assert "at no batch size" in harder.sentences[0]


def test_more_trials_are_added_to_those_that_are_there(
    searched: tuple[Scaling, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url = searched
    asked = []

    def search(space: str, task: Task, **given: Any) -> Any:
        asked.append((task.batch_size, task.epochs, given["trials"], given["study"]))
        assert given["retrain"] == 0
        return type("Result", (), {"stopped": False})

    monkeypatch.setattr("vrtune.scaling.batch_size.search", search)
    found = ask(url, trials=5)
    assert asked == [(10, 4, 3, "sgd-digits-softmax-b10"), (50, 20, 3, "sgd-digits-softmax-b50")]
    assert "2 of 5 trials were run" in " ".join(found.notes)


def test_the_command_says_the_same(
    searched: tuple[Scaling, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    found, url = searched
    monkeypatch.chdir(tmp_path)
    words = "batch-size sgd --batch-size 10 50 --target 2 --steps 20 --trials 2 --sampler auto"
    more = "--jobs 1 --model softmax --folds 2 --limit 100 --json -o a.csv --storage"
    done = CliRunner().invoke(app, [*words.split(), *more.split(), url], prog_name="vrtune")
    assert done.exit_code == 0, done.output
    assert Scaling.model_validate(json.loads(done.stdout)) == found
    assert Path("a.csv").read_text() == found.csv()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["well", "at once"])
def test_a_user_who_stops_is_told_how_to_go_on(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    def search(*_: Any, **__: Any) -> Any:
        if how == "at once":
            raise KeyboardInterrupt
        return type("Result", (), {"stopped": True})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vrtune.searching.search.search", search)
    words = ["batch-size", "sgd", "--batch-size", "10", "50", "--target", "2"]
    done = CliRunner().invoke(app, [*words, "--limit", "100", "--folds", "2"], prog_name="vrtune")
    assert done.exit_code == 130
    assert done.stderr == "stopped: what was searched is kept; the same command goes on\n"
    assert not Path("batch-size.html").exists()


# ---- what is refused, before anything is searched ------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"batch_sizes": [10]}, "give at least two"),
        ({"batch_sizes": [10, 0]}, "whole numbers above 0"),
        ({"batch_sizes": [10, 5000]}, "batch size 5000 is more than a fold's training part"),
        ({"target": math.nan}, "target: give the value to reach"),
        ({"target": 90, "task": Task(metric="accuracy")}, "accuracy is 1 at best"),
        ({"target": -1, "task": Task(metric="rmse")}, "rmse is 0 at best"),
        ({"steps": 0}, "steps: give a whole number above 0"),
        ({"task": Task(epochs=3)}, "epochs follows from batch sizes and steps"),
        ({"retrain": 1}, "retrain: batch sizes are compared at equal trials"),
        ({"budget": 100}, "budget: batch sizes are compared at equal trials"),
        ({"momentum": 1}, "a search has no setting 'momentum'"),
    ],
)
def test_what_is_wrong_is_told_first(changes: dict[str, Any], says: str, url: str) -> None:
    with pytest.raises(UsageError, match=says):
        ask(url, **changes)
    assert not Path(url.removeprefix("sqlite:///")).exists()


def test_spaces_need_studies_of_their_own(url: str) -> None:
    given: dict[str, Any] = {"target": 1.0, "task": TASK, "storage": url, "batch_sizes": SIZES}
    with pytest.raises(UsageError, match="needs a search space"):
        batch_size(**given)
    with pytest.raises(UsageError, match="would both be searched in study"):
        batch_size("sgd", "sgd", **given)
    with pytest.raises(UsageError, match="names one space's studies"):
        batch_size("sgd", "adam", study="x", **given)


def test_a_study_of_other_steps_is_refused(searched: tuple[Scaling, str]) -> None:
    _, url = searched
    with pytest.raises(UsageError, match=r"holds another task \(epochs was 4, now 8\)"):
        ask(url, steps=40)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("sgd --target price", "the column of a table is --column here"),
        ("sgd --target 1 --batch-size x 2", "whole numbers above 0 (got 'x')"),
        ("sgd --target 1 --batch-size 10 50 -o a.xls", "choose a file that ends in"),
        ("--target 1 --batch-size 10 50", "needs a search space"),
    ],
)
def test_the_command_refuses_in_a_sentence(
    words: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["batch-size", *words.split()], prog_name="vrtune")
    assert done.exit_code == 2
    assert says in done.stderr
    assert not [*tmp_path.iterdir()]


def test_batch_sizes_are_read_as_they_come() -> None:
    assert read_sizes(["64,32", "128", 64]) == (32, 64, 128)


def test_it_is_offered_to_notebooks() -> None:
    assert vrtune.batch_size is batch_size
    assert ScalingSettings().sampler == "qmc"
