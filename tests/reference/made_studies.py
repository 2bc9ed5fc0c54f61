"""Studies that nobody searched: quick to make, with names that no page may take for markup."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from vrtune.config import Task
from vrtune.display.measures import LOSS, Measure
from vrtune.studies import retrained
from vrtune.studies.record import RECORD, StudyRecord
from vrtune.studies.retrained import Retrained, spread
from vrtune.studies.searches import SEARCH

EVIL = "</script><img src=x onerror=alert(1)>"  # a name, and a value
NAMES = ("sgd-digits-lenet", f"{EVIL} & \"two' words", "-storm")
TASK = Task(folds=3, epochs=4)
RANGES = {
    "lr": FloatDistribution(1e-4, 1.0, log=True),
    EVIL: CategoricalDistribution(("plain", EVIL)),
}
WORSE: dict[str, Callable[[float], float]] = {  # the higher, the worse
    "minimize": lambda loss: loss,
    "maximize": lambda loss: 1 - loss,
}
HIGHER = {"sgd": 0.0, EVIL: 0.02, "storm": 0.3}  # losses, by space


def make(
    storage: BaseStorage,
    name: str,
    space: str,
    *,
    trials: int = 6,
    seed: int = 1,
    measure: Measure = LOSS,
) -> None:
    """A study whose best trial is number 0, trained again unless it is STORM's; by another metric
    than the loss of numbers, without accuracies."""
    task = TASK.model_copy(update={"seed": seed})
    study = optuna.create_study(study_name=name, storage=storage, direction=measure.direction)
    record = {"task": task, "space": space, "fingerprint": "0" * 16, **vars(measure)}
    kept = StudyRecord.model_validate({**record, "data_dir": "data", "version": "0"})
    study.set_user_attr(RECORD, kept.model_dump(mode="json"))
    study.set_user_attr(SEARCH.format("now", "here 1"), search())
    higher = HIGHER.get(space, 0.1)
    study.add_trials([trial(number, higher, measure) for number in range(trials)])
    if space != "storm":
        retrained.keep(study, again(measure))


def trial(number: int, higher: float = 0.0, measure: Measure = LOSS) -> FrozenTrial:
    """The more, the worse; every third was pruned, and the second one has diverged. Where more is
    better a value is 1 minus a loss: less than 0 at first."""
    ended = number % 3 != 2
    epochs = TASK.epochs if ended else 2
    ways = {
        epoch: [
            None
            if number == 1
            else WORSE[measure.direction](0.3 + higher + 0.05 * number + 0.01 * fold + 1 / epoch)
            for fold in range(TASK.folds)
        ]
        for epoch in range(1, epochs + 1)
    }
    means = {e: float("nan") if None in way else sum(way) / len(way) for e, way in ways.items()}
    complete = ended and number != 1
    attrs: dict[str, Any] = {
        "config": {},
        "gradient_computations": 120.0 * epochs,
        "seconds": 1.5,
        "fold_values": ways[epochs],
    }
    folds = [0.9, 0.91, None if number == 1 else 0.92]
    if measure == LOSS:
        attrs["fold_accuracies"] = folds
    else:
        attrs |= {
            "fold_losses": folds,
            "fold_metrics": {measure.metric: ways[epochs], "mae": folds},
        }
    return create_trial(
        state=TrialState.COMPLETE if complete else TrialState.PRUNED,
        value=means[epochs] if complete else None,
        params={"lr": 1e-3 * 1.2**number, EVIL: EVIL if number % 2 else "plain"},
        distributions=RANGES,
        user_attrs=attrs | ({"diverged": True} if number == 1 else {}),
        system_attrs={f"folds:{epoch}": way for epoch, way in ways.items()},
        intermediate_values=means,
    )


def again(measure: Measure = LOSS) -> Retrained:
    """With three seeds, of which one failed."""
    score = spread([0.95, 0.96, 0.94])
    return Retrained(
        trial=0,
        seeds=3,
        test_accuracy=score if measure == LOSS else None,
        score=measure.score,
        test_metrics={measure.score: score},
        test_loss=spread([0.2, 0.21, 0.19]),
        train_losses=[[1.0, 0.5, 0.3, 0.2], [1.1, 0.5, 0.3, 0.25], [1.0, None, None, None]],
        gradient_computations=540.0,
        failed=1,
    )


def search() -> dict[str, Any]:
    """As a study keeps a search."""
    versions = dict.fromkeys(("vrtune", "torch", "optuna", "numpy", "python"), "1.0")
    return {
        "began": datetime(2025, 1, 2, tzinfo=UTC).isoformat(),
        "ended": datetime(2025, 1, 2, 0, 1, tzinfo=UTC).isoformat(),
        "workers": [{"host": "here", "pid": 1, "started": 0.0}],
        **{"sampler": "random", "pruner": "folds", "start": "off", "validate_at": "epochs"},
        **{"trials": 6, "budget": None, "timeout": None, "confirm": 0, "jobs": 1, "open": 1},
        **{"lanes": "auto", "fuse": "auto", "processes": 1, "plan": "", "parameters": 100},
        **{"ranges": {}, "default": {}, "data_dir": "data", "commit": None},
        "versions": {**versions, "device": EVIL},
    }
