"""Names and paths that users give: what no folder takes or no study keeps is told at once."""

from __future__ import annotations

import hashlib
import re
import unicodedata

NAME_BYTES = 255  # that file systems allow a file's name
PATH_BYTES = 4095
SHORT_BYTES = 200  # leaves room for what is added to a name


def name_fault(name: str) -> str | None:
    """What to do about a name that no folder takes, as a study's names one; None if one does."""
    if not name.strip() or name in (".", "..") or set(name) & set("/\\"):
        return "give a name without / and .., as it names a folder of results, too"
    if not _is_utf8(name) or any(unicodedata.category(c) in ("Cc", "Zl", "Zp") for c in name):
        return "give a name of characters that can be printed, as it names a folder of results, too"
    if len(name.encode()) > NAME_BYTES:
        return f"give a name of at most {NAME_BYTES} bytes, as it names a folder of results, too"
    return None


def folder_name(name: str) -> str:
    """The name, where a folder takes it and what is added to it; else another that is like it.

    A study may have been named by another program: its name leads nowhere else.
    """
    if name_fault(name) is None and len(name.encode()) <= SHORT_BYTES:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()
    short = name.encode(errors="ignore")[: SHORT_BYTES - 9].decode(errors="ignore")
    like = re.sub(r"[^\w.-]+", "_", short).strip("._")
    return f"{like}-{digest[:8]}"


def text_fault(text: str) -> str | None:
    """What to do about text that a study can't keep; None if it can."""
    if not _is_utf8(text):
        return "give it in UTF-8, as a study can keep nothing else"
    return "give it without the character NUL" if "\0" in text else None


def path_fault(path: str) -> str | None:
    """What to do about a path that can't be one, or that a study can't keep; None if it can."""
    if fault := text_fault(path):
        return fault
    longest = max(len(part.encode()) for part in path.split("/"))
    if longest > NAME_BYTES or len(path.encode()) > PATH_BYTES:
        return "give a shorter path"
    return None


def _is_utf8(text: str) -> bool:
    """Whether it holds no half of a character, as what was no UTF-8 becomes in Python."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
