"""A search of a user's own model: two processes, trained again, diagnosed and loaded."""

from __future__ import annotations

import glob
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import optuna
import pytest
import torch
from safetensors.torch import load_file

from vrtune import Task, diagnose, search
from vrtune.events import Event, Noted

NET = '''
from torch import nn

class Net(nn.Module):
    """Dropout, whose masks no process and no other trial changes."""
    def __init__(self, shape, classes, dropout=0.2):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.LazyLinear(16), nn.ReLU(), nn.Dropout(dropout), nn.Linear(16, classes))
    def forward(self, x):
        return self.layers(x)

class Reading(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.rnn, self.last = nn.LSTM(shape[2], 8, batch_first=True), nn.Linear(8, classes)
    def forward(self, x):
        return self.last(self.rnn(x[:, 0])[0][:, -1])
'''


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net.py"
    path.write_text(NET)
    return path


def losses(url: str, study: str) -> list[list[float]]:
    trials = optuna.load_study(study_name=study, storage=url).trials
    return [trial.user_attrs["fold_values"] for trial in trials]


def test_two_processes_find_what_one_does(net: Path, tmp_path: Path, url: str) -> None:
    task = Task(model=f"{net}:Net", folds=2, epochs=2, limit=80)
    same = {"sampler": "random", "pruner": "none", "storage": url, "retrain_seeds": 2}
    found = search("sgd", task, trials=3, jobs=2, study="two", **same)
    search("sgd", task, trials=3, jobs=1, study="one", retrain=0, fuse="off", **same)
    torch.testing.assert_close(losses(url, "two"), losses(url, "one"), rtol=1e-4, atol=1e-5)
    assert found.retrained
    diagnose("two", storage=url)
    (path, _) = sorted(glob.glob(f"{tmp_path}/studies/two/trial-*/seed-*.safetensors"))
    spec = spec_from_file_location("net", net)
    assert spec is not None
    assert spec.loader is not None
    theirs = module_from_spec(spec)
    spec.loader.exec_module(theirs)
    module = theirs.Net((1, 16, 16), 10)
    module(torch.zeros(2, 1, 16, 16))
    module.load_state_dict(load_file(path))


def test_what_can_not_be_fused_is_said_once(net: Path, url: str) -> None:
    said: list[Event] = []
    task = Task(model=f"{net}:Reading", folds=2, epochs=1, limit=80)
    search("sgd", task, trials=2, jobs=1, retrain=0, storage=url, progress=said.append)
    notes = [event.text for event in said if isinstance(event, Noted)]
    assert notes == [
        f"{net}:Reading can't be fused, as torch.vmap can't follow it: its trainings take turns at "
        "each step"
    ]
    assert "net" not in sys.modules  # a user's file is nobody's module
