"""A trial that was cut off is continued: its curve is that of one that never was."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from vrtune import Task, search
from vrtune.events import Event, Finished, Noted, RoundEnded
from vrtune.studies.outcome import spent

TASK = Task(model="softmax", folds=2, epochs=8, limit=200)


class Cut:
    """Has a search end after so many rounds."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.said: list[str] = []
        self.back: list[int] = []

    def __call__(self, event: Event) -> None:
        if isinstance(event, RoundEnded):
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGINT)
        elif isinstance(event, Noted):
            self.said.append(event.text)
        elif isinstance(event, Finished) and event.state == "put back":
            self.back.append(event.number)


def run(storage: Path, rounds: int = 0, space: str = "svrg", **settings: Any) -> Cut:
    usual = {"trials": 3, "jobs": 1, "retrain": 0, "sampler": "random", "checkpoint": 2}
    cut = Cut(rounds)
    search(space, TASK, storage=storage, progress=cut, **usual | settings)
    return cut


def trials(storage: Path) -> list[FrozenTrial]:
    study = optuna.load_study(study_name=None, storage=_opened(storage))
    return study.get_trials()


def _opened(storage: Path) -> Any:
    from vrtune.storages.opening import open_storage

    return open_storage(storage)


def curve(trial: FrozenTrial) -> dict[str, Any]:
    """All that a trial says of its training, but for the time it took."""
    system = {n: v for n, v in trial.system_attrs.items() if n.startswith(("fold", "costs"))}
    skipped = ("worker", "again", "continued", "inherited", "seconds", "search")
    own = {n: v for n, v in trial.user_attrs.items() if n not in skipped}
    return {"value": trial.value, "values": trial.intermediate_values, **system, **own}


SPACE = """from vrtune import SGD, SVRG, MARS, SAGA, Adam, Polyak, TrialConfig
GRID = {{"lr": [0.01, 0.1]}}
def suggest(trial):
    lr = trial.suggest_float("lr", 0.01, 1.0)
    return TrialConfig({})
"""
slow = pytest.mark.slow


@pytest.mark.usefixtures("hears_signals")
@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("estimator=SVRG(snapshot_period=3), optimizer=SGD(lr=lr, momentum=0.9)", "a.db"),
        pytest.param("estimator=SAGA(), optimizer=SGD(lr=lr)", "a.journal", marks=slow),
        pytest.param("estimator=MARS(), optimizer=Adam(lr=lr)", "a.journal", marks=slow),
        pytest.param("optimizer=Adam(lr=lr), average=Polyak()", "a.db", marks=slow),
    ],
)
def test_the_curve_of_an_unbroken_one(tmp_path: Path, method: str, name: str) -> None:
    """Cut off again and again, in the middle of trials: what they say is the same."""
    space = tmp_path / "method.py"
    space.write_text(SPACE.format(method))
    whole, broken = tmp_path / "whole" / name, tmp_path / "broken" / name
    for storage in (whole, broken):
        storage.parent.mkdir()
    usual = {"space": str(space), "sampler": "grid", "pruner": "none"}
    run(whole, trials=2, **usual)
    for rounds in (5, 3, 0):
        run(broken, rounds=rounds, trials=2, **usual)
    wanted = {str(trial.params): curve(trial) for trial in trials(whole)}
    made = [trial for trial in trials(broken) if trial.state is TrialState.COMPLETE]
    assert {str(trial.params) for trial in made} == set(wanted)
    assert sum("continued" in trial.user_attrs for trial in made) >= 1
    for trial in made:
        assert curve(trial) == wanted[str(trial.params)]
    assert not (broken.parent / "studies" / "checkpoints").exists()


@pytest.mark.usefixtures("hears_signals")
def test_a_pruner_knows_the_rungs_that_it_has_passed(tmp_path: Path) -> None:
    """As if all its epochs had been reported now."""
    usual = {"space": "sgd", "sampler": "grid", "pruner": "halving", "trials": 1}
    run(tmp_path / "whole.db", **usual)
    run(tmp_path / "broken.db", rounds=7, **usual)
    run(tmp_path / "broken.db", **usual | {"trials": 40})
    rungs = [
        {name: at for name, at in trial.system_attrs.items() if name.startswith("completed_rung")}
        for trial in (
            trials(tmp_path / "whole.db")[0],
            next(t for t in trials(tmp_path / "broken.db") if "continued" in t.user_attrs),
        )
    ]
    assert len(rungs[0]) > 1
    assert rungs[0] == rungs[1]


@pytest.mark.usefixtures("hears_signals")
def test_what_an_interrupted_trial_spent_is_counted(tmp_path: Path) -> None:
    """Once: what is inherited was made by another. Epochs since the checkpoint are made twice."""
    whole, broken = tmp_path / "whole.db", tmp_path / "broken.db"
    run(whole, space="sgd", trials=1, pruner="none")
    run(broken, rounds=5, space="sgd", trials=1, pruner="none")
    run(broken, space="sgd", trials=1, pruner="none")
    (usual,), (first, second) = trials(whole), trials(broken)
    assert (first.state, second.state) == (TrialState.FAIL, TrialState.COMPLETE)
    cost = usual.user_attrs["gradient_computations"]
    assert second.user_attrs["gradient_computations"] == cost
    assert second.user_attrs["continued"] == 4
    assert second.user_attrs["inherited"] == pytest.approx(cost / 2)
    assert spent([first, second]) == pytest.approx(cost * 9 / 8)


@pytest.mark.usefixtures("hears_signals")
@pytest.mark.parametrize("harm", ["damaged", "another's", "off"])
def test_one_that_will_not_do_is_told(tmp_path: Path, harm: str) -> None:
    storage = tmp_path / "a.db"
    run(storage, rounds=5, space="sgd", pruner="none", checkpoint="off" if harm == "off" else 2)
    files = list((tmp_path / "studies").glob("checkpoints/a.db/*/trial-0.safetensors"))
    assert len(files) == (harm != "off")
    if harm == "damaged":
        content = bytearray(files[0].read_bytes())
        content[-1] ^= 255
        files[0].write_bytes(content)
    elif harm == "another's":
        from safetensors import safe_open
        from safetensors.torch import save_file

        with safe_open(files[0], framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        save_file(tensors, files[0])
    said = run(storage, space="sgd", trials=1, pruner="none").said
    told = [text for text in said if "does not go on from it" in text]
    assert len(told) == (harm != "off")
    first, second = trials(storage)[0], trials(storage)[-1]
    assert first.user_attrs["cut off"]
    assert "continued" not in second.user_attrs
    assert second.state is TrialState.COMPLETE
    assert math.isfinite(second.value)


def test_a_disk_without_room_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vrtune.studies.checkpoints.os.fsync", full)
    said = run(tmp_path / "a.db", space="sgd", checkpoint=1).said
    told = [text for text in said if "No space left on device" in text]
    assert len(told) == 1
    assert told[0].endswith(
        " can't be written (No space left on device): the search goes on, and trials that are cut "
        "off meanwhile begin anew"
    )
