"""Commands can be copied to a shell, whatever a study is called."""

from __future__ import annotations

import shlex

import pytest

from vrtune.display.commands import command, on_study


@pytest.mark.parametrize("word", ["a b", "'", '"', "$x", "`x`", "", "*", "学"])
def test_a_shell_reads_what_was_meant(word: str) -> None:
    assert shlex.split(command("vrtune", word)) == ["vrtune", word]


def test_what_can_not_be_printed_is_written_as_a_shell_does() -> None:
    assert command("a\nb'\\") == "$'a\\U0000000ab\\'\\\\'"


def test_a_study_is_no_option() -> None:
    assert on_study("show", "s", "--json") == "vrtune show s --json"
    assert on_study("show", "-s", "--json") == "vrtune show --json -- -s"
