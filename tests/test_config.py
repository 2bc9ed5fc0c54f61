"""Settings: JSON both ways, and every mistake refused."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from contracts.settings import (
    AVERAGE_SETTINGS,
    ESTIMATOR_SETTINGS,
    INIT_SETTINGS,
    OPTIMIZER_SETTINGS,
    PENALTY_SETTINGS,
    SCHEDULE_SETTINGS,
)
from pydantic import ValidationError

from vrtune import SGD, STORM, SVRG, Adam, MetaInit, Plain, Task, TrialConfig
from vrtune.averages import AVERAGES
from vrtune.config import Settings, storage_url
from vrtune.errors import UsageError, explain
from vrtune.estimators import ESTIMATORS
from vrtune.inits import INITS
from vrtune.optimizers import OPTIMIZERS
from vrtune.penalties import PENALTIES
from vrtune.schedules import SCHEDULES
from vrtune.units import (
    AverageSettings,
    EstimatorSettings,
    InitSettings,
    OptimizerSettings,
    PenaltySettings,
    ScheduleSettings,
    Unit,
)

UNITS = [
    *(unit for units in ESTIMATOR_SETTINGS.values() for unit in units),
    *(unit for units in OPTIMIZER_SETTINGS.values() for unit in units),
    *(unit for units in INIT_SETTINGS.values() for unit in units),
    *(unit for units in SCHEDULE_SETTINGS.values() for unit in units),
    *(unit for units in PENALTY_SETTINGS.values() for unit in units),
    *(unit for units in AVERAGE_SETTINGS.values() for unit in units),
]


@pytest.mark.parametrize(
    ("role", "registry", "tried"),
    [
        (EstimatorSettings, ESTIMATORS, ESTIMATOR_SETTINGS),
        (OptimizerSettings, OPTIMIZERS, OPTIMIZER_SETTINGS),
        (InitSettings, INITS, INIT_SETTINGS),
        (ScheduleSettings, SCHEDULES, SCHEDULE_SETTINGS),
        (PenaltySettings, PENALTIES, PENALTY_SETTINGS),
        (AverageSettings, AVERAGES, AVERAGE_SETTINGS),
    ],
)
def test_every_unit_is_registered_under_its_kind(
    role: type[Unit], registry: dict, tried: dict
) -> None:
    assert set(role.enrolled) == set(registry) == set(tried)
    for kind, unit in registry.items():
        assert unit.algorithm is unit or unit.algorithm.settings is unit
        assert unit.model_fields["kind"].default == kind


def whole(unit: Settings) -> TrialConfig:
    """A trial's settings with `unit` in its place."""
    parts = {"optimizer": SGD(lr=0.1)}
    if isinstance(unit, EstimatorSettings):
        parts |= {"estimator": unit}
        parts |= {"optimizer": SGD()} if unit.sets_step_size else {}
    elif isinstance(unit, OptimizerSettings):
        parts |= {"optimizer": unit}
    elif isinstance(unit, ScheduleSettings):
        parts |= {"schedule": unit}
    elif isinstance(unit, PenaltySettings):
        parts |= {"penalty": unit}
    elif isinstance(unit, AverageSettings):
        parts |= {"average": unit}
    else:
        parts |= {"init": unit}
    return TrialConfig(**parts)


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_settings_survive_json(unit: Settings) -> None:
    """Through text and through plain data, with every number as it was."""
    config = whole(unit)
    text = config.model_dump_json()
    assert TrialConfig.model_validate_json(text) == config
    data = config.model_dump(mode="json")
    assert json.loads(text) == data
    back = TrialConfig.model_validate(json.loads(json.dumps(data)))
    assert back == config
    assert unit in [part for _, part in back]
    assert [type(part) for _, part in back] == [type(part) for _, part in config]


def test_task_survives_json() -> None:
    task = Task(dataset="mnist", norm="batch", folds=3, limit=500, seed=7)
    assert Task.model_validate_json(task.model_dump_json()) == task


def test_a_data_set_may_be_given_by_its_path() -> None:
    assert Task(dataset=Path("mine.npz")).dataset == "mine.npz"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (Path("~/x.db"), "sqlite:////home/me/x.db"),
        (Path("~/x.journal"), "/home/me/x.journal"),
        ("~/x.log", "/home/me/x.log"),
        (Path("/a b/50%.db"), "sqlite:////a b/50%25.db"),
        ("postgresql://me@host/" + "d" * 300, "postgresql://me@host/" + "d" * 300),
    ],
)
def test_a_storage_at_home(given: str | Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert storage_url(given) == url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "storage: give a URL or a path"),
        (3, "storage: give a URL or a path"),
        (b"x.db", "storage: give a URL or a path"),
        ("a\0.log", "storage: give it without the character NUL"),
        (Path("caf\udce9.db"), "storage: give it in UTF-8"),
        ("sqlite:///" + "n" * 256, "storage: give a shorter path"),
    ],
)
def test_what_is_no_storage(given: Any, said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}"):
        storage_url(given)


def test_what_is_left_out_has_a_default() -> None:
    config = TrialConfig.model_validate({"optimizer": {"kind": "sgd", "lr": 0.1}})
    assert config.estimator == Plain()
    assert config.init.kind == "default"
    assert config == TrialConfig(optimizer=SGD(lr=0.1))


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_a_misspelt_field_is_refused(unit: Settings) -> None:
    data = unit.model_dump(mode="json") | {"weight_decy": 0.1}
    with pytest.raises(ValidationError, match="weight_decy"):
        type(unit).model_validate(data)
    with pytest.raises(ValidationError, match="weight_decy"):
        type(unit)(**data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"optimizer": {"kind": "sgdd", "lr": 1}},
            "'sgdd' is no optimizer; choose one of ada",
        ),
        ({"optimizer": {"lr": 1}}, "None is no optimizer"),
        ({"optimizer": 3}, "None is no optimizer"),
        ({}, "optimizer"),
        ({"optimizer": {"kind": "sgd", "lr": 1}, "estimator": {"kind": "sgd"}}, "is no gradient"),
        ({"optimizer": {"kind": "sgd", "lr": 1}, "init": {"kind": "x"}}, "is no init"),
        ({"optimizer": {"kind": "sgd", "lr": 1}, "optimiser": {}}, "optimiser"),
        ({"optimizer": {"kind": "sgd"}}, "needs a learning rate: set lr"),
        (
            {"optimizer": {"kind": "sgd", "lr": 1}, "estimator": {"kind": "storm"}},
            "sets the step size itself: leave the optimizer's lr out",
        ),
        (
            {"optimizer": {"kind": "sgd"}, "estimator": {"kind": "storm", "k": 0}},
            "greater than 0",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(data: dict, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TrialConfig.model_validate(data)
    assert message in explain(caught.value)


@pytest.mark.parametrize("kind", OPTIMIZERS)
@pytest.mark.parametrize("lr", [0, -0.1, math.nan, math.inf, "fast"])
def test_a_step_size_must_be_a_positive_number(kind: str, lr: object) -> None:
    with pytest.raises(ValidationError, match="lr"):
        OPTIMIZERS[kind](lr=lr)


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_nan_and_infinity_are_refused_everywhere(unit: Settings) -> None:
    for name, value in unit.model_dump().items():
        if isinstance(value, float):
            for bad in (math.nan, math.inf, -math.inf):
                with pytest.raises(ValidationError):
                    type(unit)(**{**unit.model_dump(), name: bad})


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: SGD(lr=1, momentum=-0.1), "momentum"),
        (lambda: SGD(lr=1, nesterov=True), "nesterov needs a momentum"),
        (lambda: SGD(lr=1, nesterov=True, momentum=0.9, dampening=0.1), "no dampening"),
        (lambda: SGD(lr=1, dampening=0.1), "dampening needs a momentum"),
        (lambda: Adam(lr=1, betas=(0.9, 1.0)), "betas"),
        (lambda: Adam(lr=1, betas=(0.9,)), "betas"),
        (lambda: Adam(lr=1, weight_decay=-1), "weight_decay"),
        (lambda: SVRG(snapshot_period=0), "snapshot_period"),
        (lambda: SVRG(snapshot_period=1.5), "snapshot_period"),
        (lambda: STORM(w=0), "w"),
        (lambda: STORM(c=-1), "c"),
        (lambda: MetaInit(steps=0), "steps"),
        (lambda: MetaInit(momentum=1), "momentum"),
        (lambda: Task(folds=1), "folds"),
        (lambda: Task(epochs=0), "epochs"),
        (lambda: Task(batch_size=0), "batch_size"),
        (lambda: Task(limit=0), "limit"),
        (lambda: Task(norm="instance"), "norm"),
        (lambda: Task(seed=-1), "seed"),
        (lambda: Task(epoch=3), "a task has no setting 'epoch': did you mean epochs?"),
        (lambda: Task(x=3), "a task has no setting 'x': choose from dataset, target, model, norm"),
        (lambda: Task(folds=True), "folds: give a number or a word (got True)"),
        (lambda: Task(model=False), "model: give a number or a word (got False)"),
        (lambda: Task(dataset=3), "dataset: Input should be a valid string"),
        (lambda: Task(dataset="a\0b"), "dataset: give it without the character NUL"),
        (lambda: Task(dataset="caf\udce9"), "dataset: give it in UTF-8"),
        (lambda: Task(dataset="n" * 256), "dataset: give a shorter path"),
    ],
)
def test_values_out_of_range_are_refused(build, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        build()
    assert message in explain(caught.value)


@pytest.mark.parametrize("unit", [*UNITS, Task(), TrialConfig(optimizer=SGD(lr=1))], ids=repr)
def test_settings_cannot_be_changed(unit: Settings) -> None:
    name = next(iter(type(unit).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(unit, name, getattr(unit, name))


def test_an_error_is_explained_in_one_line_with_what_was_given() -> None:
    with pytest.raises(ValidationError) as caught:
        TrialConfig.model_validate({"optimizer": {"kind": "sgd", "lr": -2, "momentun": 0.9}})
    line = explain(caught.value)
    assert "\n" not in line
    assert "-2" in line
    assert "momentun" in line


def test_schema_lists_every_unit() -> None:
    """An editor that knows the JSON Schema can complete every field."""
    schema = json.dumps(TrialConfig.model_json_schema())
    for unit in UNITS:
        assert json.dumps(unit.kind) in schema
        assert all(f'"{name}"' in schema for name in type(unit).model_fields)


def test_a_class_is_asked_for_as_text() -> None:
    """A study keeps nothing else."""
    with pytest.raises(ValidationError) as caught:
        Task(model=dict)  # type: ignore[arg-type]
    assert "model: give it as text, FILE.py:NAME" in explain(caught.value)


@pytest.mark.parametrize("many", [10**15, "1000000000000000", 10**400])
def test_numbers_that_nothing_can_compute_with(many: object) -> None:
    with pytest.raises(ValidationError, match="a whole number of at most 15 digits"):
        Task(epochs=many)
