"""Weights and curves of a retraining, in files beside the study's storage."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import optuna
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from vrtune.errors import VrtuneError
from vrtune.given.names import folder_name
from vrtune.given.stages import Stage, sweep
from vrtune.retraining.about import metadata
from vrtune.storages.locks import locked
from vrtune.studies.folders import results_folder
from vrtune.studies.retrained import Retrained, keep

WRITING = ".writing-"
CURVES = "curves.json"  # says how many seeds there are: it is there when all of them are


class SeedWeights(dict[str, Tensor]):
    """Tensors of a seed by the names that the model gives them, and all `samples` that a chain has
    kept, stacked, the oldest first: the last one is what the tensors are."""

    def __init__(self, tensors: dict[str, Tensor], samples: dict[str, Tensor]) -> None:
        super().__init__(tensors)
        self.samples = samples


Weights = list[SeedWeights]


def save(
    study: optuna.Study, storage: str, result: Retrained, weights: Weights, known: dict[str, Any]
) -> Retrained:
    """Writes weights (safetensors) and curves (JSON) to studies/NAME/trial-N, whole, in place of
    those of an earlier retraining; the study keeps the result with its folder, which is returned.
    What is `known` of the net and its data goes with the weights. VrtuneError if that can't be
    done."""
    folder = Path("studies") / folder_name(study.study_name)
    try:
        folder = results_folder(study, storage) / f"trial-{result.trial}"
        folder.mkdir(exist_ok=True)
        sweep(folder, WRITING)
        with Stage(folder, WRITING) as beside:
            names = _write(beside, result, weights, known)
            with locked(study, "to keep weights"):  # others may train the same trial again
                _replace(folder, beside, names)
                result = result.model_copy(update={"folder": str(folder)})
                keep(study, result)
    except (OSError, SafetensorError) as error:
        said = str(getattr(error, "strerror", None) or error)
        why = re.sub(r".*I/O error: | \(os error.*", "", said)  # what of safetensors' words counts
        raise VrtuneError(
            f"{folder} can't be written ({why}): free or move it, and train trial {result.trial} "
            "again for its weights; the test result is kept with the study (vrtune show)"
        ) from None
    return result


def _write(beside: Path, result: Retrained, weights: Weights, known: dict[str, Any]) -> list[str]:
    """Writes all files, before the first one takes its place; returns the names of the seeds'."""
    names = []
    for seed, tensors in enumerate(weights, 1):
        name = f"seed-{seed}.safetensors"
        names.append(name)
        about = metadata(known, result, seed)
        save_file(tensors, beside / name, about)
        if tensors.samples:
            names.append(f"seed-{seed}-samples.safetensors")
            save_file(tensors.samples, beside / names[-1], about)
    curves = {"epochs": known["epochs"], **result.model_dump(mode="json", exclude={"folder"})}
    (beside / CURVES).write_text(json.dumps(curves, indent=2) + "\n", encoding="utf-8")
    return names


def _replace(folder: Path, beside: Path, names: list[str]) -> None:
    (folder / CURVES).unlink(missing_ok=True)
    for name in names:
        (beside / name).replace(folder / name)
    for stale in folder.glob("seed-*.safetensors"):
        if stale.name not in names:
            stale.unlink()
    (beside / CURVES).replace(folder / CURVES)
