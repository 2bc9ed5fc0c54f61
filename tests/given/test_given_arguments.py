"""Arguments of functions: what is taken, and what is refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vrtune import SGD, Task, TrialConfig, diagnose, retrain, train
from vrtune.errors import UsageError
from vrtune.given.arguments import Device, SomePath, checked

CONFIG = TrialConfig(optimizer=SGD(lr=0.1))


@checked
def called(
    name: str = "s",
    count: int | None = None,
    share: float = 0.5,
    folder: SomePath = "data",
    device: Device = "auto",
) -> tuple[Any, ...]:
    return name, count, share, folder, device


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({}, ("s", None, 0.5, "data", "auto")),
        ({"count": np.int64(3)}, ("s", 3, 0.5, "data", "auto")),
        ({"share": 1}, ("s", None, 1.0, "data", "auto")),
        ({"share": np.float32(0.5)}, ("s", None, 0.5, "data", "auto")),
        ({"folder": Path("x")}, ("s", None, 0.5, Path("x"), "auto")),
        ({"device": "cuda:1"}, ("s", None, 0.5, "data", "cuda:1")),
        ({"device": "mps"}, ("s", None, 0.5, "data", "mps")),
    ],
)
def test_what_is_taken(given: dict[str, Any], taken: tuple[Any, ...]) -> None:
    assert called(**given) == taken


def test_a_path_begins_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert called(folder="~/data")[3] == Path("/home/me/data")
    assert called(folder=Path("~nobody-of-this-name/x"))[3] == Path("~nobody-of-this-name/x")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": None}, "name: Input should be a valid string (got None)"),
        ({"name": Path("s")}, "name: Input should be a valid string"),
        ({"count": "3"}, "count: Input should be a valid integer (got '3')"),
        ({"count": 1.5}, "count: Input should be a valid integer"),
        ({"count": True}, "count: Input should be a valid integer (got True)"),
        ({"share": "much"}, "share: Input should be a valid number"),
        ({"folder": 3}, "folder: give a path (got 3)"),
        ({"folder": "a\0b"}, "folder: give it without the character NUL"),
        ({"folder": "caf\udce9"}, "folder: give it in UTF-8"),
        ({"device": "tpu"}, "device: choose auto, cpu, cuda, cuda:N or mps (got 'tpu')"),
        ({"device": "cuda:"}, "device: choose auto"),
        ({"device": "cpu:0"}, "device: choose auto"),
        ({"device": 0}, "device: Input should be a valid string (got 0)"),
    ],
)
def test_what_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        called(**given)
    assert str(error.value).startswith(said)


def test_each_of_several_is_read() -> None:
    @checked
    def listed(*names: str, last: int = 1) -> tuple[object, ...]:
        return (*names, last)

    assert listed("a", "b", last=2) == ("a", "b", 2)
    assert listed() == (1,)
    with pytest.raises(UsageError, match=r"^names: 1: Input should be a valid string \(got 3\)"):
        listed("a", 3)


def test_a_misspelt_argument_is_python_s_to_refuse() -> None:
    with pytest.raises(TypeError, match="'cuont'"):
        called(cuont=3)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: retrain("s", seeds="2"), "seeds: Input should be a valid integer"),
        (lambda: retrain("s", top=1.5), "top: Input should be a valid integer"),
        (lambda: retrain("s", device=3), "device: Input should be"),
        (lambda: retrain(None), "study: Input should be"),
        (lambda: retrain("s", trial="1"), "trial: Input should be"),
        (lambda: retrain("s", storage=None), "storage: give a URL or a path"),
        (lambda: retrain("s", data_dir=3), "data_dir: give a path"),
        (lambda: retrain("s", progress=3), "progress: "),
        (lambda: train(None, Task()), "config: Input should be"),
        (lambda: train(CONFIG, "x"), "task: Input should be"),
        (lambda: train(CONFIG, Task(), seeds=True), "seeds: Input should be"),
        (lambda: diagnose("s", "1"), "trial: Input should be"),
        (lambda: diagnose("s", shares=0.5), "shares: Input should be"),
        (lambda: diagnose("s", epochs="3"), "epochs: Input should be"),
    ],
)
def test_every_function_of_the_api_says_so(call: Callable[[], Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        call()
    assert str(error.value).startswith(said)
