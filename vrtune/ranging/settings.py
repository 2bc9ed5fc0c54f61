"""What a range test takes, and which of it is refused. Imports nothing heavy."""

from __future__ import annotations

import math

from vrtune.errors import UsageError

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 300
LEAST = 20  # steps that a curve can be read from


def check_rates(lowest: float, highest: float, steps: int) -> None:
    """UsageError if no test can go from one rate to the other."""
    if not 0 < lowest < highest < math.inf:
        raise UsageError(
            "the learning rate rises from lowest to highest: give 0 < lowest < highest (got "
            f"{lowest:g} and {highest:g})"
        )
    if steps < LEAST:
        raise UsageError(
            f"steps: give at least {LEAST}, of which a curve can be read (got {steps})"
        )
