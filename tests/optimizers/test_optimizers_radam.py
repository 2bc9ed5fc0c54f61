"""RAdam's length of memory keeps its digits in single precision."""

from __future__ import annotations

import torch

from vrtune import RAdam
from vrtune.testing.units import prepared

BETAS = (0.9, 0.99, 0.999, 0.9999)


def test_the_length_is_the_papers() -> None:
    """As printed, in double precision, of the beta2 that the rows hold. What is asked for is the
    digits of single precision, less those that a thousand sums cost."""
    weights = torch.ones(len(BETAS), 7)
    rule, hp = prepared([RAdam(lr=0.1, betas=(0.9, beta)) for beta in BETAS], weights)
    beta2 = hp["betas"][:, 1:].double()
    for t in range(1, 1001):
        ours = rule._length(hp["betas"][:, 1:])  # type: ignore[attr-defined]
        printed = 2 / (1 - beta2) - 1 - 2 * t * beta2**t / (1 - beta2**t)
        torch.testing.assert_close(ours.double(), printed, rtol=2e-5, atol=0)
        if t in (4, 5, 6):  # where it decides
            assert torch.equal(ours > 5, printed > 5)
