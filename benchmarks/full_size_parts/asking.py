"""How a study of full size is asked for: the options that all have, and its short form."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from record import asking

PRECISIONS = ("float32", "tf32", "bfloat16")


def options(doc: str) -> argparse.ArgumentParser:
    """A parser with what every study has; the defaults are those of its full size."""
    parser = asking(doc)
    parser.add_argument("--short", action="store_true", help="the form of CPU size")
    parser.add_argument("--data-dir", default="data", help="where data sets lie, or go")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--limit", type=int, help="training samples (default: all)")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--storage", default="full-size.db", help="what has begun is kept here")
    return parser


def answered(
    parser: argparse.ArgumentParser,
    words: Sequence[str] | None,
    short: Callable[[argparse.Namespace], dict[str, Any]],
) -> argparse.Namespace:
    """The command line. With --short the options that are not given are those of the short form."""
    given, _ = parser.parse_known_args(words)
    if given.short:
        parser.set_defaults(**short(given))
    return parser.parse_args(words)
