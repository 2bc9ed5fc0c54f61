"""What a user's own function gives as data: read, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fuzzing import JSON, TEXT, fuzzed
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from test_fuzz_arrays import arrays, read

from vrtune.data import own
from vrtune.data.arrays import KEYS
from vrtune.data.targets import Wanted

given: Any = None  # what the function returns


class Odd:
    """Whatever is asked of it, it raises."""

    def __len__(self) -> int:
        raise RuntimeError("no\nlength")

    def __getitem__(self, i: int) -> object:
        raise KeyError(i)

    def __repr__(self) -> str:
        raise ValueError("no repr")


class Samples:
    """A map-style data set of whatever was drawn."""

    def __init__(self, samples: list[Any], length: Any) -> None:
        self.samples, self.length = samples, length

    def __len__(self) -> Any:
        return self.length

    def __getitem__(self, i: int) -> Any:
        return self.samples[i % len(self.samples)]


def tensors(array: np.ndarray) -> Any:
    """As a tensor, if PyTorch has the type."""
    try:
        return torch.from_numpy(array.copy())
    except (TypeError, ValueError):
        return array


ARRAY = arrays()
IMAGE = st.sampled_from(["1", "L", "RGB", "RGBA", "I", "F", "P"]).map(
    lambda m: Image.new(m, (3, 3))
)
ANY = st.one_of(
    ARRAY, ARRAY.map(tensors), ARRAY.map(np.ndarray.tolist), IMAGE, st.builds(Odd), JSON
)
SAMPLE = st.tuples(ANY, ANY) | ANY
SET = st.builds(Samples, st.lists(SAMPLE, min_size=1, max_size=3), st.integers(-1, 5) | JSON)
PAIR = st.tuples(ANY, ANY)
PART = st.one_of(PAIR, SET, PAIR.map(lambda pair: lambda: pair), ANY)
RETURNED = st.one_of(
    st.tuples(PART, PART),
    st.tuples(ANY, ANY, ANY, ANY),
    st.fixed_dictionaries(dict.fromkeys(KEYS, ANY), optional={"class_names": ANY}),
    st.dictionaries(TEXT | st.sampled_from(KEYS), ANY, max_size=5),
    st.lists(PART, max_size=5),
    ANY,
)
SOUND = hnp.arrays(np.float32, (6, 4), elements=st.floats(-9, 9, width=32))
LABELS = st.lists(st.integers(0, 2), min_size=6, max_size=6)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("own") / "given.py"
    path.write_text("import test_fuzz_own_data as t\n\n\ndef load():\n    return t.given\n")
    return f"{path}:load"


@fuzzed(450, returned=RETURNED, wanted=st.sampled_from(["labels", "numbers", None]))
def test_anything_returned(returned: Any, wanted: Wanted | None, named: str) -> None:
    globals()["given"] = returned
    read(lambda: own.load(named, Path(), wanted))


@fuzzed(200, x=SOUND, y=LABELS, odd=ANY, place=st.integers(0, 3))
def test_one_thing_odd_among_sound_ones(x: Any, y: Any, odd: Any, place: int, named: str) -> None:
    parts = [x, y, x, y]
    parts[place] = odd
    globals()["given"] = tuple(parts)
    read(lambda: own.load(named, Path()))
