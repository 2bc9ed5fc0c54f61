"""Penalties and averages that are searched beside a space."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from vrtune import Dropout, Exponential, Last, NoPenalty, Norms, Polyak, Task, TrialConfig, spaces
from vrtune.errors import UsageError
from vrtune.spaces import edge_notes
from vrtune.studies.naming import default_name

FOLDER = Path(__file__).parents[2] / "search_spaces"
PENALTIES = {
    "l1": (Norms(l1=1e-4, decoupled=True), 5 * 4),
    "l2": (Norms(l2=5e-4), 5 * 4),
    "elastic": (Norms(l1=1.5e-5, l2=8.5e-5, decoupled=True), 5 * 9),
    "l2_decoupled": (Norms(l2=0.01, decoupled=True), 5 * 4),
    "dropout": (Dropout(rate=0.5), 5 * 6),
}
AVERAGES = {
    "polyak": (Polyak(start_share=0.75), 5 * 4),
    "exponential": (Exponential(decay=0.999), 5 * 3),
}
ROLES = [("penalty", name) for name in PENALTIES] + [("average", name) for name in AVERAGES]


def test_every_file_is_tried() -> None:
    for folder, known in (("penalties", {*PENALTIES, "none"}), ("averages", {*AVERAGES, "last"})):
        assert {path.stem for path in (FOLDER / folder).glob("*.py")} == known


@pytest.mark.parametrize(("role", "name"), ROLES)
def test_default_grid_and_samples(role: str, name: str) -> None:
    """The default is the source's, off every edge; the grid lies within; samples differ."""
    space = spaces.load("sgd", **{role: name})
    wanted, points = (PENALTIES | AVERAGES)[name]
    trial = optuna.trial.FixedTrial(space.default())
    assert getattr(space.suggest(trial), role) == wanted  # type: ignore[arg-type]
    assert trial.params == space.default()
    assert edge_notes(trial.params, trial.distributions) == []
    assert len(space.grid()) == points
    for point in space.grid():
        fixed = optuna.trial.FixedTrial(point)
        space.suggest(fixed)  # type: ignore[arg-type]
        assert fixed.params == point
        assert all(fixed.distributions[n]._contains(v) for n, v in point.items())
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    found = [space.suggest(study.ask()) for _ in range(5)]
    assert len({getattr(config, role).model_dump_json() for config in found}) == 5
    for config in found:
        assert TrialConfig.model_validate_json(config.model_dump_json()) == config


def test_both_stand_beside_an_init() -> None:
    space = spaces.load("sgd", "metainit", "l2", "polyak")
    assert {"lr", "metainit_lr", "l2", "average_start"} <= set(space.ranges())
    assert len(space.files) == 4
    others = [spaces.load("sgd", "metainit", *beside) for beside in (("l2",), ("l1", "polyak"))]
    assert len({space.fingerprint, *(other.fingerprint for other in others)}) == 3


def test_none_and_last_are_as_if_nothing_was_said() -> None:
    plain = spaces.load("sgd")
    same = spaces.load("sgd", penalty="none", average="last")
    assert (same.files, same.fingerprint) == (plain.files, plain.fingerprint)
    config = same.check()
    assert (config.penalty, config.average) == (NoPenalty(), Last())
    assert not {"penalty", "average"} & set(config.model_dump(mode="json"))


@pytest.mark.parametrize("role", ["penalty", "average"])
def test_an_unknown_one_is_refused(role: str) -> None:
    with pytest.raises(UsageError, match=f"^there is no {role} 'nope': choose one of .*, "):
        spaces.load("sgd", **{role: "nope"})


def test_a_study_is_named_after_them() -> None:
    task = Task(dataset="digits", model="mlp", penalty="l2", average="polyak", patience=3)
    assert default_name("sgd", task) == "sgd-digits-mlp-l2-polyak"
