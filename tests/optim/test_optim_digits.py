"""On digits, in single precision: an epoch of a lane, and of an optimizer on its batches."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from optim import loops
from torch import nn

from vrtune import MARS, SCSG, SGD, STORM, SVRG, Adam, AlphaSVRG, Task, TrialConfig
from vrtune.lanes.rows import Lane, Program
from vrtune.lanes.workspace import Workspace
from vrtune.optim import build

# eps: or a gradient that is rounding alone makes a step of lr
ADAMW = Adam(lr=3e-3, betas=(0.95, 0.99), eps=1e-4, decoupled_weight_decay=True)
CONFIGS = [
    TrialConfig(estimator=SVRG(), optimizer=SGD(lr=0.05, momentum=0.9)),
    TrialConfig(estimator=AlphaSVRG(), optimizer=SGD(lr=0.05)),
    TrialConfig(estimator=SCSG(), optimizer=SGD(lr=0.05)),
    TrialConfig(estimator=STORM(), optimizer=SGD()),
    TrialConfig(estimator=MARS(), optimizer=ADAMW),
]


@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.estimator.kind)
def test_equals_its_lane_on_digits(config: TrialConfig, norm: str, tmp_path: Path) -> None:
    task = Task(dataset="digits", model="lenet", norm=norm, holdout=0.25, epochs=1, limit=400)
    workspace = Workspace(task, tmp_path, torch.device("cpu"))
    lanes = workspace.lanes(Program.of(config), fused=False)
    lane = Lane(0, config, workspace.folds[0])
    lanes.append([lane])
    model = workspace.make()
    start = {**lanes.rows.layout.views(lanes.rows.W), **lanes.rows.buffers}
    model.load_state_dict({name: value[0].clone() for name, value in start.items()})

    lanes.batches.begin_epoch([lane.stream], [0], [0])
    fetched = [lanes.batches.fetch(index) for index in lanes.batches]
    data = [(x[0].clone(), y[0].clone()) for x, y in fetched]
    lanes.train_epoch()

    optimizer, _ = build(config, model, epochs=1, steps=len(data))
    gradient = loops.gradient_of(model)
    for i, batch in enumerate(data):
        if optimizer.snapshot_due:
            optimizer.snapshot(data[i:][: config.estimator.batches], gradient)
        optimizer.step(lambda batch=batch: gradient(batch))
    ends = nn.utils.parameters_to_vector(model.parameters()).detach()
    torch.testing.assert_close(ends, lanes.rows.W[0], rtol=0, atol=1e-6)
    for name, b in model.named_buffers():
        torch.testing.assert_close(b, lanes.rows.buffers[name][0], rtol=1e-5, atol=1e-6)
