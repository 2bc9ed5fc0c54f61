"""vrtune replay: the exit status says whether a record came out again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vrtune.cli.main import app
from vrtune.cli.replay import DIFFERS
from vrtune.replaying import replay as replaying
from vrtune.studies.configs import read_config

STUDY = "sgd-digits-softmax"


@pytest.mark.usefixtures("studies")
def test_what_came_out_again_is_said(run: Callable[..., str]) -> None:
    said = run("replay", STUDY, "--trial", "1")
    assert "trial                   1 of sgd-digits-softmax, complete\n" in said
    assert "compared                validation loss on 2 folds after 2 epochs\n" in said
    assert "result                  the same in every bit\n" in said


@pytest.mark.usefixtures("studies")
def test_what_differs_ends_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(*given: object) -> object:
        config = read_config(*given)  # type: ignore[arg-type]
        return config.model_copy(update={"optimizer": type(config.optimizer)(lr=0.3)})

    monkeypatch.setattr(replaying, "read_config", other)
    done = CliRunner().invoke(app, ["replay", STUDY, "--json"], prog_name="vrtune")
    assert done.exit_code == DIFFERS
    found = json.loads(done.stdout)
    assert (found["same"], found["rounding"], found["first"]["epoch"]) == (False, False, 1)
    assert len(found["gaps"]) == len(found["twins"]) == len(found["epochs"]) == 2


def test_what_cannot_be_is_refused(studies: Path, complain: Callable[..., str]) -> None:
    assert "has no trial 9" in complain("replay", STUDY, "--trial", "9", status=2)
    assert "there is no study 'x'" in complain("replay", "x", status=2)
    assert "choose auto, cpu" in complain("replay", STUDY, "--device", "tpu", status=2)
