"""Commands as they are typed, to be copied."""

from __future__ import annotations

from shlex import quote


def command(*words: str) -> str:
    """A command as it is typed, to be copied: quoted for the shell."""
    return " ".join(map(_quoted, words))


def on_study(name: str, study: str, *options: str) -> str:
    """A command of vrtune on a study, whatever that is called."""
    if study.startswith("-"):  # or it would be read as an option
        return command("vrtune", name, *options, "--", study)
    return command("vrtune", name, study, *options)


def _quoted(word: str) -> str:
    """A word that a shell reads as it is; what can't be printed is written as bash and zsh do."""
    if word.isprintable():
        return quote(word)
    escaped = word.replace("\\", "\\\\").replace("'", "\\'")
    return "$'" + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + "'"
