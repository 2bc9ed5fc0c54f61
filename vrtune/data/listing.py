"""Which image files a folder of classes holds, and which of its files are passed over."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from vrtune.data.pictures import endings
from vrtune.display.figures import safe
from vrtune.errors import VrtuneError

HIDDEN = {"__MACOSX", "@eaDir", "Thumbs.db", "desktop.ini"}  # made by systems, beside ".anything"
TOLD = 6  # kinds of files passed over that a sentence names
LONGEST = 200  # characters of a path that are told


@dataclass
class Listing:
    """The image files of one part, by class, in an order that any copy of the folder has."""

    folder: Path
    by_class: dict[str, list[Path]]
    passed: Counter[str] = field(default_factory=Counter)  # why files were passed over, how often

    @property
    def count(self) -> int:
        """Image files."""
        return sum(map(len, self.by_class.values()))

    @property
    def passed_over(self) -> str:
        """What was passed over, in words, where anything was."""
        most_first = sorted(self.passed.items(), key=lambda kind: (-kind[1], kind[0]))
        kinds = [f"{count} {why}" for why, count in most_first]
        more = ["others"] * (len(kinds) > TOLD)
        total = self.passed.total()
        what = f"{total} file{'s are' if total > 1 else ' is'} passed over"
        return f"{what} ({', '.join(kinds[:TOLD] + more)})"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences: what was passed over; which classes may be meant to be one."""
        told = []
        if self.passed:
            cure = "convert those that are images to .png or .jpg"
            told.append(f"{safe(self.folder)}: {self.passed_over}: {cure}")
        known: dict[str, str] = {}
        for name in self.by_class:
            if (other := known.setdefault(name.strip().casefold(), name)) != name:
                told.append(
                    f"{safe(self.folder)}: {safe(other)!r} and {safe(name)!r} are two classes: "
                    "merge the folders if one was meant"
                )
        return tuple(told)

    def without_images(self, folder: Path, cure: str) -> VrtuneError:
        """What is to be told of a folder, this one or one in it, that holds no image."""
        passed = f" ({self.passed_over})" if self.passed else ""
        return VrtuneError(f"{safe(folder)} holds no images{passed}; {cure}")


def spelled(name: str) -> str:
    """A name in one form: some systems write é as two characters."""
    return unicodedata.normalize("NFC", name)


def listed(folder: Path) -> Listing:
    """Looks through the folders of `folder`, each a class, to any depth, without opening a file.

    Hidden files and folders are left out; a folder that is reached twice, by links, is read once.
    VrtuneError where two classes have the same name but for its spelling in Unicode.
    """
    found, seen, known = Listing(folder, {}), set[tuple[int, int]](), endings()
    for entry in _entries(folder):
        name = spelled(entry.name)
        if _kind(entry) != "folder":
            _pass_over(found, entry, "in no class folder")
        elif name in found.by_class:
            raise VrtuneError(
                f"{safe(folder)} holds two folders {safe(name)!r} that Unicode spells differently; "
                "merge them"
            )
        else:
            if _identity(Path(entry.path)) in seen:  # its images would be another class's
                raise VrtuneError(
                    f"{safe(Path(entry.path))} was reached before, as a part of another class: "
                    "remove the link"
                )
            files = found.by_class[name] = []
            for file in _below(Path(entry.path), seen, found):
                if _ending(file.name) in known:
                    files.append(Path(file.path))
                else:
                    _pass_over(found, file)
            files.sort(key=lambda file: (spelled(str(file.parent)), spelled(file.name)))
    found.by_class = dict(sorted(found.by_class.items()))
    return found


def _below(folder: Path, seen: set[tuple[int, int]], found: Listing) -> Iterator[os.DirEntry[str]]:
    """The regular files of a folder and of those in it."""
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        entries, this = _entries(folder), _identity(folder)
        if this in seen:
            found.passed["linked twice"] += 1
            continue
        seen.add(this)
        for entry in entries:
            kind = _kind(entry)
            if kind == "folder":
                waiting.append(Path(entry.path))
            elif kind == "file":
                yield entry
            else:
                found.passed["that no file is behind"] += 1


def _identity(folder: Path) -> tuple[int, int]:
    """What a folder is known by, whatever links lead to it."""
    found = folder.stat()
    return found.st_dev, found.st_ino


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What a folder holds, by name, but for what is hidden."""
    try:
        with os.scandir(folder) as entries:
            shown = [e for e in entries if not e.name.startswith(".") and e.name not in HIDDEN]
    except OSError as error:
        where = safe(folder) if len(str(folder)) < LONGEST else f"{safe(folder)[:LONGEST]}..."
        raise VrtuneError(f"{where} cannot be looked into ({error.strerror}); mend that") from error
    return sorted(shown, key=lambda entry: entry.name)


def _kind(entry: os.DirEntry[str]) -> str:
    """Of a file or a folder, or of what a link leads to."""
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else "neither"
    except OSError:  # a link that leads to itself
        return "neither"


def _ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def _pass_over(found: Listing, entry: os.DirEntry[str], why: str = "") -> None:
    ending = safe(_ending(entry.name)) or "without ending"
    found.passed[f"{ending} {why}".rstrip()] += 1
