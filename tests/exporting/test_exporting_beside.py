"""Penalties, means of weights and early stopping in exported programs and configurations."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
from reference.exported import exported

from vrtune import (
    SGD,
    SVRG,
    Adam,
    Cosine,
    Dropout,
    Exponential,
    Norms,
    Polyak,
    Task,
    TrialConfig,
    train,
)
from vrtune.errors import UsageError
from vrtune.exporting.export import load_config
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.record import ExportedTrial

TASK = Task(model="mlp", norm="batch", limit=160, epochs=4, batch_size=32)
CONFIGS = {
    "coupled-polyak": TrialConfig(
        optimizer=SGD(lr=0.05), penalty=Norms(l1=1e-3, l2=0.01), average=Polyak(start_share=0.5)
    ),
    "decoupled-exponential": TrialConfig(
        optimizer=Adam(lr=0.003),
        schedule=Cosine(),
        penalty=Norms(l1=0.05, decoupled=True),
        average=Exponential(decay=0.5),
    ),
    "svrg": TrialConfig(
        estimator=SVRG(),
        optimizer=SGD(lr=0.05),
        penalty=Norms(l1=0.01, l2=0.01, decoupled=True),
        average=Polyak(start_share=0.0),
    ),
    "dropout": TrialConfig(optimizer=SGD(lr=0.05), penalty=Dropout(rate=0.25)),
}


def made(name: str, *, kept: int | None = None) -> ExportedTrial:
    """An export, maybe with early stopping."""
    task = TASK if kept is None else TASK.model_copy(update={"patience": 2})
    whole = exported(CONFIGS[name], task)
    folds = whole.results.cross_validation.model_copy(
        update={"epochs": kept or 4, "fold_epochs": kept and [kept, kept]}
    )
    results = whole.results.model_copy(update={"cross_validation": folds})
    return whole.model_copy(update={"results": results})


def ran(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> tuple[list[float], float]:
    """A program's training losses, and its test accuracy."""
    path = tmp_path / "trial.py"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", [str(path), "--device", "cpu"])
    runpy.run_path(str(path), run_name="__main__")
    said = capsys.readouterr().out
    losses = re.findall(r"^epoch \d+: train loss (\S+)$", said, re.M)
    (accuracy,) = re.findall(r"^test accuracy: (\S+)$", said, re.M)
    return [float(loss) for loss in losses], float(accuracy)


@pytest.mark.parametrize("name", CONFIGS)
def test_programs_train_as_vrtune_does(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """With other random numbers: losses and accuracy agree as those of other seeds do."""
    losses, accuracy = ran(FORMATS["python"](made(name)), tmp_path, monkeypatch, capsys)
    ours = train(CONFIGS[name], TASK, seeds=3, data_dir=tmp_path)
    wanted = [sum(v or 0.0 for v in column) / 3 for column in zip(*ours.train_losses, strict=True)]
    assert losses == pytest.approx(wanted, rel=0.35)
    assert ours.test_accuracy is not None
    assert accuracy == pytest.approx(ours.test_accuracy.mean, abs=0.12)


@pytest.mark.parametrize(("period", "locked", "said"), [(2, True, 1), (2, False, 0), (1, True, 0)])
def test_masks_that_a_snapshot_held_are_spoken_of(period: int, locked: bool, said: int) -> None:
    """A study's batch keeps its dropout masks from a snapshot to the next, a program's does not."""
    config = CONFIGS["dropout"].model_copy(update={"estimator": SVRG(snapshot_period=period)})
    task = TASK.model_copy(update={"lock_transforms": locked})
    text = FORMATS["python"](exported(config, task))
    assert text.count("masks of dropout are fresh in every epoch") == said


def test_what_a_program_says() -> None:
    text = FORMATS["python"](made("coupled-polyak"))
    assert "penalty=Norms(l1=0.001, l2=0.01, decoupled=False, exempt=True)" in text
    assert "first = min(round(0.5 * epochs), epochs - 1)" in text
    assert "kept" not in text
    plain = FORMATS["python"](made("dropout"))
    assert "layer.p = 0.25" in plain
    assert "vrtune.optim" not in plain, "nothing but PyTorch is needed"
    assert all(len(line) <= 100 for line in text.splitlines() if not line.startswith("#"))


def test_a_program_trains_the_epochs_that_were_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Before the mean begins, too: then it is judged by its last weights."""
    text = FORMATS["python"](made("coupled-polyak", kept=2))
    assert "# Early stopping: folds were best after 2, 2 of 4 epochs" in text
    assert "kept" in text
    losses, accuracy = ran(text, tmp_path, monkeypatch, capsys)
    assert len(losses) == 2
    assert accuracy > 0.3


@pytest.mark.parametrize("format", ["json", "yaml", "toml"])
def test_documents_are_read_back(format: str, tmp_path: Path) -> None:
    for name in CONFIGS:
        whole = made(name, kept=3)
        path = tmp_path / f"best.{format}"
        path.write_text(FORMATS[format](whole), encoding="utf-8")
        back = load_config(path)
        assert back.config == CONFIGS[name]
        assert back.kept_epochs == 3
        assert back.results.cross_validation.fold_epochs == [3, 3]


@pytest.mark.parametrize("format", ["hydra", "lightning"])
def test_configurations_refuse_what_no_optimizer_does(format: str) -> None:
    with pytest.raises(UsageError, match=f"^{format} makes optimizer and scheduler, and trial"):
        FORMATS[format](made("dropout"))
