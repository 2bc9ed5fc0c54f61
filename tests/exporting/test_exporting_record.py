"""Exported trials: every format says the same, reads back, and refuses what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from reference.exported import CONFIGS, IDS, TASK, exported

from vrtune import SGD, TrialConfig, export, load_config, search
from vrtune.errors import UsageError
from vrtune.exporting.describe import _dialect, _find
from vrtune.exporting.export import schema
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.record import ExportedTrial
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_storage
from vrtune.studies import versions
from vrtune.studies.record import load_study
from vrtune.studies.searches import SEARCH, SEARCHES, read_searches
from vrtune.units import EstimatorSettings, InitSettings, OptimizerSettings, ScheduleSettings

Whole = Callable[[ExportedTrial], ExportedTrial]
READ_BACK = {"json": ".json", "yaml": ".yaml", "toml": ".toml"}
OLD = Path(__file__).with_name("before_searches.json")  # written before the study kept its searches


@pytest.mark.parametrize("format", READ_BACK)
def test_a_trial_reads_back(
    format: str,
    found: tuple[SearchResult, str],
    tmp_path: Path,
) -> None:
    result, url = found
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
    assert again.results.retrain.train_accuracy == result.retrain.train_accuracy is not None
    origin = again.provenance
    assert (origin.study, origin.trial) == (result.study, result.best.number)
    assert (origin.storage, origin.space) == ("sqlite", "sgd")
    assert (origin.exported_by, origin.device) == (version("vrtune"), "cpu")


@pytest.mark.parametrize("format", READ_BACK)
def test_it_says_how_it_was_found(
    format: str, found: tuple[SearchResult, str], tmp_path: Path
) -> None:
    result, url = found
    assert result.best
    path = tmp_path / f"trial{READ_BACK[format]}"
    path.write_text(export(result.study, format=format, storage=url), encoding="utf-8")
    again = load_config(path)
    how, (entry,) = again.search, read_searches(load_study(open_storage(url), result.study, url))
    assert how
    assert (how.sampler, how.pruner, how.start) == ("auto", "folds", "on")
    assert (how.default, how.ranges) == ({"lr": 0.1}, entry.ranges)
    assert (how.searches, how.trials) == (1, result.trials)
    assert how.gradient_computations == result.gradient_computations > 0
    assert how.confirmed == result.confirmed > 0
    assert how.confirm_gradient_computations == result.confirm_gradient_computations > 0
    judged, seen = again.results.confirmation, result.best.confirmed
    assert judged
    assert seen
    assert judged.repeats == len(seen.losses) == 3
    assert (judged.mean, judged.failed, judged.losses) == (seen.mean, seen.failed, seen.losses)
    assert again.data
    assert again.data.model_dump() == {
        "name": "digits",
        "fingerprint": again.provenance.data_fingerprint,
        "data_dir": entry.data_dir,
        "find": "comes with scikit-learn",
        "class_names": tuple("0123456789"),
        "targets": "labels",
        "samples": 200,
        "shape": (1, 16, 16),
    }
    assert again.architecture
    assert again.architecture.model_dump(exclude={"inputs"}) == {
        "model": "softmax",
        "norm": "none",
        "parameters": 2570,
    }


def test_versions_are_those_that_trained_it(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a study that another version continued."""
    for number in ("7", "8"):
        monkeypatch.setattr(versions, "version", lambda name, number=number: number)
        sampler = "random" if number == "7" else "tpe"
        search(
            "sgd", TASK, trials=1, jobs=1, sampler=sampler, pruner="none", storage=url,
            study="s", retrain=0,
        )  # fmt: skip
    for trial, number, sampler in ((0, "7", "random"), (1, "8", "tpe")):
        told = json.loads(export("s", trial=trial, storage=url))
        origin = told["provenance"]
        assert [origin[name] for name in ("vrtune", "optuna", "numpy")] == [number] * 3
        assert origin["exported_by"] == version("vrtune")
        assert told["search"]["sampler"] == sampler
        assert told["search"]["searches"] == 2


@pytest.mark.parametrize("format", READ_BACK)
def test_a_study_that_kept_no_searches(format: str, url: str, tmp_path: Path) -> None:
    search("sgd", TASK, trials=1, jobs=1, storage=url, study="s", retrain=0)
    study = load_study(open_storage(url), "s", url)
    kept = {"plan": "looped gradients", "processes": 1}
    for name in [name for name in study.user_attrs if name.startswith(SEARCH.split("{")[0])]:
        study.set_user_attr(name, kept)
    study.set_user_attr(SEARCHES, [kept])
    path = tmp_path / f"old{READ_BACK[format]}"
    path.write_text(export("s", format=format, storage=url))
    told = load_config(path)
    assert told.search
    assert told.search.sampler is None
    assert told.search.searches == told.search.confirmed == 0
    assert told.results.confirmation is None
    assert told.search.ranges["lr"]["attributes"]["high"] == 10.0
    assert told.search.gradient_computations > 0
    assert (told.provenance.torch, told.provenance.commit) == (None, None)
    assert told.data
    assert told.data.data_dir
    text = export("s", format="python", storage=url)
    assert "None" not in text.partition("import argparse")[0]


def test_an_older_export_reads_back() -> None:
    old = load_config(OLD)
    assert old.config.optimizer == SGD(lr=0.0002894131302720656)
    assert old.provenance.torch == "2.14.1+cu130"
    assert (old.search, old.data, old.architecture) == (None, None, None)
    assert old.results.confirmation is None
    assert old.results.retrain
    assert old.results.retrain.train_accuracy is None
    assert "None" not in FORMATS["python"](old).partition("import argparse")[0]


@pytest.mark.parametrize(
    ("dataset", "says"),
    [("digits", "scikit-learn"), ("mnist", "torchvision"), ("/here/own.npz", "of this name")],
)
def test_it_says_where_data_are_had(dataset: str, says: str) -> None:
    assert says in _find(dataset)


@pytest.mark.parametrize("format", READ_BACK)
@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_every_kind_of_setting_reads_back(
    config: TrialConfig, format: str, whole: Whole, tmp_path: Path
) -> None:
    before = whole(exported(config))
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
    with pytest.raises(
        UsageError, match="choose one of json, yaml, toml, python, hydra, lightning, csv"
    ):
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


def test_exports_fit_the_schema(whole: Whole) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(schema())
    assert not list(validator.iter_errors(json.loads(OLD.read_text())))
    for config in CONFIGS:
        document = json.loads(FORMATS["json"](whole(exported(config))))
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
        (lambda d: d["protocol"].update(fold=3), "protocol: a task has no setting 'fold'"),
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
