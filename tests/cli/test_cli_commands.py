"""What the commands print when all is well, for people and as JSON."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import vrtune
from vrtune import load_config, retraining
from vrtune.cli.export import write
from vrtune.cli.main import app
from vrtune.cli.screen import plus_minus
from vrtune.diagnosing import diagnose as diagnosing
from vrtune.errors import VrtuneError
from vrtune.estimators import ESTIMATORS
from vrtune.exporting import export as exporting
from vrtune.inits import INITS
from vrtune.optimizers import OPTIMIZERS
from vrtune.retraining import spread
from vrtune.schedules import SCHEDULES
from vrtune.searching import search as searching
from vrtune.searching.result import SearchResult
from vrtune.searching.settings import TRIALS
from vrtune.studies.counts import Counts
from vrtune.studies.pruners import PRUNERS
from vrtune.studies.samplers import SAMPLERS

Run = Callable[..., str]
STUDY = "sgd-digits-softmax"
SOFTMAX = ("--model", "softmax", "--epochs", "2", "--limit", "200", "--folds", "2", "--jobs", "1")
LOUD = """
from vrtune import SGD, TrialConfig
def suggest(trial):
    print("noise")
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.1, 1.0)))
"""


@pytest.mark.usefixtures("empty")
def test_a_search_prints_a_line_a_trial_and_a_summary(run: Run) -> None:
    said = run("search", "sgd", *SOFTMAX, "--trials", "3", "--retrain-seeds", "2").splitlines()
    assert said[:2] == ["loading PyTorch", "reading digits"]
    said = said[2:]
    assert said[0].startswith("1 process, 1 trial at a time; its ")
    assert [line.split()[:3:2] for line in said[1:4]] == [["trial", "complete"]] * 3
    judged = [i for i, line in enumerate(said) if line.startswith("judging trial")]
    assert judged == list(range(4, 4 + len(judged)))
    assert re.fullmatch(r"training trial \d again with 2 seeds", said[4 + len(judged)])
    summary = {line[:24].strip(): line[24:] for line in said[5 + len(judged) :]}
    assert " of them on fresh starts; " in summary["confirmed"]
    best = len({said[line].split()[2] for line in judged})
    assert f"to confirm {best} trial" in summary["gradient computations"]
    assert len(summary["of each seed"].split()) == 2
    assert summary["outside training"].endswith("% of the search's time")
    assert summary["trials"] == "3 complete, 0 pruned"
    assert summary["study"] == f"{STUDY} in sqlite:///studies.db"
    assert summary["next"] == f"vrtune show {STUDY}"
    assert "(2 seeds)" in summary["test accuracy"]
    assert " +- " in summary["test accuracy"]
    assert " +- " in summary["train accuracy"]


def test_json_is_one_object_and_nothing_else(empty: Path) -> None:
    (empty / "loud.py").write_text(LOUD)
    command = [sys.executable, "-m", "vrtune.cli.main", "search", "loud.py", *SOFTMAX]
    done = subprocess.run(
        [*command, "--trials", "2", "--retrain-seeds", "2", "--json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    said = json.loads(done.stdout)
    wanted = {"study", "storage", "task", "best", "trials", "gradient_computations", "seconds"}
    assert {*wanted, "retrain"} <= set(said)
    known = {"number", "value", "params", "fold_values", "kept_epochs", "confirmed", "edges"}
    assert set(said["best"]) == {*known, "fold_losses", "fold_metrics"}
    assert (said["metric"], said["direction"]) == ("loss", "minimize")
    assert set(said["trials"]) == set(Counts.model_fields)
    assert sum(said["trials"].values()) == 2
    for what in ("test_accuracy", "test_loss"):
        assert set(said["retrain"][what]) == {"mean", "std", "values"}
        assert len(said["retrain"][what]["values"]) == 2
    assert said["task"]["model"] == "softmax"


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize("output", [(), ("--json",)])
def test_a_search_without_a_complete_trial_ends_with_1(output: tuple[str, ...]) -> None:
    done = CliRunner().invoke(app, ["search", "sgd", *SOFTMAX, "--timeout", "1e-9", *output])
    assert done.exit_code == 1
    assert done.stderr.startswith(f"error: no trial of study '{STUDY}' ran to its end")
    if output:
        assert json.loads(done.stdout)["best"] is None


@pytest.mark.usefixtures("empty")
def test_a_stopped_search_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped = SearchResult(
        study="s",
        storage="postgresql://me:secret@host/db",
        task=searching.Task(),
        best=None,
        trials=Counts(interrupted=1, queued=1),
        gradient_computations=0.0,
        seconds=1.0,
        stopped=True,
    )
    monkeypatch.setattr(searching, "search", lambda *_, **__: stopped)
    done = CliRunner().invoke(app, ["search", "sgd", "--storage", stopped.storage])
    assert done.exit_code == 130
    assert "open trials are queued again; the same command continues the study" in done.stderr
    assert "secret" not in done.output
    done = CliRunner().invoke(app, ["search", "sgd", "--json", "--storage", stopped.storage])
    assert done.exit_code == 130
    assert json.loads(done.stdout)["storage"] == "postgresql://me:***@host/db"

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(searching, "search", interrupt)
    assert CliRunner().invoke(app, ["search", "sgd"]).exit_code == 130


@pytest.mark.usefixtures("studies")
def test_show(run: Run) -> None:
    said = run("show", STUDY)
    assert "2 complete" in said
    assert "dataset digits, model softmax" in said
    assert "lr=" in said
    assert f"studies/{STUDY}/trial-" in said
    assert not any(line.endswith(" ") for line in said.splitlines())
    told = json.loads(run("show", STUDY, "--json"))
    assert told["task"]["limit"] == 200
    assert told["trials"] == Counts(complete=2).model_dump()
    assert told["choice"] == told["best"][0]["number"]
    assert told["retrained"][0]["trial"] == told["best"][0]["number"]


@pytest.mark.usefixtures("studies")
def test_retrain(run: Run) -> None:
    said = run("retrain", STUDY, "--top", "2", "--seeds", "1").splitlines()
    assert said[1] == "training 2 trials again with 1 seed"
    assert len(said) == 5  # what it does, the heading, two trials
    told = json.loads(run("retrain", STUDY, "--trial", "0", "--seeds", "2", "--json"))
    assert [result["trial"] for result in told["retrained"]] == [0]
    assert len(told["retrained"][0]["test_accuracy"]["values"]) == 2
    assert told["retrained"][0]["test_losses"] is None


@pytest.mark.usefixtures("studies")
def test_a_test_curve_is_kept_where_it_is_asked_for(run: Run) -> None:
    said = json.loads(
        run("retrain", STUDY, "--trial", "0", "--seeds", "2", "--test-curve", "--json")
    )
    (again,) = said["retrained"]
    for curves, end in (("test_losses", "test_loss"), ("test_accuracies", "test_accuracy")):
        assert [len(curve) for curve in again[curves]] == [2, 2]
        assert [curve[-1] for curve in again[curves]] == again[end]["values"]
    shown = json.loads(run("show", STUDY, "--json"))["retrained"]
    assert [result for result in shown if result["trial"] == 0] == [again]
    curves = json.loads(Path(again["folder"], "curves.json").read_text())
    assert curves == {"epochs": 2, **{k: v for k, v in again.items() if k != "folder"}}


def test_the_help_says_that_a_test_curve_chooses_nothing(run: Run) -> None:
    said = " ".join(run("retrain", "--help").split())
    assert "--test-curve" in said
    assert "chosen already" in said
    assert "Choose no setting and no epoch by them" in said
    assert "stays the last epoch's" in said


@pytest.mark.parametrize(
    ("what", "key", "names"),
    [
        ("spaces", "space", {"adagrad", "adam", "sgd", "storm", "svrg"}),
        ("models", "model", {"lenet", "softmax"}),
        ("datasets", "dataset", {"cifar10", "cifar100", "digits", "fashion-mnist", "mnist"}),
        ("methods", "kind", {*ESTIMATORS, *OPTIMIZERS, *INITS, *SCHEDULES}),
        ("studies", "study", {STUDY}),
    ],
)
@pytest.mark.usefixtures("studies")
def test_list(what: str, key: str, names: set[str], run: Run) -> None:
    rows = json.loads(run("list", what, "--json"))[what]
    assert names <= {row[key] for row in rows}
    said = run("list", what).splitlines()
    assert len(said) == len(rows) + 1 + (what == "datasets")  # which users may have themselves
    assert all(name in "\n".join(said) for name in names)


def test_a_space_that_cannot_be_read_is_listed_as_such(empty: Path, run: Run) -> None:
    (empty / "search_spaces").mkdir()
    (empty / "search_spaces" / "broken.py").write_text("def suggest(trial) return")
    assert "can't be read" in run("list", "spaces")


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.yml", "a.toml"])
@pytest.mark.usefixtures("studies")
def test_an_export_follows_the_suffix(name: str, run: Run) -> None:
    assert run("export", STUDY, "--trial", "1", "-o", name) == ""
    assert load_config(name).provenance.trial == 1


@pytest.mark.usefixtures("studies")
def test_export_prints(run: Run) -> None:
    assert json.loads(run("export", STUDY))["schema_version"] == 1
    assert yaml.safe_load(run("export", STUDY, "--format", "yaml"))["schema_version"] == 1
    assert "torch.optim.SGD(" in run("export", STUDY, "--format", "python")
    assert "_target_: torch.optim.SGD" in run("export", STUDY, "--format", "hydra")
    assert "class_path: torch.optim.SGD" in run("export", STUDY, "--format", "lightning")
    assert json.loads(run("export", "--schema"))["title"] == "ExportedTrial"


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, link = tmp_path / "a.json", tmp_path / "link.json"
    target.write_text("before")
    link.symlink_to(target)
    write(link, "after")
    assert link.is_symlink()
    assert target.read_text() == "after"

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(VrtuneError, match="No space left on device"):
        write(target, "half")
    assert target.read_text() == "after"
    assert sorted(tmp_path.iterdir()) == [target, link]


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write(pipe, "text")
    assert os.read(reader, 100) == b"text"
    assert pipe.is_fifo()
    os.close(reader)


@pytest.mark.parametrize(
    "command", ["search", "retrain", "diagnose", "range", "export", "show", "list", "dashboard"]
)
def test_help(command: str, run: Run) -> None:
    assert run(command, "-h") == run(command, "--help")


def test_help_names_every_sampler_and_pruner(run: Run) -> None:
    said = run("search", "-h")
    assert all(name in said for name in (*SAMPLERS, *PRUNERS))
    assert f"(default: {TRIALS}, or the" in re.sub(r"[│\s]+", " ", said)
    assert all(command in run() for command in ("search", "retrain", "export", "show", "list"))


def test_help_and_version_need_no_pytorch() -> None:
    code = """
import sys
from typer.testing import CliRunner
from vrtune.cli.main import app
assert CliRunner().invoke(app, ["search", "-h"]).exit_code == 0
assert CliRunner().invoke(app, ["--version"]).stdout.startswith("vrtune ")
assert not {"torch", "optuna", "sqlalchemy", "sklearn"} & set(sys.modules)
import vrtune
assert vrtune.Task(epochs=3).epochs == 3
assert "torch" not in sys.modules
assert set(vrtune.__all__) <= set(dir(vrtune))
config = vrtune.TrialConfig.model_validate({"optimizer": {"kind": "adagrad", "lr": 0.1}})
assert isinstance(config.optimizer, vrtune.AdaGrad)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_public_name_hides_another() -> None:
    assert all(callable(getattr(vrtune, name)) for name in vrtune.__all__)
    assert (vrtune.search, vrtune.export) == (searching.search, exporting.export)
    assert (vrtune.retrain, vrtune.train) == (retraining.retrain, retraining.train_config)
    assert vrtune.diagnose is diagnosing.diagnose
    assert not hasattr(vrtune, "serch")


def test_one_value_has_no_spread() -> None:
    assert plus_minus(spread([0.5])) == "0.5000"
    assert plus_minus(spread([0.5, 0.7])) == "0.6000 +- 0.1414"
    assert plus_minus(spread([0.5, float("nan")])) == "diverged"
