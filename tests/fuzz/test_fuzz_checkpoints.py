"""Checkpoints that are damaged, or were made by others: read, or refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzzing import JSON, damaged, fuzzed, mutated, one_sentence
from hypothesis import strategies as st
from reference.made_up import make
from safetensors.torch import save

from vrtune.studies.checkpoints import Checkpoint, Checkpoints, _digest

ABOUT = {"trial": 3, "task": {"epochs": 4}}
TENSORS = {"weights": torch.arange(12.0).reshape(3, 4), "epoch": torch.tensor(2)}
TOLD = {"epoch": 2, "spent": [1.5, None]}
CRAFTED = st.one_of(
    (mutated({**TOLD, "about": ABOUT}) | JSON).map(lambda told: json.dumps(told).encode()),
    st.sampled_from([b"[" * 20_000, b"", b"\xff", b'{"a": 1' + b"0" * 5000 + b"}", b"1"]),
)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    """Those of a study, with one of a trial."""
    url = f"sqlite:///{tmp_path_factory.mktemp('checkpoints')}/studies.db"
    checkpoints = Checkpoints(make(url, "s"), url)
    checkpoints.write(3, Checkpoint(TENSORS, TOLD), ABOUT)
    return checkpoints


@pytest.fixture(scope="module")
def whole(kept: Checkpoints) -> bytes:
    return kept.path(3).read_bytes()


@fuzzed(280, drawn=st.data())
def test_damaged_files(drawn: Any, kept: Checkpoints, whole: bytes) -> None:
    """None is read as something else than was written."""
    kept.path(4).write_bytes(data := drawn.draw(damaged(whole)))
    with one_sentence():
        found = kept.read(4, ABOUT)
        assert found is not None
        assert found.told["epoch"] == TOLD["epoch"], data
        assert all(torch.equal(found.tensors[name], TENSORS[name]) for name in TENSORS)


@fuzzed(200, said=CRAFTED)
def test_files_of_others(said: bytes, kept: Checkpoints) -> None:
    """With a digest that fits, where there is one."""
    try:
        told = json.loads(said)
        if isinstance(told, dict):
            said = json.dumps({**told, "digest": _digest(TENSORS, told)}).encode()
    except (ValueError, RecursionError):
        pass
    path: Path = kept.path(5)
    path.write_bytes(save(TENSORS, {"vrtune": said.decode(errors="replace")}))
    with one_sentence():
        kept.read(5, ABOUT)
