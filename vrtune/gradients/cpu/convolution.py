"""Convolutions of few channels on a CPU, of all lanes at once: loops that Numba compiles.

PyTorch's library fills a processor's vectors with channels; LeNet's six leave most of them empty.
Here the samples lie last in memory, so that a shift of an image is one of whole rows of numbers,
and every innermost loop runs over a row of all samples.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numba
import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple
from numpy.typing import NDArray

Array = NDArray[np.floating]
Loops = Callable[..., None]

# sums in any order, but a lane that diverged keeps its NaN
FAST = {"contract", "nsz", "reassoc"}


def compiled(loops: Loops) -> Loops:
    """Compiles when first called, and keeps the result on disk where that may be written."""
    make = partial(numba.njit, fastmath=FAST, nogil=True, error_model="numpy")
    try:
        ready: Loops = make(cache=True)(loops)
    except RuntimeError:
        ready = make()(loops)
    return ready


def correlate(x: Array, w: Array, b: Array, top: int, out: Array) -> None:
    """out[o, h, v] = b[o] + sum_{c,i,j} w[o,c,i,j] x[c, h + i - top, v + j], in every lane.

    x [R, C, H, V, B], w [R, O, C, k, k], b [R, O] and out [R, O, H', V', B] are contiguous;
    V is V' + k - 1, and rows of x beyond its border count as zero.
    """
    _loops(w.shape[-1])(_flat(x), w, b, top, x.shape[-1], _flat(out))


def weight_gradient(x: Array, g: Array, top: int, out: Array) -> None:
    """out[o, c, i, j] = sum_{h,v} g[o, h, v] x[c, h + i - top, v + j]: of `correlate`, by w."""
    _weight_gradient(_flat(x), _flat(g), top, x.shape[-1], out)


def _flat(x: Array) -> Array:
    """Rows of all samples: [R, C, H, V B]."""
    return x.reshape(*x.shape[:3], -1)


@lru_cache
def _loops(k: int) -> Loops:
    """The loops of `correlate` for k x k kernels: a constant k unrolls the innermost one."""

    @compiled
    def loops(x, w, b, top, samples, out):  # type: ignore[no-untyped-def]
        lanes, outputs, height, length = out.shape
        for r in range(lanes):
            for o in range(0, outputs, 2):
                other = min(o + 1, outputs - 1)  # of an odd number the last is computed twice
                for h in range(height):
                    out0, out1 = out[r, o, h], out[r, other, h]
                    out0[:] = b[r, o]
                    out1[:] = b[r, other]
                    for c in range(x.shape[1]):
                        for i in range(max(0, top - h), min(k, x.shape[2] + top - h)):
                            row = x[r, c, h + i - top]
                            w0 = to_fixed_tuple(w[r, o, c, i], k)
                            w1 = to_fixed_tuple(w[r, other, c, i], k)
                            for t in range(length):
                                s0, s1 = out0[t], out1[t]
                                for j in range(k):
                                    # unsigned, as a negative index would need a branch
                                    at = np.uintp(t) + np.uintp(j) * np.uintp(samples)
                                    s0 += w0[j] * row[at]
                                    s1 += w1[j] * row[at]
                                out0[t], out1[t] = s0, s1

    return loops


@compiled
def _weight_gradient(x, g, top, samples, out):  # type: ignore[no-untyped-def]
    """Five taps of two outputs at a time, which fill a processor's registers."""
    lanes, outputs, height, length = g.shape
    k = out.shape[-1]
    for r in range(lanes):
        for o in range(0, outputs, 2):
            other = min(o + 1, outputs - 1)
            for c in range(x.shape[1]):
                for i in range(k):
                    for j in range(0, k, 5):
                        j1, j2 = min(j + 1, k - 1), min(j + 2, k - 1)
                        j3, j4 = min(j + 3, k - 1), min(j + 4, k - 1)
                        a0 = a1 = a2 = a3 = a4 = b0 = b1 = b2 = b3 = b4 = x.dtype.type(0)
                        for h in range(max(0, top - i), min(height, x.shape[2] + top - i)):
                            row, g0, g1 = x[r, c, h + i - top], g[r, o, h], g[r, other, h]
                            x0 = row[j * samples : j * samples + length]
                            x1 = row[j1 * samples : j1 * samples + length]
                            x2 = row[j2 * samples : j2 * samples + length]
                            x3 = row[j3 * samples : j3 * samples + length]
                            x4 = row[j4 * samples : j4 * samples + length]
                            for t in range(length):
                                a0 += g0[t] * x0[t]
                                a1 += g0[t] * x1[t]
                                a2 += g0[t] * x2[t]
                                a3 += g0[t] * x3[t]
                                a4 += g0[t] * x4[t]
                                b0 += g1[t] * x0[t]
                                b1 += g1[t] * x1[t]
                                b2 += g1[t] * x2[t]
                                b3 += g1[t] * x3[t]
                                b4 += g1[t] * x4[t]
                        of0, of1 = out[r, o, c, i], out[r, other, c, i]
                        of0[j], of0[j1], of0[j2], of0[j3], of0[j4] = a0, a1, a2, a3, a4
                        of1[j], of1[j1], of1[j2], of1[j3], of1[j4] = b0, b1, b2, b3, b4
