"""The studies of full size: what they cost, that their commands parse, and that they go on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from vrtune import SCSG, SGD, STORM, SVRG, MetaInit, Task, TrialConfig, train
from vrtune.units import EstimatorSettings

ROOT = Path(__file__).parents[2]
RULE = SGD(lr=0.1)
ESTIMATORS: dict[str, EstimatorSettings] = {
    "storm": STORM(),
    "svrg": SVRG(snapshot_period=2),
    "late": SVRG(snapshot_period=1, start_share=0.5),
    "scsg": SCSG(mega_batch=2),
}


def config_of(name: str) -> TrialConfig:
    optimizer = SGD() if name == "storm" else RULE
    return TrialConfig(estimator=ESTIMATORS[name], optimizer=optimizer)


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


@pytest.fixture
def costs() -> ModuleType:
    return import_module("full_size_parts.costs")


# ---- hours -------------------------------------------------------------------------------------


def test_gradients_by_hand(costs: ModuleType) -> None:
    """100 samples in batches of 32 are 4 steps."""

    def cost(config: TrialConfig, **more: int) -> float:
        return costs.gradients(costs.Training("softmax", config, 100, 7, 32, **more))

    svrg = SVRG(snapshot_period=5)
    plain = TrialConfig(optimizer=RULE)
    assert cost(plain) == 7 * 4
    assert cost(TrialConfig(estimator=svrg, optimizer=RULE)) == 7 * 4 * 2 + 2 * 4
    after = TrialConfig(estimator=svrg, optimizer=RULE, init=MetaInit(steps=200))
    assert cost(after, lanes=3) == 3 * (64 + 600)
    assert cost(plain, judged=96) == pytest.approx(28 + 7 * 96 / 32 / 3)
    assert cost(plain, readings=5) == 28 + 5 * 2 * 4


@pytest.mark.parametrize("name", ESTIMATORS)
def test_gradients_are_those_that_vrtune_counts(costs: ModuleType, name: str) -> None:
    config = config_of(name)
    found = train(config, Task(model="softmax", limit=100, epochs=4), seeds=2)
    training = costs.Training("softmax", config, 100, 4, 32, lanes=2)
    assert costs.gradients(training) == found.gradient_computations


def test_hours_by_hand(costs: ModuleType, tmp_path: Path) -> None:
    """ResNet-18 at 100 gradients a second of 32 samples, TF32 twice as fast: 50 of 128."""
    rates, hours = import_module("full_size_parts.rates"), import_module("hours")
    speeds = {"float32": 60.0, "tf32": 120.0, "bfloat16": 180.0}
    known = {"resnet18 looped 4": 100.0, "resnet101 looped 4": 10.0}
    known |= {"lenet looped 4": 2000.0, "lenet fused 4": 8000.0}
    parts = {
        "ways": {"rows": {k: {"lane_steps_per_s": v} for k, v in known.items()}},
        "precision": {
            "rows": {f"{k} batch looped": {"lane_steps_per_s": v} for k, v in speeds.items()}
        },
    }
    (tmp_path / "gpu.json").write_text(json.dumps({"parts": parts}))
    made = rates.Rates(tmp_path / "gpu.json")
    plain = TrialConfig(optimizer=RULE)
    training = costs.Training("resnet18", plain, 1280, 9, 128, lanes=5, precision="tf32")
    assert hours.hours([training, training], made) == pytest.approx(2 * 5 * 90 / 50 / 3600)
    small = costs.Training("resnet18-small", plain, 1280, 1, 32)
    assert made.of(small).per_second == pytest.approx(2000 * 5 / 22)  # layers, not products
    assert "estimate" in made.of(small).basis
    deep = costs.Training("resnet101", plain, 1280, 1, 32)
    assert made.of(deep).per_second == 10


# ---- commands ----------------------------------------------------------------------------------


def commands() -> list[str]:
    """Those that the document shows, whole or in a table."""
    text = (ROOT / "docs" / "full-size.md").read_text(encoding="utf-8").replace("\\\n", " ")
    return [" ".join(found.split()) for found in re.findall(r"python benchmarks/[^`\n]+", text)]


def test_commands_of_the_document_parse() -> None:
    module = import_module("full_size_parts.commands")
    shown = [found for found in commands() if "benchmarks/hours.py" not in found]
    assert set(module.COMMANDS.values()) <= set(shown)
    names = {module.parsed(command)[0] for command in shown if "pictures" not in command}
    assert {"resnets", "variance", "late_starts", "scsg"} <= names


def test_hours_of_the_document_are_those_of_the_record(costs: ModuleType) -> None:
    """And the record is what the scripts would run now."""
    module = import_module("full_size_parts.commands")
    text = (ROOT / "docs" / "full-size.md").read_text(encoding="utf-8")
    rows = json.loads((ROOT / "docs" / "benchmarks" / "hours-h100.json").read_text())["rows"]
    assert {row["study"]: row["command"] for row in rows} == module.COMMANDS
    for row in rows:
        _, _, trainings = module.parsed(row["command"])
        told = row["trainings"]
        assert [each["gradient_computations"] for each in told] == [
            *map(costs.gradients, trainings)
        ]
        seconds = sum(each["gradient_computations"] / each["per_second"] for each in told)
        assert row["hours"] == round(seconds / 3600, 2)
        assert f"**{row['hours']:.1f} h** in {row['precision']}" in text


@pytest.mark.parametrize("name", ["resnets", "variance", "late_starts", "scsg", "batch_norm"])
def test_what_is_given_stays_in_a_short_form(name: str) -> None:
    module = import_module(name)
    full, short = module.asked([]), module.asked(["--short", "--batch", "7"])
    assert full.batch == 128
    assert full.limit is None
    assert short.batch == 7
    assert short.epochs < full.epochs / 10


def test_unknown_options_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    module = import_module("full_size_parts.commands")
    with pytest.raises(SystemExit):
        module.parsed("python benchmarks/resnets.py --nets resnet18")
    assert "--nets" in capsys.readouterr().err


# ---- going on ----------------------------------------------------------------------------------


def test_a_row_is_computed_once(tmp_path: Path) -> None:
    book_of = import_module("full_size_parts.book").Book
    given = Namespace(output_dir=tmp_path, short=True, epochs=3, storage="a.db")
    for _ in range(2):
        book = book_of("study", given, 1)
        book.add({"method": "sgd"}, lambda: {"loss": 0.5})
        book.add({"method": "svrg"}, lambda: {"loss": 0.4})
    again = Namespace(output_dir=tmp_path, short=True, epochs=3, storage="b.db")
    book = book_of("study", again, 1)
    book.add({"method": "sgd"}, lambda: pytest.fail("it was there"))
    assert [row["loss"] for row in book.rows] == [0.5, 0.4]
    (path,) = tmp_path.iterdir()
    assert path.name == "study-short-cpu.json"
    assert json.loads(path.read_text())["short_form"] is True
    with pytest.raises(SystemExit, match="otherwise"):
        book_of("study", Namespace(output_dir=tmp_path, short=True, epochs=4), 1)


def test_a_grid_is_tuned_once_and_tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tuning, protocol = (
        import_module("full_size_parts.tuning"),
        import_module("full_size_parts.protocol"),
    )
    monkeypatch.chdir(tmp_path)
    given = Namespace(storage="full.db", data_dir="data", trials=2, seeds=2)
    task = Task(model="softmax", limit=200, epochs=2, holdout=0.2)
    space = protocol.space_of("svrg", "resnet18")
    found = tuning.tuned(space, task, "softmax-svrg", given)
    assert [each["setting"]["lr"] for each in found["every_setting"]] == [0.01, 0.005]
    assert len(found["test_accuracy"]["values"]) == 2
    best = min(found["every_setting"], key=lambda each: each["losses"][-1])
    assert found["setting"] == best["setting"]
    assert found["validation_loss"] == best["losses"][-1]
    monkeypatch.setattr(tuning, "search", lambda *a, **k: pytest.fail("it was searched"))
    monkeypatch.setattr(tuning, "retrain", lambda *a, **k: pytest.fail("it was trained again"))
    assert tuning.tuned(space, task, "softmax-svrg", given) == found


def test_a_training_goes_on_from_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut off in the third epoch, the same call gives the same numbers as one that was not."""
    training = import_module("full_size_parts.training")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vrtune.studies.pace.Pace.due", lambda *given: True)
    given = Namespace(storage="full.db", data_dir="data", seeds=2)
    task = Task(model="softmax", limit=100, epochs=4)
    whole = training.trained(config_of("svrg"), task, "whole", given)
    usual = training.train

    def cut_off(*words: object, **named: object) -> object:
        asked = iter([False] * 18)
        return usual(*words, **named, stopping=lambda: next(asked, True))

    monkeypatch.setattr(training, "train", cut_off)
    with pytest.raises(import_module("vrtune.events").Stopped):
        training.trained(config_of("svrg"), task, "part", given)
    monkeypatch.setattr(training, "train", usual)
    again = training.trained(config_of("svrg"), task, "part", given)
    assert again["continued"]
    assert again | {"continued": None} == whole
    assert [len(curve) for curve in whole["test_error"]] == [4, 4]


# ---- data --------------------------------------------------------------------------------------


def test_few_images_of_a_folder(tmp_path: Path) -> None:
    module = import_module("full_size_parts.few_images")
    for part, count in (("train", module.TRAIN + 1), ("test", 2)):
        for shade, name in enumerate(("cat", "dog")):
            (tmp_path / part / name).mkdir(parents=True)
            for i in range(count):
                path = tmp_path / part / name / f"{i:04}.png"
                Image.new("RGB", (4, 4), (100 * shade, 1, 2)).save(path)
    found = module.few(tmp_path)
    assert found["x_train"].shape == (2 * module.TRAIN, 3, 4, 4)
    assert found["y_test"].tolist() == [0, 0, 1, 1]
    assert found["x_test"][-1, :, 0, 0].tolist() == [100, 1, 2]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("resnets", "--model resnet101 --methods sgd --norms batch"),
        ("variance", "--dataset digits --models lenet"),
        ("late_starts", "--dataset digits --model lenet --limit 100 --epochs 2"),
        ("scsg", "--dataset digits --models lenet --stale lenet --limit 640 --epochs 1"),
    ],
)
def test_each_script_runs(script: str, words: str, tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / f"{script}.py"), "--short"]
    command += [*words.split(), "--output-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = tmp_path.glob("*-short-cpu.json")
    record = json.loads(path.read_text())
    assert record["rows"]
    assert record["seconds"] == pytest.approx(sum(row["seconds"] for row in record["rows"]), abs=1)
