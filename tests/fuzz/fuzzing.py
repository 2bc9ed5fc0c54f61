"""How often a property is tried, what is drawn for it, and what becomes of all that is refused."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from vrtune.errors import VrtuneError

LONGER = 10  # times as many examples with -m slow, other ones each time
EVERY_CHARACTER = st.characters(blacklist_categories=())  # halves of a character, too
ODD = "\n\r\t\0\x1b\x7f\x85\u2028\u202e\ufeff\ud800'\"\\#{}$`%/.-~"
TEXT = st.text(st.one_of(st.sampled_from(ODD), EVERY_CHARACTER), max_size=20)
LONG = st.sampled_from(["x" * 5000, "../" * 2000, "é" * 300, "\n" * 3000])
NUMBER = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.floats(),
    st.sampled_from([2**31, 2**63, 2**64, 10**400, 1e-320, 5e-324]),
)
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT, LONG)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


def fuzzed(
    examples: int, *known: Mapping[str, Any], **drawn: SearchStrategy[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test of what is `drawn` for its arguments: with -m fuzz of so many examples, always the
    same ones, and of those that are `known`; with -m slow of many more. Others are fixtures."""
    often = [
        pytest.param(1, id="short", marks=pytest.mark.fuzz),
        pytest.param(LONGER, id="long", marks=pytest.mark.slow),
    ]

    def made(check: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(check).parameters.values()
        fixtures = [p for p in own if p.name not in drawn]

        def test(times: int, **beside: Any) -> None:
            def once(**arguments: Any) -> None:
                check(**arguments, **beside)

            run = given(**drawn)(once)
            for one in known:
                run = example(**one)(run)
            settings(
                max_examples=examples * times,
                derandomize=times == 1,
                database=None,
                deadline=None,
                phases=[Phase.explicit, Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
                print_blob=True,
            )(run)()

        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        test.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter("times", kind), *fixtures]
        )
        test.__name__, test.__doc__, test.__module__ = (
            check.__name__,
            check.__doc__,
            check.__module__,
        )
        large = pytest.mark.filterwarnings("ignore:Generating overly large repr")
        return large(pytest.mark.parametrize("times", often)(test))

    return made


@contextmanager
def one_sentence() -> Iterator[None]:
    """Inside, vrtune may refuse what it is given: in one line that a terminal shows whole, and by
    no other error."""
    try:
        yield
    except VrtuneError as error:
        check_sentence(str(error))


def check_sentence(said: str) -> None:
    """A sentence is one line, printable, and no book."""
    assert said.strip()
    assert said.isprintable(), repr(said)
    assert len(said) < 2100
    assert "Traceback" not in said


@st.composite
def mutated(draw: st.DrawFn, valid: Any, values: SearchStrategy[Any] = JSON) -> Any:
    """Plain data with some of their values changed, left out, doubled or put elsewhere."""
    data = _copy(valid)
    for _ in range(draw(st.integers(1, 3))):
        places = list(_places(data))
        if not places:
            break
        inside, key = draw(st.sampled_from(places))
        match draw(st.sampled_from(["change", "change", "drop", "add", "move", "near"])):
            case "change":
                inside[key] = draw(values)
            case "drop":
                del inside[key]
            case "add" if isinstance(inside, dict):
                inside[draw(TEXT)] = draw(values)
            case "add":
                inside.append(draw(values))
            case "move":
                other, at = draw(st.sampled_from(places))
                inside[key] = _copy(other[at]) if at in _keys(other) else None
            case "near":
                inside[key] = draw(_near(inside[key]))
    return data


def _near(value: Any) -> SearchStrategy[Any]:
    """Values that are almost the given one."""
    if isinstance(value, bool) or value is None:
        return st.sampled_from([None, True, False, 0, 1, "true"])
    if isinstance(value, int | float):
        return st.sampled_from(
            [-value, 0, value + 1, value * 10**9, value // 3, str(value), [value]]
        )
    if isinstance(value, str):
        return st.sampled_from([value + " ", value.upper(), value[:-1], value + "\0", [value], ""])
    return st.sampled_from([[value], {"": value}, None])


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in data with each of its keys, or places."""
    for key in _keys(data):
        yield data, key
        yield from _places(data[key])


def _keys(data: Any) -> Sequence[Any]:
    return (
        list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    )


def _copy(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _copy(value) for key, value in data.items()}
    return [_copy(value) for value in data] if isinstance(data, list | tuple) else data


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """With bytes changed, most of them in the first hundreds, where headers lie; or cut off."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 6))):
        near = draw(st.sampled_from([30, 200, len(data)]))
        data[draw(st.integers(0, min(near, len(data)) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.sampled_from([len(data), len(data), len(data) // 2]))])
