"""tanh of all lanes on a CPU, alone or with the pooling after it: loops that Numba compiles.

PyTorch's is nine times as slow as its sigmoid (benchmarks/tanh.py). This one is Lambert's
continued fraction z / (1 + z^2 / (3 + z^2 / (5 + ...))) of z = x / 2, ended after seven divisors
and doubled by tanh 2z = 2 t / (1 + t^2): right to 1e-8, and in float32 to a few units in the last
place.
"""

from __future__ import annotations

import numba
import numpy as np

from vrtune.gradients.cpu.convolution import FAST, compiled

ONE, TWO, HALF, QUARTER = np.float32(1), np.float32(2), np.float32(0.5), np.float32(0.25)
MOST = np.float32(9)  # whose tanh is 1 in float32
P0, P1, P2 = np.float32(135135), np.float32(17325), np.float32(378)
Q0, Q1, Q2, Q3 = np.float32(135135), np.float32(62370), np.float32(3150), np.float32(28)


@numba.njit(fastmath=FAST, error_model="numpy")
def _tanh(x):  # type: ignore[no-untyped-def]
    """2 t / (1 + t^2) with t = p / q; NaN for NaN."""
    x = MOST if x > MOST else x
    x = -MOST if x < -MOST else x
    z = HALF * x
    s = z * z
    p = z * (P0 + s * (P1 + s * (P2 + s)))
    q = Q0 + s * (Q1 + s * (Q2 + s * Q3))
    return TWO * p * q / (p * p + q * q)


@compiled
def tanh(x, out):  # type: ignore[no-untyped-def]
    """out = tanh x, both [n]."""
    for t in range(len(x)):
        out[t] = _tanh(x[t])


@compiled
def pooled_tanh(x, samples, y, out):  # type: ignore[no-untyped-def]
    """y = tanh x [C, H, W B] and its means over squares of four, out [C, H // 2, W // 2 B].

    An odd last row or column has no part in `out`; y is not written in such a row. A y of one
    channel [1, H, W B] is written anew for each: nobody needs it then.
    """
    half = np.empty_like(y[0, 0])
    for c in range(out.shape[0]):
        for h in range(out.shape[1]):
            x0, x1, yc = x[c, 2 * h], x[c, 2 * h + 1], y[c % len(y)]
            y0, y1 = yc[2 * h], yc[2 * h + 1]
            for t in range(len(half)):
                y0[t] = _tanh(x0[t])
            for t in range(len(half)):
                y1[t] = _tanh(x1[t])
            for t in range(len(half)):
                half[t] = QUARTER * (y0[t] + y1[t])
            for w in range(0, out.shape[2], samples):
                left, right = half[2 * w : 2 * w + samples], half[2 * w + samples :]
                mean = out[c, h, w : w + samples]
                for b in range(samples):
                    mean[b] = left[b] + right[b]


@compiled
def pooled_tanh_gradient(g, samples, y, out):  # type: ignore[no-untyped-def]
    """out = g / 4 (1 - y^2): of `pooled_tanh`, by x.

    g [C, H // 2, W // 2 B], y and out [C, H, W B].
    """
    share = np.zeros_like(y[0, 0])
    for c in range(g.shape[0]):
        for h in range(g.shape[1]):
            for w in range(0, g.shape[2], samples):
                left, right = share[2 * w : 2 * w + samples], share[2 * w + samples :]
                whole = g[c, h, w : w + samples]
                for b in range(samples):
                    left[b] = right[b] = QUARTER * whole[b]
            for i in (2 * h, 2 * h + 1):
                yi, out_i = y[c, i], out[c, i]
                for t in range(len(share)):
                    out_i[t] = share[t] * (ONE - yi[t] * yi[t])
        out[c, 2 * g.shape[1] :] = 0
