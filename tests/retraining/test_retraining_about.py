"""Weights say what is needed to use them: the net, how inputs are prepared, what came out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from retraining.conftest import Searched
from safetensors import safe_open
from safetensors.torch import load_file

from vrtune import SGD, Task, TrialConfig, retrain
from vrtune.data import load
from vrtune.data.base import Dataset, Part
from vrtune.lanes.workspace import Workspace
from vrtune.models import build
from vrtune.retraining.about import about, metadata
from vrtune.retraining.training import train

CPU = torch.device("cpu")


def told(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        found = dict(file.metadata())
    assert found.pop("format") == "pt"
    return {name: json.loads(text) for name, text in found.items()}


def test_a_file_is_all_that_is_needed(searched: Searched) -> None:
    """Loaded into a module of the model's name, it reaches the recorded test accuracy."""
    (result,) = retrain("s", storage=searched.url, trial=0, seeds=2)
    assert result.test_accuracy
    test = load("digits", Path("data")).read_test()
    for seed in (1, 2):
        path = searched.results / "trial-0" / f"seed-{seed}.safetensors"
        said = told(path)
        model = build(said["model"], tuple(said["shape"]), said["classes"], said["norm"])
        model.load_state_dict(load_file(path), strict=True)
        mean, std = (torch.tensor(said[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
        with torch.no_grad():
            predicted = model.eval()((test.x - mean) / std).argmax(1)
        right = (predicted == test.y).double().mean().item()
        assert right == result.test_accuracy.values[seed - 1] == said["test"]["accuracy"]
        assert (said["study"], said["trial"], said["seed"]) == ("s", 0, seed)
        assert said["class_names"] == [str(n) for n in range(10)]
        assert said["torch"] == torch.__version__
        assert said["inputs"].startswith("(x - mean) / std")


@pytest.mark.parametrize("model", ["lenet", "resnet18-small"])
def test_buffers_load_strictly(model: str) -> None:
    """Batch norm's statistics among them."""
    task = Task(model=model, norm="batch", epochs=1, limit=100, folds=2)
    workspace = Workspace(task, Path("data"), CPU)
    done, weights = train({0: TrialConfig(optimizer=SGD(lr=0.1))}, workspace, 1)
    said = {k: json.loads(v) for k, v in metadata(about(workspace, "s"), done[0], 1).items()
            if k != "format"}  # fmt: skip
    module = build(model, tuple(said["shape"]), said["classes"], said["norm"])
    module.load_state_dict(weights[0][0], strict=True)
    test = workspace.dataset.read_test()
    mean, std = (torch.tensor(said[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        predicted = module.eval()((test.x - mean) / std).argmax(1)
    assert (predicted == test.y).double().mean().item() == said["test"]["accuracy"]


OWN = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, shape, classes):
        super().__init__()
        self.linear = nn.Linear(256, classes)
        self.register_buffer("fixed", torch.tensor(0.5), persistent=False)
        self.register_buffer("kept", torch.tensor(1.0))

    def forward(self, x):
        return self.linear(x.flatten(1)) * self.fixed * self.kept
"""


def test_buffers_that_are_not_persistent_are_not_kept(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(OWN)
    task = Task(model=f"{tmp_path}/net.py:Net", epochs=1, limit=100, folds=2)
    workspace = Workspace(task, Path("data"), CPU)
    _, weights = train({0: TrialConfig(optimizer=SGD(lr=0.1))}, workspace, 1)
    assert weights[0][0].keys() == {"linear.weight", "linear.bias", "kept"}
    build(task.model, (1, 16, 16), 10, "none").load_state_dict(weights[0][0], strict=True)


def test_bytes_and_numbers_say_how_they_are_scaled() -> None:
    x = torch.arange(40, dtype=torch.uint8).view(20, 2, 1, 1)
    y = torch.arange(20.0) * 3 + 1
    columns = ("age", "town=here")
    dataset = Dataset("made", 0, Part(x, y), lambda: Part(x, y), columns=columns)
    task = Task(model="softmax", epochs=1, folds=2, batch_size=4)
    said = about(Workspace(task, Path("data"), CPU, dataset), "s")
    assert said["mean"] == pytest.approx((x[:, :, 0, 0].double().mean(0) / 255).tolist())
    assert said["inputs"].startswith("(x / 255 - mean) / std")
    assert said["target_mean"] == pytest.approx(y.mean().item())
    assert said["target_std"] == pytest.approx(y.std(unbiased=False).item())
    assert said["targets"] == "output * target_std + target_mean"
    assert said["columns"] == columns
