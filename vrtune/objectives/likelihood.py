"""Targets drawn from what a model says, for losses that are minus the log of a likelihood.

References: Martens, "New insights and perspectives on the natural gradient method", JMLR 2020.
"""

from __future__ import annotations

from vrtune.later import Tensor, torch

SIDES = 1e-6  # of a uniform number from 0 and 1, which a normal one would be infinite for


def labels(outputs: Tensor, u: Tensor) -> Tensor:
    """y ~ softmax(outputs):  the first label up to which the probabilities exceed u.

    Args:
        outputs: [..., k].
        u: uniform in 0 .. 1, [...].

    Returns:
        Labels [...].
    """
    below = outputs.softmax(-1).cumsum(-1) <= u.unsqueeze(-1)
    return below.sum(-1).clamp_(max=outputs.shape[-1] - 1)


def numbers(outputs: Tensor, u: Tensor) -> Tensor:
    """y ~ N(output, 1/2), of which (output - y)^2 is minus the log, up to a constant.

    Args:
        outputs: [..., 1].
        u: uniform in 0 .. 1, [...].

    Returns:
        Numbers [...].
    """
    normal = torch.special.ndtri(u.clamp(SIDES, 1 - SIDES))
    return outputs[..., 0] + 0.5**0.5 * normal
