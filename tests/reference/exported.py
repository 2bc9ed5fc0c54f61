"""An exported trial made by hand, and settings of every kind to export."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vrtune import (
    SGD,
    STORM,
    SVRG,
    AdaGrad,
    Adam,
    Cosine,
    Decay,
    He,
    MetaInit,
    OneCycle,
    Step,
    Task,
    TrialConfig,
)
from vrtune.exporting.record import (
    CrossValidation,
    ExportedTrial,
    Provenance,
    Results,
    RetrainResult,
)
from vrtune.retraining import spread

TASK = Task(epochs=2, limit=200, folds=2, model="softmax")
CONFIGS = [
    TrialConfig(optimizer=SGD(lr=1e-5, momentum=0.9, nesterov=True)),
    TrialConfig(optimizer=Adam(lr=0.1, betas=(0.8, 0.95), amsgrad=True)),
    TrialConfig(optimizer=Adam(lr=1.0, weight_decay=0.1, decoupled_weight_decay=True)),
    TrialConfig(optimizer=AdaGrad(lr=0.3, eps=1e-10), init=MetaInit(steps=7)),
    TrialConfig(optimizer=SGD(), estimator=STORM(k=1e-16, w=0.1, c=1e22)),
    TrialConfig(optimizer=SGD(lr=0.1), estimator=SVRG(snapshot_period=2)),
    TrialConfig(optimizer=SGD(lr=0.1), schedule=Cosine(warmup=0.1, final=1e-3)),
    TrialConfig(optimizer=SGD(lr=0.1), schedule=Step(milestones=(0.4, 0.8), gamma=0.2)),
    TrialConfig(optimizer=SGD(lr=0.1), init=He(gain=0.5), schedule=Decay(power=0.5)),
    TrialConfig(optimizer=SGD(lr=0.1), estimator=SVRG(), schedule=OneCycle(rising=0.2)),
]
IDS = [
    *("sgd", "amsgrad", "adamw", "adagrad-metainit", "storm", "svrg"),
    *("cosine", "step", "he-decay", "svrg-one-cycle"),
]


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
