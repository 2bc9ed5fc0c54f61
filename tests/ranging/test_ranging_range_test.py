"""The range test: the losses of a training whose rate rises, as a slow loop makes them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import nn

from vrtune import Task, range_test
from vrtune.errors import UsageError
from vrtune.events import Event, Stopped
from vrtune.lanes import Lane
from vrtune.lanes.batches import bounds, epoch_order
from vrtune.lanes.device import choose_device
from vrtune.lanes.rows import Program
from vrtune.lanes.workspace import Workspace
from vrtune.ranging.result import RangeTest
from vrtune.testing.problem import module_in

TASK = Task(model="softmax", folds=2, limit=200, init="he")
ASKED = {"steps": 40, "lowest": 1e-3, "highest": 10.0, "progress": False}


@pytest.fixture(scope="module")
def found() -> RangeTest:
    return range_test("sgd", TASK, **ASKED)


def test_losses_are_those_of_a_slow_loop(found: RangeTest) -> None:
    """One fold, in double precision: each batch's loss before its step, at rates in even ratios."""
    workspace = Workspace(TASK, Path("data"), choose_device("cpu"))
    (x, y), stream = workspace.train_data, workspace.folds[1]
    ends = bounds(len(stream.train), TASK.batch_size)
    lanes = workspace.lanes(Program.of(found.config), fused=False)
    lanes.append([Lane(0, found.config, stream)])
    model, losses = module_in(lanes, 0).double(), []
    for i in range(40):
        epoch, batch = divmod(i, len(ends))
        order = epoch_order(stream.key(), len(stream.train), TASK.batch_size, epoch, epoch)
        index = stream.train[order[slice(*ends[batch])]]
        scale, shift = stream.scale.view(-1, 1, 1), stream.shift.view(-1, 1, 1)
        loss = nn.functional.cross_entropy(model((x[index] * scale - shift).double()), y[index])
        losses.append(float(loss.detach()))
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p in model.parameters():
                assert p.grad is not None
                p -= 1e-3 * (1e4) ** (i / 39) * p.grad
    # single against double precision, and large rates at the end amplify it
    assert found.folds[1].losses[:30] == pytest.approx(losses[:30], rel=1e-4)
    assert found.folds[1].losses == pytest.approx(losses, rel=0.05)
    assert found.rates[0] == 1e-3
    assert found.rates[-1] == pytest.approx(10.0)


def test_the_mean_and_what_is_said(found: RangeTest) -> None:
    for i in range(40):
        both = [fold.losses[i] for fold in found.folds]
        assert found.mean.losses[i] == pytest.approx(sum(both) / 2)
    assert [fold.fold for fold in found.folds] == ["fold 0", "fold 1"]
    assert found.suggested is not None
    assert 1e-3 <= found.suggested[0] < found.suggested[1] <= 10
    assert found.config.optimizer.lr == 0.1, "the DEFAULT as it is"
    text = str(found)
    assert text.startswith("fold")
    assert "suggested lr" in text
    assert RangeTest.model_validate_json(found.model_dump_json()) == found


def test_files_are_written_by_their_endings(found: RangeTest, tmp_path: Path) -> None:
    table = list(csv.reader(found.save(tmp_path / "x.csv").read_text().splitlines()))
    assert table[0] == ["fold", "step", "learning_rate", "loss", "smoothed"]
    assert len(table) == 1 + 3 * 40
    assert json.loads(found.save(tmp_path / "x.json").read_text())["space"] == "sgd"
    page = found.save(tmp_path / "x.html").read_text()
    assert "sgd on digits, softmax" in page
    with pytest.raises(UsageError, match=r"x.txt: choose a file that ends in one of .html"):
        found.save(tmp_path / "x.txt")


@pytest.mark.slow
def test_an_image_is_drawn(found: RangeTest, tmp_path: Path) -> None:
    pytest.importorskip("kaleido")
    with Image.open(found.save(tmp_path / "x.png")) as image:
        assert len(image.convert("RGB").getcolors(10**7)) > 20


@pytest.mark.parametrize("space", ["svrg_late", "adam", "scsg", "mars"])
def test_other_methods_take_as_many_steps(space: str) -> None:
    """Snapshots' passes are no steps; a schedule of the space's own gives way."""
    test = range_test(space, TASK, **(ASKED | {"highest": 1.0}))
    assert all(len(fold.losses) == 40 for fold in test.folds)
    assert test.suggested is not None


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from vrtune import SGD, TrialConfig\ndef suggest(trial):\n"
        "    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', 0.1, 1)))\n"
    )
    for space, asked, said in (
        ("storm", {}, "storm sets the step size itself"),
        (own, {}, "has no DEFAULT"),
        ("sgd", {"lowest": 1.0, "highest": 0.1}, "give 0 < lowest < highest"),
        ("sgd", {"highest": math.inf}, "give 0 < lowest < highest"),
        ("sgd", {"steps": 5}, "at least 20"),
        ("none", {}, "no search space"),
    ):
        with pytest.raises(UsageError, match=said):
            range_test(space, TASK, **(ASKED | asked))


def test_it_says_how_far_it_is_and_can_be_stopped() -> None:
    told: list[Event] = []
    range_test("sgd", TASK, **(ASKED | {"progress": told.append}))
    assert any(event.kind == "retraining" for event in told)
    calls = iter([False] * 5 + [True])
    with pytest.raises(Stopped):
        range_test("sgd", TASK, **ASKED, stopping=lambda: next(calls))


def test_rates_beyond_the_spaces_range_are_told() -> None:
    found = range_test("sgd", TASK, **ASKED)
    narrow = found.model_copy(update={"searched": (1e-5, 1e-4)})
    assert any("widen its range" in said for _, said in narrow.sentences)
    assert not any("widen its range" in said for _, said in found.sentences)
    level = found.model_copy(
        update={"mean": found.mean.model_copy(update={"begins": None, "lowest": None})}
    )
    assert level.suggested is None
    assert "does not fall" in level.sentences[0][1]
