"""What a search imports is not looked through, and everything is as before at its end."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from vrtune.searching.garbage import uncollected


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.enable()


def test_what_was_there_is_left_alone_until_the_end() -> None:
    kept = [[i] for i in range(1000)]
    with uncollected() as imported:
        assert not gc.isenabled()
        imported()
        assert gc.isenabled()
        assert gc.get_freeze_count() > len(kept)
        assert len(gc.get_objects()) < len(kept)  # what a collection looks through
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_an_error_before_all_is_imported_leaves_nothing_behind() -> None:
    with pytest.raises(ValueError, match="no such space"), uncollected():
        raise ValueError("no such space")
    assert gc.isenabled()


def test_what_the_caller_froze_stays_frozen() -> None:
    """As in a search that is started while another one runs."""
    with uncollected() as imported:
        imported()
        with uncollected() as imported_again:
            imported_again()
        assert gc.isenabled()
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0


def test_an_error_after_it_leaves_nothing_behind_either() -> None:
    def search() -> None:
        with uncollected() as imported:
            imported()
            raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        search()
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0


def test_a_user_without_collection_stays_without() -> None:
    gc.disable()
    with uncollected() as imported:
        imported()
        assert not gc.isenabled()
        assert gc.get_freeze_count() == 0
    assert not gc.isenabled()
