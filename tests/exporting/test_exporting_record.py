"""Exported trials: every format says the same, reads back, and refuses what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from reference.exported import CONFIGS, IDS, TASK, exported

from vrtune import SGD, TrialConfig, export, load_config
from vrtune.errors import UsageError
from vrtune.exporting.export import schema
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.record import _dialect
from vrtune.searching.result import SearchResult
from vrtune.units import EstimatorSettings, InitSettings, OptimizerSettings, ScheduleSettings

READ_BACK = {"json": ".json", "yaml": ".yaml", "toml": ".toml"}


@pytest.mark.parametrize("format", READ_BACK)
def test_a_trial_reads_back(
    format: str,
    found: tuple[SearchResult, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    result, url = found
    monkeypatch.chdir(tmp_path)  # which is in no repository
    assert result.best
    assert result.retrain
    path = tmp_path / f"trial{READ_BACK[format]}"
    path.write_text(export(result.study, format=format, storage=url), encoding="utf-8")
    again = load_config(path)
    assert again.config.optimizer == SGD(lr=result.best.params["lr"])
    assert again.protocol == TASK
    assert again.results.cross_validation.value == result.best.value
    assert again.results.cross_validation.fold_values == result.best.fold_values
    assert again.results.retrain
    assert again.results.retrain.test_accuracy == result.retrain.test_accuracy
    origin = again.provenance
    assert (origin.study, origin.trial) == (result.study, result.best.number)
    assert (origin.storage, origin.space) == ("sqlite", "sgd")
    assert origin.commit is None


@pytest.mark.parametrize("format", READ_BACK)
@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_every_kind_of_setting_reads_back(config: TrialConfig, format: str, tmp_path: Path) -> None:
    before = exported(config)
    path = tmp_path / f"trial{READ_BACK[format]}"
    path.write_text(FORMATS[format](before), encoding="utf-8")
    assert load_config(path) == before


def test_a_chosen_trial_and_one_that_is_not_there(found: tuple[SearchResult, str]) -> None:
    result, url = found
    for number in (0, 1):
        assert (
            json.loads(export(result.study, trial=number, storage=url))["provenance"]["trial"]
            == number
        )
    with pytest.raises(UsageError, match="no trial 99"):
        export(result.study, trial=99, storage=url)
    with pytest.raises(UsageError, match="choose one of json, yaml, toml, python"):
        export(result.study, format="xml", storage=url)


def test_the_schema_lists_every_registered_unit() -> None:
    parts = schema()["$defs"]["TrialConfig"]["properties"]
    for name, role in (
        ("estimator", EstimatorSettings),
        ("optimizer", OptimizerSettings),
        ("init", InitSettings),
        ("schedule", ScheduleSettings),
    ):
        kinds = [option["properties"]["kind"]["const"] for option in parts[name]["oneOf"]]
        assert sorted(kinds) == sorted(role.enrolled)
    assert json.loads(json.dumps(schema())) == schema()


def test_exports_fit_the_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    for config in CONFIGS:
        document = json.loads(FORMATS["json"](exported(config)))
        assert not list(validator.iter_errors(document))
        document["config"]["optimizer"]["weight_decy"] = 0.1
        assert list(validator.iter_errors(document))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (
            lambda d: d["config"]["optimizer"].update(weight_decy=0.1),
            "config.optimizer.weight_decy",
        ),
        (lambda d: d["config"]["optimizer"].update(lr=-1), "config.optimizer.lr"),
        (lambda d: d["config"]["optimizer"].update(kind="sdg"), "'sdg' is no optimizer"),
        (lambda d: d["protocol"].update(fold=3), "protocol.fold"),
        (lambda d: d.update(note="x"), "note"),
        (lambda d: d.pop("config"), "config: Field required"),
        (lambda d: d.pop("schema_version"), "schema_version: Field required"),
        (lambda d: d.update(schema_version=2), "schema_version 2, and this vrtune reads 1"),
    ],
)
def test_a_changed_document_is_refused_in_one_sentence(
    change: Any, says: str, tmp_path: Path
) -> None:
    document = json.loads(FORMATS["json"](exported(CONFIGS[0])))
    change(document)
    path = tmp_path / "trial.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.py", "", "run it instead"),
        ("a.ini", "", "give .json, .yaml, .yml, .toml"),
        ("a.json", "{", "is no json"),
        ("a.yaml", "a: [", "is no yaml"),
        ("a.toml", "a = ", "is no toml"),
        ("a.json", "[1]", "holds no exported trial"),
        ("a.yaml", "", "holds no exported trial"),
    ],
)
def test_other_files_are_refused_in_one_sentence(
    name: str, text: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
        load_config(tmp_path / "none.json")


def test_no_password_gets_into_an_export() -> None:
    assert _dialect("postgresql+psycopg://me:secret@host/db") == "postgresql"
    assert _dialect("sqlite:////home/me/studies.db") == "sqlite"
    assert _dialect("studies.log") == "journal"
