"""Programs of users' own models, data, losses, metrics and units: imported from beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from exporting.test_exporting_program import losses, program, run

from vrtune import SGD, SVRG, Library, Task, TrialConfig
from vrtune.data import of_task
from vrtune.errors import UsageError
from vrtune.exporting.loading import data_of

OWN = """
import numpy as np
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.linear = nn.Linear(shape[0] * shape[1] * shape[2], outputs)

    def forward(self, x):
        return self.linear(x.flatten(1))


def load():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 4)).astype(np.float32)
    y = np.array(["no", "yes"])[(x[:, 0] > 0).astype(int)]
    return (x[:60], y[:60]), (x[60:], y[60:])


def numbers():
    (x, _), (x_test, _) = load()
    return {"x_train": x, "y_train": x.sum(1), "x_test": x_test, "y_test": x_test.sum(1)}


def tensors():
    # of a type that NumPy lacks, labels [N, 1], the test part to be called for
    (x, y), (x_test, y_test) = load()
    x = torch.from_numpy(x).bfloat16().requires_grad_()
    return x, y[:, None], lambda: torch.from_numpy(x_test).bfloat16(), lambda: y_test[:, None]


def pictures():
    from PIL import Image

    return [[Image.new("P", (4, 4), i) for i in range(9)], [0, 1, 2] * 3] * 2


class Samples(torch.utils.data.Dataset):
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


def samples(data_dir):
    (x, y), test = load()
    return Samples(x, y), lambda: Samples(*test)


def squared(outputs, y):
    return (outputs.softmax(1) - nn.functional.one_hot(y, outputs.shape[1])).square().sum(1)


def share(outputs, y):
    return (outputs.argmax(1) == y).double().mean()


share.direction = "maximize"


class Slower(torch.optim.SGD):
    def __init__(self, params, lr=0.1):
        super().__init__(params, lr=lr / 2)
"""
CONFIG = TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=0.1))
SMALL = {"epochs": 4, "batch_size": 16, "model": "softmax", "folds": 2}

__all__ = ["run"]  # a fixture


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file of a user's, where the program will lie."""
    path = tmp_path / "own_parts.py"
    path.write_text(OWN)
    monkeypatch.chdir(tmp_path)
    yield path
    sys.modules.pop("own_parts", None)


def task(own: Path, **changes: Any) -> Task:
    given = {k: f"{own}:{v[1:]}" if str(v).startswith(":") else v for k, v in changes.items()}
    return Task.model_validate({**SMALL, **given})


@pytest.mark.parametrize("dataset", [":load", ":samples"])
def test_own_model_data_loss_and_metric(dataset: str, own: Path, run: Callable[..., str]) -> None:
    text = program(
        CONFIG, task(own, dataset=dataset, model=":Net", loss=":squared", metric=":share")
    )
    said = run(text)
    before, *_, after = losses(said)
    assert after < before
    assert "test share: " in said
    assert "from own_parts import Net, " in text
    assert "Net(shape=x.shape[1:], outputs=classes)" in text


def test_numbers(own: Path, run: Callable[..., str]) -> None:
    text = program(CONFIG, task(own, dataset=":numbers", model=":Net", loss="mse", metric="rmse"))
    said = run(text, "--epochs", "20")
    assert float(said.split("test r2: ")[1].split()[0]) > 0.9
    assert float(said.split("test rmse: ")[1]) < 0.6


def test_own_optimizer(own: Path, run: Callable[..., str]) -> None:
    config = TrialConfig(estimator=SVRG(), optimizer=Library(f"{own}:Slower", lr=0.2))
    before, *_, after = losses(run(program(config, task(own, dataset=":load"))))
    assert after < before


def test_a_file_that_is_gone_is_told(own: Path) -> None:
    given = task(own, dataset=":load", model=":Net")
    own.unlink()
    with pytest.raises(UsageError, match="can't be read"):
        program(CONFIG, given)


def arrays(path: Path, **changes: Any) -> Path:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (40, 8, 8, 3)).astype(np.uint8)
    y = (x[:, 0, 0, 0] > 127).astype(int)
    found = {"x_train": x[:30], "y_train": y[:30], "x_test": x[30:], "y_test": y[30:], **changes}
    np.savez(path, **found)
    return path


def table(path: Path, *, numbers: bool) -> Path:
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    a = rng.normal(size=80)
    frame = pandas.DataFrame(
        {
            "a": a,
            "b": np.where(rng.random(80) < 0.2, np.nan, rng.normal(size=80)),
            "town": rng.choice(["here", "there", "far"], 80),
            "name": [f"n{i}" for i in range(80)],
            "one": 1,
            "y": a * 2 + 1 if numbers else np.where(a > 0, "up", "down"),
        }
    )
    if path.suffix:
        (frame.to_csv if path.suffix == ".csv" else frame.to_parquet)(path, index=False)
    else:
        path.mkdir()
        frame[:60].to_csv(path / "train.csv", index=False)
        frame[60:].to_csv(path / "test.csv", index=False)
    return path


def odd(path: Path) -> Path:
    """A table, or two in a folder, with a mark of UTF-8, an index, decimal commas, truth values
    with gaps, None as a text, and blanks and another separator within texts and names."""
    rng = np.random.default_rng(0)
    true = rng.choice(["true", "false", ""], 60)
    lines = [
        f"{i};{['no', 'yes'][i % 2]};{rng.normal():.2f}".replace(".", ",")
        + f";{true[i]};{['None', ' a', 'a '][i % 3]};{['01', '2', 'x'][i % 3]}"
        for i in range(60)
    ]
    parts = {path: lines}
    if path.name == "odd.v2":
        path.mkdir()
        parts = {path / "train.csv": lines[:45], path / "test.csv": lines[45::3]}
    for file, some in parts.items():
        file.write_text("\n".join([";y;a, b; true;none ;code", *some]), encoding="utf-8-sig")
    return path


def images(path: Path) -> Path:
    from PIL import Image

    rng = np.random.default_rng(0)
    for part, count in (("train", 4), ("test", 2)):
        for name in ("cats", "dogs"):
            (path / part / name).mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 256, (6, 5, 3)).astype(np.uint8)
                Image.fromarray(pixels).save(path / part / name / f"{i}.png")
    return path


@pytest.mark.parametrize(
    "made",
    [
        *("npz", "table.csv", "table.parquet", "tables", "numbers.csv", "images", "own"),
        *("own-numbers", "own-tensors", "own-pictures", "odd.csv", "odd.v2"),
    ],
)
def test_a_program_reads_what_the_search_reads(made: str, own: Path) -> None:
    """The same samples, in the same order, in both parts."""
    numbers = made in ("numbers.csv", "own-numbers")
    where = own.parent / made
    if made == "npz":
        given = {"dataset": str(arrays(where.with_suffix(".npz")))}
    elif made == "images":
        given = {"dataset": str(images(where))}
    elif made.startswith("odd"):
        given = {"dataset": str(odd(where)), "target": "y"}
    elif made.startswith("own"):
        given = {"dataset": f"{own}:{made[4:] or 'load'}"}
    else:
        given = {"dataset": str(table(where, numbers=numbers)), "target": "y"}
    asked = Task.model_validate({**SMALL, **given})
    wanted = of_task(asked, Path("data"))
    piece, _ = data_of(asked, numbers=numbers)
    names: dict[str, Any] = {}
    sys.path.insert(0, str(own.parent))
    try:
        from vrtune.exporting.imports import statements

        exec(f"{statements(piece.imports)}\n\n{piece.text}", names)
        path = "" if made.startswith("own") else repr(given["dataset"])
        found = eval(f"load_data({path})", names)
    finally:
        sys.path.remove(str(own.parent))
    for (x, y), part in zip(found, (wanted.train, wanted.read_test()), strict=True):
        unit = 255 if part.x.dtype == torch.uint8 else 1
        torch.testing.assert_close(x, part.x.float() / unit)
        assert torch.equal(y, part.y)
