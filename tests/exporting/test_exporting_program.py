"""An exported trial as a program in plain PyTorch: it runs, learns, says where it is from."""

from __future__ import annotations

import ast
import json
import os
import re
import runpy
import statistics
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from optuna.trial import FixedTrial
from reference.exported import CONFIGS, IDS, exported

from vrtune import (
    LARS,
    SAGA,
    SGD,
    SVRG,
    AlphaSVRG,
    HeavyBall,
    Library,
    NAdam,
    Step,
    Task,
    TrialConfig,
    export,
)
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.record import ExportedTrial
from vrtune.searching.result import SearchResult
from vrtune.spaces import load
from vrtune.studies.retrained import Spread

SPACES = (
    *("sgd", "adam", "adagrad", "svrg", "svrg_late", "alpha_svrg", "optimal_svrg", "scsg"),
    *("storm", "mars", "mars_approximate"),
)
TASK = Task(model="softmax", limit=160, epochs=3, batch_size=32)
MORE = {
    "saga": TrialConfig(estimator=SAGA(), optimizer=SGD(lr=0.01, momentum=0.9, nesterov=True)),
    "period": TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=SGD(lr=0.1)),
    "period-late": TrialConfig(
        estimator=AlphaSVRG(snapshot_period=2, start_epoch=1), optimizer=SGD(lr=0.1)
    ),
    "svrg-over-library": TrialConfig(
        estimator=SVRG(snapshot_period=2, start_share=0.4),
        optimizer=Library("torch.optim.NAdam", lr=0.01, betas=(0.8, 0.99)),
    ),
    "library": TrialConfig(optimizer=Library("torch.optim.RMSprop", lr=0.01)),
    "two": TrialConfig(
        optimizer=Library("torch.optim.SGD", lr=0.1, rest=Library("torch.optim.Adam", lr=0.01))
    ),
    "step": TrialConfig(optimizer=SGD(lr=0.1), schedule=Step()),
    "rule-of-rows": TrialConfig(optimizer=HeavyBall(lr=0.1)),
    "svrg-over-rows": TrialConfig(
        estimator=SVRG(), optimizer=LARS(lr=1.0, trust_coefficient=0.01), schedule=Step()
    ),
    "decoupled": TrialConfig(
        optimizer=NAdam(lr=0.01, weight_decay=0.1, decoupled_weight_decay=True)
    ),
}

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Run:
    """Runs a program with options; returns what it printed."""

    def ran(text: str, *words: str) -> str:
        path = tmp_path / "trial.py"
        path.write_text(text, encoding="utf-8")
        monkeypatch.setattr(sys, "argv", [str(path), "--device", "cpu", *words])
        monkeypatch.syspath_prepend(str(tmp_path))
        runpy.run_path(str(path), run_name="__main__")
        return capsys.readouterr().out

    return ran


def default(name: str) -> TrialConfig:
    """The setting that a space begins with."""
    space = load(name)
    config: TrialConfig = space.suggest(FixedTrial(space.default()))
    return config


def program(config: TrialConfig, task: Task = TASK, **changes: Any) -> str:
    return FORMATS["python"](exported(config, task, **changes))


def packages(text: str) -> set[str]:
    """The modules that a program imports."""
    nodes = list(ast.walk(ast.parse(text)))
    found = {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom)}
    return found | {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}


def losses(said: str) -> list[float]:
    return [float(loss) for loss in re.findall(r"^epoch \d+: train loss (\S+)$", said, re.M)]


@pytest.mark.parametrize("space", SPACES)
def test_every_method_trains(space: str, run: Run) -> None:
    text = program(default(space))
    before, *_, after = losses(run(text))
    assert after < before
    plain = space in ("sgd", "adam", "adagrad")
    ours = {name for name in packages(text) if name.startswith("vrtune")}
    assert ours == (set() if plain else {"vrtune.optim"})


@pytest.mark.parametrize("name", MORE)
def test_other_settings_train(name: str, run: Run) -> None:
    said = run(program(MORE[name]))
    before, *_, after = losses(said)
    assert after < before
    assert re.search(r"^test accuracy: 0\.\d{4}$", said, re.M)


@pytest.mark.parametrize("config", CONFIGS, ids=IDS)
def test_every_kind_of_unit_is_written(config: TrialConfig, run: Run) -> None:
    assert len(losses(run(program(config)))) == TASK.epochs


def test_a_schedule_free_optimizer_is_put_into_its_modes(run: Run) -> None:
    pytest.importorskip("schedulefree")
    rule = Library("schedulefree.SGDScheduleFree", lr=1.0)
    for config in (
        TrialConfig(optimizer=rule),
        TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=rule),
    ):
        text = program(config)
        before, *_, after = losses(run(text))
        assert after < before
        assert "    optimizer.eval()" in text


def test_the_same_seed_says_the_same(run: Run) -> None:
    text = program(default("storm"))
    first, again, other = run(text), run(text, "--seed", "1"), run(text, "--seed", "2")
    assert first == again != other
    assert len(losses(run(text, "--epochs", "1"))) == 1


@pytest.mark.parametrize("space", SPACES)
def test_it_reads_like_one_written_by_hand(space: str, tmp_path: Path) -> None:
    """Linters and formatters have nothing to say."""
    task = Task(model="lenet", limit=160, augment="crop-flip", norm="batch", metric="macro-f1")
    path = tmp_path / "trial.py"
    path.write_text(program(default(space), task), encoding="utf-8")
    compile(path.read_text(), path, "exec")
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "100", "-q", str(path)]
    rules = ["--select", "E,F,W,I,B,UP,C4,SIM", "--ignore", "E501"]  # comments may be long
    for command in (["check", *rules], ["format", "--diff"]):
        done = subprocess.run(
            [*ruff, *command, *options], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "changes",
    [
        {"augment": "crop-flip"},
        {"augment": "crop-flip", "lock_transforms": False},
        {"norm": "batch", "model": "lenet"},
        {"norm": "layer", "model": "resnet18-small", "limit": 64, "epochs": 1},
        {"precision": "bfloat16"},
        {"label_smoothing": 0.1, "class_weights": "balanced"},
        {"class_weights": (1.0, 2.0, *[1.0] * 8), "metric": "balanced-accuracy"},
        {"metric": "macro-f1"},
        {"limit": None, "epochs": 1},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["period-late", "step"])
def test_every_setting_of_a_task(name: str, changes: dict[str, Any], run: Run) -> None:
    task = Task.model_validate({**TASK.model_dump(), **changes})
    said = run(program(MORE[name], task))
    assert len(losses(said)) == task.epochs
    assert ("test macro-f1" in said) == (task.metric == "macro-f1")
    assert ("test balanced-accuracy" in said) == (task.metric == "balanced-accuracy")


def test_views_are_those_of_the_lanes() -> None:
    from vrtune.data.augment import cropped, pad

    names: dict[str, Any] = {"__name__": "made"}
    exec(program(MORE["step"], TASK.model_copy(update={"augment": "crop-flip"})), names)
    x, n = torch.rand(50, 3, 9, 7), 50
    down, right, flipped = names["draw_views"](n)
    view = (down * 9 + right) * 2 + flipped
    wanted = cropped(pad(x), torch.arange(n), view)
    assert torch.equal(names["seen"](pad(x), (down, right, flipped)), wanted)


def test_limited_samples_are_those_of_the_search() -> None:
    from vrtune.data.digits import load as digits
    from vrtune.data.folds import limit_indices

    names: dict[str, Any] = {"__name__": "made"}
    exec(program(MORE["step"], TASK.model_copy(update={"seed": 3})), names)
    (x, y), _ = names["load_data"]()
    train = digits(Path()).train
    assert torch.equal(x, train.x)
    rows = limit_indices(train.y, 160, 3)
    assert torch.equal(names["limited"](x, y)[0], train.x[rows])


def test_schedules_are_those_of_the_lanes() -> None:
    for config in CONFIGS:
        names: dict[str, Any] = {"__name__": "made"}
        text = program(config)
        exec(text, names)
        if "factor" not in names:
            continue
        steps, epochs = 5, 10
        times = torch.arange(steps * epochs, dtype=torch.float64) / steps
        wanted = torch.cat([config.schedule.factors(t, epochs) for t in times.view(epochs, steps)])
        warmed = "def factor(middle" in text
        found = [
            names["factor"](*([t + 0.5 / steps] if warmed else []), t, epochs)
            for t in times.tolist()
        ]
        assert found == pytest.approx(wanted.tolist())


def test_it_says_how_it_was_found(found: tuple[SearchResult, str]) -> None:
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
        "# Net 'softmax', norm none, 2,570 parameters\n# Inputs: each channel (of a ",
        f"# Trained with vrtune {version('vrtune')}, torch {torch.__version__}, optuna ",
        f" on cpu\n# Exported by vrtune {version('vrtune')}\n",
        f"# With fresh starts {result.best.confirmed.mean:.6g}, the mean of 8 trainings, of which "
        f"{result.best.confirmed.failed} failed\n",
    ):
        assert line in text


def test_what_a_user_named_stays_a_comment(
    whole: Callable[[ExportedTrial], ExportedTrial],
) -> None:
    text = FORMATS["python"](whole(exported(CONFIGS[0], TASK)))
    exec(compile(text, "made", "exec"), {"__name__": "made"})
    assert "# With fresh starts diverged, the mean of 6 trainings, of which 1 failed\n" in text
    assert "# Ranges 'b' of None, 'c\\nd', \"a\\n'b'\" 1e-07 .. 1e+10 (log)\n" in text
    assert "data_dir '/a\\nb'" in text


@pytest.mark.slow
def test_a_fresh_interpreter_reaches_the_retrained_accuracy(
    found: tuple[SearchResult, str], tmp_path: Path
) -> None:
    """With other random numbers; benchmarks/exported.py asks all methods at length."""
    result, url = found
    assert result.retrain
    assert result.retrain.test_accuracy
    path = tmp_path / "trial.py"
    path.write_text(export(result.study, format="python", storage=url), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    accuracy = float(done.stdout.split("test accuracy: ")[1])
    assert accuracy == pytest.approx(result.retrain.test_accuracy.mean, abs=0.03)


@pytest.mark.parametrize(("std", "says"), [(0.25, "0.5000 +- 0.2500, 2"), (None, "0.5000, 2")])
def test_the_test_accuracy_may_have_no_spread(std: float | None, says: str) -> None:
    """In a study that vrtune did not write."""
    before = exported(CONFIGS[0], TASK)
    assert before.results.retrain
    accuracy = Spread(mean=0.5, std=std, values=[0.5])
    again = before.results.retrain.model_copy(update={"test_accuracy": accuracy})
    results = before.results.model_copy(update={"retrain": again})
    text = FORMATS["python"](before.model_copy(update={"results": results}))
    assert f"# Test accuracy {says} seeds\n" in text


@pytest.mark.slow
@pytest.mark.parametrize("method", SPACES)
def test_the_record_of_every_method_is_reached(method: str, tmp_path: Path) -> None:
    """The study of benchmarks/studies.db, three seeds, within two standard deviations."""
    url = f"sqlite:///{Path(__file__).parents[2] / 'benchmarks' / 'studies.db'}"
    study = f"{method}-digits-lenet"
    retrain = json.loads(export(study, storage=url))["results"]["retrain"]["test_accuracy"]
    path = tmp_path / "trial.py"
    path.write_text(export(study, format="python", storage=url), encoding="utf-8")
    found = []
    for seed in ("1", "2", "3"):
        done = subprocess.run(
            [sys.executable, str(path), "--device", "cpu", "--seed", seed],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(float(done.stdout.split("test accuracy: ")[1]))
    assert abs(statistics.fmean(found) - retrain["mean"]) <= 2 * retrain["std"]
