"""What the studies of LeNet on MNIST found, beside what the source chose and reached."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mnist_parts.source import SOURCE
from vrtune.comparing.compare import compare
from vrtune.comparing.studies import read_studies
from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned


def found(storage: str, studies: Sequence[str]) -> dict[str, Any]:
    """Every method's trials, choice and retraining, and what `vrtune compare` says of them.

    Args:
        storage: the URL that keeps the studies.
        studies: their names, of methods that SOURCE knows.
    """
    tuned = read_studies(studies, storage)
    compared = compare(*studies, storage=storage)
    return {
        "task": tuned[0].task.model_dump(mode="json"),
        "methods": {each.study: of_method(each) for each in tuned},
        "conclusion": compared.conclusion,
        "differences": [each.model_dump(mode="json") for each in compared.differences],
        "verdicts": [each.model_dump(mode="json") for each in compared.verdicts],
        "notes": [str(note) for note in compared.notes],
    }


def of_method(tuned: Tuned) -> dict[str, Any]:
    """One method: each trial's mean over folds by epoch, what was judged again, what was chosen."""
    setting, accuracy = SOURCE[tuned.study]
    return {
        "source": {"setting": setting, "test_accuracy": accuracy},
        "choice": tuned.choice and tuned.choice.params,
        "trials": [of_trial(trial) for trial in tuned.trials],
        "confirmed": [each.model_dump(mode="json") for each in tuned.confirmations],
        "retrained": tuned.again and tuned.again.model_dump(mode="json", exclude={"folder"}),
        "search_seconds": tuned.seconds,
        "search_gradient_computations": tuned.spent,
        "confirming_gradient_computations": tuned.confirm_spent,
    }


def of_trial(trial: Tried) -> dict[str, Any]:
    """A trial: its setting, its losses [epoch][fold], and how it ended."""
    return {
        "params": dict(trial.params),
        "state": trial.state,
        "value": trial.value,
        "epochs": trial.epochs,
        "losses": [
            [loss if math.isfinite(loss) else None for loss in trial.values[epoch]]
            for epoch in sorted(trial.values)
        ],
        "spent": trial.spent,
    }
