"""Passwords of storages: kept out of all that is shown, kept or raised."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote, unquote_plus

HIDDEN = "***"
SECRET = re.compile(r"pass(?!file)|pwd|secret|token", re.IGNORECASE)  # names of arguments
SHORT = 4  # a part of a password that is shorter is a part of many words
FILES = ("sqlite:///", "sqlite+pysqlite:///")  # what follows is a path


def public(url: str) -> str:
    """A storage's URL without its password, however badly it is written."""
    start, user, hidden, rest = _split(url)
    shown = f"{start}{user}:{HIDDEN}{rest}" if hidden else f"{start}{user}{rest}"
    before, mark, query = shown.partition("?")
    arguments = (start if it is None else start + HIDDEN for start, it in _arguments(query))
    return before + mark + "&".join(arguments)


def without_secrets(text: str, url: str) -> str:
    """What somebody else says about a storage, without any part of its password, in whatever
    spelling: as it was given, decoded, encoded for a URL, or with escapes."""
    for written in sorted(_spellings(url), key=len, reverse=True):
        text = text.replace(written, public(url))
    for secret in sorted(_secrets(url), key=len, reverse=True):
        whole = re.escape(secret)
        text = re.sub(whole if len(secret) >= SHORT else rf"(?<!\w){whole}(?!\w)", HIDDEN, text)
    return text


def _split(url: str) -> tuple[str, str, str, str]:
    """Up to the user; the user; the password, which goes on to the last @; and what follows."""
    scheme, mark, rest = url.partition("://")
    if not re.fullmatch(r"[\w+.-]*:?", scheme) or not mark:
        scheme, mark, rest = "", "", url
    start = scheme + mark
    if url.startswith(FILES):
        return start, rest, "", ""
    user, colon, tail = rest.partition(":")
    password, at, after = tail.rpartition("@")
    if colon and at:
        return start, user, password, f"@{after}"
    port = re.match(r"[^/?]*", tail)
    if colon and mark and "[" not in user and port and not re.match(r"\d*(,|$)", port[0]):
        return start, user, port[0], tail[port.end() :]  # the host may have been forgotten
    return start, rest, "", ""


def _arguments(query: str) -> Iterator[tuple[str, str | None]]:
    """The arguments of a URL, each as what may be shown of it, and its secret or None; what follows
    a secret one without a name is a part of it."""
    hidden = False
    for argument in query.split("&"):
        name, equals, value = argument.partition("=")
        hidden = bool(SECRET.search(unquote_plus(name))) if equals else hidden
        start, secret = (name + equals, value) if equals else ("", argument)
        yield (start, secret) if hidden else (argument, None)


def _secrets(url: str) -> set[str]:
    """Passwords and their longer parts, in all spellings."""
    _, user, password, rest = _split(url)
    query = "&".join(part.partition("?")[2] for part in (user, rest))  # without a password: in user
    given = {password, *(secret for _, secret in _arguments(query) if secret)}
    parts = {part for secret in given for part in re.split("[@/?:#&]", secret)}
    whole = given | {part for part in parts if len(part) >= SHORT}
    return {spelt for secret in whole for spelt in _spellings(secret) if spelt}


def _spellings(text: str) -> set[str]:
    """A text as it may be quoted."""
    plain = {text, unquote(text), unquote_plus(text)}
    encoded = {
        encode(p, safe="", errors="replace") for p in plain for encode in (quote, quote_plus)
    }
    escaped = {p.replace("\\", r"\\").replace(q, f"\\{q}") for p in plain for q in "'\""}
    return plain | encoded | escaped | {f(p)[1:-1] for p in plain for f in (repr, ascii)}
