"""What a training again records: against slow references, and what reading the test set changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from vrtune import SGD, SVRG, MetaInit, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.errors import VrtuneError
from vrtune.events import Event, Stopped
from vrtune.lanes.pool import Pool
from vrtune.lanes.train import Lanes
from vrtune.lanes.workspace import Workspace
from vrtune.retraining.training import train
from vrtune.studies.retrained import Retrained, Spread

TASK = Task(model="softmax", epochs=3, limit=120, folds=2)  # 4 steps an epoch
LENET = TASK.model_copy(update={"model": "lenet", "norm": "batch", "augment": "crop-flip"})
STEADY = TrialConfig(optimizer=SGD(lr=0.05))
WILD = TrialConfig(optimizer=SGD(lr=1e38, momentum=0.9))


def workspace(task: Task = TASK, dataset: Dataset | None = None) -> Workspace:
    return Workspace(task, Path(), torch.device("cpu"), dataset)


def lone(
    config: TrialConfig = STEADY, task: Task = TASK, *, seeds: int = 2, test_curve: bool = False
) -> Retrained:
    done, _ = train({0: config}, workspace(task), seeds, test_curve=test_curve)
    return done[0]


def judged(space: Workspace, weights: dict[str, Tensor], part: Part) -> tuple[float, float]:
    """Loss and accuracy of one net on a part, sample by sample."""
    module = space.make()
    module.load_state_dict(weights)
    module.eval()
    seen = space.dataset.train.x[space.indices].double()
    mean, std = seen.mean((0, 2, 3), keepdim=True), seen.std((0, 2, 3), correction=0, keepdim=True)
    loss, right = 0.0, 0
    with torch.no_grad():
        for x, y in zip(part.x.double(), part.y, strict=True):
            (logits,) = module(((x - mean) / std).float())
            loss += F.cross_entropy(logits, y).item()
            right += int(logits.argmax() == y)
    return loss / len(part.y), right / len(part.y)


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize("task", [TASK, LENET], ids=["softmax", "lenet"])
def test_train_and_test_values_are_those_of_a_slow_reference(task: Task, fused: bool) -> None:
    """On every training sample that the task has, as it is; and on the test set."""
    space = workspace(task)
    configs = {3: STEADY, 5: TrialConfig(optimizer=SGD(lr=0.01), estimator=SVRG())}
    done, weights = train(configs, space, 2, fused=fused)
    train_part, test = space.dataset.train, space.dataset.read_test()
    own = Part(train_part.x[space.indices], train_part.y[space.indices])
    assert len(own.y) == task.limit
    for number, result in done.items():
        assert result.train_loss is not None
        assert result.train_accuracy is not None
        for part, loss, accuracy in (
            (own, result.train_loss, result.train_accuracy),
            (test, result.test_loss, result.test_accuracy),
        ):
            expected = [judged(space, seed, part) for seed in weights[number]]
            # in float32, and the sums of a batch are taken in another order: some 1e-7 each
            assert loss.values == pytest.approx([e[0] for e in expected], rel=1e-5)
            assert accuracy.values == pytest.approx([e[1] for e in expected], abs=1e-12)
            assert accuracy.mean == pytest.approx(sum(e[1] for e in expected) / 2)


def test_two_trainings_end_at_other_places() -> None:
    """Or the test above could not tell seeds and parts from each other."""
    result = lone()
    assert result.train_loss is not None
    assert len({*result.train_loss.values, *result.test_loss.values}) == 4


@pytest.mark.parametrize(
    ("config", "costs"),
    [
        (STEADY, [4, 8, 12]),
        (TrialConfig(optimizer=SGD(lr=0.05), estimator=SVRG(snapshot_period=2)), [12, 20, 32]),
        (TrialConfig(optimizer=SGD(lr=0.05), init=MetaInit(steps=5)), [19, 23, 27]),
    ],
    ids=["sgd", "svrg", "metainit"],
)
def test_costs_are_those_of_one_training_after_each_epoch(
    config: TrialConfig, costs: list[float]
) -> None:
    for seeds in (1, 3):
        result = lone(config, seeds=seeds)
        assert result.costs == costs
        assert result.gradient_computations == seeds * costs[-1]


def test_seconds_are_those_of_the_training_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock that counts stands still while lanes are judged."""
    now = 0.0

    def taking(seconds: float, call: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*args: Any) -> Any:
            nonlocal now
            now += seconds
            return call(*args)

        return slow

    monkeypatch.setattr("vrtune.retraining.training.perf_counter", lambda: now)
    for where, name, seconds in ((Pool, "train_epoch", 2.0), (Lanes, "judge", 1000.0)):
        monkeypatch.setattr(where, name, taking(seconds, getattr(where, name)))
    assert [lone(test_curve=curve).seconds for curve in (False, True)] == [6.0, 6.0]


# ---- the test curve ----------------------------------------------------------------------------


@pytest.mark.parametrize("task", [TASK, LENET], ids=["softmax", "lenet"])
def test_a_test_curve_changes_nothing_else(task: Task) -> None:
    """To the last bit: what is judged more often trains as it did."""
    with_curve, without = lone(task=task, test_curve=True), lone(task=task)
    added = {"test_losses", "test_accuracies"}
    assert with_curve.model_dump(exclude={*added, "seconds"}) == without.model_dump(
        exclude={*added, "seconds"}
    )
    assert without.test_losses is without.test_accuracies is None


def test_the_last_point_of_a_test_curve_is_the_result() -> None:
    result = lone(test_curve=True)
    for curves, end in (
        (result.test_losses, result.test_loss),
        (result.test_accuracies, result.test_accuracy),
    ):
        assert curves is not None
        assert [len(curve) for curve in curves] == [TASK.epochs] * 2
        assert [curve[-1] for curve in curves] == end.values


def test_a_point_of_a_test_curve_is_the_result_of_fewer_epochs() -> None:
    whole = lone(test_curve=True)
    assert whole.test_losses is not None
    assert whole.test_accuracies is not None
    for epochs in (1, 2):
        part = lone(task=TASK.model_copy(update={"epochs": epochs}))
        assert [curve[epochs - 1] for curve in whole.test_losses] == part.test_loss.values
        assert [curve[epochs - 1] for curve in whole.test_accuracies] == part.test_accuracy.values


def test_trials_of_other_programs_have_curves_of_their_own() -> None:
    svrg = TrialConfig(optimizer=SGD(lr=0.01), estimator=SVRG())
    both, _ = train({1: STEADY, 7: svrg}, workspace(), 2, test_curve=True)
    for number, config in ((1, STEADY), (7, svrg)):
        alone = lone(config, test_curve=True)
        skipped = {"seconds", "trial"}
        assert both[number].model_dump(exclude=skipped) == alone.model_dump(exclude=skipped)
    assert both[1].test_losses != both[7].test_losses


def watched(said: list[str]) -> Dataset:
    """The digits, which say when their test part is read."""
    digits = workspace().dataset

    def read_test() -> Part:
        said.append("read")
        return digits.read_test()

    return replace(digits, read_test=read_test)


@pytest.mark.parametrize(
    ("test_curve", "order"),
    [(False, ["epoch"] * 3 + ["read"]), (True, ["read"] + ["epoch"] * 3)],
    ids=["without", "with"],
)
def test_the_test_set_is_read_once_and_at_the_end_but_for_a_curve(
    test_curve: bool, order: list[str]
) -> None:
    said: list[str] = []

    def note(event: Event) -> None:
        if event.kind == "retraining":
            said.append("epoch")

    train({0: STEADY}, workspace(TASK, watched(said)), 1, test_curve=test_curve, progress=note)
    assert said == order


def test_a_training_that_is_stopped_has_read_no_test_data() -> None:
    said: list[str] = []
    with pytest.raises(Stopped):
        train({0: STEADY}, workspace(TASK, watched(said)), 1, stopping=lambda: True)
    assert said == []


def test_test_data_that_can_not_be_read_are_told_before_a_curve_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> Part:
        raise VrtuneError("the test part is broken")

    monkeypatch.setattr("vrtune.lanes.pool.Pool.train_epoch", lambda *_: pytest.fail("trained"))
    dataset = replace(workspace().dataset, read_test=broken)
    with pytest.raises(VrtuneError, match="is broken"):
        train({0: STEADY}, workspace(TASK, dataset), 1, test_curve=True)


# ---- what is kept ------------------------------------------------------------------------------


def test_what_diverged_is_null_and_reads_back() -> None:
    result = lone(WILD, test_curve=True)
    assert result.failed == 2
    assert result.train_loss == Spread(values=[None, None])
    assert result.test_losses is not None
    assert [curve[-1] for curve in result.test_losses] == [None, None]
    assert Retrained.model_validate_json(result.model_dump_json()) == result


def test_a_record_of_an_older_version_reads_back() -> None:
    new = {"train_accuracy", "train_loss", "costs", "test_losses", "test_accuracies", "seconds"}
    later = {"score", "test_metrics", "train_metrics", "test_scores"}
    old = lone(test_curve=True).model_dump(mode="json", exclude=new | later)
    read = Retrained.model_validate(old)
    assert {getattr(read, name) for name in new} == {None}
    assert read.model_dump(mode="json", exclude=new | later) == old
    assert (read.test_score, read.train_score) == (read.test_accuracy, None)
    assert "train accuracy" not in str(read)
