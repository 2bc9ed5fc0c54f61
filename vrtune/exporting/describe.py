"""describe(): all that a study knows of a trial, as the record that is exported."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from pydantic import ValidationError

from vrtune.data import DATASETS
from vrtune.errors import UsageError, explain
from vrtune.exporting.configured import Run, for_hydra, for_lightning, steps_of
from vrtune.exporting.record import (
    SCHEMA_VERSION,
    Architecture,
    Confirmation,
    CrossValidation,
    Data,
    ExportedTrial,
    Provenance,
    Results,
    RetrainResult,
    Search,
    foreign_units,
)
from vrtune.studies.choice import Confirmed, confirmation, confirmations
from vrtune.studies.configs import read_config
from vrtune.studies.counts import count
from vrtune.studies.outcome import kept_epochs, spent
from vrtune.studies.record import StudyRecord, read_record
from vrtune.studies.retrained import Retrained, retrained
from vrtune.studies.searches import SearchEntry, read_searches, search_of, written
from vrtune.trial_config import TrialConfig

INPUTS = (
    "each channel (of a table, each column) less its mean, over its standard deviation, of the "
    "training part alone"
)
FROM_TRIAL = (
    *("fold_values", "fold_accuracies", "gradient_computations"),
    *("fold_losses", "fold_metrics", "fold_epochs"),
)
COMES_WITH = {"digits": "comes with scikit-learn"}


def describe(study: optuna.Study, trial: FrozenTrial, storage: str) -> ExportedTrial:
    """All there is to say about a complete trial. UsageError if the study says it otherwise than
    vrtune does."""
    record, config = read_record(study), read_config(study, trial)
    try:
        return _describe(study, record, trial, config, storage)
    except ValidationError as error:
        raise UsageError(
            f"trial {trial.number} of study {study.study_name!r} can't be exported, since a search "
            f"keeps something else there: {explain(error)}"
        ) from None


def _describe(
    study: optuna.Study, record: StudyRecord, trial: FrozenTrial, config: TrialConfig, storage: str
) -> ExportedTrial:
    kept, task, searches = trial.user_attrs, record.task, read_searches(study)
    found, again = search_of(searches, trial), retrained(study, trial.number)
    samples = found.samples if found else None
    run = Run(task.epochs, steps_of(samples, task.batch_size))
    return ExportedTrial(
        schema_version=SCHEMA_VERSION,
        config=config,
        protocol=task,
        results=Results(
            cross_validation=CrossValidation.model_validate(
                {
                    **{name: kept[name] for name in FROM_TRIAL if name in kept},
                    "value": trial.value,
                    "epochs": kept_epochs(trial) or trial.last_step or task.epochs,
                    "metric": record.metric,
                    "direction": record.direction,
                }
            ),
            confirmation=_confirmed(confirmation(study, trial.number)),
            retrain=_tested(again),
        ),
        search=_search(study, trial, found, len(searches)),
        data=Data(
            name=task.dataset,
            fingerprint=record.fingerprint,
            data_dir=found.data_dir if found else record.data_dir,
            find=_find(task.dataset),
            class_names=record.class_names,
            targets="numbers" if _numbers(kept, record) else "labels",
            samples=samples,
            shape=found.shape if found else None,
        ),
        architecture=Architecture(
            model=task.model,
            norm=task.norm,
            inputs=INPUTS,
            parameters=found.parameters if found else None,
        ),
        provenance=Provenance(
            study=study.study_name,
            trial=trial.number,
            space=record.space,
            seed=task.seed,
            storage=_dialect(storage),
            data_fingerprint=record.fingerprint,
            commit=found.commit if found else None,
            **(found.versions.model_dump() if found else {}),
            exported_by=version("vrtune"),
            created=datetime.now(UTC).replace(microsecond=0),
            units=foreign_units(config),
            objects=record.objects,
        ),
        hydra=for_hydra(config, task, run),
        lightning=for_lightning(config, run),
    )


def _numbers(kept: dict[str, Any], record: StudyRecord) -> bool:
    """Whether targets are numbers, whose metrics have R^2 among them."""
    metrics = kept.get("fold_metrics")
    return record.score == "r2" or (isinstance(metrics, dict) and "r2" in metrics)


def _search(
    study: optuna.Study, trial: FrozenTrial, found: SearchEntry | None, searches: int
) -> Search:
    trials, again = study.get_trials(deepcopy=False), confirmations(study)
    return Search(
        sampler=found.sampler if found else None,
        pruner=found.pruner if found else None,
        start=found.start if found else None,
        default=found.default if found else {},
        ranges={**(found.ranges if found else {}), **written(trial.distributions)},
        searches=searches,
        trials=count(trials),
        gradient_computations=spent(trials),
        confirmed=len(again),
        confirm_gradient_computations=sum(c.gradient_computations for c in again),
    )


def _find(dataset: str) -> str:
    """Where a data set is had."""
    if dataset in DATASETS:
        return COMES_WITH.get(
            dataset, "lies under data_dir in torchvision's layout, or is downloaded there"
        )
    return "the folder or file of this name"


def _confirmed(kept: Confirmed | None) -> Confirmation | None:
    if kept is None:
        return None
    known = kept.model_dump(exclude={"trial", "classes", "guess"})
    return Confirmation(repeats=len(kept.losses), **known)


def _tested(kept: Retrained | None) -> RetrainResult | None:
    """Without the curves, which lie beside the weights."""
    if kept is None:
        return None
    known = kept.model_dump(include=set(RetrainResult.model_fields))
    return RetrainResult.model_validate({**known, "epochs": kept.asked_epochs})


def _dialect(url: str) -> str:
    """The URL without user, password, host and path."""
    return url.partition("://")[0].partition("+")[0] if "://" in url else "journal"
