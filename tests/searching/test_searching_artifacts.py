"""What trials leave behind as files, a search that can't keep any, and the note of its study."""

from __future__ import annotations

import csv
import math
import os
import signal
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.artifacts import get_all_artifact_meta
from optuna.trial import FrozenTrial, TrialState
from optuna_dashboard import get_note, save_note
from reference.small_search import SPACE, TASK, trials_of
from safetensors.torch import load_file

from vrtune import TrialConfig, retrain, search
from vrtune.events import Event, Finished, Noted
from vrtune.lanes.workspace import Workspace
from vrtune.searching.settings import Validate
from vrtune.storages.opening import open_storage
from vrtune.studies.artifacts import artifact_folder
from vrtune.studies.record import load_study

WILD = """
from vrtune import SGD, TrialConfig
GRID = {'lr': [1e38, 0.1]}
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', 0.01, 1e38, log=True)))
"""


def files_of(url: str, trial: FrozenTrial) -> dict[str, Path]:
    found = get_all_artifact_meta(trial, storage=open_storage(url))
    return {meta.filename: artifact_folder(url) / meta.artifact_id for meta in found}


def table(path: Path) -> dict[str, list[float]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


@pytest.mark.parametrize("validate_at", ["epochs", "rungs"])
def test_every_trial_that_ended_has_its_curves_and_settings(
    tmp_path: Path, validate_at: Validate
) -> None:
    url = f"{tmp_path}/a.journal"
    task = TASK.model_copy(update={"epochs": 6})
    search(
        SPACE, task, trials=16, sampler="random", jobs=1, open=3, study="s", storage=url,
        retrain=0, validate_at=validate_at, pruner="halving",
    )  # fmt: skip
    trials = trials_of(url)
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    for trial in trials:
        files = files_of(url, trial)
        assert set(files) == {"folds.csv", "config.json"}
        config = TrialConfig.model_validate_json(files["config.json"].read_text())
        assert config.model_dump(mode="json") == trial.user_attrs["config"]
        curves = table(files["folds.csv"])
        assert curves["epoch"] == list(trial.intermediate_values)
        assert curves["loss"] == pytest.approx(list(trial.intermediate_values.values()), rel=1e-6)
        spent = curves["gradient computations"]
        assert spent == sorted(spent)
        assert spent[-1] == trial.user_attrs["gradient_computations"]
        for what, kept in ("loss", "fold_values"), ("accuracy", "fold_accuracies"):
            last = [curves[f"{what} of fold {fold}"][-1] for fold in (1, 2)]
            assert last == pytest.approx(trial.user_attrs[kept], rel=1e-6)
            assert curves[what][-1] == pytest.approx(sum(last) / 2, rel=1e-6)


def test_a_trial_that_diverged_has_its_files(tmp_path: Path, url: str) -> None:
    (tmp_path / "wild.py").write_text(WILD)
    search(
        tmp_path / "wild.py", TASK, sampler="grid", pruner="none", jobs=1, study="s", storage=url,
        retrain=0, artifacts="weights",
    )  # fmt: skip
    wild, tame = sorted(trials_of(url), key=lambda trial: -trial.params["lr"])
    assert not math.isfinite(table(files_of(url, wild)["folds.csv"])["loss"][0])
    assert "weights.safetensors" not in files_of(url, wild)
    assert "weights.safetensors" in files_of(url, tame)


def test_the_weights_are_those_that_were_judged(url: str) -> None:
    """Of trials whose rows others got: judged again here, on a validation part each."""
    search(
        SPACE, TASK, sampler="grid", pruner="none", jobs=1, open=3, study="s", storage=url,
        retrain=0, artifacts="weights",
    )  # fmt: skip
    workspace = Workspace(TASK, Path(), torch.device("cpu"))
    for trial in trials_of(url):
        tensors = load_file(files_of(url, trial)["weights.safetensors"])
        losses = trial.user_attrs["fold_values"]
        for fold, (seen, loss) in enumerate(zip(workspace.folds, losses, strict=True), 1):
            model, own = workspace.make(), f"fold-{fold}/"
            state = {k.removeprefix(own): v for k, v in tensors.items() if k.startswith(own)}
            model.load_state_dict(state)
            x, y = (part[seen.validation] for part in workspace.train_data)
            x = x * seen.scale.view(-1, 1, 1) - seen.shift.view(-1, 1, 1)
            found = torch.nn.functional.cross_entropy(model(x), y).item()
            assert found == pytest.approx(loss, rel=1e-4)


def test_off_keeps_no_file(tmp_path: Path, url: str) -> None:
    search("sgd", TASK, trials=2, jobs=1, study="s", storage=url, retrain=0, artifacts="off")
    assert not any("artifacts" in name for trial in trials_of(url) for name in trial.system_attrs)
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_folder_that_can_not_be_written_is_said_once(tmp_path: Path, url: str, jobs: int) -> None:
    (tmp_path / "studies").write_text("")
    said: list[Event] = []
    given: dict[str, Any] = {"trials": 4, "jobs": jobs, "study": "s", "storage": url, "retrain": 0}
    # a slow machine would have checkpoints due, which say so, too
    found = search("sgd", TASK, **given, checkpoint="off", progress=said.append)
    assert sum(found.trials.model_dump().values()) == 4
    notes = [event.text for event in said if isinstance(event, Noted)]
    assert len(notes) == 1
    assert "can't be written (Not a directory), where curves and settings" in notes[0]
    assert not any("artifacts" in name for trial in trials_of(url) for name in trial.system_attrs)


@pytest.mark.slow
def test_several_processes_keep_all(url: str) -> None:
    search("sgd", TASK, trials=6, jobs=2, study="s", storage=url, retrain=0, pruner="none")
    kept = [path for trial in trials_of(url) for path in files_of(url, trial).values()]
    assert len({trial.user_attrs["worker"]["pid"] for trial in trials_of(url)}) <= 2
    assert len(set(kept)) == 12
    assert {path.name for path in artifact_folder(url).iterdir()} == {p.name for p in kept}


# ---- the note ----------------------------------------------------------------------------------


def study_in(url: str) -> optuna.Study:
    return load_study(open_storage(url), "s", url)


def test_a_search_leaves_a_note_and_a_retraining_renews_it(url: str) -> None:
    search("sgd", TASK, trials=2, jobs=1, study="s", storage=url, retrain=0)
    before = get_note(study_in(url))
    assert before.startswith("**validation loss ")
    assert "test accuracy" not in before
    retrain("s", storage=url, seeds=1, progress=False)
    assert "- test accuracy" in get_note(study_in(url))
    save_note(study_in(url), "mine")
    search("sgd", TASK, trials=1, jobs=1, study="s", storage=url, confirm=1, retrain_seeds=1)
    assert get_note(study_in(url)) == "mine"


def test_a_search_that_trains_again_says_what_came_of_it(url: str) -> None:
    search("sgd", TASK, trials=2, jobs=1, study="s", storage=url, confirm=1, retrain_seeds=1)
    said = get_note(study_in(url))
    assert "on fresh starts" in said
    assert "- test accuracy" in said


def test_a_search_that_was_stopped_leaves_one(url: str) -> None:
    def stop(event: Event) -> None:
        if isinstance(event, Finished) and event.number == 0 and event.state == "complete":
            os.kill(os.getpid(), signal.SIGINT)

    found = search("sgd", TASK, trials=9, jobs=1, study="s", storage=url, progress=stop)
    assert found.stopped
    assert get_note(study_in(url)).startswith("**validation loss ")
