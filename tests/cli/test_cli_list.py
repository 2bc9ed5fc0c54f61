"""vrtune list: studies of every kind are shown, whoever made them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import optuna

from vrtune.studies.storage import open_storage

URL = "sqlite:///studies.db"


def test_studies_of_others_are_listed_with_what_is_known(
    studies: Path, run: Callable[..., str]
) -> None:
    storage = open_storage(URL)
    pareto = optuna.create_study(
        study_name="pareto", storage=storage, directions=["minimize", "maximize"]
    )
    pareto.tell(pareto.ask(), (1.0, 2.0))
    odd = optuna.create_study(study_name="odd", storage=storage, direction="maximize")
    odd.set_user_attr("vrtune", "a word that another program keeps here")
    for value in (1.0, 3.0):
        odd.tell(odd.ask(), value)
    ours, *others = json.loads(run("list", "studies", "--json"))["studies"]
    assert (ours["space"], ours["dataset"], ours["model"]) == ("sgd", "digits", "softmax")
    assert ours["best"] > 0
    assert [(other["study"], other["complete"], other["best"]) for other in others] == [
        ("pareto", 1, None),
        ("odd", 2, 3.0),
    ]
    assert {other[name] for other in others for name in ("space", "dataset", "model")} == {None}
    line = next(line for line in run("list", "studies").splitlines() if "pareto" in line)
    assert line.split() == ["pareto", "-", "-", "-", "1", "0", "0", "0", "0", "0", "-"]
