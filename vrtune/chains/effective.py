"""How many independent samples a chain's are worth."""

from __future__ import annotations

import math

from vrtune.later import Tensor, torch

LEAST = 4  # samples of a chain, of which anything can be said


def effective_samples(x: Tensor) -> float | None:
    """The effective sample size of a quantity along M chains, by its autocorrelation.

        M n / (1 + 2 sum_t rho_t),   rho_t = 1 - (W - mean_m s_m^2 rho_{t,m}) / var+

    W is the mean variance within chains, var+ that of all chains together, so chains that disagree
    are worth little. The sum ends where rho_2k + rho_2k+1 is no longer above 0, and these pairs
    never rise (Geyer).

    Args:
        x: [M, n], the oldest sample first.

    Returns:
        At most M n log10(M n), as in Stan; None of fewer than four samples, of values that are not
        finite, and of chains that stand still.

    Example:
        >>> import torch
        >>> from vrtune.chains.effective import effective_samples
        >>> white = torch.randn(4, 500, generator=torch.Generator().manual_seed(0))
        >>> effective_samples(white) > 1500, effective_samples(white.cumsum(1)) < 100
        (True, True)

    References: Geyer, Statistical Science 1992; Vehtari et al., Bayesian Analysis 2021.
    """
    x = x.detach().cpu().double()
    chains, n = x.shape
    if n < LEAST or not bool(x.isfinite().all()):
        return None
    off = x - x.mean(1, keepdim=True)
    spectrum = torch.fft.rfft(off, 2 * n)
    covariance = torch.fft.irfft(spectrum.abs().square(), 2 * n)[:, :n] / n  # at lag 0 .. n - 1
    within = float(off.square().sum(1).mean() / (n - 1))
    between = float(x.mean(1).var()) if chains > 1 else 0.0
    total = (n - 1) / n * within + between
    if total <= 0 or within <= 0:
        return None
    rho = 1 - (within - covariance.mean(0) * n / (n - 1)) / total
    rho[0] = 1.0
    pairs = rho[: n - n % 2].view(-1, 2).sum(1)
    ends = (pairs <= 0).nonzero()
    pairs = pairs[: int(ends[0]) if len(ends) else None].cummin(0).values
    tau = float(2 * pairs.sum() - 1)
    most = chains * n * math.log10(chains * n)
    return min(chains * n / tau, most) if tau > 0 else most
