"""A retraining that was cut off goes on, and comes to the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrtune import Task, retrain, search
from vrtune.events import Event, Noted, Retraining, Stopped
from vrtune.studies import pace

TASK = Task(model="softmax", folds=2, epochs=6, limit=200)


@pytest.fixture(autouse=True)
def _after_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LEAST_S", 0.0)
    monkeypatch.setattr(pace, "SHARE", 1e9)


@pytest.fixture
def study(url: str) -> str:
    return search(
        "svrg", TASK, trials=2, pruner="none", jobs=1, storage=url, progress=False, retrain=0
    ).study


def files(url: str) -> list[Path]:
    folder = Path(url.removeprefix("sqlite:///")).parent / "studies" / "checkpoints"
    return [path for path in folder.rglob("*") if path.is_file()]


def cut_off(study: str, url: str, epoch: int, seeds: int = 2) -> None:
    at = [0]

    def progress(event: Event) -> None:
        if isinstance(event, Retraining):
            at[0] = event.epoch

    with pytest.raises(Stopped):
        retrain(
            study, storage=url, seeds=seeds, top=2, test_curve=True, progress=progress,
            stopping=lambda: at[0] >= epoch,
        )  # fmt: skip


def test_it_comes_to_the_same(study: str, url: str) -> None:
    """Of several trials and seeds, cut off twice; curves and results to the last bit."""
    usual = retrain(study, storage=url, seeds=2, top=2, test_curve=True, progress=False)
    assert not files(url)
    cut_off(study, url, 2)
    assert len(files(url)) == 1
    cut_off(study, url, 4)
    again = retrain(study, storage=url, seeds=2, top=2, test_curve=True, progress=False)
    assert {result.continued for result in again} == {4}
    for one, other in zip(usual, again, strict=True):
        skipped = {"seconds", "continued"}
        assert one.model_dump(exclude=skipped) == other.model_dump(exclude=skipped)
    assert not files(url)


def test_another_one_does_not_go_on_from_it(study: str, url: str) -> None:
    cut_off(study, url, 4)
    result = retrain(study, storage=url, seeds=3, top=2, test_curve=True, progress=False)[0]
    assert result.continued is None


def test_a_damaged_one_is_told(study: str, url: str) -> None:
    cut_off(study, url, 4)
    content = bytearray(files(url)[0].read_bytes())
    content[-1] ^= 255
    files(url)[0].write_bytes(content)
    said: list[str] = []

    def progress(event: Event) -> None:
        if isinstance(event, Noted):
            said.append(event.text)

    again = retrain(study, storage=url, seeds=2, top=2, test_curve=True, progress=progress)
    assert again[0].continued is None
    assert len(said) == 1
    assert said[0].endswith(": the training begins anew")
