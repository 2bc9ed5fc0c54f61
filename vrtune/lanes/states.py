"""What a lane has come to after an epoch, by name: enough to go on as if nothing had happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vrtune.lanes.attributes import check_unchanged
from vrtune.lanes.rows import Lane, Rows


@dataclass(frozen=True)
class State:
    """A lane between two epochs. All that is random has a name, so no generator is kept."""

    epoch: int
    gradient_computations: float
    tensors: dict[str, Tensor]  # "W" [P], and "PART/NAME" of what the parts of `Rows` hold
    own: dict[str, Any] = field(default_factory=dict)  # of a step rule, beside its tensors


def state_of(rows: Rows, row: int, lane: Lane) -> State:
    """A copy of a lane's state, on the CPU. ValueError where a unit keeps something beside it."""
    check_unchanged(rows.units, rows.before)
    tensors = {"W": rows.W[row]}
    for part, group in _parts(rows).items():
        tensors |= {f"{part}/{name}": tensor[row] for name, tensor in group.items()}
    copies = {name: t.detach().to("cpu", copy=True) for name, t in tensors.items()}
    own = rows.optimizer.memory(row)
    return State(lane.epoch, lane.gradient_computations, copies, own)


def recall(rows: Rows, row: int, lane: Lane, state: State) -> bool:
    """Puts a state into a row that was written for its lane; True if a unit has more tensors now
    than before."""
    lane.epoch, lane.gradient_computations = state.epoch, state.gradient_computations
    rows.W[row] = state.tensors["W"].to(rows.W)
    parts, grown = _parts(rows), False
    for name, kept in state.tensors.items():
        part, _, own = name.partition("/")
        if name == "W":
            continue
        group = parts[part]
        if own not in group:  # a unit makes some of its tensors in its first step
            group[own] = torch.zeros(len(rows.W), *kept.shape, dtype=kept.dtype).to(rows.W.device)
            grown = True
        _put(group[own][row], kept)
    rows.optimizer.remember(row, rows.W, state.own)
    return grown


def _put(into: Tensor, kept: Tensor) -> None:
    """A table has as many entries as the largest training part beside it: the rest are unused."""
    if into.dim() == 0:
        into.copy_(kept)
        return
    entries = min(len(into), len(kept))
    into[:entries].copy_(kept[:entries])


def _parts(rows: Rows) -> dict[str, dict[str, Tensor]]:
    """All that a lane's epochs leave behind, beside its weights."""
    return {
        "buffers": rows.buffers,
        "estimator": rows.estimator.state,
        "optimizer": rows.optimizer.state,
        "average": rows.average.state,
        "mean": rows.mean,
    }


# ---- for files -----------------------------------------------------------------------------------


def packed(states: Sequence[State]) -> tuple[dict[str, Tensor], list[dict[str, Any]]]:
    """States of lanes as tensors by name, and what JSON can hold of the rest."""
    tensors: dict[str, Tensor] = {}
    told = []
    for i, state in enumerate(states):
        tensors |= {f"{i}/{name}": tensor for name, tensor in state.tensors.items()}
        own = _told(state.own, f"{i}/own", tensors)
        told.append(
            {
                "epoch": state.epoch,
                "gradient_computations": state.gradient_computations,
                "own": own,
            }
        )
    return tensors, told


def unpacked(tensors: Mapping[str, Tensor], told: Sequence[Mapping[str, Any]]) -> list[State]:
    """The states that were packed."""
    out = []
    for i, lane in enumerate(told):
        first, own = f"{i}/", f"{i}/own/"
        named = {
            name.removeprefix(first): tensor
            for name, tensor in tensors.items()
            if name.startswith(first) and not name.startswith(own)
        }
        kept = _read(lane["own"], tensors)
        out.append(State(lane["epoch"], lane["gradient_computations"], named, kept))
    return out


def _told(given: Any, name: str, tensors: dict[str, Tensor]) -> Any:
    """Numbers and text as they are; all else by a list that begins with what it is."""
    if isinstance(given, Tensor):
        own = f"{name}/{len(tensors)}"
        tensors[own] = given.detach().to("cpu", copy=True).contiguous()
        return ["tensor", own, given.device.type]
    if isinstance(given, dict):
        pairs = [[_told(k, name, tensors), _told(v, name, tensors)] for k, v in given.items()]
        return ["dict", pairs]
    if isinstance(given, list | tuple):
        return [type(given).__name__, [_told(each, name, tensors) for each in given]]
    return given


def _read(told: Any, tensors: Mapping[str, Tensor]) -> Any:
    if not isinstance(told, list):
        return told
    kind, what = told[:2]
    if kind == "tensor":
        return tensors[what].to(told[2])
    if kind == "dict":
        return {_read(k, tensors): _read(v, tensors) for k, v in what}
    read = [_read(each, tensors) for each in what]
    return tuple(read) if kind == "tuple" else read
