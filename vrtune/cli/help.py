"""What the commands say of themselves: in plain lines, for which 80 columns are enough."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

from typer.core import TyperCommand

from vrtune.cli.faults import Commands

WIDTH = 100  # columns at most: longer lines are hard to read
NAMES = 26  # columns for the names of options; a longer one has a line of its own
LEAST = 20  # columns for what is said of them

Lines = Sequence[tuple[str, str]]
FIRST: Lines = (
    ("vrtune search sgd saga", "Tune both, and compare them."),
    ("vrtune search sgd saga --penalty l2", "With a penalty that is tuned, too."),
    ("vrtune range saga", "Where learning rates are worth a search."),
)


class Command(TyperCommand):
    """A command whose options lie under headings, in the order in which they are declared."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Writes arguments and options."""
        sections: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for parameter in self.get_params(ctx):
            argument = parameter.param_type_name == "argument"
            heading = getattr(parameter, "rich_help_panel", None)
            if said := parameter.get_help_record(ctx):
                name = str(parameter.metavar) if argument else said[0]
                sections[heading or ("Arguments" if argument else "Options")].append(
                    (name, said[1])
                )
        _write(formatter, sections)


class Group(Commands):
    """All commands, each with the first sentence of what it says of itself."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes the list of commands."""
        lines = [
            (name, " ".join(str(command.help).partition("\n\n")[0].split()))
            for name, command in self.commands.items()
        ]
        _write(formatter, {"Commands": lines})
        _write(formatter, {"To begin with": FIRST})


def _write(formatter: Any, sections: Mapping[str, Lines]) -> None:
    """Names on the left, what is said of them on the right; no name is broken at its hyphens."""
    names = [name for lines in sections.values() for name, _ in lines]
    left = min(NAMES, max(map(len, names), default=0))
    for heading, lines in sections.items():
        formatter.write(f"\n{heading}:\n")
        for name, said in lines:
            texts = wrap(said, max(formatter.width - left - 4, LEAST), break_on_hyphens=False)
            if len(name) > left:
                formatter.write(f"  {name}\n")
                name = ""
            for text in texts or [""]:
                formatter.write(f"  {name:<{left}}  {text}".rstrip() + "\n")
                name = ""
