"""Resuming where trials are trained again: checkpoints, which a later attempt goes on from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
from torch import Tensor

from vrtune.display.progress import Listener
from vrtune.errors import VrtuneError
from vrtune.events import Noted
from vrtune.lanes.pool import Pool
from vrtune.lanes.states import State, packed, unpacked
from vrtune.lanes.workspace import Workspace
from vrtune.studies.checkpoints import Checkpoint, Checkpoints
from vrtune.studies.pace import Pace
from vrtune.trial_config import TrialConfig

Told = dict[str, Any]  # plain data that goes with the states


@dataclass(frozen=True)
class Before:
    """What a training that was cut off had come to."""

    states: dict[int, list[State]]
    told: Told


class Resuming:
    """The checkpoints of one retraining, or of judging a trial again.

    Args:
        study, storage: whose trials are trained again.
        about: all that must be the same for it to be continued.
        progress: is told in a sentence what stands in the way.
    """

    def __init__(
        self, study: optuna.Study, storage: str, about: Mapping[str, Any], progress: Listener
    ) -> None:
        self.checkpoints, self.pace = Checkpoints(study, storage), Pace()
        self.about, self.progress, self.over = about, progress, False
        text = json.dumps(about, sort_keys=True).encode()
        self.name = f"again-{hashlib.sha256(text).hexdigest()[:16]}"

    def find(self) -> Before | None:
        """What there is to go on from, if anything."""
        try:
            found = self.checkpoints.read(self.name, self.about)
        except VrtuneError as error:
            self.progress(Noted(text=f"{error}: the training begins anew"))
            return None
        if found is None:
            return None
        lanes, states = found.told["lanes"], {}
        for number, packs in lanes.items():
            first = f"{number}/"
            mine = [name for name in found.tensors if name.startswith(first)]
            tensors = {name.removeprefix(first): found.tensors[name] for name in mine}
            states[int(number)] = unpacked(tensors, packs)
        return Before(states, found.told)

    def write_due(self, pool: Pool, numbers: Iterable[int], told: Told) -> None:
        """Writes a checkpoint, if one is due."""
        if self.over or not self.pace.due(1):
            return
        self.pace.begin()
        began = time.perf_counter()
        tensors: dict[str, Tensor] = {}
        lanes: dict[int, list[dict[str, Any]]] = {}
        try:
            for number in numbers:
                own, lanes[number] = packed(pool.states(number))
                tensors |= {f"{number}/{name}": tensor for name, tensor in own.items()}
            checkpoint = Checkpoint(tensors, {**told, "lanes": lanes})
            self.checkpoints.write(self.name, checkpoint, self.about)
        except (OSError, ValueError) as error:
            self.over = True
            why = getattr(error, "strerror", None) or error
            goes = "the training goes on without, and begins anew if it is cut off"
            self.progress(
                Noted(text=f"{self.checkpoints.folder} takes no checkpoints ({why}): {goes}")
            )
        self.pace.took(time.perf_counter() - began)

    def done(self) -> None:
        """Removes what nobody needs any more."""
        self.checkpoints.remove(self.name)
        self.checkpoints.tidy()


def about(
    workspace: Workspace,
    configs: Mapping[int, TrialConfig],
    seeds: int,
    epochs: int,
    *,
    test_curve: bool,
) -> dict[str, Any]:
    """All that must be the same for a retraining to be continued."""
    return {
        **workspace.signature,
        "trials": {str(n): config.model_dump(mode="json") for n, config in configs.items()},
        "number of seeds": seeds,
        "number of epochs": epochs,
        "choice of --test-curve": test_curve,
    }
