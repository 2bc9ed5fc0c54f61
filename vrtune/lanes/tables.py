"""What tables of gradients need of a model: its samples' gradients, and memory."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from vrtune.errors import UsageError
from vrtune.estimators import Factors
from vrtune.gradients.choice import make_oracle, why_no_each
from vrtune.gradients.each import joined
from vrtune.gradients.oracle import Buffers, Oracle
from vrtune.lanes.batches import bounds
from vrtune.lanes.rows import Lane, Program, Rows
from vrtune.trial_config import TrialConfig

if TYPE_CHECKING:
    from vrtune.lanes.workspace import Workspace

BATCHES = 3  # of single gradients that a step has at a time: fresh ones, old ones, one on the way


def factors(
    oracle: Oracle, parts: list[slice], W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
) -> tuple[Factors, Tensor]:
    """Gradients of single samples by factors, and their losses [r, B]; of as many rows at once as
    a part has."""
    found = []
    for part in parts:
        own = {name: b[part] for name, b in buffers.items()}
        found.append(oracle.factors(W[part], own, x[part], y[part], convolutions=False))
    every, columns = joined(found), oracle.layout.columns
    rest = {name: (columns[name], whole) for name, whole in every.rest.items()}
    return Factors(every.layers, rest), every.losses


def one_sample(oracle: Oracle, x: Tensor, y: Tensor) -> Factors:
    """The gradient of the first sample of x [N, ...] and y [N], for its shapes."""
    module = oracle.original
    row = next(module.parameters()).new_zeros(1, oracle.layout.size)
    buffers = {name: b.unsqueeze(0).clone() for name, b in module.named_buffers()}
    sample, label = x[:1].unsqueeze(0).to(row.dtype), y[:1].unsqueeze(0)
    return factors(oracle, [slice(0, 1)], row, buffers, sample, label)[0]


class Room:
    """Keeps the tables of lanes as large as the training parts are."""

    def __init__(
        self, program: Program, oracle: Oracle, data: tuple[Tensor, Tensor], batch_size: int
    ) -> None:
        self.method, self.batch_size = program.like.estimator, batch_size
        self.one = partial(one_sample, oracle, *data)
        self.samples = 0  # of a lane

    def make(self, rows: Rows, lanes: list[Lane]) -> bool:
        """Makes tables of `rows` larger, where these lanes have more samples than those before."""
        samples = max(len(lane.stream.train) for lane in lanes)
        if not self.method.keeps_table or samples <= self.samples:
            return False
        if self.method.of_samples:
            self.one()  # how their gradients are computed is found out now, not within a step
        rows.estimator.room(samples, len(bounds(samples, self.batch_size)), self.one)
        self.samples = samples
        return True


def check_table(workspace: Workspace, config: TrialConfig) -> None:
    """UsageError if a table asks for gradients of single samples, and the model has none."""
    method = config.estimator
    if method.of_samples and (why := why_no_each(workspace.make(), workspace.dataset.shape)):
        raise UsageError(f'{why}, or {type(method).__name__}(table="partition")')


def smaller_table(config: TrialConfig) -> str:
    """What makes a table smaller, as the beginning of a cure; empty without one."""
    method = config.estimator
    if method.of_samples:
        return f'set {type(method).__name__}(table="partition"), '
    return "use a larger --batch-size, as a table has an entry a batch, " * method.keeps_table


def smaller_entries(config: TrialConfig) -> str:
    """The same as the end of a cure that has another."""
    method = config.estimator
    return f', or {type(method).__name__}(table="partition")' if method.of_samples else ""


def table_bytes(
    workspace: Workspace, config: TrialConfig, samples: int, batch_size: int
) -> tuple[int, int]:
    """Bytes of a lane's table on so many samples, and of what a step needs for a moment."""
    if not config.estimator.keeps_table:
        return 0, 0
    batches = len(bounds(samples, batch_size))
    known, key = workspace.tables, (Program.of(config), samples, batches)
    if key not in known:
        known[key] = _table_bytes(workspace, config, samples, batches)
    singles = BATCHES * batch_size * 4 * workspace.size.parameters
    return known[key], singles if config.estimator.of_samples else 0


def _table_bytes(workspace: Workspace, config: TrialConfig, samples: int, batches: int) -> int:
    """Of a table with no lanes, which takes nothing itself."""
    check_table(workspace, config)
    size, (x, y) = workspace.size, workspace.train_data
    estimator = Program.of(config).make(torch.empty(0, size.parameters, device=x.device))[0]
    estimator.shapes = size.shapes
    oracle = make_oracle(
        workspace.make().to(x.device),
        fused=False,
        precision="float32",
        threads=1,
        mean_loss=workspace.objective.mean,
    )
    before = set(estimator.state)
    estimator.room(samples, batches, partial(one_sample, oracle, x, y))
    return sum(
        prod(tensor.shape[1:]) * tensor.element_size()
        for name, tensor in estimator.state.items()
        if name not in before
    )
