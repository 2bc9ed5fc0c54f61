"""What a trial leaves behind as files: the curves of its folds, its settings, and its weights."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from optuna.trial import TrialState
from safetensors.torch import save
from torch import Tensor

from vrtune.events import Noted
from vrtune.lanes.pool import Pool, Standing
from vrtune.searching.entry import Entry
from vrtune.searching.settings import Kept
from vrtune.studies.artifacts import Artifacts
from vrtune.studies.folds import mean

Weights = list[dict[str, Tensor]]  # of each fold, by the names that the model gives them
CURVES, SETTINGS, WEIGHTS = "folds.csv", "config.json", "weights.safetensors"


class Files:
    """Keeps as much of the trials that end as `kept` says, beside the study's storage."""

    def __init__(self, kept: Kept, storage: str) -> None:
        self.kept = kept
        self.artifacts = Artifacts(storage)

    def weights(self, pool: Pool, number: int, state: TrialState) -> Weights:
        """A copy of a trial's weights where they are kept, before others get their rows."""
        wanted = self.kept == "weights" and state is TrialState.COMPLETE
        return pool.weights(number) if wanted and not self.artifacts.fault else []

    def keep(self, entry: Entry, weights: Weights) -> Iterator[Noted]:
        """Keeps the files of a trial that is about to end; says once that it can't be done."""
        if self.kept == "off" or self.artifacts.fault:
            return
        files = {CURVES: curves(entry.judged).encode(), SETTINGS: settings(entry).encode()}
        if weights:
            named = {
                f"fold-{fold}/{name}": tensor
                for fold, tensors in enumerate(weights, 1)
                for name, tensor in tensors.items()
            }
            files[WEIGHTS] = save(named)
        self.artifacts.keep(entry.trial, files)
        if self.artifacts.fault:
            yield Noted(text=self.artifacts.fault)


def curves(judged: Sequence[Standing]) -> str:
    """A table (CSV) with a row for each epoch that was judged: what the trial had spent, validation
    loss and metrics, their means and those of each fold."""
    folds = range(1, max((len(standing.losses) for standing in judged), default=0) + 1)
    names = ["loss", *(judged[-1].metrics if judged else ())]
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(
        ["epoch", "gradient computations"]
        + [f"{what}{each}" for what in names for each in ("", *map(_of, folds))]
    )
    for standing in judged:
        row: list[float] = [standing.epoch, standing.gradient_computations]
        for values in standing.losses, *standing.metrics.values():
            row += [mean(values), *values]
        table.writerow([f"{value:.7g}" for value in row])
    return out.getvalue()


def settings(entry: Entry) -> str:
    """The setting that a trial ran with, as `TrialConfig.model_validate_json` reads it."""
    return entry.config.model_dump_json(indent=2) + "\n"


def _of(fold: int) -> str:
    return f" of fold {fold}"
