"""No part of a storage's password is shown, whoever quotes it and however it is written."""

from __future__ import annotations

import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from vrtune import export
from vrtune.errors import VrtuneError
from vrtune.storages.faults import faults
from vrtune.storages.opening import check_storage, open_storage, open_to_read
from vrtune.storages.secrets import public, without_secrets


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ana:horse@h:1/db", "postgresql://ana:***@h:1/db"),
        ("postgresql://ana@h:5432/db?sslmode=require", "postgresql://ana@h:5432/db?sslmode=require"),
        ("postgresql://ana:a@horse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana:a/horse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana:a?horse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana:a#horse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana:a:horse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana:a://horse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana:ho\nrse@h/db", "postgresql://ana:***@h/db"),
        ("postgresql://ana@corp:horse@h/db", "postgresql://ana@corp:***@h/db"),
        ("postgresql://:horse@h/db", "postgresql://:***@h/db"),
        ("postgresql://ana:horse", "postgresql://ana:***"),  # the host was forgotten
        ("postgresql:///ana:horse@h/db", "postgresql:///ana:***@h/db"),
        ("postgresql:/ana:horse@h/db", "postgresql:***@h/db"),
        ("ana:horse@h/db", "ana:***@h/db"),
        ("mysql://h/d?user=ana&password=horse&x=1", "mysql://h/d?user=ana&password=***&x=1"),
        ("mysql://h/d?passwd=ho&rse&x=1", "mysql://h/d?passwd=***&***&x=1"),
        ("mysql://h/d?pass%77ord=horse", "mysql://h/d?pass%77ord=***"),
        ("postgresql://h/d?sslpassword=horse&passfile=f", "postgresql://h/d?sslpassword=***&passfile=f"),
        ("postgresql://a:b@h/d?PWD=horse", "postgresql://a:***@h/d?PWD=***"),
        ("postgresql://h1:1,h2:2/d", "postgresql://h1:1,h2:2/d"),
        ("postgresql://ana@[::1]:5432/d", "postgresql://ana@[::1]:5432/d"),
        ("sqlite:////a:b@c/studies.db", "sqlite:////a:b@c/studies.db"),
        ("sqlite:///studies.db?timeout=5", "sqlite:///studies.db?timeout=5"),
        ("trials.journal", "trials.journal"),
    ],
)  # fmt: skip
def test_a_url_without_its_password(url: str, shown: str) -> None:
    assert public(url) == shown
    assert public(shown) == shown


@pytest.mark.parametrize("inner", ["", "\\", "'", '"', "\t", "\x01", "\n", " ", "%", "+", "ö"])
def test_whoever_quotes_it(inner: str) -> None:
    password = f"ho{inner}rse1"
    for written in (password, quote(password, safe="")):
        url = f"postgresql://ana:{written}@h/db"
        for said in (
            password,
            quote(password, safe=""),
            repr(password),
            ascii(password),
            url,
            repr(url),
        ):
            clean = without_secrets(f"user ana failed: {said} was wrong", url)
            assert "rse" not in clean, (written, said)
            assert clean.startswith("user ana failed: ")
            assert clean.endswith(" was wrong")


def test_parts_that_a_driver_takes_for_something_else() -> None:
    url = "postgresql://vr:a@wr0ngPW/x?y1234:z@h/db"
    assert "wr0ngPW" not in without_secrets("could not translate host name 'wr0ngPW'", url)
    assert "y1234" not in without_secrets("unknown option y1234", url)
    assert without_secrets("is a database", url) == "is a database"
    assert without_secrets("password abc: grab c", "mysql://u:c@h") == "password abc: grab ***"


URLS = [
    "postgresql://ana:horse9@127.0.0.1:1/hpo",
    "postgres://ana:horse9@127.0.0.1:1/hpo",
    "postgresql://ana:x@horse9@127.0.0.1:1/hpo",
    "postgresql://ana:x/horse9@127.0.0.1:1/hpo",
    "postgresql://ana:x:horse9@127.0.0.1:1/hpo",
    "postgresql://ana:x%40horse9@127.0.0.1:1/hpo",
    "postgresql://ana:{horse9}@127.0.0.1:1/hpo",
    "postgresql+psycpg2://ana:x\\horse9@127.0.0.1/hpo",
    "postgresql+psycopg2://ana:horse9'\"\t\x01@127.0.0.1:1/hpo",
    "postgresql+asyncpg://ana:horse9@127.0.0.1:1/hpo",
    "postgresql://ana:horse9",
    "postgresql://127.0.0.1:1/hpo?user=ana&password=horse9",
    "mysql://ana:horse9@127.0.0.1:1/hpo",
    "redis://:horse9@127.0.0.1:1/0",
    "postgresql:ana:horse9@127.0.0.1/hpo",
    "ana:horse9@127.0.0.1/hpo",
    "sqlite+pysqlcipher://:horse9@/x.db",
]


@pytest.mark.parametrize("url", URLS)
def test_no_error_of_a_storage_names_it(url: str) -> None:
    pytest.importorskip("psycopg")
    for call in (open_storage, open_to_read, check_storage, lambda url: export("s", storage=url)):
        with pytest.raises(VrtuneError) as told:
            call(url)
        shown = "".join(traceback.format_exception(told.value))
        shown = "\n".join(line for line in shown.splitlines() if "URLS" not in line)
        assert "horse9" not in shown
        assert told.value.__cause__ is None
        assert told.value.__suppress_context__ or told.value.__context__ is None
        assert len(str(told.value).splitlines()) == 1


def test_a_traceback_shows_nothing_of_it(tmp_path: Path) -> None:
    """As a notebook would keep it: from a program that lets it pass."""
    pytest.importorskip("psycopg")
    program = tmp_path / "program.py"
    program.write_text(
        "import sys; from vrtune import export; export('s', storage=sys.stdin.read())"
    )
    done = subprocess.run(
        [sys.executable, program], input=URLS[0], text=True, capture_output=True, check=False
    )
    assert "VrtuneError" in done.stderr or "StorageFault" in done.stderr
    assert "postgresql://ana:***@127.0.0.1:1/hpo does not answer" in done.stderr
    assert "horse9" not in done.stderr


def test_sentences_of_others_are_cleaned() -> None:
    with pytest.raises(VrtuneError) as told, faults(URLS[0]):
        raise VrtuneError(f"there is no study 's' in {URLS[0]}")
    assert str(told.value) == "there is no study 's' in postgresql://ana:***@127.0.0.1:1/hpo"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/db?password=hunter22",
        "postgresql://host:5432/db?password=hunter22",
        "postgresql://ana@host/db?password=hunter22",
        "mysql:///db?passwd=hunter22",
    ],
)
def test_a_password_among_the_arguments_alone_is_hidden_in_what_drivers_say(url: str) -> None:
    assert "hunter22" not in without_secrets("driver says hunter22 is bad", url)
    assert "hunter22" not in public(url)
