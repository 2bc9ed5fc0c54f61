"""Journals are looked through before they are written to, and keep whole lines only."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import optuna
import pytest

from vrtune.errors import VrtuneError
from vrtune.storages.opening import check_storage, open_storage, open_to_read


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with a study and a trial."""
    path = tmp_path / "trials.journal"
    study = optuna.create_study(study_name="s", storage=open_storage(str(path)))
    study.tell(study.ask(), 1.0)
    return path


DAMAGE: dict[str, Any] = {
    "a line that is none": lambda text: text.replace(b'{"op_code":4', b'{"op_c', 1),
    "binary in the middle": lambda text: text[:50] + bytes(range(256)) + text[50:],
    "a line of something else": lambda text: text.replace(b"\n", b'\n{"level": 1}\n', 1),
    "a list": lambda text: text.replace(b"\n", b"\n[1, 2]\n", 1),
    "deep": lambda text: text.replace(b"\n", b"\n" + b"[" * 100_000 + b"\n", 1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_journal_is_refused_as_it_is(journal: Path, damage: str) -> None:
    spoilt = DAMAGE[damage](journal.read_bytes())
    assert spoilt != journal.read_bytes()
    journal.write_bytes(spoilt)
    for call in (open_storage, open_to_read, check_storage):
        with pytest.raises(
            VrtuneError, match=r"is damaged, line \d|another program's file"
        ) as told:
            call(str(journal))
        assert "remove" not in str(told.value)
    assert journal.read_bytes() == spoilt
    assert [p.name for p in journal.parent.iterdir()] == [journal.name]


@pytest.mark.parametrize("cut", [1, 7])
def test_a_last_line_that_was_cut_off(journal: Path, cut: int) -> None:
    """Optuna reads what is before it, and would add the next line to its rest."""
    whole = journal.read_bytes()
    journal.write_bytes(whole[:-cut])
    assert [s.study_name for s in open_to_read(str(journal)).get_all_studies()] == ["s"]
    with pytest.raises(VrtuneError, match="ends within a line, as after a crash: copy it"):
        open_storage(str(journal))
    assert journal.read_bytes() == whole[:-cut]
    journal.write_bytes(whole[: whole[:-1].rindex(b"\n") + 1])  # as it says
    study = optuna.load_study(study_name="s", storage=open_storage(str(journal)))
    study.tell(0, 1.0)
    assert len(study.trials) == 1


def test_a_line_that_was_cut_off_while_it_was_open(journal: Path) -> None:
    study = optuna.load_study(study_name="s", storage=open_storage(str(journal)))
    with journal.open("ab") as file:
        file.write(b'{"op_code"')
    before = journal.read_bytes()
    with pytest.raises(VrtuneError, match="ends within a line"):
        study.set_user_attr("a", 1)
    assert journal.read_bytes() == before


def test_a_full_disk_leaves_no_half_line(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.load_study(study_name="s", storage=open_storage(str(journal)))
    before, sync = journal.read_bytes(), os.fsync

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VrtuneError, match="no room left on its disk: make some"):
        study.set_user_attr("a", 1)
    assert journal.read_bytes() == before
    monkeypatch.setattr(os, "fsync", sync)
    study.set_user_attr("a", 2)
    again = optuna.load_study(study_name="s", storage=open_to_read(str(journal)))
    assert again.user_attrs == {"a": 2}


def test_who_reads_writes_nothing(journal: Path) -> None:
    before = journal.read_bytes()
    with pytest.raises(VrtuneError, match="opened to be read only"):
        optuna.load_study(study_name="s", storage=open_to_read(str(journal))).set_user_attr("a", 1)
    assert journal.read_bytes() == before
