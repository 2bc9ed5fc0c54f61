"""An exported trial as a program: it builds the trial's settings, and trains them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from reference.exported import CONFIGS, IDS, exported

from vrtune import Task, TrialConfig, export
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.record import ExportedTrial
from vrtune.searching.result import SearchResult
from vrtune.studies.retrained import Spread

HELD_OUT = Task(
    dataset="cifar10",
    model="resnet20",
    norm="layer",
    init="metainit",
    holdout=0.1,
    epochs=7,
    batch_size=64,
    limit=900,
    augment="crop-flip",
    lock_transforms=False,
    precision="bfloat16",
    seed=5,
)


def run_program(text: str) -> dict[str, Any]:
    """The names that a snippet defines, without its training."""
    names: dict[str, Any] = {"__name__": "snippet"}
    exec(compile(text, "snippet", "exec"), names)
    return names


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_the_snippet_says_the_same(config: TrialConfig) -> None:
    before = exported(config)
    text = FORMATS["python"](before)
    names = run_program(text)
    assert names["config"] == config
    assert names["task"] == before.protocol
    assert max(len(line) for line in text.splitlines() if not line.startswith("#")) <= 100


def test_the_snippet_says_every_setting_of_a_task() -> None:
    untouched = {k for k, v in HELD_OUT if v == Task.model_fields[k].default}
    assert untouched == {"folds"}
    text = FORMATS["python"](exported(CONFIGS[0], HELD_OUT))
    assert run_program(text)["task"] == HELD_OUT
    assert "# Validation loss 0.3, on the 10 % held out, after 2 epochs\n" in text


def test_the_snippet_says_how_it_was_found(found: tuple[SearchResult, str]) -> None:
    result, url = found
    text = export(result.study, format="python", storage=url).partition("\n\n")[0]
    spent, more = result.gradient_computations, result.confirm_gradient_computations
    assert result.best
    assert result.best.confirmed
    for line in (
        "# Sampler auto, pruner folds, start on\n",
        f"# Trials 2 complete, 0 pruned: {spent:,.0f} gradient computations, "
        f"{more:,.0f} to judge {result.confirmed} again\n",
        "# Ranges 'lr' 1e-05 .. 10 (log)\n",
        "# Began with {'lr': 0.1}\n",
        ", comes with scikit-learn; data_dir '",
        "# Net 'softmax', norm none, 2,570 parameters; inputs: each channel (of a ",
        f"# Trained with vrtune {version('vrtune')}, torch {torch.__version__}, optuna ",
        f" on cpu\n# Exported by vrtune {version('vrtune')}\n",
        f"# With fresh starts {result.best.confirmed.mean:.6g}, the mean of 8 trainings, of which "
        f"{result.best.confirmed.failed} failed\n",
    ):
        assert line in text


def test_what_a_user_named_stays_a_comment(
    whole: Callable[[ExportedTrial], ExportedTrial],
) -> None:
    text = FORMATS["python"](whole(exported(CONFIGS[0])))
    assert run_program(text)["config"] == CONFIGS[0]
    assert "# With fresh starts diverged, the mean of 6 trainings, of which 1 failed\n" in text
    assert "# Ranges 'b' of None, 'c\\nd', \"a\\n'b'\" 1e-07 .. 1e+10 (log)\n" in text
    assert "data_dir '/a\\nb'" in text


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_the_snippet_offers_the_twin_of_a_plain_method(config: TrialConfig) -> None:
    text = FORMATS["python"](exported(config))
    names = run_program(text)
    plain, steady = config.estimator.kind == "plain", config.schedule.kind == "constant"
    assert ("make_optimizer" in names) == ("torch" in names) == (plain and steady)
    assert ("follows a schedule" in text) == (plain and not steady)
    if "make_optimizer" in names:
        made = names["make_optimizer"]([torch.nn.Parameter(torch.zeros(2))])
        wanted = config.optimizer.model_dump(exclude={"kind"})
        assert type(made).__name__ == config.optimizer.twin()
        assert {k: made.defaults[k] for k in wanted if k in made.defaults} == {
            k: v for k, v in wanted.items() if k in made.defaults
        }
        assert isinstance(made, torch.optim.AdamW) == wanted.get("decoupled_weight_decay", False)


def test_the_snippet_trains_and_prints_the_test_accuracy(
    found: tuple[SearchResult, str], tmp_path: Path
) -> None:
    result, url = found
    assert result.retrain
    path = tmp_path / "trial.py"
    path.write_text(export(result.study, format="python", storage=url), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("test accuracy over 2 seeds: mean=")
    mean = float(done.stdout.split("mean=")[1].split()[0])
    assert mean == pytest.approx(result.retrain.test_accuracy.mean, abs=0.01)


@pytest.mark.parametrize(("std", "says"), [(0.25, "0.5000 +- 0.2500, 2"), (None, "0.5000, 2")])
def test_the_test_accuracy_may_have_no_spread(std: float | None, says: str) -> None:
    """In a study that vrtune did not write."""
    before = exported(CONFIGS[0])
    assert before.results.retrain
    accuracy = Spread(mean=0.5, std=std, values=[0.5])
    again = before.results.retrain.model_copy(update={"test_accuracy": accuracy})
    results = before.results.model_copy(update={"retrain": again})
    text = FORMATS["python"](before.model_copy(update={"results": results}))
    assert f"# Test accuracy {says} seeds\n" in text
