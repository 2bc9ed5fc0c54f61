"""Random numbers by name: what they are for decides them, not when they are drawn."""

from __future__ import annotations

import hashlib

import torch


def key(*parts: object) -> int:
    """A 63-bit seed of e.g. (study seed, "fold 0", epoch, "order"); equal parts, equal seed."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A generator on the CPU, so that every device sees the same numbers."""
    return torch.Generator().manual_seed(key(*parts))
