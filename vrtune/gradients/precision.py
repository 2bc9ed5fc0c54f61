"""How exactly matrix products and convolutions are computed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def computed_in(precision: str, device: torch.device) -> Iterator[None]:
    """Inside, gradients are computed in float32, tf32 or bfloat16; weights stay float32.

    float32 means it: PyTorch itself lets convolutions use TF32 on a GPU. tf32 keeps 10 bits of a
    factor's mantissa and needs a GPU. bfloat16 is autocast: 7 bits, norms and losses in float32.
    """
    if precision == "float32" and device.type == "cpu":  # tiny models feel an autocast's price
        yield
        return
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    cast = torch.autocast(
        device.type, torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False
    )
    try:
        if device.type == "cuda":
            matmul.allow_tf32 = cudnn.allow_tf32 = precision == "tf32"
        with cast:
            yield
    finally:
        if device.type == "cuda":
            matmul.allow_tf32, cudnn.allow_tf32 = before
