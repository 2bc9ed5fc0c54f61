"""All trials as a table: what is in it, and that a spreadsheet runs nothing of it."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState, create_trial
from typer.testing import CliRunner, Result

from vrtune import export
from vrtune.cli.main import app
from vrtune.errors import UsageError
from vrtune.exporting.trials import trials_as_csv
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study
from vrtune.studies.retrained import retrained


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_a_trial(found: tuple[SearchResult, str]) -> None:
    result, url = found
    study = load_study(open_storage(url), result.study, url)
    table = rows(export(result.study, format="csv", storage=url))
    assert [int(row["number"]) for row in table] == [t.number for t in study.trials]
    for row, trial in zip(table, study.trials, strict=True):
        assert row["state"] == "complete"
        assert float(row["params_lr"]) == trial.params["lr"]
        assert float(row["value"]) == trial.value
        for fold, loss in enumerate(trial.user_attrs["fold_values"]):
            assert float(row[f"fold_{fold}_value"]) == loss
            accuracy = trial.user_attrs["fold_accuracies"][fold]
            assert float(row[f"fold_{fold}_accuracy"]) == accuracy
        spent = trial.user_attrs["gradient_computations"]
        assert float(row["gradient_computations"]) == spent
        assert float(row["seconds"]) > 0
        again = retrained(study, trial.number)
        assert row["test_accuracy"] == (str(again.test_accuracy.mean) if again else "")
    assert result.best
    assert result.best.confirmed
    best = table[result.best.number]
    assert float(best["confirmed"]) == result.best.confirmed.mean
    assert best["test_seeds"] == "2"


def test_columns_stand_as_in_a_row(found: tuple[SearchResult, str]) -> None:
    """Of what some rows lack, too."""
    names = export(found[0].study, format="csv", storage=found[1]).partition("\n")[0].split(",")
    wanted = [
        *("number", "state", "params_lr", "value", "epochs", "fold_0_value", "fold_1_value"),
        *("gradient_computations", "seconds", "confirmed", "test_seeds", "test_accuracy"),
    ]
    assert [name for name in names if name in wanted] == wanted


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", 'a,"b"\nc', "lr", ""]
)
def test_a_text_is_no_formula(text: str) -> None:
    study = optuna.create_study()
    choices = CategoricalDistribution((text, 1))
    study.add_trial(create_trial(params={"a": text}, distributions={"a": choices}, value=-1.0))
    study.add_trial(create_trial(params={"a": 1}, distributions={"a": choices}, value=0.0))
    study.add_trial(create_trial(state=TrialState.FAIL))
    first, second, failed = rows(trials_as_csv(study))
    begins = text.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert first["params_a"] == ("'" if begins else "") + text.replace("\r", "\n")
    assert first["value"] == "-1.0"  # a number stays one
    assert (second["params_a"], failed["params_a"]) == ("1", "")
    assert (failed["state"], failed["value"]) == ("fail", "")


def test_metrics_of_a_trial_have_columns() -> None:
    study = optuna.create_study()
    kept = {"fold_values": [0.5, None], "fold_losses": [1.0, 2.0], "fold_metrics": {"f1": [0.5, 1]}}
    study.add_trial(create_trial(value=0.5, user_attrs=kept))
    (row,) = rows(trials_as_csv(study))
    assert (row["fold_0_value"], row["fold_1_value"]) == ("0.5", "")
    assert (row["fold_1_loss"], row["fold_1_f1"]) == ("2.0", "1")


def test_a_table_is_of_no_single_trial(found: tuple[SearchResult, str]) -> None:
    with pytest.raises(UsageError, match="csv is a table of all trials: leave trial 1 out"):
        export(found[0].study, trial=1, format="csv", storage=found[1])


def command(*words: str) -> Result:
    return CliRunner().invoke(app, ["export", *words], prog_name="vrtune")


@pytest.mark.parametrize("words", [["--all"], ["--csv"], ["--all", "--csv"], ["--format", "csv"]])
def test_the_command_prints_it(words: list[str], found: tuple[SearchResult, str]) -> None:
    result, url = found
    done = command(result.study, *words, "--storage", url)
    assert done.stdout == export(result.study, format="csv", storage=url)


def test_the_command_writes_it(found: tuple[SearchResult, str], tmp_path: Path) -> None:
    result, url = found
    path = tmp_path / "trials.csv"
    done = command(result.study, "-o", str(path), "--storage", url)
    assert done.exit_code == 0, done.stderr
    assert len(rows(path.read_text())) == 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--all", "--format", "json"], "--all writes all trials as CSV, and json is of one"),
        (["--csv", "-o", "a.py"], "--csv writes all trials as CSV, and python is of one"),
        (["--all", "--trial", "1"], "a CSV is a table of all trials: leave --trial 1 out"),
    ],
)
def test_what_does_not_go_together(words: list[str], says: str) -> None:
    done = command("s", *words)
    assert done.exit_code == 2
    assert says in " ".join(done.stderr.split())


def test_it_needs_no_pytorch(found: tuple[SearchResult, str], tmp_path: Path) -> None:
    program = (
        "import sys, vrtune\n"
        f"vrtune.export({found[0].study!r}, format='csv', storage={found[1]!r})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True)
