"""Numbers, settings and names as people read them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from numbers import Integral, Real
from typing import Any, Protocol

from vrtune.errors import printable

WHOLE = 10**7  # floats below it that are whole are written without a point or an exponent
LONGEST = 10**20  # longer than any 64-bit number: such an integer gets an exponent, too


class Spread(Protocol):
    """A figure over seeds, as a retraining keeps it."""

    @property
    def mean(self) -> float | None: ...

    @property
    def std(self) -> float | None: ...

    @property
    def values(self) -> Sequence[float | None]: ...


def safe(text: object) -> str:
    """A name or value on one line of a terminal: what isn't printable (control characters, escape
    codes, line ends, marks that turn the reading direction, lone surrogates) becomes visible."""
    return printable(str(text))


def figure(value: Any) -> str:
    """A number as people read it; NumPy's, too. Anything else is a text, made safe."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, Real):
        return safe(value)
    if isinstance(value, Integral):
        number = int(value)
        return str(number) if abs(number) < LONGEST else f"{Decimal(number).normalize():.4e}"
    real = float(value)
    if real.is_integer() and abs(real) < WHOLE:
        return str(int(real))
    return f"{real:.5g}"


def plus_minus(spread: Spread) -> str:
    """Mean and, of several, standard deviation over seeds; numbers of other sizes than accuracies
    and losses have, such as an rmse of thousands, with as many digits."""
    if spread.mean is None or spread.std is None:
        return "diverged"
    usual = spread.mean == 0 or 5e-5 <= abs(spread.mean) < 1000
    mean, std = (f"{v:.4f}" if usual else figure(v) for v in (spread.mean, spread.std))
    return mean + f" +- {std}" * (len(spread.values) > 1)


def settings(params: Mapping[str, Any]) -> str:
    """A trial's parameters on one line."""
    return ", ".join(f"{safe(name)}={figure(value)}" for name, value in params.items())


def first_of(names: Collection[str], most: int) -> str:
    """The first of several names, and how many more there are: a, b and 3 more."""
    more = len(names) - most
    return ", ".join([*names][:most]) + f" and {more} more" * (more > 0)
