"""What happens to a pool's lanes in a search, in short: seats change, rows end, epochs pass."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch
from weakref import ref

import torch
from torch import Tensor

from gpu_parts.made import pool_of
from vrtune import TrialConfig
from vrtune.lanes.pool import Pool
from vrtune.lanes.replay import WARM_UP, Replay
from vrtune.lanes.workspace import Workspace

# before which epoch: the trials that ended, and those that are new
Exchanges = dict[int, tuple[list[int], list[int]]]


@dataclass
class Told:
    """What came out."""

    weights: list[dict[int, Tensor]] = field(default_factory=list)  # after each epoch, by trial
    buffers: dict[int, Tensor] = field(default_factory=dict)  # at the end: norms' statistics
    losses: dict[int, list[float]] = field(default_factory=dict)  # at the end, of validation
    replays: list[dict[str, Any]] = field(default_factory=list)  # what became of each

    @property
    def due(self) -> int:
        """Replays that ran often enough to be captured."""
        return sum(replay["runs"] > WARM_UP for replay in self.replays)

    @property
    def captured(self) -> int:
        """Replays that were."""
        return sum(replay["graph"] for replay in self.replays)


def tell(
    space: Workspace,
    configs: Sequence[TrialConfig],
    exchanges: Exchanges,
    *,
    fused: bool,
    graphs: bool = True,
) -> Told:
    """Trains through the task's epochs with these exchanges; without CUDA graphs if so asked."""
    out = Told()
    with noted(out, graphs) as look, pool_of(space, fused=fused) as pool:
        for epoch in range(space.task.epochs):
            ended, fresh = exchanges.get(epoch, ([], []))
            if ended or fresh:
                pool.exchange(ended, {number: configs[number] for number in fresh})
            standing = pool.validate(pool.train_epoch(lambda: None))
            look()
            out.weights.append(_rows(pool))
        out.losses = {number: state.losses for number, state in standing.items()}
        out.buffers = _statistics(pool)
    return out


def _rows(pool: Pool) -> dict[int, Tensor]:
    """The weights of every trial [lanes, P], as doubles on the host."""
    out: dict[int, list[Tensor]] = {}
    for lanes in pool.groups.values():
        for lane, row in zip(lanes.seats, lanes.rows.W.detach().cpu().double(), strict=True):
            out.setdefault(lane.trial, []).append(row)
    return {trial: torch.stack(rows) for trial, rows in out.items()}


def _statistics(pool: Pool) -> dict[int, Tensor]:
    """The buffers of every trial, but for counters, in one row a lane."""
    out: dict[int, list[Tensor]] = {}
    for lanes in pool.groups.values():
        buffers = [b for b in lanes.rows.buffers.values() if b.is_floating_point()]
        if not buffers:
            continue
        joined = torch.cat([b.detach().cpu().double().flatten(1) for b in buffers], 1)
        for lane, row in zip(lanes.seats, joined, strict=True):
            out.setdefault(lane.trial, []).append(row)
    return {trial: torch.stack(rows) for trial, rows in out.items()}


@contextmanager
def noted(told: Told, graphs: bool) -> Iterator[Any]:
    """Inside, every Replay is noted, and captures nothing unless `graphs`. Yields a function that
    looks at those that live."""
    living: list[tuple[ref[Replay], dict[str, Any]]] = []
    usual: Any = Replay.__init__

    def init(self: Replay, *arguments: Any, **named: Any) -> None:
        usual(self, *arguments, **named)
        self.captures = self.captures and graphs
        told.replays.append({"runs": 0, "graph": False})
        living.append((ref(self), told.replays[-1]))

    def look() -> None:
        for reference, note in living:
            replay = reference()
            if replay is not None:
                note["runs"] = max(note["runs"], replay.runs)
                note["graph"] = note["graph"] or replay.graph is not None

    with patch.object(Replay, "__init__", init):
        yield look


def apart(one: dict[int, Tensor], other: dict[int, Tensor]) -> float:
    """The largest difference of a lane's numbers, relative to the largest of them; infinite if
    any is no number, or the trials differ."""
    if one.keys() != other.keys():
        return float("inf")
    most = 0.0
    for trial, a in one.items():
        b = other[trial]
        scale = b.abs().amax(1).clamp(min=1e-30)
        share = ((a - b).abs().amax(1) / scale).max().item()
        most = max(most, share if share == share else float("inf"))
    return most


def first_apart(one: Told, other: Told, tolerance: float) -> int | None:
    """The epoch after which the weights differ by more, counted from 1."""
    pairs = zip(one.weights, other.weights, strict=True)
    return next((e for e, (a, b) in enumerate(pairs, 1) if apart(a, b) > tolerance), None)
