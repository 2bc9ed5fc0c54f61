"""Exported trials: every format says the same, reads back, and refuses what is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import torch

from vrtune import (
    SGD,
    STORM,
    SVRG,
    AdaGrad,
    Adam,
    Cosine,
    MetaInit,
    OneCycle,
    Step,
    Task,
    TrialConfig,
    export,
    load_config,
    search,
)
from vrtune.config import EstimatorSettings, InitSettings, OptimizerSettings, ScheduleSettings
from vrtune.errors import UsageError
from vrtune.exporting import (
    FORMATS,
    CrossValidation,
    ExportedTrial,
    Provenance,
    Results,
    RetrainResult,
    _dialect,
    schema,
)
from vrtune.results import SearchResult
from vrtune.retraining import spread

TASK = Task(epochs=2, limit=200, folds=2, model="softmax")
READ_BACK = {"json": ".json", "yaml": ".yaml", "toml": ".toml"}
CONFIGS = [
    TrialConfig(optimizer=SGD(lr=1e-5, momentum=0.9, nesterov=True)),
    TrialConfig(optimizer=Adam(lr=0.1, betas=(0.8, 0.95), amsgrad=True)),
    TrialConfig(optimizer=Adam(lr=1.0, weight_decay=0.1, decoupled_weight_decay=True)),
    TrialConfig(optimizer=AdaGrad(lr=0.3, eps=1e-10), init=MetaInit(steps=7)),
    TrialConfig(optimizer=SGD(), estimator=STORM(k=1e-16, w=0.1, c=1e22)),
    TrialConfig(optimizer=SGD(lr=0.1), estimator=SVRG(snapshot_period=2)),
    TrialConfig(optimizer=SGD(lr=0.1), schedule=Cosine(warmup=0.1, final=1e-3)),
    TrialConfig(optimizer=SGD(lr=0.1), schedule=Step(milestones=(0.4, 0.8), gamma=0.2)),
    TrialConfig(optimizer=SGD(lr=0.1), estimator=SVRG(), schedule=OneCycle(rising=0.2)),
]
IDS = [
    *("sgd", "amsgrad", "adamw", "adagrad-metainit", "storm", "svrg"),
    *("cosine", "step", "svrg-one-cycle"),
]
HELD_OUT = Task(
    dataset="cifar10",
    model="resnet20",
    norm="layer",
    init="metainit",
    holdout=0.1,
    epochs=7,
    batch_size=64,
    limit=900,
    augment="crop-flip",
    lock_transforms=False,
    precision="bfloat16",
    seed=5,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SearchResult, str]]:
    """A finished search and its storage."""
    folder = tmp_path_factory.mktemp("exporting")
    url = f"sqlite:///{folder}/studies.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield search("sgd", TASK, trials=2, jobs=1, storage=url, retrain_seeds=2), url


def exported(config: TrialConfig, task: Task | None = None, **changes: Any) -> ExportedTrial:
    """A trial whose retraining diverged, so that there are gaps in lists and elsewhere."""
    spent = 16.0
    return ExportedTrial(
        schema_version=1,
        config=config,
        protocol=task or TASK.model_copy(update={"limit": None, "dataset": 'a "b"\n# c'}),
        results=Results(
            cross_validation=CrossValidation(
                value=0.1 + 0.2,
                fold_values=[1e-5, 0.5],
                fold_accuracies=[1.0, 0.0],
                epochs=2,
                gradient_computations=spent,
            ),
            retrain=RetrainResult(
                seeds=2,
                test_accuracy=spread([0.5, float("nan")]),
                test_loss=spread([float("inf"), 1.0]),
                gradient_computations=spent,
            ),
        ),
        provenance=Provenance(
            **{
                "study": "quote ' \" and\nraise SystemExit(3)",
                "trial": 3,
                "space": "sgd",
                "seed": 1,
                "storage": "sqlite",
                "data_fingerprint": "0" * 16,
                "vrtune": "0",
                "torch": "0",
                "optuna": "0",
                "python": "0",
                "created": datetime(2026, 1, 2, tzinfo=UTC),
                **changes,
            }
        ),
    )


def run_snippet(text: str) -> dict[str, Any]:
    """The names that a snippet defines, without its training."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(text, "snippet", "exec"), names)
    return names


@pytest.mark.parametrize("format", READ_BACK)
def test_a_trial_reads_back(format: str, found: tuple[SearchResult, str], tmp_path: Path) -> None:
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
    origin = again.provenance
    assert (origin.study, origin.trial) == (result.study, result.best.number)
    assert (origin.storage, origin.space) == ("sqlite", "sgd")
    assert origin.commit is None  # a temporary folder is in no repository


@pytest.mark.parametrize("format", READ_BACK)
@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_every_kind_of_setting_reads_back(config: TrialConfig, format: str, tmp_path: Path) -> None:
    before = exported(config)
    path = tmp_path / f"trial{READ_BACK[format]}"
    path.write_text(FORMATS[format](before), encoding="utf-8")
    assert load_config(path) == before


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_the_snippet_says_the_same(config: TrialConfig) -> None:
    before = exported(config)
    text = FORMATS["python"](before)
    names = run_snippet(text)
    assert names["config"] == config
    assert names["task"] == before.protocol
    assert max(len(line) for line in text.splitlines() if not line.startswith("#")) <= 100


def test_the_snippet_says_every_setting_of_a_task() -> None:
    untouched = {k for k, v in HELD_OUT if v == Task.model_fields[k].default}
    assert untouched == {"folds"}
    text = FORMATS["python"](exported(CONFIGS[0], HELD_OUT))
    assert run_snippet(text)["task"] == HELD_OUT
    assert "# Validation loss 0.3, on the 10 % held out, after 2 epochs\n" in text


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_the_snippet_offers_the_twin_of_a_plain_method(config: TrialConfig) -> None:
    text = FORMATS["python"](exported(config))
    names = run_snippet(text)
    plain, steady = config.estimator.kind == "plain", config.schedule.kind == "constant"
    assert ("make_optimizer" in names) == ("torch" in names) == (plain and steady)
    assert ("follows a schedule" in text) == (plain and not steady)
    if "make_optimizer" in names:
        made = names["make_optimizer"]([torch.nn.Parameter(torch.zeros(2))])
        wanted = config.optimizer.model_dump(exclude={"kind"})
        assert type(made).__name__ == config.optimizer.twin()
        assert {k: made.defaults[k] for k in wanted if k in made.defaults} == {
            k: v for k, v in wanted.items() if k in made.defaults
        }
        assert made.defaults.get("decoupled_weight_decay", False) == wanted.get(
            "decoupled_weight_decay", False
        )


def test_the_snippet_trains_and_prints_the_test_accuracy(
    found: tuple[SearchResult, str], tmp_path: Path
) -> None:
    result, url = found
    assert result.retrain
    path = tmp_path / "trial.py"
    path.write_text(export(result.study, format="python", storage=url), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("test accuracy over 2 seeds: mean=")
    mean = float(done.stdout.split("mean=")[1].split()[0])
    assert mean == pytest.approx(result.retrain.test_accuracy.mean, abs=0.01)


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
        assert sorted(kinds) == sorted(role.known)
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
