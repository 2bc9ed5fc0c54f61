"""export(): a trial as JSON, YAML, TOML or Python, with what came of it and where it came from."""

from __future__ import annotations

import json
import math
import platform
import subprocess
import tomllib
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import optuna
import tomli_w
import torch
import yaml
from optuna.trial import FrozenTrial
from pydantic import AwareDatetime, Field, ValidationError

from vrtune import TrialConfig  # from here, so that every kind of unit is known
from vrtune.config import SCHEMA_VERSION, Settings, Task, explain
from vrtune.errors import UsageError
from vrtune.retraining import Retrained, Spread, retrained
from vrtune.snippet import snippet
from vrtune.storage import DEFAULT_URL, open_storage
from vrtune.studies import StudyRecord, find_trial, load_study, read_config, read_record


class CrossValidation(Settings):
    """What the folds, or the part held out, said at the trial's last epoch."""

    value: float = Field(description="mean validation loss over folds")
    fold_values: list[float | None] = Field(description="validation loss of each fold")
    fold_accuracies: list[float | None] = Field(description="validation accuracy, 0..1")
    epochs: int
    gradient_computations: float = Field(description="mini-batch gradients, all folds")


class RetrainResult(Settings):
    """What the test set said after training on the whole training set."""

    seeds: int
    test_accuracy: Spread
    test_loss: Spread
    gradient_computations: float = Field(description="mini-batch gradients, all seeds")


class Results(Settings):
    """How the setting did."""

    cross_validation: CrossValidation
    retrain: RetrainResult | None = None


class Provenance(Settings):
    """Where the setting comes from."""

    study: str
    trial: int
    space: str = Field(description="name of the search space")
    seed: int = Field(description="keys folds, weights and batches")
    storage: str = Field(description="kind of storage")
    data_fingerprint: str = Field(description="first 16 hex digits of the training data's SHA-256")
    commit: str | None = Field(default=None, description="git commit of the working directory")
    vrtune: str
    torch: str
    optuna: str
    python: str
    created: AwareDatetime = Field(description="time of the export, UTC")


class ExportedTrial(Settings):
    """A setting, the protocol it was judged by, what came out, and where it comes from."""

    schema_version: int = Field(ge=SCHEMA_VERSION, le=SCHEMA_VERSION)
    config: TrialConfig
    protocol: Task
    results: Results
    provenance: Provenance


def export(
    study: str, *, trial: int | None = None, format: str = "json", storage: str = DEFAULT_URL
) -> str:
    """A complete trial (the best if `trial` is None) as text: json, yaml, toml or python.

    Raises UsageError or VrtuneError with one sentence.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}: choose one of {', '.join(FORMATS)}")
    opened = load_study(open_storage(storage, create=False), study, storage)
    record = read_record(opened)
    return FORMATS[format](describe(opened, record, find_trial(opened, trial), storage))


def load_config(path: str | Path) -> ExportedTrial:
    """Reads an exported .json, .yaml, .yml or .toml file back. UsageError if it is none."""
    path = Path(path)
    if path.suffix not in PARSERS:
        hint = "run it instead" if path.suffix == ".py" else f"give {', '.join(PARSERS)}"
        raise UsageError(f"{path} can't be read as an exported trial: {hint}")
    try:
        data = PARSERS[path.suffix](path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise UsageError(
            f"{path} is no {path.suffix[1:]}: {' '.join(str(error).split())}"
        ) from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds no exported trial: export one with vrtune export")
    if data.get("schema_version", SCHEMA_VERSION) != SCHEMA_VERSION:
        raise UsageError(
            f"{path} has schema_version {data['schema_version']!r}, and this vrtune reads "
            f"{SCHEMA_VERSION}: export the trial again"
        )
    try:
        return ExportedTrial.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"{path} is no exported trial: {explain(error)}") from None


def schema() -> dict[str, Any]:
    """The JSON Schema of what `export` writes, with every registered kind of unit."""
    dialect = "https://json-schema.org/draft/2020-12/schema"
    return {"$schema": dialect, **ExportedTrial.model_json_schema()}


def describe(
    study: optuna.Study, record: StudyRecord, trial: FrozenTrial, storage: str
) -> ExportedTrial:
    """All there is to say about a complete trial."""
    kept = trial.user_attrs
    assert trial.value is not None
    return ExportedTrial(
        schema_version=SCHEMA_VERSION,
        config=read_config(trial),
        protocol=record.task,
        results=Results(
            cross_validation=CrossValidation(
                value=trial.value,
                fold_values=kept["fold_values"],
                fold_accuracies=kept["fold_accuracies"],
                epochs=trial.last_step or record.task.epochs,
                gradient_computations=kept["gradient_computations"],
            ),
            retrain=_tested(retrained(study, trial.number)),
        ),
        provenance=Provenance(
            study=study.study_name,
            trial=trial.number,
            space=record.space,
            seed=record.task.seed,
            storage=_dialect(storage),
            data_fingerprint=record.fingerprint,
            commit=_commit(),
            vrtune=version("vrtune"),
            torch=str(torch.__version__),
            optuna=version("optuna"),
            python=platform.python_version(),
            created=datetime.now(UTC).replace(microsecond=0),
        ),
    )


def _tested(kept: Retrained | None) -> RetrainResult | None:
    """Without the curves, which lie beside the weights."""
    if kept is None:
        return None
    return RetrainResult.model_validate(kept.model_dump(include=set(RetrainResult.model_fields)))


def _dialect(url: str) -> str:
    """The URL without user, password, host and path."""
    return url.partition("://")[0].partition("+")[0] if "://" in url else "journal"


def _commit() -> str | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"], capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _to_json(exported: ExportedTrial) -> str:
    return exported.model_dump_json(indent=2) + "\n"


class _Yaml(yaml.SafeDumper):
    """Lists on one line."""


_Yaml.add_representer(
    list,
    lambda dumper, items: dumper.represent_sequence(
        "tag:yaml.org,2002:seq", items, flow_style=True
    ),
)


def _to_yaml(exported: ExportedTrial) -> str:
    return yaml.dump(exported.model_dump(mode="json"), Dumper=_Yaml, sort_keys=False, width=100)


def _to_toml(exported: ExportedTrial) -> str:
    return tomli_w.dumps(_without_null(exported.model_dump(mode="json")))


def _without_null(value: Any) -> Any:
    """TOML has no null: keys are left out, and a list says nan, which no setting may be."""
    if isinstance(value, dict):
        return {k: _without_null(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [math.nan if v is None else _without_null(v) for v in value]
    return value


def _with_null(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _with_null(v) for k, v in value.items()}
    if isinstance(value, list):
        return [None if v != v else _with_null(v) for v in value]
    return value


FORMATS: dict[str, Callable[[ExportedTrial], str]] = {
    "json": _to_json,
    "yaml": _to_yaml,
    "toml": _to_toml,
    "python": snippet,
}

PARSERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".yaml": yaml.safe_load,
    ".yml": yaml.safe_load,
    ".toml": lambda text: _with_null(tomllib.loads(text)),
}
